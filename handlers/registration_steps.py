"""The steps of the registration as preparation: how each is asked and what counts as its answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from handlers import free_text, places, registration_rules, registration_view, telling, typed
from handlers.catalogue import shown_date
from handlers.forms import Data, Misfit, Reading, Step, Valid
from handlers.messages import Option, Reply
from handlers.registration_view import FINAL, TYPED, doubt_of, is_open, sentence, vocabulary
from handlers.turn import Turn
from handlers.typed import NO, SKIPPED, YES, labelled
from storage import consents

Ask = Callable[[Turn, Data], Reply]
Read = Callable[[Turn, Data], Reading]

PURPOSE = "registration"
ROWS = 10  # options that fit a list on WhatsApp (platform-rules 2.7)
SERVANTS = ("asn",)
_DENIED_NUMBER = re.compile(r"\bbukan\s+\d+", re.IGNORECASE)
MAX_INTERESTS = 6
MAX_TYPED = 60

_GO_ON = {
    YES: ["tetap lanjut", "terus", "teruskan", "terusin", "lanjutin"],
    NO: ["berhenti", "berhenti dulu", "stop", "sampai di sini", "sampai sini", "selesai dulu", "cukup dulu"],
}


# -- beginning ----------------------------------------------------------------------------------------------------


def ask_resume(turn: Turn, data: Data) -> Reply:
    """What to do with a draft or an earlier preparation."""
    if number := data.get("_number"):
        shown = labelled(
            turn,
            ("registration_option_change", "answer:ubah"),
            ("registration_option_anew", "answer:baru"),
            ("registration_option_keep", "answer:tidak"),
        )
        return turn.say("registration_exists", number=number, day=data["_day"], options=shown)
    if channel := data.get("_channel"):
        key = "registration_carry_here_too" if data.get("_here") else "registration_carry_there"
        other = (
            ("registration_option_keep", "answer:tidak")
            if data.get("_here")
            else ("registration_option_anew", "answer:baru")
        )
        shown = labelled(turn, ("registration_option_bring", "answer:lanjut"), other)
        return turn.say(key, channel=channel, until=data.get("_until", ""), options=shown)
    shown = labelled(turn, ("registration_option_resume", "answer:lanjut"), ("registration_option_anew", "answer:baru"))
    return turn.say("registration_resume", until=data.get("_until", ""), options=shown)


def read_resume(turn: Turn, data: Data) -> Reading:
    """lanjut, baru, ubah or tidak."""
    words = turn.content.files["words"]
    choices = {
        "baru": words["anew"],
        "ubah" if data.get("_number") else "lanjut": [*words["go_on"], *words["yes"]],
        NO: [*words["leave"], *words["no"]],
    }
    found = typed.find(turn, choices)
    return Valid(found.value, sure=found.sure) if found else None


def ask_consent(turn: Turn, data: Data) -> Reply:
    """Purpose and period, before anything personal is kept."""
    shown = labelled(turn, ("registration_option_agree", "answer:ya"), ("registration_option_disagree", "answer:tidak"))
    key = "registration_consent" if is_open(turn) else "registration_consent_closed"
    if is_open(turn) and turn.policy.asks_identity and not turn.kiosk:
        key = "registration_consent_identity"
    as_of = shown_date(turn.content.state_as_of.isoformat())
    return turn.say(key, wording=registration_view.wording(turn), as_of=as_of, options=shown)


def read_consent(turn: Turn, data: Data) -> Reading:
    """A clear yes or no."""
    reading = None if typed.skipped(turn) else typed.agreed(turn)
    return reading or Misfit("registration_consent_needed", vague=not typed.skipped(turn))


def consent_holds(turn: Turn, data: Data) -> bool:
    """Whether this very wording was agreed to before and still holds."""
    row = consents.active(turn.connection, turn.chat_id, PURPOSE, turn.now)
    return row is not None and row["wording"] == registration_view.wording(turn)


# -- questions ----------------------------------------------------------------------------------------------------


def ask_plain(key: str, *pairs: tuple[str, str]) -> Ask:
    """A question with its options."""
    return lambda turn, data: Reply(text=sentence(turn, key), options=labelled(turn, *pairs))


def skippable(read: Read) -> Read:
    """ "Lewati" counts as "not told"."""
    return lambda turn, data: Valid(SKIPPED) if typed.skipped(turn) else read(turn, data)


def read_age(turn: Turn, data: Data) -> Reading:
    """An age or a birth date."""
    return typed.age(turn, telling.today(turn), "registration_age_odd") or Misfit(
        "registration_age_unclear", vague=True
    )


def read_yes_no(turn: Turn, data: Data) -> Reading:
    """Yes or no, or whether to go on."""
    return typed.yes_no(turn, _GO_ON)


def read_check(turn: Turn, data: Data) -> Reading:
    """Whether the offer is taken; "lewati" is no."""
    return Valid(NO) if typed.skipped(turn) else typed.agreed(turn, {YES: turn.content.files["words"]["tell"]})


def read_rule(question: str) -> Read:
    """The answer to one question about the rules, by the words of `content/registration.yml`."""

    def read(turn: Turn, data: Data) -> Reading:
        choices = _choices(turn, question)
        own = without_others(turn) if question == "job" else turn
        if question == "job" and (servant := _servant(own)):
            return Valid(servant.value, sure=servant.sure)
        reading = typed.yes_no(own, choices)
        if reading is None and own is not turn:
            return Valid(NO, sure=typed.is_sure(own, typed.spoken(own.text)))
        if not isinstance(reading, Valid) or reading.sure:
            return reading
        found = typed.find(own, choices)  # "pernah dapat gelombang 12": a statement that begins with an answer
        return replace(reading, sure=found is not None and found.leads and free_text.statement(turn))

    return read


def _choices(turn: Turn, question: str) -> dict[str, Sequence[str]]:
    """The words by which the question is answered; of the question about jobs also the jobs themselves."""
    choices: dict[str, Sequence[str]] = dict(vocabulary(turn)[question])
    if question != "job":
        return choices
    employed = [word for body in vocabulary(turn)["work"].values() for word in body["words"]]
    return {**_words(vocabulary(turn)["jobs"]), **choices, NO: [*choices[NO], *employed]}


def without_others(turn: Turn) -> Turn:
    """The message without jobs that are a relative's, were once, or are denied: "istri tentara", "mantan polisi", "bukan pns"."""
    words = vocabulary(turn)
    jobs = _alternatives(phrase for body in words["jobs"].values() for phrase in body["words"])
    before = _alternatives((*words["relatives"], *words["denials"]))
    between = _alternatives(words["between"])
    heard = typed.spoken(turn.text)
    left = re.sub(rf" (?:{before})(?: (?:{between}))* (?:{jobs})(?= )", "", heard)
    return turn if left == heard else replace(turn, inbound=replace(turn.inbound, text=left.strip()))


def _servant(turn: Turn) -> typed.Found | None:
    """A job that names the employer, whatever profession stands beside it: "pns guru" is a civil servant who teaches."""
    jobs = vocabulary(turn)["jobs"]
    return typed.find(turn, {name: jobs[name]["words"] for name in SERVANTS})


def _alternatives(written: Iterable[str]) -> str:
    longest_first = sorted(typed.phrases(tuple(written)), key=len, reverse=True)
    return "|".join(re.escape(phrase) for phrase in longest_first)


def ask_go_on(question: str) -> Ask:
    """The doubt with its reason, and whether to go on nevertheless: nobody is refused."""

    def ask(turn: Turn, data: Data) -> Reply:
        pairs = (("registration_option_go_on", "answer:ya"), ("registration_option_stop", "answer:tidak"))
        text = sentence(turn, "registration_go_on")
        if found := doubt_of(turn, data, question):
            reason = sentence(turn, f"registration_reason_{found.code}", **found.values)
            key = "registration_uncertain" if found.unsure else "registration_likelihood"
            text = f"{sentence(turn, key, reason=reason)}\n{text}"
        return Reply(text=text, options=labelled(turn, *pairs))

    return ask


def gate(question: str) -> Step:
    """The step after a doubtful answer."""

    def needless(turn: Turn, data: Data) -> bool:
        return doubt_of(turn, data, question) is None or any(data.get(f"{other}_go") for other in _same(question))

    return Step(
        name=f"{question}_go",
        expects="yes_no",
        ask=ask_go_on(question),
        read=read_yes_no,
        skip=needless,
        again=lambda turn, data: sentence(turn, "registration_go_on"),
        about=question,
        mends=_mender(question),
    )


def _mender(question: str) -> Read:
    """Reads another answer to the question that was in doubt, by its own words only: a bare "ya" or "tidak" is about going on."""

    def read(turn: Turn, data: Data) -> Reading:
        if question == "age":
            mended = replace(turn, inbound=replace(turn.inbound, text=_DENIED_NUMBER.sub(" ", turn.text)))
            reading = typed.age(mended, telling.today(turn), "registration_age_odd")
            return reading if isinstance(reading, Valid) else None
        if question == "work":
            reading = read_work(turn, data)
            if isinstance(reading, Valid) and not str(reading.value).startswith(TYPED):
                return reading
            return Misfit("registration_work") if without_others(turn) is not turn else None
        own = without_others(turn) if question == "job" else turn
        found = typed.find(own, _choices(turn, question))
        if found is None:
            return Valid(NO, sure=free_text.brief(turn, 5)) if own is not turn else None
        return Valid(found.value, sure=found.sure)

    return read


def _same(question: str) -> tuple[str, ...]:
    """Questions whose doubt is told already: the work somebody has may be the job asked about before."""
    return ("job",) if question == "work" else ()


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


# -- education, work, interests -----------------------------------------------------------------------------------


def ask_table(name: str) -> Ask:
    """A question whose options are the rows of a table; left out freely while the programme is closed."""

    def ask(turn: Turn, data: Data) -> Reply:
        rows = vocabulary(turn)[name].items()
        shown = tuple(Option(label=body["label"], action=f"answer:{value}") for value, body in rows)
        if is_open(turn):
            return Reply(text=sentence(turn, f"registration_{name}"), options=shown)
        shown += labelled(turn, ("registration_option_skip", f"answer:{SKIPPED}"))
        return Reply(text=sentence(turn, f"registration_{name}_optional"), options=shown)

    return ask


def read_education(turn: Turn, data: Data) -> Reading:
    """The highest school, in any of its names."""
    found = typed.find(turn, _words(vocabulary(turn)["education"]))
    return Valid(found.value, sure=found.sure) if found else Misfit("registration_education_unclear", vague=True)


def read_work(turn: Turn, data: Data) -> Reading:
    """The work; an excluded job is recognised here too, and what no table knows is kept as it was typed."""
    own = without_others(turn)
    choices = {**_words(vocabulary(turn)["jobs"]), **_words(vocabulary(turn)["work"])}
    if found := _servant(own) or typed.find(own, choices):
        return Valid(found.value, sure=found.sure)
    text = " ".join(turn.text.split())
    fits = 2 < len(text) <= MAX_TYPED and typed.is_sure(turn, typed.spoken(text))
    return Valid(f"{TYPED}{text}", sure=False) if fits else None


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
    """Topics by their words, several at once; "cukup" ends."""
    chosen = _chosen(data)
    topics = _words(vocabulary(turn)["interests"])
    named = [topic for topic in typed.find_all(turn, topics) if topic not in chosen]
    if named:
        every = (*chosen, *named)[:MAX_INTERESTS]
        said = typed.phrases(tuple(phrase for topic in named for phrase in topics[topic]))
        sure = typed.is_sure(turn, typed.spoken(turn.text), said)
        return Valid(",".join(every) + (FINAL if len(every) > 1 else ""), sure=sure)
    enough = typed.find(turn, {"": turn.content.files["words"]["enough"]})
    if chosen and enough:
        return Valid(",".join(chosen) + FINAL, sure=enough.sure)
    anything = typed.find(turn, {"": turn.content.files["words"]["anything"]})
    if typed.skipped(turn) or (anything and anything.sure):
        return Valid(SKIPPED + FINAL)
    return Misfit("registration_interests_unclear", vague=True)


def _words(table: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {value: body["words"] for value, body in table.items()}
