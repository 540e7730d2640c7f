"""What people type as an answer to a guided step: yes and no, a choice by its words, an age or birth date, "lewati".

The words stand in `content/words.yml`; both they and the message go through the normaliser, so that spelling and
regional words matter little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from handlers.forms import Misfit, Reading, Valid
from handlers.messages import Option
from handlers.turn import Turn, options
from nlu.entities.dates import find_dates, parse_date
from nlu.normalise import Normaliser, plain

SKIPPED = "-"
YES, NO = "ya", "tidak"

_AGREE = "setuju"
_PARTICLE = "ya"  # a yes at the beginning, politeness anywhere else
_NOT = "tidak|belum|jangan|bukan|kurang"
_THANKS = frozenset(("terima", "kasih", "makasih"))

_YOUNGEST, _OLDEST = 10, 110  # beyond these an age is a slip of the finger


@dataclass(frozen=True, slots=True)
class Found:
    """A choice found in a message."""

    value: str
    sure: bool  # nothing else can be meant: no question and no other matter beside it
    phrase: str = ""  # the words that told, normalised
    leads: bool = False  # the message begins with them


def labelled(turn: Turn, *pairs: tuple[str, str]) -> tuple[Option, ...]:
    """(key of the label, action) pairs as options."""
    return options(*((turn.content.text(key), action) for key, action in pairs))


def find(turn: Turn, choices: Mapping[str, Sequence[str]]) -> Found | None:
    """The choice whose longest phrase stands in the message; None where there is none."""
    heard = spoken(turn.text)
    best: tuple[int, str, str] | None = None
    for value, said in choices.items():
        for phrase in phrases(tuple(said)):
            if f" {phrase} " in heard and (best is None or len(phrase) > best[0]):
                best = (len(phrase), value, phrase)
    if best is None:
        return None
    sure = is_sure(turn, heard, phrases(tuple(choices[best[1]])))
    return Found(best[1], sure, best[2], leads=heard.startswith(f" {best[2]} "))


def find_all(turn: Turn, choices: Mapping[str, Sequence[str]]) -> list[str]:
    """Every choice named in the message, in the order of the choices."""
    heard = spoken(turn.text)
    return [value for value, said in choices.items() if any(f" {phrase} " in heard for phrase in phrases(tuple(said)))]


def is_all(turn: Turn, words: Sequence[str]) -> bool:
    """Whether the message holds one of these phrases, and besides them nothing but words that change nothing."""
    heard = spoken(turn.text)
    left = heard
    for phrase in sorted(phrases(tuple(words)), key=len, reverse=True):
        left = left.replace(f" {phrase} ", "  ")
    return left != heard and set(left.split()) <= _vocabulary(tuple(turn.content.files["words"]["filler"]))


def goes_on(turn: Turn) -> bool:
    """Whether a message is nothing but "lanjut" or "oke": where a fact is asked, taking it for a yes would note what nobody said."""
    return is_all(turn, turn.content.files["words"]["going_on"])


def is_sure(turn: Turn, heard: str, found: Iterable[str] = ()) -> bool:
    """Whether a message that holds an answer holds neither a question nor another matter beside it."""
    filler = _vocabulary(tuple(turn.content.files["words"]["filler"]))
    if _tagged(heard.split(), filler):
        return False
    for phrase in sorted(found, key=len, reverse=True):
        heard = heard.replace(f" {phrase} ", " ")
    left = set(heard.split())
    if left <= filler:
        return True
    return "?" not in left and not left & _vocabulary(tuple(turn.content.files["words"]["asking"]))


def _tagged(words: list[str], filler: frozenset[str]) -> bool:
    """Whether "tidak" or "belum" only asks, at the end of a statement: "aman gak sih", "sudah cair belum?"."""
    while words and words[-1] in filler:
        words = words[:-1]
    return len(words) > 1 and words[-1] in ("tidak", "belum") and not set(words[:-1]) <= filler


def yes_no(turn: Turn, more: Mapping[str, Sequence[str]] | None = None) -> Reading:
    """ "ya" or "tidak" in any words; `more` adds words or further values of the step."""
    words = turn.content.files["words"]
    choices = {NO: words["no"], YES: words["yes"]}  # of two phrases of one length the "no" counts
    for value, said in (more or {}).items():
        choices[value] = [*said, *choices.get(value, ())]
    own = {phrase for said in (more or {}).values() for phrase in phrases(tuple(said)) if " " in phrase}
    found = find(turn, choices)
    if found and found.phrase == _PARTICLE and not _opens(turn, found.phrase):
        return None
    if found and found.value == YES and _denied(turn, found.phrase):
        return Valid(NO, sure=found.sure)
    if found and (found.sure or found.leads or found.phrase in own):
        return Valid(found.value, sure=found.sure)
    if found is None and turn.understanding.intent in ("affirm", "deny"):
        return Valid(YES if turn.understanding.intent == "affirm" else NO)
    return None


def agreed(turn: Turn, more: Mapping[str, Sequence[str]] | None = None) -> Reading:
    """Like `yes_no` where something is agreed to: a yes counts only if next to nothing else is said ("mau tanya dulu" agrees to nothing)."""
    reading = yes_no(turn, more)
    if not isinstance(reading, Valid) or reading.value != YES or turn.understanding.intent == "affirm":
        return reading
    heard = spoken(turn.text)
    for phrase in phrases((*turn.content.files["words"]["yes"], *(more or {}).get(YES, ()))):
        heard = heard.replace(f" {phrase} ", "  ")
    left = set(heard.split()) - _vocabulary(tuple(turn.content.files["words"]["filler"]))
    explicit = _AGREE in spoken(turn.text).split()
    return reading if reading.sure and (explicit or len(left) <= 1) else None


def _denied(turn: Turn, phrase: str) -> bool:
    """Whether a phrase is turned round by what stands before it: "belum setuju", "tidak bisa lanjut"; not "tidak keberatan"."""
    return re.search(rf" (?:{_NOT}) (?:\w+ )?{re.escape(phrase)} ", spoken(turn.text)) is not None


def _opens(turn: Turn, phrase: str) -> bool:
    """Whether nothing but filler stands before a phrase: "oh iya kak", not "bentar ya" or "makasih ya"."""
    before = spoken(turn.text).partition(f" {phrase} ")[0].split()
    return set(before) <= _vocabulary(tuple(turn.content.files["words"]["filler"])) - _THANKS


def skipped(turn: Turn) -> bool:
    """Whether the message is "lewati" in some word."""
    found = find(turn, {SKIPPED: turn.content.files["words"]["skip"]})
    return found is not None and found.sure


# -- ages ---------------------------------------------------------------------------------------------------------

_AGE = re.compile(
    r"(?<![\d./-])(\d{1,3})(?:\s*-?\s*(?:th|thn|tahun|taun|tahunan|yo))?(?![\d./-]|\s*(?:rb|ribu|jt|juta)\b)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\d./-])((?:19|20)\d\d)(?![\d./-])")
_SHORT_YEAR = re.compile(r"\b(?:lahir|kelahiran|lhr|klahiran)\b\D{0,12}(\d\d)\b", re.IGNORECASE)
_UNITS = {"satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9}


def age(turn: Turn, today: date, odd: str) -> Reading:
    """An age ("26"), a birth date ("1999-12-03") or year ("1999"); `odd` names the sentence for impossible ones."""
    days = list(find_dates(turn.text, today, birth=True)) or [
        (date.fromisoformat(str(found.value)), found.start, found.end, True)
        for found in turn.understanding.entities
        if found.kind == "date"
    ]
    if not days and (joined := parse_date(turn.text, today, birth=True)):  # "03121999"
        return _plausible(turn, joined.isoformat(), _years(joined, today), "", odd)
    for day, start, end, _ in days:
        if _YOUNGEST <= _years(day, today) <= _OLDEST:
            return _plausible(turn, day.isoformat(), _years(day, today), f"{turn.text[:start]} {turn.text[end:]}", odd)
    if match := _YEAR.search(turn.text):
        return _plausible(turn, match[1], today.year - int(match[1]), turn.text.replace(match[0], " "), odd)
    if match := _SHORT_YEAR.search(turn.text):
        year = int(match[1]) + (2000 if int(match[1]) <= today.year % 100 else 1900)
        return _plausible(turn, str(year), today.year - year, turn.text.replace(match[1], " "), odd)
    if match := _AGE.search(turn.text):
        return _plausible(turn, match[1], int(match[1]), turn.text.replace(match[0], " "), odd)
    number, rest = _spelled(plain(turn.text))
    if number:
        return _plausible(turn, str(number), number, rest, odd)
    return Misfit(odd) if days and days[0][3] else None


def ages(value: str, today: date) -> tuple[int, int]:
    """The lowest and highest age that a value of `age` can mean today."""
    if "-" in value:
        years = _years(date.fromisoformat(value), today)
        return years, years
    if len(value) == 4:
        years = today.year - int(value)
        return years - 1, years
    return int(value), int(value)


def _plausible(turn: Turn, value: str, years: int, rest: str, odd: str) -> Reading:
    sure = is_sure(turn, spoken(rest))
    if _YOUNGEST <= years <= _OLDEST:
        return Valid(value, sure=sure)
    return Misfit(odd) if sure else None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _spelled(text: str) -> tuple[int, str]:
    """(number, the rest of the text) for "dua puluh lima", "tujuh belas", "tiga puluh"; 0 where there is none."""
    words = re.findall(r"[a-z]+", text)
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word == "sebelas":
            return 11, " ".join(words[:at] + words[at + 1 :])
        if word in _UNITS and following == "belas":
            return 10 + _UNITS[word], " ".join(words[:at] + words[at + 2 :])
        if word in _UNITS and following == "puluh":
            unit = _UNITS.get(words[at + 2] if at + 2 < len(words) else "", 0)
            return 10 * _UNITS[word] + unit, " ".join(words[:at] + words[at + (3 if unit else 2) :])
    return 0, text


# -- words --------------------------------------------------------------------------------------------------------

_DEGREE = re.compile(r"\b([sd])\s?-?([1-4])\b")
_DIGIT = re.compile(r"(?<![\d.,/:-])\d(?![\d.,/:-]|[a-z])")
_DIGITS = ("nol", *_UNITS)
_LEVELS = {"s": "strata", "d": "diploma"}


@lru_cache(maxsize=1)
def _normaliser() -> Normaliser:
    return Normaliser()


@lru_cache(maxsize=1024)
def phrases(written: tuple[str, ...]) -> tuple[str, ...]:
    """Phrases as they read after normalising."""
    return tuple(dict.fromkeys(form for phrase in written if (form := spoken(phrase).strip())))


@lru_cache(maxsize=64)
def _vocabulary(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part for phrase in phrases(words) for part in phrase.split())


@lru_cache(maxsize=1024)
def spoken(text: str) -> str:
    """The message normalised and framed by spaces; degrees ("S1") and single digits become words."""
    text = _DEGREE.sub(lambda match: f"{_LEVELS[match[1]]} {_DIGITS[int(match[2])]}", plain(text[:400]))
    text = _DIGIT.sub(lambda match: f" {_DIGITS[int(match[0])]} ", text)
    return f" {_normaliser()(text)} "
