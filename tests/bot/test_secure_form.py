"""The secure form's page, as a browser meets it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from html.parser import HTMLParser

import httpx
import pytest
from sqlalchemy import Connection, insert, select
from starlette.applications import Starlette

from bot.channel import Unavailable
from bot.effects import Parts
from bot.web.secure_form import MAX_BODY, secure_form_routes, submit
from handlers import catalogue, secure
from handlers.messages import Inbound, Kind
from handlers.turn import Policy
from storage import drafts, secure_forms
from storage.database import Database, database_now
from storage.schema import chats
from storage.schema import secure_forms as rows

KEY = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SEALING, LOOKUP = bytes(range(32)), bytes(range(1, 33))
POLICY = Policy(
    operator="Dinas <Contoh>",
    lookup_key=LOOKUP,
    sealing_key=SEALING,
    signing_key=bytes(range(2, 34)),
    identity_transfer="Kementerian & Lembaga Contoh",
)
GOOD = {"nik": "3273 0103 1299 0001", "birth_date": "3-12-1999"}


def link(key: str = KEY) -> str:
    """The signed address of a form."""
    return f"/f/{secure.signed(key, POLICY)}"


class Receiver:
    """Takes events as the way in does; refuses while `down`."""

    def __init__(self) -> None:
        self.events: list[Inbound] = []
        self.down = False

    async def __call__(self, events: Sequence[Inbound]) -> None:
        if self.down:
            raise Unavailable
        self.events += events


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def parts() -> Parts:
    policy = POLICY
    return Parts(engine=None, catalogue=catalogue.load(), policy=policy, new_id=lambda length: "0" * length)  # type: ignore[arg-type]


@pytest.fixture
async def browser(sqlite: Database, receiver: Receiver, parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    await sqlite.write(partial(_offer, KEY))
    app = Starlette(routes=secure_form_routes(sqlite, receiver, lambda: parts))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://pandu.example") as client:
        yield client


def _offer(
    key: str,
    connection: Connection,
    *,
    age: timedelta = timedelta(0),
    purpose: str = "linking",
    fields: Sequence[str] = ("nik", "birth_date"),
) -> int:
    now = database_now(connection) - age
    chat = {"channel": "whatsapp", "account": "62800", "address": key[:8], "created_at": now, "seen_at": now}
    chat_id = connection.execute(insert(chats).values(chat)).inserted_primary_key[0]
    secure_forms.create(
        connection,
        key,
        chat_id=chat_id,
        purpose=purpose,
        fields=fields,
        now=now,
        expires_at=now + timedelta(minutes=15),
    )
    return int(chat_id)


async def used(database: Database, key: str = KEY) -> datetime | None:
    return await database.read(lambda c: c.execute(select(rows.c.used_at).where(rows.c.key == key)).scalar())


async def sealed(database: Database) -> dict[str, str]:
    value = await database.read(lambda c: c.execute(select(rows.c.sealed).where(rows.c.key == KEY)).scalar_one())
    return secure.open_sealed(value, SEALING, bound_to=KEY)


class Labels(HTMLParser):
    """Which inputs have a label."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: set[str] = set()
        self.labels: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "input" and found.get("type") == "text":
            self.inputs.add(str(found["id"]))
        if tag == "label" and "for" in found:
            self.labels.add(str(found["for"]))


async def test_the_page_is_small_labelled_and_without_scripts(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(link())
    assert answer.status_code == 200
    assert len(answer.content) <= 15 * 1024
    page = Labels()
    page.feed(answer.text)
    assert page.inputs == page.labels == {"nik", "birth_date"}
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert '<html lang="id">' in answer.text
    assert "Dinas &lt;Contoh&gt;" in answer.text
    assert "bukan situs resmi Prakerja" in answer.text


async def test_the_headers_keep_the_page_to_itself(browser: httpx.AsyncClient) -> None:
    for answer in (
        await browser.get(link()),
        await browser.post(link(), data=GOOD),
        await browser.get("/f/no"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


async def test_looking_never_uses_the_link_up(browser: httpx.AsyncClient, sqlite: Database) -> None:
    for _ in range(3):
        assert (await browser.get(link())).status_code == 200
        assert (await browser.head(link())).status_code == 200
    assert await used(sqlite) is None


async def test_a_valid_form_is_sealed_and_becomes_an_event_of_its_chat(
    browser: httpx.AsyncClient, sqlite: Database, receiver: Receiver
) -> None:
    answer = await browser.post(link(), data=GOOD)
    assert answer.status_code == 200
    assert "Terkirim" in answer.text
    (event,) = receiver.events
    assert (event.kind, event.form, event.event_id) == (Kind.FORM, KEY, f"form:{KEY}")
    assert (event.channel, event.account, event.chat) == ("whatsapp", "62800", KEY[:8])
    assert "3273" not in str(event.to_json())
    assert await used(sqlite) is not None
    assert await sealed(sqlite) == {
        "nik_hash": secure.hash_identity("3273010312990001", LOOKUP),
        "birth_date": "1999-12-03",
    }


async def test_wrong_values_are_told_beside_their_field_and_use_nothing_up(
    browser: httpx.AsyncClient, sqlite: Database, receiver: Receiver
) -> None:
    answer = await browser.post(link(), data={"nik": "12<b>", "birth_date": "3-12-1999"})
    assert answer.status_code == 422
    assert "NIK berisi 16 angka" in answer.text
    assert 'role="alert"' in answer.text
    assert 'value="12&lt;b&gt;"' in answer.text
    assert 'value="3-12-1999"' in answer.text
    assert receiver.events == []
    assert await used(sqlite) is None


async def test_a_mismatch_is_asked_once_and_then_taken(browser: httpx.AsyncClient, sqlite: Database) -> None:
    typed = {**GOOD, "birth_date": "4-12-1999"}
    answer = await browser.post(link(), data=typed)
    assert answer.status_code == 422
    assert "Tanggal lahir di NIK berbeda" in answer.text
    assert 'name="confirm"' in answer.text
    assert await used(sqlite) is None
    assert (await browser.post(link(), data={**typed, "confirm": "ya"})).status_code == 200
    assert (await sealed(sqlite))["birth_date"] == "1999-12-04"


async def test_an_expired_a_taken_and_an_unknown_link(
    browser: httpx.AsyncClient, sqlite: Database, receiver: Receiver
) -> None:
    old = "OLD" + KEY[3:]
    await sqlite.write(partial(_offer, old, age=timedelta(minutes=16)))
    for answer in (await browser.get(link(old)), await browser.post(link(old), data=GOOD)):
        assert answer.status_code == 410
        assert "minta tautan baru" in answer.text
    for answer in (await browser.get("/f/unknown"), await browser.post("/f/unknown", data=GOOD)):
        assert answer.status_code == 404
    await browser.post(link(), data=GOOD)
    await sqlite.write(lambda c: secure_forms.take(c, KEY, 1))
    for answer in (await browser.get(link()), await browser.post(link(), data=GOOD)):
        assert answer.status_code == 410
    assert len(receiver.events) == 1


async def test_an_outage_between_sealing_and_the_event_loses_nothing(
    browser: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.down = True
    answer = await browser.post(link(), data=GOOD)
    assert answer.status_code == 503
    assert "kirim lagi" in answer.text
    receiver.down = False
    assert (await browser.post(link(), data=GOOD)).status_code == 200
    assert [event.event_id for event in receiver.events] == [f"form:{KEY}"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://pandu.example", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 200),  # what browsers send under no-referrer
        ({"origin": "null"}, 200),  # an old phone
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_another_site_cannot_send_the_form(
    browser: httpx.AsyncClient, receiver: Receiver, headers: dict[str, str], status: int
) -> None:
    answer = await browser.post(link(), data=GOOD, headers=headers)
    assert answer.status_code == status
    assert len(receiver.events) == (status == 200)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"nik=" + b"1" * MAX_BODY, "application/x-www-form-urlencoded"),
        (b'{"nik": "1"}', "application/json"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=%d" % number for number in range(100)), "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
async def test_what_is_no_form_is_refused(
    browser: httpx.AsyncClient, sqlite: Database, receiver: Receiver, content: bytes, kind: str
) -> None:
    answer = await browser.post(link(), content=content, headers={"content-type": kind})
    assert answer.status_code == 403
    assert receiver.events == []
    assert await used(sqlite) is None


async def test_the_terminal_submits_the_same_way_without_an_event(
    browser: httpx.AsyncClient, sqlite: Database, receiver: Receiver, parts: Parts
) -> None:
    now = await sqlite.now()
    with pytest.raises(ValueError, match="16 angka"):
        await submit(sqlite, parts, KEY, {"nik": "1", "birth_date": "3-12-1999"}, now=now)
    with pytest.raises(ValueError, match="tidak ada"):
        await submit(sqlite, parts, "unknown", GOOD, now=now)
    await submit(sqlite, parts, KEY, GOOD, now=now)
    assert receiver.events == []
    assert "nik_hash" in await sealed(sqlite)
    with pytest.raises(ValueError, match="sudah dipakai"):
        await submit(sqlite, parts, KEY, GOOD, now=now)


async def test_a_link_that_was_not_signed_here_is_unknown(browser: httpx.AsyncClient, sqlite: Database) -> None:
    good = link()
    for forged in (f"/f/{KEY}", good[:-1], good[:-1] + "x", good.upper(), f"/f/{KEY}{'0' * 24}"):
        assert (await browser.get(forged)).status_code == 404
        assert (await browser.post(forged, data=GOOD)).status_code == 404
    assert await used(sqlite) is None


# -- the registration's form --------------------------------------------------------------------------------------

REGISTRATION = "R" + KEY[1:]
NUMBERS = {"nik": "3273010312990001", "kk": "3273 0101 0110 0002"}


@pytest.fixture
async def preparing(browser: httpx.AsyncClient, sqlite: Database) -> Callable[..., Awaitable[httpx.Response]]:
    """Sends the registration's form of a chat whose draft holds these values."""

    def prepare(connection: Connection, noted: Mapping[str, str]) -> None:
        chat = _offer(REGISTRATION, connection, purpose="registration", fields=("nik", "kk"))
        now = database_now(connection)
        ends = now + timedelta(days=30)
        drafts.save(connection, chat, "registration", step="identity", data=noted, now=now, expires_at=ends)

    async def send(noted: Mapping[str, str], **more: str) -> httpx.Response:
        await sqlite.write(partial(prepare, noted=noted))
        return await browser.post(link(REGISTRATION), data={**NUMBERS, **more})

    return send


async def test_numbers_of_a_preparation_are_sealed_whole(
    preparing: Callable[..., Awaitable[httpx.Response]], sqlite: Database
) -> None:
    answer = await preparing({"age": "1999-12-03", "region": "3273"})
    assert answer.status_code == 200
    value = await sqlite.read(lambda c: c.execute(select(rows.c.sealed).where(rows.c.key == REGISTRATION)).scalar_one())
    assert b"3273" not in value
    plain = secure.open_sealed(value, SEALING, bound_to=REGISTRATION)
    assert plain == {"nik": "3273010312990001", "kk": "3273010101100002"}


@pytest.mark.parametrize(
    ("noted", "told"),
    [
        ({"age": "1999-12-04", "region": "3273"}, "Tanggal lahir di NIK berbeda"),
        ({"age": "1998", "region": "3273"}, "Tanggal lahir di NIK berbeda"),
        ({"age": "40", "region": "3273"}, "Tanggal lahir di NIK berbeda"),
        ({"age": "1999-12-03", "region": "7371"}, "Daerah di NIK berbeda"),
    ],
)
async def test_what_differs_from_the_draft_is_asked_and_never_refused(
    preparing: Callable[..., Awaitable[httpx.Response]], browser: httpx.AsyncClient, noted: dict[str, str], told: str
) -> None:
    answer = await preparing(noted)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'name="confirm"' in answer.text
    assert len(answer.content) <= 15 * 1024
    confirmed = await browser.post(link(REGISTRATION), data={**NUMBERS, "confirm": "ya"})
    assert confirmed.status_code == 200


@pytest.mark.parametrize("noted", [{}, {"age": "-", "region": "-"}, {"age": "1999", "region": "3273"}])
async def test_what_fits_or_is_not_noted_asks_nothing(
    preparing: Callable[..., Awaitable[httpx.Response]], noted: dict[str, str]
) -> None:
    assert (await preparing(noted)).status_code == 200


async def test_the_registrations_page_names_the_receiver(
    preparing: Callable[..., Awaitable[httpx.Response]], browser: httpx.AsyncClient
) -> None:
    answer = await preparing({}, nik="1")
    assert answer.status_code == 422
    page = (await browser.get(link(REGISTRATION))).text
    assert "diserahkan ke Kementerian &amp; Lembaga Contoh" in page
    assert "belum mendaftar" in page
