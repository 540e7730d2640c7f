"""The one table: which address is answered by what, and for which roles. A test walks every line with every role."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot import picture_files
from bot.desk import (
    account,
    agents,
    announcement_acts,
    announcement_deeds,
    announcement_draft,
    announcement_live,
    announcement_picture,
    announcements,
    answer_edit,
    answers,
    canned,
    cases,
    chat,
    entrance,
    figures,
    hours,
    looks,
    models,
    officer,
    person,
    program,
    quality,
    queue,
    roles,
    speaking,
    supervision,
    unclear,
)
from bot.desk.guard import Rule, Run, guarded
from bot.desk.live import Hub
from bot.desk.look import STATIC, asset
from bot.desk.visit import PREFIX, Desk, Visit

PICTURE = picture_files.MOST_BYTES  # of a picture, as its file is
NUMBERS = 4 * 1024 * 1024  # bytes of a form that a list of numbers may be pasted into: some 40,000 lines
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def rules(hub: Hub) -> tuple[Rule, ...]:
    """Every page and every deed of the desk."""
    return (
        Rule("GET", "/login", entrance.login_page, None),
        Rule("POST", "/login", entrance.login, None),
        Rule("GET", "/invite/{token:str}", entrance.invite_page, None),
        Rule("POST", "/invite/{token:str}", entrance.accept_invite, None),
        Rule("POST", "/logout", entrance.logout, roles.EVERYBODY),
        Rule("GET", "/live", hub.stream, roles.EVERYBODY),
        Rule("GET", "/", _home(queue.show), roles.EVERYBODY),
        Rule("POST", "/next", queue.take_next, roles.ANSWERS),
        Rule("POST", "/availability", queue.availability, roles.ANSWERS),
        Rule("GET", "/chat/{chat:int}", chat.show, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/take", speaking.take, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/take-over", speaking.take_over, roles.LEADS),
        Rule("POST", "/chat/{chat:int}/transfer", speaking.transfer, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/give-back", speaking.give_back, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/end", speaking.end, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/abuse", speaking.abuse, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/send", speaking.send, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/draft", speaking.draft, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/retry", speaking.retry, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/form", speaking.send_form, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/note", speaking.note, roles.ANSWERS),
        Rule("POST", "/chat/{chat:int}/record", speaking.show_record, roles.ANSWERS),
        Rule("GET", "/cases", cases.listed, roles.ANSWERS),
        Rule("GET", "/cases/{number:str}", cases.show, roles.ANSWERS),
        Rule("POST", "/cases/{number:str}/change", cases.change, roles.ANSWERS),
        Rule("POST", "/cases/{number:str}/note", cases.note, roles.ANSWERS),
        Rule("POST", "/cases/{number:str}/close", cases.close, roles.ANSWERS),
        Rule("POST", "/cases/{number:str}/correct", cases.correct, roles.ANSWERS),
        Rule("POST", "/cases/{number:str}/open", cases.open_chat, roles.ANSWERS),
        Rule("GET", "/canned", canned.show, roles.ANSWERS | roles.WRITES),
        Rule("POST", "/canned", canned.save, roles.WRITES),
        Rule("POST", "/canned/delete", canned.delete, roles.WRITES),
        Rule("GET", "/unclear", unclear.show, roles.WRITES),
        Rule("POST", "/unclear", unclear.handle, roles.WRITES),
        Rule("GET", "/unclear/{item:int}", unclear.read, roles.WRITES),
        Rule("POST", "/unclear/{item:int}", unclear.teach, roles.WRITES),
        Rule("GET", "/models", models.show, roles.WRITES),
        Rule("POST", "/models/train", models.train, roles.WRITES),
        Rule("POST", "/models/{model:int}/publish", models.publish, roles.WRITES),
        Rule("POST", "/models/{model:int}/rollback", models.roll_back, roles.WRITES),
        Rule("POST", "/models/taught/{taught:int}/withdraw", models.withdraw, roles.WRITES),
        Rule("GET", "/answers", answers.listed, roles.WRITES),
        Rule("GET", "/answers/{intent:str}", answers.show, roles.WRITES),
        Rule("GET", "/answers/{intent:str}/edit", answer_edit.show, roles.WRITES),
        Rule("GET", "/answers/{intent:str}/differences", answers.differences, roles.WRITES),
        Rule("POST", "/answers/{intent:str}/edit", answer_edit.save, roles.WRITES),
        Rule("POST", "/answers/{intent:str}/feedback", answers.settle, roles.WRITES),
        Rule("POST", "/answers/{intent:str}/do/{step:str}", answer_edit.act, roles.WRITES),
        Rule("GET", "/program", program.show, roles.DIRECTS),
        Rule("POST", "/program", program.ask, roles.DIRECTS),
        Rule("POST", "/program/{row:int}/{step:str}", program.act, roles.DIRECTS),
        Rule("GET", "/announcements/{id:int}", announcement_live.show, roles.ANNOUNCES),
        Rule("GET", "/announcements/{id:int}/ledger.csv", announcement_live.as_csv, roles.ANNOUNCES),
        Rule("GET", "/announcements/{id:int}/ledger.xlsx", announcement_live.as_xlsx, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/pause", announcement_acts.pause, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/resume", announcement_acts.resume, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/cancel", announcement_acts.cancel, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/retry", announcement_acts.retry, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/settle", announcement_acts.settle, roles.ANNOUNCES),
        Rule("GET", "/announcements", announcements.listed, roles.ANNOUNCES),
        Rule("POST", "/announcements/segments", announcements.segment, roles.ANNOUNCES),
        Rule("POST", "/announcements/picture", announcement_picture.take, roles.ANNOUNCES, PICTURE, raw=True),
        Rule("GET", "/announcements/picture/{key:str}", announcement_picture.show, roles.ANNOUNCES),
        Rule("GET", "/announcements/new", announcement_draft.ask, roles.ANNOUNCES),
        Rule("POST", "/announcements/new", announcement_draft.make, roles.ANNOUNCES, NUMBERS),
        Rule("GET", "/announcements/{id:int}/draft", announcement_draft.show, roles.ANNOUNCES),
        Rule("POST", "/announcements/{id:int}/draft", announcement_draft.save, roles.ANNOUNCES, NUMBERS),
        Rule("POST", "/announcements/{id:int}/draft/{step:str}", announcement_deeds.act, roles.ANNOUNCES),
        Rule("GET", "/supervision", supervision.show, roles.COUNTS),
        Rule("GET", "/figures", figures.show, roles.COUNTS | roles.WRITES),
        Rule("GET", "/figures.csv", figures.download, roles.COUNTS | roles.WRITES),
        Rule("GET", "/quality", quality.show, roles.LEADS),
        Rule("GET", "/quality/{review:int}", quality.read, roles.LEADS),
        Rule("POST", "/quality/{review:int}", quality.save, roles.LEADS),
        Rule("GET", "/hours", hours.show, roles.RUNS),
        Rule("POST", "/hours", hours.save, roles.RUNS),
        Rule("POST", "/hours/day", hours.save_day, roles.RUNS),
        Rule("POST", "/hours/rule", hours.save_rule, roles.RUNS),
        Rule("GET", "/requests", officer.listed, roles.GUARDS),
        Rule("GET", "/requests/{number:str}", officer.show, roles.GUARDS),
        Rule("POST", "/requests/{number:str}/done", officer.done, roles.GUARDS),
        Rule("POST", "/requests/{number:str}/refuse", officer.refuse, roles.GUARDS),
        Rule("GET", "/person", person.ask, roles.GUARDS),
        Rule("POST", "/person", person.find, roles.GUARDS),
        Rule("POST", "/person/copy", person.copy, roles.GUARDS),
        Rule("POST", "/person/erase", person.erase, roles.GUARDS),
        Rule("GET", "/consents", account.consented, roles.GUARDS),
        Rule("GET", "/processing", account.processing, roles.GUARDS),
        Rule("GET", "/breach", account.ask_breach, roles.GUARDS),
        Rule("POST", "/breach", account.breach, roles.GUARDS),
        Rule("GET", "/looks", looks.show, roles.GUARDS),
        Rule("GET", "/agents", agents.show, roles.ADMINS),
        Rule("POST", "/agents", agents.add, roles.ADMINS),
        Rule("POST", "/agents/{agent:int}", agents.change, roles.ADMINS),
        Rule("POST", "/agents/{agent:int}/link", agents.link, roles.ADMINS),
        Rule("POST", "/agents/{agent:int}/off", agents.off, roles.ADMINS),
    )


def desk_routes(desk: Desk, hub: Hub) -> list[BaseRoute]:
    """All routes of the desk, its files included."""
    return [
        Route(f"{PREFIX}/static/{{version:str}}/{{name:str}}", _static, methods=["GET"]),
        Route(PREFIX, _to_desk, methods=["GET"]),
        *guarded(desk, rules(hub)),
    ]


def _home(show: Run) -> Run:
    async def home(visit: Visit) -> Response:
        """The queue, or the first page of who has none."""
        first = roles.home(visit.me["role"])
        return await show(visit) if first == "/" else visit.go(first)

    return home


async def _to_desk(_request: Request) -> Response:
    return Response(status_code=307, headers={"Location": f"{PREFIX}/"})


async def _static(request: Request) -> Response:
    """A file of ours by its name and version; kept by the browser for good."""
    name = request.path_params["name"]
    path = STATIC / name
    if name not in _names() or request.url.path != asset(name):
        return PlainTextResponse("tidak ada", 404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, headers=headers, media_type=_TYPES[path.suffix])


def _names() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir() if path.suffix in _TYPES)
