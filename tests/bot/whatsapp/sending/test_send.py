"""Replies → requests and outcomes, against the Graph server that checks each request by Meta's documentation."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channel import Accepted, Channel, Down, Failed, Retry, Throttled, Unknown
from bot.whatsapp.send import WhatsAppChannel
from handlers.messages import Option, Reply, SecureForm, Template
from tests.bot.whatsapp.sending.conftest import SITI, Clock, send, settings_for
from tests.fakes.whatsapp import FakeWhatsApp

LONG = "\n\n".join(f"Alinea {n}. " + "kata " * 300 for n in range(6)).strip()


def options(*labels: str) -> tuple[Option, ...]:
    return tuple(Option(label=label, action="intent:x") for label in labels)


def form(url: str = "https://pandu.example.id/f/k") -> SecureForm:
    return SecureForm(key="k", fields=("nik",), url=url)


def buttons(*titles: str) -> dict[str, Any]:
    return {
        "buttons": [
            {"type": "reply", "reply": {"id": f"o:12:{n}", "title": title}} for n, title in enumerate(titles, 1)
        ]
    }


def rows(*found: dict[str, str]) -> dict[str, Any]:
    return {"button": "Lihat pilihan", "sections": [{"rows": list(found)}]}


def row(place: int, title: str, description: str = "") -> dict[str, str]:
    return {"id": f"o:12:{place}", "title": title} | ({"description": description} if description else {})


def text(body: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body, "preview_url": False}}


def interactive(kind: str, body: str, action: dict[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": body}, "action": action}}


FOUR = options("Satu", "Dua", "Tiga", "Empat")
MANY = options(*(f"Pilihan {n}" for n in range(1, 13)))
LINK = {"name": "cta_url", "parameters": {"display_text": "Buka formulir", "url": "https://pandu.example.id/f/k"}}

SHAPES: list[tuple[str, Reply, dict[str, Any]]] = [
    ("plain", Reply(text=" Halo, Kak. *123# <b>_a_ "), text("Halo, Kak. *123# <b>_a_")),
    ("unstorable characters", Reply(text="a\x00b\ud83dc"), text("abc")),
    (
        "up to three short ones are buttons",
        Reply(text="?", options=options("Ya", " Tidak ", "Lihat jadwal insentif")[:2]),
        interactive("button", "?", buttons("Ya", "Tidak")),
    ),
    (
        "a long label makes a list",
        Reply(text="?", options=options("Ya", "Lihat jadwal insentif")),
        interactive("list", "?", rows(row(1, "Ya"), row(2, "Lihat jadwal insentif"))),
    ),
    (
        "a label beyond a row's title stands whole below it",
        Reply(text="?", options=options("Ya", "Pelatihan memasak tingkat lanjut")),
        interactive(
            "list",
            "?",
            rows(row(1, "Ya"), row(2, "Pelatihan memasak tingk…", "Pelatihan memasak tingkat lanjut")),
        ),
    ),
    (
        "two that read alike cannot be buttons",
        Reply(text="?", options=options("Ya", "ya")),
        interactive("list", "?", rows(row(1, "Ya"), row(2, "ya"))),
    ),
    ("an empty label", Reply(text="?", options=options("", "Ya")), interactive("button", "?", buttons("1", "Ya"))),
    (
        "descriptions of buttons are written out",
        Reply(text="Pilih.", options=(Option(label="Excel", action="a", description="Daring, 12 jam"),)),
        interactive("button", "Pilih.\n\n• Excel: Daring, 12 jam", buttons("Excel")),
    ),
    (
        "four to ten are a list, with descriptions",
        Reply(text="?", options=(*FOUR[:3], Option(label="Empat", action="a", description="yang\n terakhir"))),
        interactive("list", "?", rows(row(1, "Satu"), row(2, "Dua"), row(3, "Tiga"), row(4, "Empat", "yang terakhir"))),
    ),
    (
        "more are pages",
        Reply(text="?", options=MANY),
        interactive(
            "list",
            "?",
            rows(
                *(row(n, f"Pilihan {n}") for n in range(1, 10)),
                {"id": "p:12:10", "title": "Pilihan lainnya"},
            ),
        ),
    ),
    (
        "the last page leads back to the first",
        Reply(text="?", options=MANY, first=10),
        interactive(
            "list",
            "?",
            rows(*(row(n, f"Pilihan {n}") for n in (10, 11, 12)), {"id": "p:12:1", "title": "Pilihan lainnya"}),
        ),
    ),
    (
        "a text too long for buttons takes a list",
        Reply(text="a" * 1025, options=options("Ya")),
        interactive("list", "a" * 1025, rows(row(1, "Ya"))),
    ),
    (
        "a text too long for a list is followed by numbered lines",
        Reply(text="a" * 4080 + "\n\n" + "b" * 20, options=options("Ya")),
        text("b" * 20 + "\n\n1. Ya"),
    ),
    ("form", Reply(text="Isi di sini.", form=form()), interactive("cta_url", "Isi di sini.", LINK)),
    (
        "form and options",
        Reply(text="Isi di sini.", form=form(), options=options("Nanti saja")),
        interactive("cta_url", "Isi di sini.\n\n1. Nanti saja", LINK),
    ),
    ("form without https", Reply(text="Isi.", form=form("http://a.id/f")), text("Isi.\n\nhttp://a.id/f")),
    (
        "form on a laptop, with options",
        Reply(text="Isi.", form=form("https://localhost/f"), options=options("Nanti")),
        interactive("button", "Isi.\n\nhttps://localhost/f", buttons("Nanti")),
    ),
    (
        "form below a long text",
        Reply(text="a" * 1030, form=form(), options=options("Nanti")),
        text("a" * 1030 + "\n\nhttps://pandu.example.id/f/k\n\n1. Nanti"),
    ),
    (
        "who writes with a number is not asked for it",
        Reply(text="Nomor Kakak?", ask_contact=True),
        text("Nomor Kakak?"),
    ),
    (
        "a template that the gate has chosen",
        Reply(
            text="tidak dikirim",
            template=Template(name="kabar", values={"hari": "Senin,\n 5\tJan", "kota": " "}, language="id"),
        ),
        {
            "type": "template",
            "template": {
                "name": "kabar",
                "language": {"code": "id"},
                "components": [
                    {
                        "type": "body",
                        "parameters": [{"type": "text", "text": "Senin, 5 Jan"}, {"type": "text", "text": "-"}],
                    }
                ],
            },
        },
    ),
]


@pytest.mark.parametrize(("label", "reply", "body"), SHAPES, ids=[shape[0] for shape in SHAPES])
async def test_shapes(
    channel: WhatsAppChannel, fake: FakeWhatsApp, label: str, reply: Reply, body: dict[str, Any]
) -> None:
    parts = [
        {"type": "BODY", "text": "Hari {{1}} di kota {{2}} ada pertemuan, Kak.", "example": {"body_text": [["a", "b"]]}}
    ]
    fake.add_template({"name": "kabar", "language": "id", "category": "UTILITY", "components": parts})
    assert isinstance(await send(channel, replace(reply, version=12)), Accepted)
    call = fake.called("messages")[-1].given
    head = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": f"+{SITI}"}
    assert call == {**head, **body, "biz_opaque_callback_data": "1"}


async def test_the_channel_keeps_the_contract(fake: FakeWhatsApp, channel: WhatsAppChannel) -> None:
    made: Channel = channel
    assert (made.name, made.account, made.rate) == ("whatsapp", fake.number_id, 60.0)
    outcome = await send(channel, "halo")
    assert outcome == Accepted(fake.sent[0].id)


async def test_who_hides_the_number_is_reached_by_id_and_may_be_asked_for_it(
    channel: WhatsAppChannel, fake: FakeWhatsApp
) -> None:
    siti = fake.person(SITI)
    asks = Reply(text="Boleh minta nomornya?", ask_contact=True, options=options("Nanti"))
    assert isinstance(await send(channel, asks, to=siti.user_id), Accepted)
    given = fake.called("messages")[-1].given
    assert (given["recipient"], "to" in given) == (siti.user_id, False)
    assert given["interactive"]["type"] == "request_contact_info"
    assert given["interactive"]["body"]["text"] == "Boleh minta nomornya?\n\n1. Nanti"


@pytest.mark.parametrize("address", ["", "siti", "123", "7 8 9 1 2 3 4 5", "٣" * 9, "@pandu", "id.7", "+62812000x"])
async def test_what_is_no_address_fails(channel: WhatsAppChannel, fake: FakeWhatsApp, address: str) -> None:
    assert await send(channel, "halo", to=address) == Failed("not a WhatsApp address")
    assert not fake.calls


async def test_a_retry_goes_on_behind_the_accepted_parts(channel: WhatsAppChannel, fake: FakeWhatsApp) -> None:
    fake.fail()  # the very first part
    assert isinstance(await send(channel, LONG), Retry)
    assert not fake.sent
    siti = fake.person(SITI)
    original = fake.post_number_messages

    def then_cut(given: dict[str, Any]) -> dict[str, Any]:
        answer = original(given)
        if len(fake.sent) == 1:
            fake.fail(kind="cut_before")
        return answer

    fake.post_number_messages = then_cut  # type: ignore[method-assign]
    assert isinstance(await send(channel, LONG), Unknown)
    assert isinstance(await send(channel, LONG, key=1), Accepted)
    assert " ".join(sent.text for sent in siti.inbox).split() == LONG.split()
    assert len(siti.inbox) == 3


FAULTS = [
    ({"kind": "html", "status": 502}, Retry("HTTP 502")),
    ({"kind": "html", "status": 200}, Unknown("unreadable answer (HTTP 200)")),
    ({"kind": "cut_before"}, Unknown("cut (ServerDisconnectedError)")),
    ({"kind": "cut_after"}, Unknown("cut (ServerDisconnectedError)")),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
async def test_faults_of_the_line(
    channel: WhatsAppChannel, fake: FakeWhatsApp, fault: dict[str, Any], outcome: object
) -> None:
    fake.fail(**fault)
    assert await send(channel, "halo") == outcome


async def test_a_time_out_is_unknown(channel: WhatsAppChannel, fake: FakeWhatsApp) -> None:
    from bot.whatsapp.client import Graph

    hasty = Graph(fake.token, api=fake.base, version="v24.0", seconds=0.05)
    channel.graph, patient = hasty, channel.graph
    fake.fail(kind="slow")
    assert await send(channel, "halo") == Unknown("cut (TimeoutError)")
    assert len(fake.sent) == 1  # it had arrived
    await patient.close()


async def test_nobody_listening_is_a_retry(fake: FakeWhatsApp, channel: WhatsAppChannel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    from bot.whatsapp.client import Graph

    channel.graph = Graph("t", api=f"http://127.0.0.1:{port}", version="v24.0")
    assert await send(channel, "halo") == Retry("no connection (ClientConnectorError)")


async def test_a_wrong_token_or_number_is_down(channel: WhatsAppChannel, fake: FakeWhatsApp) -> None:
    fake.token = "another"
    wrong = await send(channel, "halo")
    assert isinstance(wrong, Down)
    assert "PANDU_WHATSAPP_TOKEN" in wrong.reason
    fake.token = settings_for(fake).whatsapp_token
    channel.account = "999"
    unknown = await send(channel, "halo")
    assert isinstance(unknown, Down)
    assert "PANDU_WHATSAPP_NUMBER_ID" in unknown.reason


async def test_one_person_is_written_to_at_a_pace(channel: WhatsAppChannel, fake: FakeWhatsApp, clock: Clock) -> None:
    """45 at once pass; then our own bucket says no before Meta has to, and after it Meta's refusals make the wait grow."""
    for key in range(45):
        assert isinstance(await send(channel, "halo", key=key), Accepted)
    assert await send(channel, "halo", key=45) == Throttled(6.0, "chat")
    assert len(fake.called("messages")) == 45
    assert isinstance(await send(channel, "halo", to="+6281200000008", key=46), Accepted)  # nobody else waits
    clock.later(seconds=7)
    waits = []
    for _ in range(3):
        outcome = await send(channel, "halo", key=47)  # the server wants the whole burst paid
        waits.append(getattr(outcome, "seconds", None))
        clock.later(seconds=6)
    assert waits == [1.0, 4.0, 16.0]
    clock.later(minutes=5)
    assert isinstance(await send(channel, "halo", key=48), Accepted)
    fake.fail(code=131056)
    assert await send(channel, "halo", key=49) == Throttled(1.0, "chat")


# -- property: no reply of any kind leaves the limits ------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="<>&\"' \n\t.🏟é\u200b\u202e\x00a", max_size=300),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=40), st.integers(20, 400)),
)
REPLIES = st.builds(
    Reply,
    text=TEXTS,
    version=st.integers(0, 2**63),
    first=st.integers(-3, 200),
    options=st.lists(
        st.builds(Option, label=st.text(max_size=40), action=st.just("a"), description=st.text(max_size=100)),
        max_size=40,
    ).map(tuple),
    form=st.one_of(st.none(), st.builds(form, st.one_of(st.text(max_size=30), st.just("https://pandu.example.id/f")))),
    ask_contact=st.booleans(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(reply=REPLIES, by_id=st.booleans())
async def test_no_reply_makes_a_request_outside_the_limits(
    channel: WhatsAppChannel, fake: FakeWhatsApp, reply: Reply, by_id: bool
) -> None:
    """The server refuses what Meta refuses: every outcome is a yes, or there was nothing to say."""
    fake.calls.clear()
    fake.limits.on = False
    channel._pace.people.clear()
    siti = fake.person(SITI)
    outcome = await send(channel, reply, to=siti.user_id if by_id else f"+{SITI}")
    assert isinstance(outcome, Accepted) or outcome == Failed("nothing to say")
    assert all(call.status == 200 for call in fake.calls)
    tail = len(reply.options) * 190 + 100
    assert len(fake.calls) <= 1 or len(reply.text) * 2 + tail > 4096  # one bubble wherever it fits
