"""Requests as the gateways want them, and what their answers mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.channel import Accepted, Down, Failed, Gone, Outcome, Retry, Throttled, Unknown
from bot.sms import config as config_file
from bot.sms.gateway import Answer, Request, message_id
from bot.sms.http import HttpGateway
from bot.sms.send import gateway_of
from handlers.messages import Option, Reply
from storage.database import Database
from tests.bot.sms.conftest import PERSON, SAMPLES, channel_of, config_of
from tests.fakes.sms import KEY, USER, FakeAndroid, FakeHttp, serve


def gateway(name: str) -> Any:
    return gateway_of(config_file.load(SAMPLES / f"{name}.yml"), key=KEY, user=USER)


def fields(request: Request) -> dict[str, str]:
    query = request.body.decode() if request.body else urlsplit(request.url).query
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def test_a_query_is_encoded_and_the_number_is_local() -> None:
    request = gateway("query").request(PERSON, "Rp600.000 & 50% ya?\nÉ", 7)
    assert request.method == "GET"
    assert fields(request) == {
        "username": USER, "password": KEY, "mobile": "081200000007", "message": "Rp600.000 & 50% ya?\nÉ",
        "trxid": message_id(7, PERSON, "Rp600.000 & 50% ya?\nÉ"),
    }  # fmt: skip


def test_what_is_no_gsm7_takes_the_fields_for_it() -> None:
    assert fields(gateway("query").request(PERSON, "ꦲ", 7))["type"] == "2"
    plain, script = (fields(gateway("jasmin").request(PERSON, text, 7)) for text in ("halo €", "ꦲ"))
    assert (plain["content"], plain["coding"], plain["to"]) == ("halo €", "0", "6281200000007")
    assert (script["hex-content"], script["coding"]) == ("A9B2", "8")
    assert "content" not in script


def test_json_is_encoded_once() -> None:
    request = gateway("json").request(PERSON, 'kata "itu" \\ {x}', 7)
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.body
    assert json.loads(request.body)["text"] == 'kata "itu" \\ {x}'


@pytest.mark.parametrize(
    ("kind", "template", "expected"),
    [
        ("xml", "<m to='{to}'>{text}</m>", "<m to='+6281200000007'>a &amp; &lt;b&gt; &quot;c&quot;</m>"),
        ("json", '{{"t": "{text}", "n": "{to}"}}', '{"t": "a & <b> \\"c\\"", "n": "+6281200000007"}'),
        ("form", "t={text}&n={to}", "t=a+%26+%3Cb%3E+%22c%22&n=%2B6281200000007"),
        ("text", "{to}|{text}", '+6281200000007|a & <b> "c"'),
    ],
)
def test_a_body_is_escaped_for_its_type(tmp_path: Path, kind: str, template: str, expected: str) -> None:
    text = (SAMPLES / "json.yml").read_text(encoding="utf-8")
    line = next(one for one in text.split("\n") if one.startswith("  json: "))
    body = json.dumps(template)
    (tmp_path / "sms.yml").write_text(text.replace(line, f"  body: {body}\n  body_type: {kind}"), encoding="utf-8")
    read = config_file.load(tmp_path / "sms.yml")
    assert read.sending
    request = HttpGateway(read, read.sending, key=KEY, user=USER).request(PERSON, 'a & <b> "c"', 1)
    assert request.body == expected.encode()


_QUERY_OUTCOMES: list[tuple[int, str, Outcome]] = [
    (200, "1701|AB12", Accepted("AB12")),
    (200, "1025", Down("HTTP 200: 1025")),
    (200, "1706 invalid", Gone("HTTP 200: 1706 invalid")),
    (200, "1032", Throttled(60.0, "account")),
    (200, "entah", Failed("HTTP 200: entah")),
    (302, "", Failed("HTTP 302: ")),
    (401, "", Down("HTTP 401: user name, password or key are not taken")),
    (404, "", Failed("HTTP 404")),
    (429, "", Throttled(10.0, "account")),
    (500, "", Retry("HTTP 500")),
]


@pytest.mark.parametrize(("status", "text", "expected"), _QUERY_OUTCOMES)
def test_an_answer_of_the_http_gateway(status: int, text: str, expected: Outcome) -> None:
    made = gateway("query")
    assert made.outcome(Answer(status, text), made.request(PERSON, "halo", 1)) == expected


def test_without_an_id_our_own_one_counts() -> None:
    made = gateway("json")
    request = made.request(PERSON, "halo", 1)
    assert made.outcome(Answer(202, '{"status": "queued", "messages": [{"id": 77}]}'), request) == Accepted("77")
    assert made.outcome(Answer(202, '{"status": "queued"}'), request) == Accepted(request.id)
    assert made.outcome(Answer(409, "duplicate"), request) == Accepted(request.id)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (202, Accepted), (200, Accepted), (409, Accepted), (400, Failed), (401, Down), (503, Throttled), (500, Retry), (429, Throttled),
    ],
)  # fmt: skip
def test_an_answer_of_the_telephone(status: int, expected: type) -> None:
    made = gateway("android")
    assert isinstance(made.outcome(Answer(status, "{}"), made.request(PERSON, "halo", 1)), expected)


def test_our_number_is_the_same_on_every_attempt_and_fits() -> None:
    first = message_id(2**63 - 1, PERSON, "halo")
    assert first == message_id(2**63 - 1, PERSON, "halo") != message_id(2**63 - 1, PERSON, "hai")
    assert len(first) <= 36


REPLIES = (
    Reply(text="Halo, Kak.", options=(Option(label="Ya", action="a:b"), Option(label="Tidak", action="a:c"))),
    Reply(text="Kalimat yang panjang sekali. " * 100, options=(Option(label="Ya", action="a:b"),)),
    Reply(text="ꦲꦤꦕꦫꦏ " * 80),
    Reply(text="Buka https://www.prakerja.go.id/a?b=c dan http://evil.com", sms=None),
    Reply(text="x" * 2_000),
    Reply(text="pilih", options=tuple(Option(label=f"Pilihan nomor {n}", action="a:b") for n in range(60))),
)


@pytest.mark.parametrize("kind", [FakeAndroid, FakeHttp])
async def test_every_reply_is_taken_by_the_gateways(sqlite: Database, kind: type) -> None:
    async with serve(kind()) as fake:
        channel = channel_of(config_of(fake), sqlite)
        for key, reply in enumerate(REPLIES, 1):
            assert isinstance(await channel.send(PERSON, reply, lane=0, key=key), Accepted)
        await channel.close()
        assert fake.problems == []
        assert len(fake.sent) == len(REPLIES)


async def test_what_cannot_be_sent_is_told(sqlite: Database) -> None:
    async with serve(FakeAndroid()) as fake:
        channel = channel_of(config_of(fake), sqlite, seconds=0.3)
        assert isinstance(await channel.send("BANK-X", Reply(text="halo"), lane=0, key=1), Failed)
        assert isinstance(await channel.send("+15551234567", Reply(text="halo"), lane=0, key=1), Failed)
        assert isinstance(await channel.send(PERSON, Reply(text="🙂"), lane=0, key=1), Failed)
        fake.faults = ["slow"]
        assert isinstance(await channel.send(PERSON, Reply(text="halo"), lane=0, key=1), Unknown)
        await channel.close()
    closed = channel_of(config_of(fake), sqlite)
    assert isinstance(await closed.send(PERSON, Reply(text="halo"), lane=0, key=1), Retry)
    await closed.close()
