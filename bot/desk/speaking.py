"""What an agent does in a conversation: takes it, answers, passes it on, ends it. One speaker: the database decides (design, rule 5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot.desk import chat
from bot.desk.visit import Visit, is_whole
from handlers import desk_acts, desk_check, secure
from handlers.messages import Reply, SecureForm
from nlu.masking import mask
from storage import agents, chats, desk_messages, desk_texts, desk_view, handoffs, secure_forms
from storage.database import database_now
from storage.handoffs import RefusedError

_NOTE = 1_000  # letters of a note
TOLD = 400  # of a recap: with its frame it must fit one bubble
_REASONS = {
    "gone": "Percakapan ini sudah selesai atau tidak ada lagi.",
    "mine": "Percakapan ini sudah milik Anda.",
    "bot": "Percakapan ini sedang dijawab bot. Ambil dulu sebelum membalas.",
    "taken": "Percakapan ini sudah dipegang {alias}. Hanya satu orang yang berbicara dengan warga.",
    "busy": "Warga ini sedang berbicara dengan {alias}.",
    "away": "{alias} sedang tidak di tempat. Pilih rekan lain.",
    "paused": "Percakapan dengan petugas sedang dijeda karena kata-kata kasar.",
}


async def _refused(visit: Visit, error: RefusedError, *, text: str | None = None) -> Response:
    """The page again, with the reason and what was typed."""
    names = await visit.read(desk_view.aliases)
    alias = names.get(error.agent_id or 0, "petugas lain")
    said = _REASONS.get(error.reason, error.reason).format(alias=alias)
    return await chat.page(visit, status=409, refused=said, text=text)


async def _done(visit: Visit, work: Callable[[Connection], object], done: str, *, to: str = "") -> Response:
    """Does it in one transaction, or says why not."""
    try:
        await visit.write(work, sends=True)
    except RefusedError as error:
        return await _refused(visit, error)
    return visit.go(to or f"/chat/{visit.number('chat')}", done=done)


def _going_on(connection: Connection, chat_id: int) -> RowMapping:
    found = handoffs.going_on(connection, chat_id)
    if found is None:
        raise RefusedError("gone")
    return found


# -- whose it is ------------------------------------------------------------------------------------------------------


async def take(visit: Visit) -> Response:
    """Takes a waiting conversation; of two agents who reach for it one gets it. Without a request, the last case is gone on with."""
    return await _done(visit, partial(_take, visit, False), "taken")


async def take_over(visit: Visit) -> Response:
    """Takes a conversation from a colleague."""
    return await _done(visit, partial(_take, visit, True), "taken")


def _take(visit: Visit, from_another: bool, connection: Connection) -> None:
    now, content, me, chat_id = database_now(connection), visit.content, visit.me["id"], visit.number("chat")
    stay(connection, visit)
    request = handoffs.going_on(connection, chat_id)
    if request is not None:
        desk_acts.take(connection, content, request["id"], me, now, from_another=from_another)
        return
    cases = desk_view.cases_of(connection, chat_id, None, limit=1)
    if not cases:
        raise RefusedError("gone")
    desk_acts.open_case(connection, content, cases[0], me, now)


def stay(connection: Connection, visit: Visit) -> None:
    """Who takes a conversation is there: it would be given back soon from somebody who is away."""
    if visit.me["availability"] == agents.AWAY:
        agents.switch(connection, visit.me["id"], agents.FINISHING, database_now(connection))


async def transfer(visit: Visit) -> Response:
    """To a colleague who is there, with a note."""
    to, note = visit.sent.get("to", ""), mask(visit.sent.get("note", "").strip()[:_NOTE]).text
    if not is_whole(to) or not note:
        return await chat.page(visit, status=422, problems=["Pilih rekan dan tulis catatan untuknya."])

    def work(connection: Connection) -> None:
        request = _going_on(connection, visit.number("chat"))
        now = database_now(connection)
        desk_acts.transfer(connection, visit.content, request["id"], visit.me["id"], now, note=note, to_agent=int(to))

    return await _done(visit, work, "passed", to="/")


async def give_back(visit: Visit) -> Response:
    """To the front of the queue; meanwhile the bot answers."""

    def work(connection: Connection) -> None:
        request = _going_on(connection, visit.number("chat"))
        desk_acts.give_back(connection, visit.content, request["id"], visit.me["id"], database_now(connection))

    return await _done(visit, work, "given_back", to="/")


async def end(visit: Visit) -> Response:
    """Ends it with a result and a recap for the person, who is asked to rate; the bot answers again."""
    resolution, told = visit.sent.get("resolution", ""), visit.sent.get("recap", "").strip()
    wrong = told_problems(visit, told)
    if resolution not in desk_acts.RESOLUTIONS:
        wrong = ["Pilih hasil laporan.", *wrong]
    if wrong:
        return await chat.page(visit, status=422, problems=wrong, recap=told)

    def work(connection: Connection) -> None:
        request, now = _going_on(connection, visit.number("chat")), database_now(connection)
        desk_acts.end(connection, visit.content, request["id"], visit.me["id"], now, resolution=resolution, told=told)

    return await _done(visit, work, "ended", to="/")


def told_problems(visit: Visit, told: str) -> list[str]:
    """Why a recap may not go to the person; the same rules as for a message."""
    wrong = desk_check.problems(told, visit.content, visit.link_hosts)
    found = [visit.content.text(key, longest=desk_check.LONGEST) for key in wrong]
    return found if len(told) <= TOLD else [*found, f"Ringkasan paling banyak {TOLD} huruf."]


async def abuse(visit: Visit) -> Response:
    """The first time a warning; afterwards the agents' part of the chat is paused for a day."""
    chat_id = visit.number("chat")

    def work(connection: Connection) -> bool:
        request, now = _going_on(connection, chat_id), database_now(connection)
        row = chats.get(connection, chat_id)
        warned = row is not None and row["warned_at"] is not None and row["warned_at"] >= request["asked_at"]
        act = desk_acts.pause if warned else desk_acts.warn
        act(connection, visit.content, request["id"], visit.me["id"], now)
        return warned

    try:
        paused = await visit.write(work, sends=True)
    except RefusedError as error:
        return await _refused(visit, error)
    return visit.go("/", done="paused") if paused else visit.go(f"/chat/{chat_id}", done="warned")


# -- what is said -------------------------------------------------------------------------------------------------


async def send(visit: Visit) -> Response:
    """Sends what was typed, if it may be said and the conversation is the agent's; else it is kept, with the reason."""
    chat_id, text = visit.number("chat"), visit.sent.get("text", "").strip()
    if wrong := desk_check.problems(text, visit.content, visit.link_hosts):
        said = [visit.content.text(key, longest=desk_check.LONGEST) for key in wrong]
        return await chat.page(visit, status=422, problems=said, text=text)
    try:
        await visit.write(partial(_say, chat_id, visit.me["id"], text), sends=True)
    except RefusedError as error:
        await visit.desk.database.write(partial(_keep, chat_id, visit.me["id"], text))
        return await _refused(visit, error, text=text)
    return visit.go(f"/chat/{chat_id}")


def _say(chat_id: int, agent_id: int, text: str, connection: Connection) -> None:
    now = database_now(connection)
    last = desk_view.said_last(connection, chat_id, f"agent:{agent_id}")
    if last and last["text"] == text and (now - last["at"]).total_seconds() < 10:
        return  # the button was pressed twice
    desk_messages.say(connection, chat_id=chat_id, agent_id=agent_id, payload=Reply(text=text).to_json(), now=now)
    desk_texts.keep_draft(connection, agent_id=agent_id, chat_id=chat_id, text="", now=now)


def _keep(chat_id: int, agent_id: int, text: str, connection: Connection) -> bool:
    if chats.get(connection, chat_id) is None:
        return False
    now = database_now(connection)
    desk_texts.keep_draft(connection, agent_id=agent_id, chat_id=chat_id, text=mask(text[:4_000]).text, now=now)
    return True


async def draft(visit: Visit) -> Response:
    """Keeps what is being typed."""
    kept = await visit.desk.database.write(
        partial(_keep, visit.number("chat"), visit.me["id"], visit.sent.get("text", ""))
    )
    if not kept:
        return visit.missing()
    return Response(status_code=204) if visit.part else visit.go(f"/chat/{visit.number('chat')}", done="draft")


async def retry(visit: Visit) -> Response:
    """Sends a failed message once more."""
    message, me = visit.sent.get("message", ""), visit.me["id"]
    if not is_whole(message):
        return visit.missing()
    return await _done(
        visit,
        lambda c: desk_messages.retry(c, outbox_id=int(message), agent_id=me, now=database_now(c)),
        "retry",
    )


async def send_form(visit: Visit) -> Response:
    """A link to the secure form, by which the person proves whose record it is."""
    parts = visit.desk.parts()
    if not parts.policy.secure_form_url:
        return visit.note("Formulir aman tidak tersedia", "PANDU_PUBLIC_URL belum diatur.", 409)
    chat_id, me = visit.number("chat"), visit.me["id"]

    def work(connection: Connection) -> None:
        now, fields = database_now(connection), ("nik", "birth_date")
        if chats.get(connection, chat_id) is None:
            raise RefusedError("gone")
        key = secure_forms.open_key(connection, chat_id=chat_id, purpose="linking", fields=fields, now=now)
        if key is None:
            key, until = parts.new_id(32), now + secure.VALID_FOR
            secure_forms.create(
                connection, key, chat_id=chat_id, purpose="linking", fields=fields, now=now, expires_at=until
            )
        url = parts.policy.secure_form_url + secure.signed(key, parts.policy)
        said = Reply(text=parts.catalogue.text("desk_secure_form"), form=SecureForm(key=key, fields=fields, url=url))
        desk_messages.say(connection, chat_id=chat_id, agent_id=me, payload=said.to_json(), now=now)

    return await _done(visit, work, "form")


# -- beside the conversation --------------------------------------------------------------------------------------


async def note(visit: Visit) -> Response:
    """A note for colleagues, on the chat's present case."""
    text, chat_id, actor = mask(visit.sent.get("note", "").strip()[:_NOTE]).text, visit.number("chat"), visit.actor

    def work(connection: Connection) -> None:
        cases = desk_view.cases_of(connection, chat_id, None, limit=1)
        if not cases:
            raise RefusedError("gone")
        if text:
            desk_texts.note(connection, cases[0]["id"], author=actor, text=text, now=database_now(connection))

    return await _done(visit, work, "noted")


async def show_record(visit: Visit) -> Response:
    """The record's values in place of their masks; each time is logged."""
    return await chat.page(visit, show_record=True, name="chat_record.html" if visit.part else "chat.html")
