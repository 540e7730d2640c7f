"""The fake is honest: limits, window, statuses, signed webhooks and faults as Meta's pages have them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes.telegram import on_loopback
from tests.fakes.whatsapp import TOKEN, VERIFY, FakeWhatsApp, serve
from tests.fakes.whatsapp_webhook import signature

Post = Callable[..., Any]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class App:
    """A webhook that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method == "GET":
            good = request.query_params["hub.verify_token"] == VERIFY
            answer: Response = PlainTextResponse(
                request.query_params["hub.challenge"] if good else "", 200 if good else 403
            )
            return await answer(scope, receive, send)
        self.bodies.append((await request.body(), request.headers["x-hub-signature-256"]))
        status = self.answers.pop(0) if self.answers else 200
        return await Response(status_code=status)(scope, receive, send)

    def values(self, key: str) -> list[dict[str, Any]]:
        """All messages, or statuses, of all bodies."""
        changes = [c for raw, _ in self.bodies for entry in json.loads(raw)["entry"] for c in entry["changes"]]
        return [item for change in changes for item in change["value"].get(key, [])]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeWhatsApp]:
    async with serve(clock=clock) as server:
        yield server


@pytest.fixture
async def app(fake: FakeWhatsApp) -> AsyncIterator[App]:
    app = App()
    async with on_loopback(app) as base:
        app.url = f"{base}/hook"
        fake.hook(app.url)
        yield app


@pytest.fixture
async def client(fake: FakeWhatsApp) -> AsyncIterator[httpx.AsyncClient]:
    head = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{fake.base}/v24.0/", headers=head, timeout=60) as made:
        yield made


def text(to: str = "+6281200000007", body: str = "halo", **more: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}, **more}


TEMPLATE = {
    "name": "pengingat",
    "language": "id",
    "category": "UTILITY",
    "components": [
        {"type": "BODY", "text": "Batas beli pelatihan Kakak: {{1}} WIB.", "example": {"body_text": [["1 Mei 23.59"]]}},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Berhenti"}]},
    ],
}


def template(*values: str, to: str = "+6281200000007") -> dict[str, Any]:
    parameters = [{"type": "text", "text": value} for value in values]
    parts = [{"type": "body", "parameters": parameters}] if values else []
    wanted = {"name": "pengingat", "language": {"code": "id"}, "components": parts}
    return {"messaging_product": "whatsapp", "to": to, "type": "template", "template": wanted}


async def code(client: httpx.AsyncClient, body: dict[str, Any], path: str = "106540352242922/messages") -> int:
    """The error code of an answer, 0 where it is none."""
    found = (await client.post(path, json=body)).json()
    return int(found["error"]["code"]) if "error" in found else 0


async def test_a_message_comes_signed_and_an_answer_is_delivered_and_read(
    fake: FakeWhatsApp, app: App, client: httpx.AsyncClient
) -> None:
    siti = fake.person()
    sent = siti.says("halo")
    await fake.webhook.settled()
    body, signed = app.bodies[0]
    assert signed == signature(fake.secret, body)
    message = app.values("messages")[0]
    assert (message["id"], message["from"], message["text"]) == (sent["id"], siti.number, {"body": "halo"})
    marked = {"messaging_product": "whatsapp", "status": "read", "message_id": sent["id"]}
    await client.post(f"{fake.number_id}/messages", json=marked | {"typing_indicator": {"type": "text"}})
    assert fake.read_marks == [(sent["id"], True)]
    assert siti.shows == "typing"
    answer = (await client.post(f"{fake.number_id}/messages", json=text(biz_opaque_callback_data="77"))).json()
    assert answer["contacts"] == [{"input": "+6281200000007", "wa_id": siti.number}]
    assert siti.shows == ""
    await fake.webhook.settled()
    statuses = app.values("statuses")
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    assert {status["id"] for status in statuses} == {answer["messages"][0]["id"]}
    assert [status.get("pricing", {}).get("type") for status in statuses] == ["free_customer_service"] * 2 + [None]
    assert statuses[0]["biz_opaque_callback_data"] == "77"


async def test_the_window_closes_after_24_hours_and_a_template_goes_still(
    fake: FakeWhatsApp, app: App, client: httpx.AsyncClient, clock: Clock
) -> None:
    siti = fake.person()
    siti.says("halo")
    clock.now += 86_399
    assert await code(client, text()) == 0
    clock.now += 1
    assert await code(client, text(body="terlambat")) == 0  # told later, as the platform does
    await fake.webhook.settled()
    failed = app.values("statuses")[-1]
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131047)
    fake.late = frozenset()
    assert await code(client, text()) == 131047
    assert await code(client, template("1 Mei")) == 132001
    fake.add_template(TEMPLATE)
    assert await code(client, template("1 Mei")) == 132001  # not approved yet
    fake.review("pengingat")
    assert await code(client, template()) == 132000
    assert await code(client, template("1 Mei")) == 0
    assert siti.inbox[-1].text == "Batas beli pelatihan Kakak: 1 Mei WIB."
    await fake.webhook.settled()
    priced = app.values("statuses")[-2]["pricing"]
    assert priced == {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
    fake.review("pengingat", "PAUSED")
    assert await code(client, template("1 Mei")) == 132015


async def test_taps_on_buttons_rows_and_quick_replies_come_back(
    fake: FakeWhatsApp, app: App, client: httpx.AsyncClient
) -> None:
    siti = fake.person()
    siti.says("halo")
    fake.add_template(TEMPLATE)
    fake.review("pengingat")
    button = {"type": "reply", "reply": {"id": "o:1:1", "title": "Ya"}}
    choice = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [button]}}
    rows = [{"id": f"o:2:{n}", "title": f"Baris {n}"} for n in (1, 2)]
    menu = {"type": "list", "body": {"text": "?"}, "action": {"button": "Pilih", "sections": [{"rows": rows}]}}
    for content in (choice, menu):
        body = {"messaging_product": "whatsapp", "to": "+6281200000007", "type": "interactive", "interactive": content}
        assert await code(client, body) == 0
    assert await code(client, template("1 Mei")) == 0
    siti.taps(siti.inbox[0], 1)
    siti.taps(siti.inbox[1], 2)
    siti.taps(siti.inbox[2], 1)
    await fake.webhook.settled()
    taps = app.values("messages")[1:]
    assert taps[0]["interactive"] == {"type": "button_reply", "button_reply": {"id": "o:1:1", "title": "Ya"}}
    assert taps[1]["interactive"] == {"type": "list_reply", "list_reply": {"id": "o:2:2", "title": "Baris 2"}}
    assert taps[2]["button"] == {"payload": "Berhenti", "text": "Berhenti"}
    assert [tap["context"]["id"] for tap in taps] == [sent.id for sent in siti.inbox]


async def test_a_hidden_number_is_asked_for(fake: FakeWhatsApp, app: App, client: httpx.AsyncClient) -> None:
    siti = fake.person()
    siti.hidden = True
    siti.says("halo")
    wish = {"type": "request_contact_info", "body": {"text": "?"}, "action": {"name": "request_contact_info"}}
    body = {"messaging_product": "whatsapp", "recipient": siti.user_id, "type": "interactive", "interactive": wish}
    assert await code(client, body) == 0
    siti.grants(siti.inbox[0])
    await fake.webhook.settled()
    answer = app.values("messages")[1]
    assert (answer["origin"], answer["contacts"][0]["phones"]) == ("contact_request", [{"phone": f"+{siti.number}"}])


async def test_the_speeds_are_enforced(fake: FakeWhatsApp, client: httpx.AsyncClient, clock: Clock) -> None:
    siti = fake.person()
    siti.says("halo")
    clock.now += 2
    assert [await code(client, text()) for _ in range(46)] == [0] * 45 + [131056]
    clock.now += 45 * 6 - 1
    assert await code(client, text()) == 131056
    clock.now += 1
    assert await code(client, text()) == 0
    others = [fake.person(f"62813{n:07d}") for n in range(80)]
    for other in others:
        other.says("hai")  # received messages count, too
    assert await code(client, text(to=f"+{others[3].number}")) == 130429
    clock.now += 1.1
    assert await code(client, text(to=f"+{others[3].number}")) == 0


async def test_only_so_many_people_are_written_to_first(
    fake: FakeWhatsApp, client: httpx.AsyncClient, clock: Clock
) -> None:
    fake.add_template(TEMPLATE)
    fake.review("pengingat")
    numbers = [fake.person(f"62813{n:08d}").number for n in range(251)]
    codes = []
    for number in numbers:
        codes.append(await code(client, template("1 Mei", to=f"+{number}")))
        clock.now += 1
    assert codes == [0] * 250 + [131048]
    assert await code(client, template("2 Mei", to=f"+{numbers[5]}")) == 0  # no new person
    clock.now += 86_400
    assert await code(client, template("1 Mei", to=f"+{numbers[250]}")) == 0


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (text(to="0812"), 131009),
        (text(body=""), 131009),
        (text(body="x" * 4097), 131009),
        (text(surprise=1), 100),
        ({"messaging_product": "whatsapp", "to": "+6281200000007", "type": "text"}, 131008),
        (text() | {"messaging_product": "sms"}, 100),
        (text() | {"type": "flow"}, 100),
        (text(to="+6281100000000"), 131021),
        (text() | {"recipient_type": "group"}, 100),
        (text(biz_opaque_callback_data="x" * 513), 131009),
        ({key: value for key, value in text().items() if key != "to"}, 131008),
    ],
)
async def test_a_wrong_request_is_refused(
    fake: FakeWhatsApp, client: httpx.AsyncClient, wrong: dict[str, Any], expected: int
) -> None:
    fake.person().says("halo")
    assert await code(client, wrong) == expected


async def test_who_cannot_be_reached_is_told_later(fake: FakeWhatsApp, app: App, client: httpx.AsyncClient) -> None:
    fake.person("6281300000001").says("halo")
    fake.person("6281300000001").blocked = True
    for to in ("+6281300000001", "+6281399999999", "081200000007"):  # blocked, not on WhatsApp, no plus
        assert await code(client, text(to=to)) == 0
    await fake.webhook.settled()
    assert [status["errors"][0]["code"] for status in app.values("statuses")] == [131026] * 3
    assert app.values("statuses")[2]["recipient_id"] == "62081200000007"


async def test_a_person_without_number_is_reached_by_the_id(
    fake: FakeWhatsApp, app: App, client: httpx.AsyncClient
) -> None:
    siti = fake.person()
    siti.hidden = True
    siti.says("halo")
    body = {key: value for key, value in text().items() if key != "to"} | {"recipient": siti.user_id}
    answer = (await client.post(f"{fake.number_id}/messages", json=body)).json()
    assert answer["contacts"] == [{"input": siti.user_id, "user_id": siti.user_id}]
    await fake.webhook.settled()
    message, status = app.values("messages")[0], app.values("statuses")[0]
    assert "from" not in message
    assert message["from_user_id"] == status["recipient_user_id"] == siti.user_id
    assert await code(client, text()) == 0  # dialled: the number is shown again for 30 days
    siti.says("lagi")
    await fake.webhook.settled()
    assert app.values("messages")[1]["from"] == siti.number


async def test_a_phone_without_signal_reports_when_it_is_back(
    fake: FakeWhatsApp, app: App, client: httpx.AsyncClient
) -> None:
    siti = fake.person()
    siti.says("halo")
    siti.online = siti.reading = False
    await code(client, text())
    await fake.webhook.settled()
    assert [status["status"] for status in app.values("statuses")] == ["sent"]
    siti.comes_online()
    siti.opens_chat()
    await fake.webhook.settled()
    assert [status["status"] for status in app.values("statuses")] == ["sent", "delivered", "read"]


async def test_webhooks_are_repeated_doubled_joined_and_mixed(fake: FakeWhatsApp, app: App) -> None:
    siti, budi = fake.person(), fake.person("6281200000008", "Budi")
    app.answers = [500, 503]
    siti.says("satu")
    await fake.webhook.settled()
    assert fake.webhook.attempts == [500, 503, 200]
    assert fake.webhook.delays == [1.0, 2.0]
    fake.webhook.twice = True
    siti.says("dua")
    await fake.webhook.settled()
    assert [message["text"]["body"] for message in app.values("messages")[-2:]] == ["dua", "dua"]
    fake.webhook.twice, fake.webhook.hold = False, True
    for join in ("values", "changes", "entries"):
        fake.webhook.join = join
        before = len(app.bodies)
        siti.says("tiga")
        budi.says("empat")
        fake.webhook.flush(order=lambda items: items[::-1])
        await fake.webhook.settled()
        assert len(app.bodies) == before + 1
        assert [message["text"]["body"] for message in app.values("messages")[-2:]] == ["empat", "tiga"]
    app.answers = [500] * 30
    siti.says("lima")
    fake.webhook.flush()
    await fake.webhook.settled()
    assert len(fake.webhook.dropped) == 1  # after seven days


async def test_requests_fail_on_purpose(fake: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    siti = fake.person()
    siti.says("halo")
    fake.fail(2, code=130429)
    assert [await code(client, text()) for _ in range(3)] == [130429, 130429, 0]
    fake.fail(kind="html")
    assert (await client.post(f"{fake.number_id}/messages", json=text())).status_code == 502
    for kind, arrived in (("cut_before", 1), ("cut_after", 2)):
        fake.fail(kind=kind)
        with pytest.raises(httpx.TransportError):
            await client.post(f"{fake.number_id}/messages", json=text())
        assert len(siti.inbox) == arrived
    fake.fail(kind="slow")
    slow = asyncio.create_task(client.post(f"{fake.number_id}/messages", json=text()))
    await fake.until(lambda: len(siti.inbox) == 3)
    assert not slow.done()
    fake.release()
    assert (await slow).status_code == 200
    assert (
        await client.post(f"{fake.number_id}/messages", json=text(), headers={"Authorization": "Bearer no"})
    ).json()["error"]["code"] == 190


async def test_a_file_is_fetched_within_five_minutes(
    fake: FakeWhatsApp, client: httpx.AsyncClient, clock: Clock
) -> None:
    sent = fake.person().sends_image("ini")
    found = (await client.get(sent["image"]["id"])).json()
    data = (await client.get(found["url"])).content
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert (await client.get(found["url"], headers={"Authorization": "Bearer no"})).status_code == 401
    clock.now += 301
    assert (await client.get(found["url"])).status_code == 404
    clock.now += 7 * 86_400
    assert (await client.get(sent["image"]["id"])).json()["error"]["error_subcode"] == 33


async def test_a_set_up_from_a_fresh_app(fake: FakeWhatsApp, app: App, client: httpx.AsyncClient) -> None:
    fake.registered = fake.subscribed = False
    fake.webhook.url = None
    own = {"Authorization": f"Bearer {fake.app_id}|{fake.secret}"}
    token = (await client.get("debug_token", params={"input_token": TOKEN}, headers=own)).json()["data"]
    assert token["is_valid"]
    region = {"storage_configuration": {"status": "IN_COUNTRY_STORAGE_ENABLED", "data_localization_region": "ID"}}
    assert (await client.post(f"{fake.number_id}/settings", json=region)).json() == {"success": True}
    assert await code(client, text()) == 133010
    pin = {"messaging_product": "whatsapp", "pin": "123456"}
    assert await code(client, pin | {"pin": "12"}, f"{fake.number_id}/register") == 100
    assert await code(client, pin, f"{fake.number_id}/register") == 0
    assert await code(client, region, f"{fake.number_id}/settings") == 100  # too late
    wanted = {"object": "whatsapp_business_account", "callback_url": app.url, "fields": "messages"}
    path = f"{fake.app_id}/subscriptions"
    assert (await client.post(path, json=wanted | {"verify_token": VERIFY})).json()["error"]["code"] == 10
    refused = await client.post(path, json=wanted | {"verify_token": "falsch"}, headers=own)
    assert refused.json()["error"]["code"] == 2200
    assert (await client.post(path, json=wanted | {"verify_token": VERIFY}, headers=own)).status_code == 200
    assert (await client.get(path, headers=own)).json()["data"][0]["callback_url"] == app.url
    fake.person().says("hilang")  # the account does not tell the app yet
    assert (await client.post(f"{fake.account_id}/subscribed_apps", json={})).json() == {"success": True}
    fake.person().says("halo")
    await fake.webhook.settled()
    assert [message["text"]["body"] for message in app.values("messages")] == ["halo"]
    status = (await client.get(fake.number_id, params={"fields": "status,throughput{level}"})).json()
    assert status == {"id": fake.number_id, "status": "CONNECTED", "throughput": {"level": "STANDARD"}}
    assert (await client.get(fake.number_id, params={"fields": "colour"})).json()["error"]["code"] == 100
    assert (await client.get("123")).json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize(
    ("text", "subcode"),
    [
        ("{{1}} adalah batas akhir Kakak membeli.", 2388299),
        ("Batas {{1}} dan {{2}} x", 2388293),
        ("Batas {{2}} untuk Kakak yang baik.", 2388072),
        ("x" * 1025, 2388040),
    ],
)
async def test_a_wrong_template_is_refused(client: httpx.AsyncClient, text: str, subcode: int) -> None:
    body = {"type": "BODY", "text": text, "example": {"body_text": [["a", "b"]]}}
    wrong = TEMPLATE | {"components": [body]}
    found = (await client.post("102290129340398/message_templates", json=wrong)).json()
    assert found["error"]["error_subcode"] == subcode


async def test_templates_are_listed_in_pages(fake: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    for n in range(3):
        made = await client.post(f"{fake.account_id}/message_templates", json=TEMPLATE | {"name": f"t_{n}"})
        assert made.json()["status"] == "PENDING"
    double = (await client.post(f"{fake.account_id}/message_templates", json=TEMPLATE | {"name": "t_1"})).json()
    assert double["error"]["error_subcode"] == 2388024
    asked = {"limit": "2", "fields": "name,status"}
    page = (await client.get(f"{fake.account_id}/message_templates", params=asked)).json()
    assert [one["name"] for one in page["data"]] == ["t_0", "t_1"]
    rest = (await client.get(page["paging"]["next"])).json()
    assert [one["name"] for one in rest["data"]] == ["t_2"]
