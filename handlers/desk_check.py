"""What an agent has written, before it may be sent: no secrets, numbers or money asked for, no private ways, no foreign links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from handlers import links
from handlers.catalogue import Catalogue
from nlu.digits import is_mobile, runs
from nlu.masking import mask

LONGEST = 1_000  # letters of an agent's message; longer ones are not read on a telephone
_AGENT_CODE = re.compile(r"\bP-[0-9A-Z]{4,7}\b")  # an agent may say their own code; "kode P-2426" is no secret
_SENTENCE = re.compile(r"(?<=[.!?\n])\s+|\n+")


@lru_cache(maxsize=16)
def _words(phrases: tuple[str, ...]) -> re.Pattern[str]:
    listed = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{listed})(?:nya|mu)?(?!\w)", re.IGNORECASE)


def problems(text: str, content: Catalogue, link_hosts: Iterable[str] = ()) -> list[str]:
    """The keys of the sentences (texts: `desk_no_…`) that say why a text may not go; [] where it may."""
    words = {name: _words(tuple(listed)) for name, listed in content.files["desk"].items()}
    found = []
    if not text.strip():
        found.append("desk_no_empty")
    if len(text) > LONGEST:
        found.append("desk_no_long")
    for name in ("secrets", "identity", "accounts", "money"):
        if any(_asks(sentence, words, name) for sentence in _SENTENCE.split(text)):
            found.append(f"desk_no_{name}")
    if mask(_AGENT_CODE.sub("P", text)).kinds:
        found.append("desk_no_numbers")
    if words["private"].search(text) or any(is_mobile("".join(group.digits for group in run)) for run in runs(text)):
        found.append("desk_no_private")
    if links.forbidden(text, link_hosts):
        found.append("desk_no_link")
    return found


def _asks(sentence: str, words: dict[str, re.Pattern[str]], name: str) -> bool:
    """Whether a sentence asks for something of that kind; a warning against it ("jangan beri OTP") does not."""
    named = words[name].search(sentence)
    return bool(named and (name == "money" or words["asks"].search(sentence)) and not words["nots"].search(sentence))
