"""Verdicts on messages: what each kind of address is told, and that none is ever called safe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from handlers import fraud, links, message_check
from handlers.catalogue import load
from nlu.entities import find_entities
from nlu.normalise import LEXICON
from tests.handlers.talking import NOW, Talk, memory

VERDICTS = {
    "https://www.prakerja.go.id/tanya-jawab": "official",
    "dashboard.prakerja.go.id": "official",
    "http://daftar.prakerja.vip": "recorded_false",
    "prakerja12.xyz": "recorded_false",
    "https://kemnaker.go.id": "government",
    "https://pakerja.go.id": "look_alike",
    "http://prakerja-go.id.win/x": "look_alike",
    "prаkerja.go.id": "look_alike",  # with a Cyrillic letter
    "https://www.prakerja.go.id@jahat.com/": "unknown",
    "http://192.168.1.1/prakerja": "look_alike",
    "https://bit.ly/3abc": "unknown",
    "https://hxxp.example.com": "unknown",
}


@pytest.fixture
def talk() -> Iterator[Talk]:
    with memory() as connection:
        yield Talk(connection)


@pytest.mark.parametrize(("link", "verdict"), VERDICTS.items())
def test_every_kind_of_address_has_its_own_sentence(talk: Talk, link: str, verdict: str) -> None:
    text = f"info prakerja lihat {link} ya"
    entities = find_entities(text, NOW.date())
    turn = talk.turn(text, entities=entities, forwarded=True)
    [address] = message_check.addresses(turn)
    assert address.verdict == verdict
    said = talk.say(text, entities=entities, forwarded=True)
    assert "aman" not in said.lower()
    assert ("resmi:" in said) == (verdict == "official")
    if verdict != "official":
        shown = links.defanged(said)
        assert not links.forbidden(shown)
        assert address.host not in shown or links.is_allowed(address.host)


def test_no_verdict_says_safe() -> None:
    texts = load().texts
    verdicts = [text for key, text in texts.items() if key.startswith(("check_", "forwarded_"))]
    assert len(verdicts) > len(message_check.WORST_FIRST)
    assert not [text for text in verdicts if "aman" in text.lower()]


def test_the_date_of_the_list_is_the_lists_own() -> None:
    known = yaml.safe_load((LEXICON / "urls.yml").read_text(encoding="utf-8"))
    assert load().files["safety"]["addresses_as_of"] == known["as_of"]


@pytest.mark.parametrize(
    "words",
    [
        "udh transfer 300rb ke calo",
        "sy ketipu joki 500rb gmn",
        "aku udah telanjur bayar calo",
        "udah tf ke joki 500rb",
        "terlanjur klik link pendaftaran di wa",
        "saya udah kasih otp ke yg ngaku admin",
        "uang saya dibawa kabur calo",
        "saldo dana dikuras habis klik link",
        "kemarin saya kirim ktp ke orang yang mengaku petugas prakerja",
    ],
)
def test_a_fraud_that_has_happened_is_heard(talk: Talk, words: str) -> None:
    assert fraud.is_defrauded(talk.turn(words))


@pytest.mark.parametrize(
    "words",
    [
        "takut ketipu nih, ini resmi?",
        "mau lapor penipuan",
        "gimana caranya biar ga ketipu",
        "terlanjur bayar pelatihan yang salah",
        "otp sudah dikirim tapi ga masuk",
        "sudah kirim kode otp berkali kali",
        "sudah isi data tapi gagal terus",
        "joki prakerja itu apa",
        "disuruh bayar calo 300rb",
        "sudah bayar pelatihan di tokopedia",
        "data saya sudah dikirim ke dukcapil",
    ],
)
def test_what_is_no_fraud_or_only_feared_is_left_alone(talk: Talk, words: str) -> None:
    assert not fraud.is_defrauded(talk.turn(words))


def test_first_aid_names_each_place_with_its_source(talk: Talk) -> None:
    said = talk.say("udh transfer 300rb ke calo")
    for place in load().files["fraud"]["places"].values():
        assert place["reach"] in said
        assert place["source"] in said
    assert len(said) <= 500
    assert not links.forbidden(said)
