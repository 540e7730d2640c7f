"""How courses are told: a line, the details, a comparison, the note. Invented ones say so."""

from __future__ import annotations

from datetime import date

from sqlalchemy import RowMapping

from handlers import course_first, places, telling
from handlers.catalogue import rupiah
from handlers.course_search import Search
from handlers.record import Record
from handlers.turn import Turn

TITLE, TITLE_IN_LIST = 60, 28
SUMMARY = 160


def with_mark(turn: Turn, row: RowMapping, most: int = TITLE) -> str:
    """The title, at most so many letters of it; "(contoh)" behind it where the course is invented."""
    title = shortened(row["title"], most)
    return f"{title} {turn.content.text('course_invented')}" if row["invented"] else title


def shortened(text: str, most: int) -> str:
    """A text of at most so many letters, with an ellipsis where something is left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def about(turn: Turn, search: Search, count: int, page: int, pages: int) -> str:
    """The head of a list: how many, of what, which page."""
    content = turn.content.files["courses"]
    named = [
        content[kind][key]["name"]
        for kind, key in (("topics", search.topic), ("modes", search.mode), ("platforms", search.platform))
        if key
    ]
    if search.max_price:
        named.append("≤ " + rupiah(search.max_price))
    if search.start_to:
        first, last = (telling.day(date.fromisoformat(day)) for day in (search.start_from, search.start_to))
        named.append(turn.content.text("course_starts_between", first=first, last=last))
    if not named:
        return turn.content.text("course_found_all", count=count, page=page, pages=pages)
    return turn.content.text("course_found", count=count, about=", ".join(named), page=page, pages=pages)


def line(turn: Turn, row: RowMapping, number: int) -> str:
    """One course of a list."""
    mode = turn.content.files["courses"]["modes"][row["mode"]]["short"]
    title = with_mark(turn, row, TITLE_IN_LIST)
    return turn.content.text("course_line", number=number, title=title, mode=mode, price=rupiah(row["price"]))


def facts(turn: Turn, row: RowMapping) -> str:
    """Platform, way of learning and price, for an option."""
    return ", ".join((_platform(turn, row), _mode(turn, row), rupiah(row["price"])))


def details(turn: Turn, row: RowMapping, own: Record | None) -> str:
    """Everything about one course; the price against the balance where that may be told."""
    text = turn.content.text(
        "course_detail",
        title=with_mark(turn, row),
        mode=_mode(turn, row).capitalize(),
        platform=_platform(turn, row),
        provider=row["provider"],
        price=rupiah(row["price"]),
        summary=shortened(row["summary"], SUMMARY),
        **_extras(turn, row),
    )
    parts = [text] if turn.content.state == "open" else [turn.content.text("course_closed"), text]
    listed = telling.day(turn.local(row["as_of"]).date())
    if row["valid_until"]:
        parts.append(turn.content.text("course_valid_until", day=telling.day(row["valid_until"])))
    if own and own.shows_amounts and own.fresh and own.row["balance"] is not None:
        missing = row["price"] - own.row["balance"]
        key = "course_balance_short" if missing > 0 else "course_balance_enough"
        parts.append(turn.content.text(key, balance=rupiah(own.row["balance"]), missing=rupiah(max(0, missing))))
        parts.append(
            turn.content.text(
                "course_as_of_balance", as_of=listed, balance_as_of=telling.moment(turn, own.row["as_of"])
            )
        )
    else:
        parts.append(turn.content.text("course_as_of", as_of=listed))
    return "\n".join(part for part in parts if part)


def comparison(turn: Turn, first: RowMapping, second: RowMapping) -> str:
    """Two courses side by side."""
    told = [
        turn.content.text(
            "course_compare_line",
            title=with_mark(turn, row),
            mode=_mode(turn, row),
            platform=_platform(turn, row),
            price=rupiah(row["price"]),
            **{key: value for key, value in _extras(turn, row).items() if key != "starts"},
        )
        for row in (first, second)
    ]
    text = turn.content.text("course_compare", first=told[0], second=told[1])
    as_of = telling.day(turn.local(min(first["as_of"], second["as_of"])).date())
    parts = [text, turn.content.text("course_as_of", as_of=as_of)]
    return "\n".join(parts if turn.content.state == "open" else [turn.content.text("course_closed"), *parts])


def noted(turn: Turn, row: RowMapping, own: Record | None) -> str:
    """The end: noted, not bought; where and until when to buy, as far as that is known."""
    if turn.content.state != "open":
        return turn.content.text("course_noted_closed", title=with_mark(turn, row))
    told = own if own and own.fresh and own.shows_amounts else None
    buy_by = told.row["buy_by"] if told else None
    until = ""
    if buy_by and buy_by >= telling.today(turn):
        until = turn.content.text("course_until_date", deadline=telling.deadline(turn, buy_by))
    parts = [
        turn.content.text(
            "course_noted_open", title=with_mark(turn, row), platform=_platform(turn, row), until=until and f" {until}"
        )
    ]
    return "\n".join(part for part in (*parts, course_first.check(turn, own)) if part)


def _extras(turn: Turn, row: RowMapping) -> dict[str, str]:
    say = turn.content.text
    place = places.name(row["region"]) if row["region"] else ""
    return {
        "hours": ", " + say("course_hours", hours=row["hours"]) if row["hours"] else "",
        "starts": ", " + say("course_starts", day=telling.day(row["starts_on"])) if row["starts_on"] else "",
        "place": ", " + say("course_place", place=place) if place else "",
    }


def _mode(turn: Turn, row: RowMapping) -> str:
    return str(turn.content.files["courses"]["modes"][row["mode"]]["name"])


def _platform(turn: Turn, row: RowMapping) -> str:
    known = turn.content.files["courses"]["platforms"].get(row["platform"])
    return str(known["name"]) if known else str(row["platform"])
