"""What is said of announcements: states, reasons, deeds and pauses, as an operator reads them (content/announcing.yml)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.desk import look
from bot.desk.visit import Visit

_ALARM: Final = re.compile(
    r"(\d+%) of the last sends (failed or were cut|went to people who had left) \(limit (\d+%)\)"
)
_NOTES: Final = {
    "rows": re.compile(r"(\d+) rows"),
    "recipients": re.compile(r"(\d+) recipients"),
    "rest": re.compile(r"(\d+) not written to"),
    "settled_accepted": re.compile(r"(\d+) unknown as accepted"),
    "settled_failed": re.compile(r"(\d+) unknown as failed"),
    "retried": re.compile(r"(\d+) (failed|unknown|skipped)(?:: (.*))?", re.DOTALL),
    "test": re.compile(r"to chat (.*)"),
    "follows": re.compile(r"follows (.*)", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The desk's words for what the ledger and the history of acts hold in the program's own."""

    told: Mapping[str, Any]
    people: Mapping[int, str]  # aliases of agents

    def state(self, name: str) -> str:
        """Of a row of the ledger."""
        return str(self.told["rows"][name][0])

    def meaning(self, name: str) -> str:
        """What that state means."""
        return str(self.told["rows"][name][1])

    def reason(self, text: str | None) -> str:
        """Why a row is as it is; a platform's own words stay as they are."""
        ends = self.told["ends"]
        known = {**self.told["left_out"], **ends}
        if not text or text in known:
            return str(known[text]) if text else "–"
        kind, _, rest = text.partition(": ")
        if kind in ("gone", "given up") and rest:
            return str(ends[kind.replace(" ", "_")]).format(rest)
        if kind == "no_value" and rest:
            return str(self.told["no_value"]).format(name=f"{{{rest}}}")
        if text.startswith("decided by "):
            return str(ends["decided"]).format(self.who(text.removeprefix("decided by ")))
        return text

    def who(self, actor: str) -> str:
        """Who did it: an agent's alias, a name of the command line, or the program."""
        kind, _, name = actor.partition(":")
        if actor == "pandu":
            return str(self.told["notes"]["itself"])
        return str(self.told["notes"]["shell"]).format(name) if kind == "operator" else look.author(actor, self.people)

    def act(self, what: str) -> str:
        """A deed."""
        return str(self.told["acts"].get(what, what))

    def note(self, text: str | None) -> str:
        """What stands beside a deed."""
        for key, known in _NOTES.items():
            if found := known.fullmatch(text or ""):
                parts = [look.thousands(int(part)) if (part or "").isdigit() else part or "" for part in found.groups()]
                if key == "retried":
                    parts[1:] = [self.state(parts[1]).lower(), parts[2] and f": {self.reason(parts[2])}"]
                return str(self.told["notes"][key]).format(*parts)
        return self.pause(text)[0] if text else ""

    def pause(self, why: str | None) -> tuple[str, str]:
        """Why it has paused by itself, and what to do about it."""
        found = _ALARM.fullmatch(why or "")
        if found is None:
            said, advice = self.told["pauses"]["channel"]
            return str(said).format(why or ""), str(advice)
        share, what, limit = found.groups()
        said, advice = self.told["pauses"]["gone" if what.startswith("went") else "failed"]
        return str(said).format(share, limit), str(advice)


def words(visit: Visit, people: Mapping[int, str]) -> Words:
    """By the content as it is now."""
    return Words(visit.content.files["announcing"], people)


def undone(visit: Visit, why: str) -> str:
    """Why a deed was not done."""
    return str(visit.content.files["announcing"]["undone"][why])
