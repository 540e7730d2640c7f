"""Entities by hard tables."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.entities import find_entities
from nlu.entities.dates import parse_date
from nlu.entities.identity import parse_kk, parse_nik, parse_phone
from nlu.entities.regions import regions
from nlu.entities.subject import find_subject
from nlu.entities.urls import host_of, judge
from nlu.masking import mask

TODAY = date(2026, 11, 24)  # a Tuesday


def values(text: str, kind: str) -> list[str | int]:
    return [entity.value for entity in find_entities(text, TODAY) if entity.kind == kind]


@pytest.mark.parametrize(
    ("text", "waves"),
    [
        ("gelombang 68", [68]), ("gel.71 kapan", [71]), ("glombang ke 12 dan 13", [12, 13]), ("gel 5-7", [5, 7]), ("gelombang68", [68]),
        ("gelombang tujuh puluh satu", [71]), ("gelombang pertama", [1]), ("batch 3", [3]), ("gelombang 600rb", []), ("gelombang 2024", []),
        ("gelombang berapa sekarang", []), ("umur 68", []),
    ],
)  # fmt: skip
def test_wave(text: str, waves: list[int]) -> None:
    assert values(text, "wave") == waves


@pytest.mark.parametrize(
    ("text", "money"),
    [
        ("600rb", [600_000]), ("Rp4,2 juta", [4_200_000]), ("Rp 4.200.000,-", [4_200_000]), ("rp600.000", [600_000]), ("sejuta", [1_000_000]),
        ("3jt", [3_000_000]), ("1,5 jt", [1_500_000]), ("600 ribu", [600_000]), ("seratus ribu", [100_000]), ("dua juta", [2_000_000]),
        ("600k", [600_000]),
        ("3500000", [3_500_000]), ("umur 35 tahun", []), ("jam 08.30", []), ("tahun 2024", []), ("50 %", []),
        ("3 juta lebih, bukan 2 juta", [3_000_000, 2_000_000]),
    ],
)  # fmt: skip
def test_money(text: str, money: list[int]) -> None:
    assert values(text, "money") == money


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3/12/1999", "1999-12-03"), ("3-12-99", "1999-12-03"), ("03.12.1999", "1999-12-03"), ("3 12 1999", "1999-12-03"), ("03121999", "1999-12-03"),
        ("1999-12-03", "1999-12-03"), ("3 des 99", "1999-12-03"), ("3 Desember 1999", "1999-12-03"), ("17 agustus 1990", "1990-08-17"),
        ("tgl 3 bln depan", "2026-12-03"),
        ("kemaren", "2026-11-23"), ("kmrn", "2026-11-23"), ("besok", "2026-11-25"), ("lusa", "2026-11-26"), ("hari ini", "2026-11-24"),
        ("2 minggu lalu", "2026-11-10"),
        ("sebulan yg lalu", "2026-10-24"), ("10 hari lagi", "2026-12-04"), ("tgl 5 kmrn", "2026-10-05"), ("tanggal 31", "2026-12-31"),
        ("29 feb 2024", "2024-02-29"),
        ("31/02/1999", None), ("99/99/9999", None), ("bandung", None), ("umur 35", None), ("", None),
    ],
)  # fmt: skip
def test_date(text: str, day: str | None) -> None:
    found = parse_date(text, TODAY, birth=True)
    assert (found.isoformat() if found else None) == day


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("jaksel", "3174"), ("saya di jaktim", "3175"), ("jogja", "3471"), ("kota bandung", "3273"), ("kab bdg", "3204"),
        ("kab. bandung barat", "3217"),
        ("bandung", "3273|3204"), ("bdg", "3273|3204"), ("bogor kota", "3271"), ("kabupaten malang", "3507"),
        ("tinggal di surabya", "3578"), ("domisili semrang", "3374|3322"),
        ("pematang siantar", "1272"), ("asal makasar", "7371"), ("kupang", "5371|5301"), ("wamena", "9501"), ("labuan bajo", "5315"),
        ("solo", "3372"), ("tangsel", "3674"),
        ("di palangka raya", "6271"), ("tanah datar", "1304"), ("kota administrasi jakarta timur", "3175"), ("batu", "3579"),
        ("di batu", "3579"), ("Kab. Jayapura", "9103"),
        ("Kota Batu", "3579"), ("kotabatu", "3579"), ("Kotabaru", "6302"), ("kabbogor", "3201"), ("domisili kotabandung", "3273"),
        ("banyuwangii", "3510"), ("lombok timur", "5203"),
    ],
)  # fmt: skip
def test_region(text: str, codes: str) -> None:
    found = [entity for entity in find_entities(text, TODAY) if entity.kind == "region"]
    assert found, text
    assert str(found[0].detail.get("candidates", found[0].value)) == codes
    region = regions()[str(found[0].value)]
    assert (found[0].detail["name"], found[0].detail["zone"]) == (region.name, region.zone)


@pytest.mark.parametrize(
    "text",
    [
        "jual batu bata murah sekali kak",
        "mohon di pusat bantuan",
        "saya di kampus setiap hari kak",
        "sudah datang ke kantor lembaga",
        "langkah daftar apa saja",
        "metro mini lewat sini ya kak",
    ],
)
def test_ordinary_words_are_no_region(text: str) -> None:
    assert values(text, "region") == []


def test_all_regions_are_found_by_their_own_name() -> None:
    assert len(regions()) == 514
    assert len({region.province for region in regions().values()}) == 38
    for code, region in regions().items():
        assert values(region.name, "region")[:1] == [code], region.name


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("1171", "WIB"),
        ("3174", "WIB"),
        ("6171", "WIB"),
        ("6271", "WIB"),
        ("6371", "WITA"),
        ("5171", "WITA"),
        ("7371", "WITA"),
        ("8171", "WIT"),
        ("9471", "WIT"),
    ],
)
def test_zone(code: str, zone: str) -> None:
    region = next(region for key, region in regions().items() if key[:2] == code[:2])
    assert region.zone == zone


@pytest.mark.parametrize(
    ("link", "verdict"),
    [
        ("https://www.prakerja.go.id", "official"), ("dashboard.prakerja.go.id/masuk", "official"), ("PRAKERJA.GO.ID", "official"),
        ("prakerja dot go dot id", "official"),
        ("kemnaker.go.id", "government"), ("bansos.kemensos.go.id", "government"), ("pakerja.go.id", "look_alike"),
        ("prakerja.vip", "recorded_false"), ("daftar.prakerja.vip", "recorded_false"), ("dashboard.prakerja12.xyz", "recorded_false"),
        ("prakerja12.com/x", "recorded_false"),
        ("prakerja.go.id.daftar.xyz", "look_alike"), ("prakerj4.com", "look_alike"), ("daftar-prakerja.site", "look_alike"),
        ("kartu-prakerja.com", "look_alike"),
        ("https://prakerja.go.id@penipu.com/x", "unknown"), ("bit.ly/abc", "unknown"), ("tokopedia.com", "unknown"),
    ],
)  # fmt: skip
def test_url(link: str, verdict: str) -> None:
    found = [entity for entity in find_entities(f"coba cek {link} ya kak", TODAY) if entity.kind == "url"]
    assert len(found) == 1
    assert found[0].detail["verdict"] == verdict


def test_recorded_false_has_its_date() -> None:
    assert judge("prakerja.vip")["since"] == "2020-10-10"
    assert host_of("http://WWW.Contoh.co.id:8080/a?b#c") == "contoh.co.id"
    assert host_of("http://[broken") == ""


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("gopai saya", "wallet", "GoPay"), ("sambung ke dana", "wallet", "DANA"), ("link aja", "wallet", "LinkAja"),
        ("rek mandiri", "wallet", "Mandiri"), ("shopepay", "wallet", "ShopeePay"),
        ("beli di tokopdia", "platform", "Tokopedia"), ("toped", "platform", "Tokopedia"), ("skill academy", "platform", "Skill Academy"),
        ("pijar mahir", "platform", "Pijar Mahir"),
        ("kursus bhs inggris", "topic", "Bahasa Inggris"), ("pelatihan njahit", "topic", "Menjahit"),
        ("belajar kopi", "topic", "Barista"), ("excel", "topic", "Microsoft Excel"),
    ],
)  # fmt: skip
def test_names(text: str, kind: str, value: str) -> None:
    assert value in values(text, kind)


@pytest.mark.parametrize(
    "text", ["dana prakerja belum cair kak", "saya mau mandiri usaha sendiri", "token listrik habis kak jadi gelap"]
)
def test_ordinary_words_are_no_names(text: str) -> None:
    assert values(text, "wallet") == values(text, "topic") == []


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("0812-3456-7890", "+6281234567890"), ("+62 812 3456 7890", "+6281234567890"), ("62812 34567890", "+6281234567890"),
        ("81234567890", "+6281234567890"),
        ("+62 0812 3456 789", "+628123456789"), ("O8l234567890", "+6281234567890"), ("021 25541246", None), ("0812345", None),
        ("0812 abc", None), ("", None),
    ],
)  # fmt: skip
def test_phone(typed: str, phone: str | None) -> None:
    assert parse_phone(typed) == phone


def test_nik() -> None:
    nik = parse_nik("3273 0145 1299 0001", TODAY)
    assert nik is not None
    assert (nik.region, nik.born, nik.woman, nik.region_known) == ("3273", date(1999, 12, 5), True, True)
    young = parse_nik("3273010512050001", TODAY)
    assert young is not None
    assert young.born == date(2005, 12, 5)
    for wrong in (
        "3273013213990001",
        "3273014512990000",
        "0073014512990001",
        "327301451299000",
        "3273017902990001",
        "bukan nik",
        "",
    ):
        assert parse_nik(wrong, TODAY) is None
    assert parse_kk("3273 0112 0304 0001") == "3273011203040001"
    assert parse_kk("3273014512990001") is None


def test_identity_numbers_are_masked_in_entities() -> None:
    for entity in find_entities("nik 3273014512990001 kk 3273011203040001", TODAY):
        assert str(entity.value) == entity.text == "••••••••••••0001"
    assert [entity.kind for entity in find_entities("nik 3273014512990001 kk 3273011203040001", TODAY)] == ["nik", "kk"]
    assert [entity.kind for entity in find_entities(mask("nik 3273014512990001").text, TODAY)] == ["nik"]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("ibu saya mau daftar", "mother"), ("mau daftarin suami saya", "spouse"), ("insentif bapak belum cair", "father"),
        ("punya nyokap blm cair", "mother"),
        ("anakku kartunya hilang", "child"), ("tetangga saya tidak bisa login", "neighbour"), ("teman saya lolos gelombang 67", "friend"),
        ("adik ipar saya gagal transfer", "sibling"),
        ("ibu mertua saya lupa sandi", "other"), ("cara daftar buat nenek", "other"), ("akun inang diblokir", "mother"),
        ("disuruh ibu daftar", "self"), ("selamat pagi bu, insentif saya belum cair", "self"),
        ("kata teman saya prakerja tutup ya", "self"), ("pakai hp suami boleh?", "self"),
        ("kaka, beta mau tanya", "self"), ("suami saya ASN, apakah saya boleh mendaftar?", "self"), ("mohon bantuan Bapak/Ibu", "self"),
        ("saya ibu rumah tangga mau daftar", "self"),
        ("insentif saya belum cair kak", "self"), ("", "self"),
    ],
)  # fmt: skip
def test_subject(text: str, who: str) -> None:
    assert find_subject(text)[0] == who


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    for entity in (*find_entities(text, TODAY), *find_subject(text)[1]):
        assert 0 <= entity.start < entity.end <= len(text)
        assert entity.kind in ("nik", "kk", "card") or entity.text == text[entity.start : entity.end]


@given(st.text(alphabet="0123456789./-:, rpkgelombangtgljthunix@•İß", max_size=120))
def test_any_mixture_of_signs_is_taken(text: str) -> None:
    found = find_entities(text, TODAY)
    assert all(left.end <= right.start for left, right in pairwise(found))
