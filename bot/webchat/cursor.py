"""Where a reader stands in the replies of its chat.

Replies are read in the order in which they went out. The numbers of the rows do not tell it: a campaign that was held
while an agent spoke goes out after younger rows. So a cursor holds the moment of the newest reply and the ids given
around it, and every read looks a few seconds back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CURSOR = re.compile(r"(\d{1,17})((?:\.\d{1,18})+)")
_NUMBER = re.compile(r"\d{1,18}")
_LONGEST = 8_192  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in the stream; the empty one is its beginning."""

    at: int = 0  # microseconds since 1970: when the newest reply given was accepted
    given: frozenset[int] = frozenset()  # ids given around that moment
    floor: int = 0  # simple readers send the id of their last reply: only greater ones are given

    def __str__(self) -> str:
        """As it travels: `<moment>.<id>.<id>…`, or the plain number."""
        if not self.given:
            return str(self.floor)
        return ".".join([str(self.at), *(str(i) for i in sorted(self.given))])


def parse(text: str) -> Cursor | None:
    """The inverse of `str(cursor)`; also takes the number of a reply or nothing; None where it is neither."""
    if not text:
        return Cursor()
    if len(text) > _LONGEST or not text.isascii():
        return None
    if _NUMBER.fullmatch(text):
        return Cursor(floor=int(text))
    if match := _CURSOR.fullmatch(text):
        return Cursor(at=int(match[1]), given=frozenset(int(i) for i in match[2][1:].split(".")))
    return None
