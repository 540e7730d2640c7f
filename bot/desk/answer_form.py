"""The form of an answer: what stands in its fields, and the answer that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from handlers.answer_check import Finding
from handlers.turn import ZONES

LONGEST = 5_000  # letters of a field; more is no answer, and would take minutes to compare
YEARS = range(2000, 2101)  # of dates that an answer or a fact begins or ends with
TWOFOLD = ("text", "text_2020_2022", "sms")
PLAIN = ("title", "question", "more", "as_of", "review_by")
_WIB = ZONES["WIB"]


def fields_of(body: Mapping[str, Any]) -> dict[str, str]:
    """The fields filled with an answer; the second wording is empty where there is one alone."""
    found = {key: str(body.get(key) or "") for key in PLAIN}
    for key in TWOFOLD:
        value = body.get(key) or ""
        both = value if isinstance(value, Mapping) else {"open": value, "closed": ""}
        found[f"{key}_open"], found[f"{key}_closed"] = str(both["open"]).strip(), str(both["closed"]).strip()
    found["sources"] = _lines(body.get("sources") or ())
    found["sources_2020_2022"] = _lines(body.get("sources_2020_2022") or ())
    found["follow_ups"] = ", ".join(body.get("follow_ups") or ())
    found["procedure"] = "1" if body.get("procedure") else ""
    return found


def body_of(sent: Mapping[str, str]) -> tuple[dict[str, Any], list[Finding]]:
    """The answer that the fields make, and what cannot be kept: lines of sources that cannot be read, fields without end."""
    body: dict[str, Any] = {key: sent.get(key, "").strip() for key in PLAIN}
    body |= {key: " ".join(body[key].split()) for key in ("title", "question")}  # one line
    for key in TWOFOLD:
        opened, closed = sent.get(f"{key}_open", "").strip(), sent.get(f"{key}_closed", "").strip()
        body[key] = {"open": opened, "closed": closed} if closed and closed != opened else opened
    found = [
        Finding(key, "long", {"size": len(sent[key]), "most": LONGEST, "over": len(sent[key]) - LONGEST})
        for key in fields_of({})
        if len(sent.get(key, "")) > LONGEST
    ]
    for key in ("sources", "sources_2020_2022"):
        body[key], wrong = _sources(key, sent.get(key, ""))
        found += wrong
    body["follow_ups"] = [name.strip() for name in sent.get("follow_ups", "").split(",") if name.strip()]
    body["procedure"] = bool(sent.get("procedure"))
    for key in ("text_2020_2022", "sources_2020_2022", "more"):
        if not body[key]:
            del body[key]
    return body, found


def begins(text: str) -> datetime | None:
    """The beginning of a day in WIB; None where nothing is given. Raises ValueError for what is no day."""
    if not text.strip():
        return None
    try:
        return _near(datetime.combine(date.fromisoformat(text.strip()), time(0), _WIB))
    except ValueError:
        raise ValueError(f"{text!r} is no day; write 2026-12-01") from None


def ends(text: str) -> datetime | None:
    """The end of a day in WIB, as `begins`."""
    moment = begins(text)
    return moment + timedelta(days=1) if moment else None


def moment(text: str) -> datetime | None:
    """A moment as a page's field gives it, in WIB where it names no zone; as `begins`."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        return _near(found if found.tzinfo else found.replace(tzinfo=_WIB))
    except ValueError:
        raise ValueError(f"{text!r} is no moment; write 2026-12-01T17:00") from None


def dates_of(
    sent: Mapping[str, str], first: Callable[[str], datetime | None], last: Callable[[str], datetime | None]
) -> tuple[dict[str, datetime | None], list[Finding]]:
    """When something is to begin and end (`valid_from`, `valid_to`), and what of it cannot be read."""
    found: dict[str, datetime | None] = {}
    wrong = []
    for name, read in (("valid_from", first), ("valid_to", last)):
        try:
            found[name] = read(sent.get(name, ""))
        except ValueError:
            found[name] = None
            wrong.append(Finding(name, "date"))
    return found, wrong


def first_day(moment: datetime | None) -> str:
    """As a date field holds the beginning of a day."""
    return moment.astimezone(_WIB).date().isoformat() if moment else ""


def last_day(moment: datetime | None) -> str:
    """As a date field holds the end of a day."""
    return (moment.astimezone(_WIB) - timedelta(seconds=1)).date().isoformat() if moment else ""


def _near(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError
    return moment


def _sources(key: str, text: str) -> tuple[list[dict[str, str]], list[Finding]]:
    rows, wrong = [], []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 3 and all(parts):
            rows.append(dict(zip(("name", "date", "url"), parts, strict=True)))
        else:
            wrong.append(Finding(key, "source_line", {"line": line[:60]}))
    return rows, wrong


def _lines(sources: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(f"{row['name']} | {row['date']} | {row['url']}" for row in sources)
