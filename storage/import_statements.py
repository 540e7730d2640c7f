"""The statements by which an import's rows become records: rows are matched, compared, written and followed by the database itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import (
    Instant,
    Json,
    courses,
    enrolments,
    identities,
    import_rows,
    incentives,
    links,
    offices,
    participants,
    providers,
)

WATCHED: Mapping[str, tuple[str, ...]] = {
    "enrolments": ("state", "finished_on", "certificate_on"),
    "incentives": ("state", "amount", "reason", "scheduled_on", "paid_on"),
}
"""What a person may want to be told when it changes."""

ENDED_WHY = "number_changed"  # as the conversation itself ends such a link

_TABLES: Mapping[str, tuple[Table, list[str]]] = {
    "participants": (participants, ["record_key"]),
    "courses": (courses, ["course_key"]),
    "enrolments": (enrolments, ["participant_id", "course_id"]),
    "incentives": (incentives, ["participant_id", "kind"]),
    "providers": (providers, ["provider_key"]),
    "offices": (offices, ["name", "region"]),
}
"""Where the rows of a kind go, and what is unique there."""
_IF_ABSENT: Mapping[str, Mapping[str, Any]] = {
    "enrolments": {"position": 1},
    "providers": {"state": "listed"},
}  # for columns that the file has not


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import writes: `columns` are the table's, in the order of each row's data; `exempt` are links that stay."""

    kind: str
    columns: Sequence[str]
    as_of: datetime
    exempt: Sequence[str] = ()  # methods of links that do not rest on the chat's own number


# -- where rows come from

_rows = import_rows.c
_good = and_(_rows.import_id == bindparam("import_id"), _rows.problems.is_(None), _rows.line > bindparam("after"))
_batch = and_(_good, _rows.line <= bindparam("last"))
_STAGED = select(_rows.line, _rows.key, _rows.second, _rows.data).where(_batch).subquery("given")
LAST = select(
    func.max(select(_rows.line).where(_good).order_by(_rows.line).limit(bindparam("limit")).subquery().c.line)
)


def _given(*, on_sqlite: bool) -> FromClause:
    """Rows that come as a parameter (line, key, second, data), as a source like the staging table."""
    unfold = func.json_each if on_sqlite else func.jsonb_array_elements
    row = type_coerce(unfold(bindparam("rows", type_=Json)).table_valued("value").c.value, Json)
    line = row["line"].as_integer().label("line")
    texts = (row[name].as_string().label(name) for name in ("key", "second"))
    return select(line, *texts, type_coerce(row["data"], Json).label("data")).subquery("given")


class Statements:
    """The statements of one plan, made once: building them for each batch would cost more than running them."""

    def __init__(self, plan: Plan, *, on_sqlite: bool, from_staging: bool = True) -> None:
        """Without `from_staging` rows are given as a parameter, and nothing can be written."""
        self._plan = plan
        self._on_sqlite = on_sqlite
        self._table, self._unique = _TABLES[plan.kind]
        self._source = _STAGED if from_staging else _given(on_sqlite=self._on_sqlite)
        self._values = {name: self._value(place, name) for place, name in enumerate(plan.columns)}
        self._match()
        self.foresee = self._foreseeing()
        self.unknown = self._looking_up()
        if from_staging:
            self.upsert = self._writing()
            self.changed = self._changing() if plan.kind in WATCHED else None
            self.ended = self._ending() if "phone" in plan.columns else None
            self.taken = import_rows.delete().where(_batch)

    def _value(self, place: int, name: str) -> Any:
        """The row's value of a column, as the database compares and stores it."""
        said = self._source.c.data[place].as_string()
        kept = self._table.c[name].type
        if self._on_sqlite:
            return type_coerce(said, String if isinstance(kept, Date | Boolean) else kept)  # JSON_EXTRACT gives numbers
        return said if isinstance(kept, String) else cast(said, kept)

    def _match(self) -> None:
        """Joins the rows with the records that they mean."""
        kind, source, table = self._plan.kind, self._source, self._table
        joined: FromClause = source
        self._missing: ColumnElement[bool] = false()  # the participant or course is not there
        self._keys: dict[str, Any] = {self._unique[0]: source.c.key}
        if kind in WATCHED:
            joined = joined.outerjoin(participants, participants.c.record_key == source.c.key)
            self._keys = {"participant_id": participants.c.id, "kind": source.c.second}
            self._missing = participants.c.id.is_(None)
        if kind == "enrolments":
            joined = joined.outerjoin(courses, courses.c.course_key == source.c.second)
            self._keys = {"participant_id": participants.c.id, "course_id": courses.c.id}
            self._missing = self._missing | courses.c.id.is_(None)
        if kind == "offices":
            self._keys = {"name": source.c.key, "region": source.c.second}
        self._joined = joined.outerjoin(table, and_(*(table.c[name] == value for name, value in self._keys.items())))
        self._new = and_(~self._missing, table.c.id.is_(None)) if kind in WATCHED else table.c.id.is_(None)
        self._newer = and_(table.c.id.is_not(None), table.c.as_of > literal(self._plan.as_of, Instant))

    def _differs(self, names: Sequence[str]) -> ColumnElement[bool]:
        """Whether a record that is no newer differs from its row."""
        unlike = (self._table.c[name].is_distinct_from(self._values[name]) for name in names)
        return and_(self._table.c.id.is_not(None), ~self._newer, reduce(or_, unlike, false()))

    def _foreseeing(self) -> Any:
        kinds = {
            "missing": self._missing,
            "inserted": self._new,
            "newer": self._newer,
            "changed": self._differs(self._plan.columns),
        }
        counted = [
            func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name) for name, condition in kinds.items()
        ]
        return select(func.count().label("all"), *counted).select_from(self._joined)

    def _looking_up(self) -> dict[str, Any]:
        source, named = self._source, {}
        if self._plan.kind in WATCHED:
            there = select(participants.c.id).where(participants.c.record_key == source.c.key)
            named["record_key"] = select(source.c.line).where(~there.exists())
        if self._plan.kind == "enrolments":
            there = select(courses.c.id).where(courses.c.course_key == source.c.second)
            named["course_key"] = select(source.c.line).where(~there.exists())
        return named

    def _writing(self) -> Any:
        table = self._table
        always: dict[str, Any] = {"as_of": literal(self._plan.as_of, Instant)}
        if "imported_at" in table.c:
            always["imported_at"] = bindparam("now", type_=Instant)
        absent = {
            name: literal(value)
            for name, value in _IF_ABSENT.get(self._plan.kind, {}).items()
            if name not in self._values
        }
        wanted = {**self._keys, **self._values, **always, **absent}
        rows = select(*(value.label(name) for name, value in wanted.items())).select_from(self._joined)
        insert = sqlite.insert if self._on_sqlite else postgresql.insert
        # the condition that is always true keeps SQLite from reading ON CONFLICT as a join's ON
        rows = rows.where(~self._missing, text("1 = 1")).order_by(
            self._source.c.line
        )  # payments are told in this order
        statement = insert(table).from_select(list(wanted), rows)
        return statement.on_conflict_do_update(
            index_elements=self._unique,
            set_={name: statement.excluded[name] for name in (*self._values, *always)},
            where=table.c.as_of <= statement.excluded.as_of,
        )

    def _changing(self) -> Any:
        table, source, names = self._table, self._source, WATCHED[self._plan.kind]
        told = [name for name in names if name in self._values]
        linked = (
            select(links.c.id).where(links.c.participant_id == participants.c.id, links.c.ended_at.is_(None)).exists()
        )
        columns = [
            participants.c.id,
            source.c.second,
            source.c.data,
            table.c.id.label("record"),
            *(table.c[name] for name in names),
        ]
        return (
            select(*columns)
            .select_from(self._joined)
            .where(or_(self._differs(told), and_(self._new, linked)))
            .order_by(source.c.line)
        )

    def _ending(self) -> Any:
        vouched = (
            select(identities.c.value)
            .where(identities.c.chat_id == links.c.chat_id, identities.c.kind == "phone", identities.c.vouched)
            .order_by(identities.c.last_seen.desc())
            .limit(1)
            .scalar_subquery()
        )
        recorded = select(participants.c.phone).where(participants.c.id == links.c.participant_id).scalar_subquery()
        imported = select(participants.c.id).join(self._source, self._source.c.key == participants.c.record_key)
        by_number = links.c.method.not_in(self._plan.exempt)
        return (
            update(links)
            .where(links.c.participant_id.in_(imported), links.c.ended_at.is_(None), by_number)
            .where(vouched.is_distinct_from(recorded))
            .values(ended_at=bindparam("now", type_=Instant), ended_why=ENDED_WHY)
            .returning(links.c.id)
        )
