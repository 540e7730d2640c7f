"""Suggestions of courses, each with its reason: interests, work, region, and what groups of similar people finished.

What is known comes from the message, from the person's own preparation (its consent names this purpose) and from the record of a chat
that may see it. The groups can be switched off by the person and by the operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from handlers import free_text, places, registration_view, telling, typed
from handlers.course_search import ONLINE, Search
from handlers.record import record
from handlers.turn import Answer, Turn, answer
from nlu.meaning import nearness
from storage import chats, consents, course_groups, courses, incentives, registrations

PER_PAGE = 3
_AKIN = 0.45  # as near in meaning as a search demands
_WEIGHTS = {"interest": 3.0, "similar": 2.0, "work": 1.5, "region": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the person, as far as it may be used."""

    interests: tuple[str, ...] = ()  # codes of content/registration.yml
    work: str = ""  # such a code, or "=" and what was typed
    region: str = ""
    age: int | None = None
    balance: int | None = None
    taken: frozenset[int] = frozenset()  # courses bought or noted

    @property
    def anything(self) -> bool:
        """Whether there is something to go by."""
        return bool(self.interests or self.work or self.region or self.age is not None)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A course, its reason as a sentence, and what kind of reason that is."""

    row: RowMapping
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The suggestions in their order, and the moment of which the groups speak, where they were looked at."""

    found: tuple[Suggestion, ...]
    groups_as_of: datetime | None = None


def known(turn: Turn, search: Search) -> Known:
    """What the message says, then the preparation, then the record; of somebody else only what the message says."""
    region = search.regions.split("|")[0]
    interests = tuple(search.interests.split("|")) if search.interests else ()
    if turn.understanding.subject != "self":
        return Known(interests=interests, work=search.work, region=region)
    noted = _preparation(turn)
    own = record(turn, "saran pelatihan")
    row = own.row if own and own.shows_amounts and own.fresh else None
    listed = str(noted.get("interests", "")).rstrip(registration_view.FINAL)
    known_topics = registration_view.vocabulary(turn)["interests"]
    taken = {course["id"] for course in courses.choices(turn.connection, turn.chat_id)}
    if row:
        taken |= incentives.course_ids(turn.connection, row["id"])
    return Known(
        interests=interests or tuple(code for code in listed.split(",") if code in known_topics),
        work=search.work or _work(noted),
        region=region or (row["region"] if row else "") or str(noted.get("region", "")),
        age=_age(turn, row["birth_date"] if row else None, noted),
        balance=row["balance"] if row else None,
        taken=frozenset(taken),
    )


def _preparation(turn: Turn) -> Mapping[str, Any]:
    """The values of the chat's preparation, where the consent that holds names suggestions too."""
    consent = consents.active(turn.connection, turn.chat_id, "registration", turn.now)
    if consent is None or consent["wording"] != registration_view.wording(turn):
        return {}
    row = registrations.of_chat(turn.connection, turn.chat_id, turn.now)
    return row["data"] if row else {}


def _work(noted: Mapping[str, Any]) -> str:
    value = str(noted.get("work", ""))
    return "" if value.rstrip(registration_view.FINAL) == typed.SKIPPED else value


def _age(turn: Turn, born: date | None, noted: Mapping[str, Any]) -> int | None:
    value = born.isoformat() if born else str(noted.get("age", ""))
    return typed.ages(value, telling.today(turn))[0] if value and value != typed.SKIPPED else None


# -- what is suggested --------------------------------------------------------------------------------------------


def suggest(turn: Turn, search: Search, person: Known) -> Suggestions:
    """Courses that have a reason, the kinds of reasons taking turns, so that the first ones show each kind there is."""
    rows = [row for row in _candidates(turn, search, person) if row["id"] not in person.taken]
    groups = _groups(turn, person)
    counted = {row["course_id"]: row for row in groups}
    near = _near_work(turn, person, rows)
    order = sorted(_WEIGHTS, key=lambda kind: (not (kind == "work" and search.work), -_WEIGHTS[kind]))
    told: dict[str, list[tuple[float, Suggestion]]] = {kind: [] for kind in order}  # what was just said comes first
    for row in rows:
        reasons = dict(_reasons(turn, person, row, counted, near))
        if not reasons:
            continue
        weight = sum(_WEIGHTS[kind] for kind in reasons)
        if row["id"] in counted:
            weight += counted[row["id"]]["finished"] / counted[row["id"]]["people"]
        for kind, sentence in reasons.items():
            told[kind].append((weight, Suggestion(row, sentence, kind)))
    found = tuple(_in_turns([_sorted(pairs) for pairs in told.values()]))
    return Suggestions(found, groups[0]["as_of"] if groups else None)


def _candidates(turn: Turn, search: Search, person: Known) -> Iterable[RowMapping]:
    """Courses the person could take: within the balance, and held where they live or anywhere."""
    modes = ONLINE if search.mode == "online" else (search.mode,) if search.mode else ()
    price = search.max_price or person.balance or None
    rows = courses.search(
        turn.connection, today=telling.today(turn), platform=search.platform, modes=modes, max_price=price
    )
    return (row for row in rows if not row["region"] or not person.region or row["region"] == person.region)


def _reasons(
    turn: Turn, person: Known, row: RowMapping, counted: Mapping[int, RowMapping], near: frozenset[int]
) -> Iterable[tuple[str, str]]:
    """(kind, sentence) of each reason there is for a course."""
    text, tables = turn.content.text, registration_view.vocabulary(turn)
    topics = turn.content.files["suggest"]
    interest = next((code for code in person.interests if row["topic"] in topics["interests"].get(code, ())), None)
    if interest:
        yield "interest", text("suggest_interest", label=tables["interests"][interest]["label"])
    if row["id"] in counted:
        yield "similar", _similar(turn, counted[row["id"]])
    if row["topic"] in topics["work"].get(person.work, ()):
        yield "work", text("suggest_work", label=tables["work"][person.work]["label"].lower())
    elif row["id"] in near:
        yield "work", text("suggest_work_typed", label=person.work.removeprefix(registration_view.TYPED))
    if person.region and row["region"] == person.region:
        yield "region", text("suggest_region", place=places.name(person.region))


def _near_work(turn: Turn, person: Known, rows: Sequence[RowMapping]) -> frozenset[int]:
    """Courses whose title is near in meaning to work that no table knows."""
    if not person.work.startswith(registration_view.TYPED):
        return frozenset()
    near = nearness(person.work.removeprefix(registration_view.TYPED), [row["title"] for row in rows])
    return frozenset(row["id"] for row, value in zip(rows, near, strict=True) if value >= _AKIN)


def _sorted(pairs: list[tuple[float, Suggestion]]) -> list[Suggestion]:
    def place(pair: tuple[float, Suggestion]) -> tuple[float, int, int]:
        return -round(pair[0], 2), pair[1].row["price"], pair[1].row["id"]

    return [suggestion for _, suggestion in sorted(pairs, key=place)]


def _in_turns(kinds: Sequence[list[Suggestion]]) -> Iterable[Suggestion]:
    """One of each kind after the other; no course twice, and no topic twice within a kind before its other topics have come."""
    waiting = [_topics_first(suggestions) for suggestions in kinds]
    shown: set[int] = set()
    while any(waiting):
        for queue in waiting:
            following = next((one for one in queue if one.row["id"] not in shown), None)
            if following is None:
                queue.clear()
                continue
            del queue[: queue.index(following) + 1]
            shown.add(following.row["id"])
            yield following


def _topics_first(suggestions: list[Suggestion]) -> list[Suggestion]:
    rounds: dict[str, int] = {}
    placed = []
    for at, one in enumerate(suggestions):
        rounds[one.row["topic"]] = rounds.get(one.row["topic"], 0) + 1
        placed.append((rounds[one.row["topic"]], at, one))
    return [one for _, _, one in sorted(placed, key=lambda item: item[:2])]


# -- similar people -----------------------------------------------------------------------------------------------


def _groups(turn: Turn, person: Known) -> list[RowMapping]:
    """What the nearest group that is large enough finished; nothing where the person or the operator does not want it."""
    if not (turn.policy.similar and turn.chat["similar"] and turn.understanding.subject == "self"):
        return []
    band = course_groups.band_of(person.age) if person.age is not None else None
    spots = [place for place in (person.region, person.region[:2]) if place]
    keys = [(place, band) for place in spots if band] + [(place, course_groups.ALL_AGES) for place in spots]
    keys += [("", band)] if band else []
    return course_groups.best(turn.connection, keys)


def _similar(turn: Turn, row: RowMapping) -> str:
    text = turn.content.text
    values: dict[str, str] = {}
    if row["band"]:
        low, high = course_groups.bounds(row["band"])
        values["ages"] = text("suggest_ages", low=low, high=high) if high else text("suggest_ages_open", low=low)
    if row["place"]:
        values["place"] = places.name(row["place"]) if len(row["place"]) == 4 else places.province(row["place"])
    key = "suggest_group_" + "_".join(part.rstrip("s") for part in ("ages", "place") if part in values)
    return text("suggest_similar", finished=row["finished"], people=row["people"], group=text(key, **values))


def asked_to_switch(turn: Turn) -> Answer | None:
    """The answer to "matikan saran" and "nyalakan saran", whatever the message was taken for; else None."""
    words = turn.content.files["suggest"]
    found = typed.find(turn, {"on": words["switch_on"], "off": words["switch_off"]})
    if found is None or turn.inbound.forwarded or not free_text.brief(turn, 12):
        return None
    return switch(turn, on=found.value == "on")


def switch(turn: Turn, *, on: bool) -> Answer:
    """Suggestions by what similar people finished, on or off for this chat."""
    chats.change(turn.connection, turn.chat_id, similar=on)
    if on and not turn.policy.similar:
        return answer(turn, turn.say("suggest_operator_off"))
    return answer(turn, turn.say("suggest_on" if on else "suggest_off"))
