"""What each table holds of people, how it is erased, and how long it is kept: one line a table (docs/privacy.md prints them).

A test walks the schema: every table has a line, and none with a key of a chat or record is without an erasure or a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Erasure = Literal["chat", "record", "both", "stays", "none"]
"""Goes with the chat, with the record, with either; stays for the reason told; holds nothing of a citizen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One table. `days` after `clock` a row is deleted, where `only` (SQL over its own columns) holds; 0 days: at that moment."""

    erasure: Erasure
    why: str  # what it is, and why it stays or has no time of its own
    clock: str = ""
    days: int | None = None
    only: str = ""
    parent: tuple[str, str] = ("", "")  # (column, table): rows that belong to a chat by another table


def _chat(why: str, clock: str = "", days: int | None = None, only: str = "", **more: tuple[str, str]) -> Rule:
    return Rule(erasure="chat", why=why, clock=clock, days=days, only=only, **more)


def _record(why: str) -> Rule:
    return Rule(erasure="record", why=why)


def _none(why: str) -> Rule:
    return Rule(erasure="none", why=why)


YEARS_2, YEARS_3, YEARS_5 = 730, 1095, 1825

RULES: Mapping[str, Rule] = {
    # -- people
    "participants": _record("the operator's imported record; ends with the operator's list or by `erase --record`"),
    "enrolments": _record("with the record"),
    "incentives": _record("with the record"),
    "changes": Rule(erasure="record", why="what an import has changed, for news to the person", clock="at", days=30),
    "chats": _chat("address, name and settings; three years after the last sign of life", "seen_at", YEARS_3,
                   "id NOT IN (SELECT chat_id FROM cases WHERE state <> 'closed') AND id NOT IN (SELECT chat_id FROM subscriptions "
                   "WHERE ended_at IS NOT NULL AND topic = 'semua') AND id NOT IN (SELECT chat_id FROM restrictions "
                   "WHERE ended_at IS NULL AND chat_id IS NOT NULL)"),
    "identities": _chat("telephone numbers and platform ids; with the chat"),
    "links": Rule(erasure="both", why="which chat belongs to which record", clock="ended_at", days=YEARS_2),
    "proofs": Rule(erasure="stays", why="a lock after wrong proofs: erasing must not lift it; goes with the chat", clock="since", days=30),
    "number_proofs": Rule(erasure="stays", why="the same lock for a number, over its chats; for a day", clock="since", days=1),
    "link_codes": _chat("one-time codes", "expires_at", 0),
    "access_log": Rule(erasure="both", why="who looked at whose data; the trail of what was erased goes with it", clock="at", days=YEARS_5),
    "consents": _chat("wording and time of consents; five years after they ended, as evidence", "withdrawn_at", YEARS_5),
    "subscriptions": _chat("wishes for announcements; a stop of all stays as long as the chat, or erasing would lift it"),
    # -- the path of a message
    "conversations": _chat("the open step; emptied after 30 idle days (`storage.chats.forget_idle_states`), the row with the chat"),
    "messages": _chat("masked history", "at", YEARS_2),
    "inbox": _chat("events as they came, masked; done ones for 7 days (repeats are known by their id), broken ones for 90",
                   "received_at", 90, "state IN ('dead', 'rejected')"),
    "queue": _chat("a counter; with the chat"),
    "outbox": _chat("what was sent", "done_at", 7),
    "early_deliveries": Rule(erasure="none", why="delivery reports under a platform's message id alone", clock="noted_at", days=7),
    "charges": _none("sums by month"),
    "templates": _none("approved wordings"),
    "channel_notes": _none("a platform's notes about our own account"),
    "budgets": _none("permits by account"),
    "leases": _none("which process does what"),
    "progress": _none("how far jobs have come"),
    # -- courses
    "courses": _none("the operator's catalogue"),
    "course_choices": _chat("courses a person noted", "noted_at", YEARS_2),
    "course_groups": _none("counts of groups of 50 or more"),
    "providers": _none("the operator's list of institutions"),
    "offices": _none("the operator's list of places"),
    "sms_pieces": _chat("sealed parts of an SMS until all are there", "at", 1),
    # -- what a conversation leaves behind
    "drafts": _chat("half-done forms", "expires_at", 0),
    "reminders": _chat("what was reminded of, so that it is not repeated", "at", 400),
    "notices": _chat("what waits to be told; emptied with its changes, the row with the chat"),
    "registrations": _chat("preparations, as long as agreed", "kept_until", 0),
    "identity_numbers": _chat("NIK and KK, sealed, as long as the preparation", "kept_until", 0),
    "identity_looks": _chat("who opened NIK and KK", "at", YEARS_5),
    "carry_codes": _chat("one-time codes", "expires_at", 0),
    "secure_forms": _chat("one-time forms; what they held is erased when it is taken", "expires_at", 0),
    "cases": _chat("reports; two years after their end", "closed_at", YEARS_2, "state = 'closed'"),
    "handoffs": _chat("conversations with agents", "ended_at", YEARS_2),
    "case_notes": _chat("agents' notes; with their case", parent=("case_id", "cases")),
    "desk_drafts": _chat("an agent's unsent words", "saved_at", 30),
    "quality_reviews": _chat("readings of a conversation; with it", parent=("handoff_id", "handoffs")),
    "misunderstood": _chat("unanswered questions; text and chat only with consent", "at", 365),
    "hook_deliveries": _chat("which preparations were told to the operator's system", "done_at", 7, "state <> 'pending'",
                             parent=("registration_id", "registrations")),
    # -- staff and the desk
    "agents": _none("staff accounts; switched off, never deleted: the trail names them"),
    "desk_sessions": Rule(erasure="none", why="staff sessions; by the background job within a day", clock="seen_at", days=1),
    "desk_logins": Rule(erasure="none", why="wrong passwords of staff", clock="since", days=2),
    "canned": _none("ready answers"),
    "hours": _none("hours of the desk"),
    "closed_days": _none("holidays"),
    "sla_rules": _none("times to answer"),
    "answer_versions": _none("texts of editors"),
    "content_events": _none("the public log of changes"),
    "content_versions": _none("contents by their label"),
    "program_rows": _none("the programme's state, with its dates"),
    "answer_feedback": _chat("people's word on answers; chat and remark only with consent", "at", 365),
    "visits": _chat("the present or last visit, for counts by day", "last_at", 90),
    "daily": _none("counts by day, nobody's name, number or words"),
    # -- teaching and announcements
    "taught": _chat("a person's words that the bot learnt from, with consent; an editor's own stay", "at", 365, "chat_id IS NOT NULL"),
    "models": _none("models and how they were measured"),
    "model_files": _none("weights of models, by words and pairs of words that stand in two training messages or more; no message"),
    "training_jobs": _none("who asked for a training and how it ended"),
    "campaigns": _none("what was announced, to which audience"),
    "campaign_recipients": Rule(erasure="stays", why="the ledger of an announcement: an erased chat's row stays as a count, without the chat",
                                clock="at", days=YEARS_2),
    "campaign_lanes": _none("which rows of the ledger go by which account"),
    "campaign_flights": _none("rows of the ledger that are on their way"),
    "campaign_late": _none("rows of the ledger whose failure was told late, until the loop has weighed them"),
    "campaign_numbers": Rule(erasure="stays", why="an audience from a file with its consents: the lines of an erased chat and of its number go"),
    "campaign_acts": _none("who of the staff did what"),
    "campaign_progress": _none("counts by minute"),
    "chat_tags": _chat("words that operators put on a chat to reach the same people again; \"data saya\" shows them"),
    "segments": _none("saved filters of audiences"),
    "pictures": _none("pictures of announcements, without what a camera writes into them; a day after nothing names them they go"),
    "picture_uploads": _none("under which id a platform holds a picture; with it"),
    # -- exchange
    "imports": _none("file names and counts of imports"),
    "import_rows": _record("rows of an import while it is applied; deleted as they are applied"),
    # -- the data officer
    "data_requests": Rule(erasure="stays", why="receipt and proof of what a person asked; emptied of their words, kept as evidence",
                          clock="done_at", days=YEARS_5),
    "restrictions": Rule(erasure="both", why="with the chat or record that it protects"),
    "erasures": Rule(erasure="stays", why="keyed hashes of what was erased, to erase it again after a restore", clock="at", days=YEARS_2),
}  # fmt: skip
