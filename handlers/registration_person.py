"""The steps about the person: age, region, education, work, interests; and whose job a message speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from handlers import free_text, places, registration_rules, registration_view, telling, typed
from handlers.forms import Data, Misfit, Reading, Valid
from handlers.messages import Option, Reply
from handlers.registration_steps import ROWS
from handlers.registration_view import FINAL, TYPED, sentence, vocabulary
from handlers.turn import Turn
from handlers.typed import SKIPPED, labelled

SERVANTS = ("asn",)
_NUMBERS = re.compile(r"\W*\d{1,2}(?:(?:\W+|\s*(?:dan|sama|dgn|dengan|no|nomor)\s*)+\d{1,2})+\W*", re.IGNORECASE)
MAX_INTERESTS = 6
MAX_TYPED = 60
SCHOOL_WORDS = 2  # so few words are a school alone ("lulusan sma"), more may be work in one


def read_age(turn: Turn, data: Data) -> Reading:
    """An age or a birth date."""
    return typed.age(turn, telling.today(turn), "registration_age_odd") or Misfit(
        "registration_age_unclear", vague=True
    )


# -- region -------------------------------------------------------------------------------------------------------


def ask_region(turn: Turn, data: Data) -> Reply:
    """The kabupaten or kota; the names that fit what was just typed become options."""
    if codes := _region_codes(turn):
        shown = tuple(
            Option(label=places.short(code), action=f"answer:{code}", description=places.name(code)) for code in codes
        )
        names = [places.name(code) for code in codes]
        listed = (
            f"{', '.join(names[:-1])} {turn.content.text('registration_or')} {names[-1]}" if names[1:] else names[0]
        )
        return turn.say("registration_region_which", names=listed, options=shown)
    text = sentence(turn, "registration_region")
    if "_misfits" not in data and registration_rules.complete(data) and not registration_view.doubts_of(turn, data):
        text = f"{sentence(turn, 'registration_likely')}\n\n{text}"
    return Reply(text=text)


def _region_codes(turn: Turn) -> list[str]:
    found = turn.understanding.first("region")
    if found is None:
        return []
    candidates = [code for code in str(found.detail.get("candidates", "")).split("|") if code]
    return candidates[:ROWS] or [str(found.value)]


def read_region(turn: Turn, data: Data) -> Reading:
    """One kabupaten or kota; of several with one name, "kota" or "kabupaten" decides."""
    found = turn.understanding.first("region")
    if found is None:
        return _of_offered(turn) or Misfit("registration_region_unknown", vague=True)
    codes = _region_codes(turn)
    if len(codes) > 1:
        return Misfit("registration_region_ambiguous")
    rest = turn.text[: found.start] + " " + turn.text[found.end :]
    return Valid(codes[0], sure=typed.is_sure(turn, typed.spoken(rest)))


def _of_offered(turn: Turn) -> Reading:
    """ "yang kota" after "Kota Bandung atau Kabupaten Bandung?"."""
    offered = [option.action.removeprefix("answer:") for option in turn.state.options if option.action[7:].isdigit()]
    kind = typed.find(turn, {"Kota": ["kota", "kotanya", "kodya"], "Kabupaten": ["kabupaten", "kab", "kabupatennya"]})
    fitting = [code for code in offered if kind and places.name(code).startswith(kind.value)]
    return Valid(fitting[0]) if len(fitting) == 1 else None


# -- education and work -------------------------------------------------------------------------------------------


def read_education(turn: Turn, data: Data) -> Reading:
    """The highest school, in any of its names."""
    found = typed.find(turn, words_of(vocabulary(turn)["education"]))
    return Valid(found.value, sure=found.sure) if found else Misfit("registration_education_unclear", vague=True)


def read_work(turn: Turn, data: Data) -> Reading:
    """The work; an excluded job is recognised here too, and what no table knows is kept as it was typed."""
    own = without_others(turn)
    choices = {**words_of(vocabulary(turn)["jobs"]), **words_of(vocabulary(turn)["work"])}
    if found := servant(own) or typed.find(own, choices):
        return Valid(found.value, sure=found.sure)
    school = typed.find(turn, words_of(vocabulary(turn)["education"]))
    if school and school.sure and free_text.brief(turn, SCHOOL_WORDS):  # the answer to the question before, come late
        return Misfit("registration_work_school")
    text = " ".join(turn.text.split())
    fits = 2 < len(text) <= MAX_TYPED and typed.is_sure(turn, typed.spoken(text))
    return Valid(f"{TYPED}{text}", sure=False) if fits else None


def without_others(turn: Turn) -> Turn:
    """The message without jobs that are a relative's, were once, or are denied: "istri tentara", "mantan polisi", "bukan pns"."""
    words = vocabulary(turn)
    jobs = _alternatives(phrase for body in words["jobs"].values() for phrase in body["words"])
    before = _alternatives((*words["relatives"], *words["denials"]))
    between = _alternatives(words["between"])
    heard = typed.spoken(turn.text)
    left = re.sub(rf" (?:{before})(?: (?:{between}))* (?:{jobs})(?= )", "", heard)
    return turn if left == heard else replace(turn, inbound=replace(turn.inbound, text=left.strip()))


def servant(turn: Turn) -> typed.Found | None:
    """A job that names the employer, whatever profession stands beside it: "pns guru" is a civil servant who teaches."""
    jobs = vocabulary(turn)["jobs"]
    return typed.find(turn, {name: jobs[name]["words"] for name in SERVANTS})


def _alternatives(written: Iterable[str]) -> str:
    longest_first = sorted(typed.phrases(tuple(written)), key=len, reverse=True)
    return "|".join(re.escape(phrase) for phrase in longest_first)


def words_of(table: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {value: body["words"] for value, body in table.items()}


# -- interests ----------------------------------------------------------------------------------------------------


def ask_interests(turn: Turn, data: Data) -> Reply:
    """Several may be chosen, by typing or by tapping one after the other."""
    chosen = _chosen(data)
    topics = vocabulary(turn)["interests"]
    left = [topic for topic in topics if topic not in chosen][: ROWS - 1 if chosen else ROWS]
    shown = tuple(Option(label=topics[topic]["label"], action=f"answer:{','.join((*chosen, topic))}") for topic in left)
    if not chosen:
        return Reply(text=sentence(turn, "registration_interests"), options=shown)
    enough = labelled(turn, ("registration_option_enough", f"answer:{','.join(chosen)}{FINAL}"))
    listed = registration_view.interests(turn, str(data["interests"]))
    return turn.say("registration_interests_more", chosen=listed, options=(*enough, *shown))


def _chosen(data: Data) -> list[str]:
    """What was chosen so far; a list that was ended before begins anew."""
    value = str(data.get("interests", ""))
    return [] if value.endswith(FINAL) else [part for part in value.split(",") if part and part != SKIPPED]


def read_interests(turn: Turn, data: Data) -> Reading:
    """Topics by their words or by the numbers of the options, several at once; "cukup" ends."""
    chosen = _chosen(data)
    topics = words_of(vocabulary(turn)["interests"])
    if numbered := _numbered(turn, chosen):
        return Valid(",".join((*chosen, *numbered)[:MAX_INTERESTS]) + FINAL)
    named = [topic for topic in typed.find_all(turn, topics) if topic not in chosen]
    if named:
        every = (*chosen, *named)[:MAX_INTERESTS]
        said = typed.phrases(tuple(phrase for topic in named for phrase in topics[topic]))
        sure = typed.is_sure(turn, typed.spoken(turn.text), said)
        return Valid(",".join(every) + (FINAL if len(every) > 1 else ""), sure=sure)
    words = turn.content.files["words"]
    enough = typed.find(turn, {"": words["enough"]})
    if chosen and enough:
        return Valid(",".join(chosen) + FINAL, sure=enough.sure)
    anything = typed.is_all(turn, words["anything"]) and not _about_own_data(turn)
    if typed.skipped(turn) or anything:
        return Valid(SKIPPED + FINAL)
    return Misfit("registration_interests_unclear", vague=True)


def _about_own_data(turn: Turn) -> bool:
    """ "Data saya apa aja?" holds the words of "anything", and asks for something else."""
    return "?" in turn.text or turn.understanding.intent == "my_data"


def _numbered(turn: Turn, chosen: Sequence[str]) -> list[str]:
    """The topics whose options' numbers make up the message ("2 dan 5", "1,3,4"); none where a number is of no topic."""
    if not _NUMBERS.fullmatch(turn.text):
        return []
    codes = vocabulary(turn)["interests"]
    offered = [option.action.removeprefix("answer:").rpartition(",")[2] for option in turn.state.options]
    picked = [int(digits) for digits in re.findall(r"\d+", turn.text)]
    if not all(1 <= number <= len(offered) and offered[number - 1] in codes for number in picked):
        return []
    return [topic for topic in dict.fromkeys(offered[number - 1] for number in picked) if topic not in chosen]
