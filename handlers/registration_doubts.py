"""The steps about the rules, and those after a doubtful answer: the reason, and whether to go on. Nobody is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers import free_text, telling, typed
from handlers.forms import Data, Misfit, Reading, Step, Valid
from handlers.messages import Reply
from handlers.registration_person import read_work, servant, without_others, words_of
from handlers.registration_steps import Ask, Read
from handlers.registration_view import TYPED, doubt_of, sentence, vocabulary
from handlers.turn import Turn
from handlers.typed import NO, YES, labelled

_DENIED_NUMBER = re.compile(r"\bbukan\s+\d+", re.IGNORECASE)
_NAMED = ("citizen", "student", "job")  # questions whose own words name them; "belum pernah" may be said to any
_GO_ON = {
    YES: ["tetap lanjut", "terus", "teruskan", "terusin", "lanjutin"],
    NO: ["berhenti", "berhenti dulu", "stop", "sampai di sini", "sampai sini", "selesai dulu", "cukup dulu"],
}


def read_rule(question: str) -> Read:
    """The answer to one question about the rules, by the words of `content/registration.yml`."""

    def read(turn: Turn, data: Data) -> Reading:
        choices = _choices(turn, question)
        own = without_others(turn) if question == "job" else turn
        if typed.goes_on(turn):
            return None
        if question == "job" and (found := servant(own)):
            return Valid(found.value, sure=found.sure)
        if _of_another(own, question, choices):
            return None
        reading = typed.yes_no(own, choices)
        if reading is None and own is not turn:
            return Valid(NO, sure=typed.is_sure(own, typed.spoken(own.text)))
        if not isinstance(reading, Valid) or reading.sure:
            return reading
        said = typed.find(own, choices)  # "pernah dapat gelombang 12": a statement that begins with an answer
        return replace(reading, sure=said is not None and said.leads and free_text.statement(turn))

    return read


def _of_another(turn: Turn, question: str, choices: Mapping[str, Sequence[str]]) -> bool:
    """Whether the yes or no belongs to another question's words: "ga kuliah" says nothing about citizenship; "tidak, saya kuliah" does."""
    words = turn.content.files["words"]
    bare = typed.find(turn, {NO: words["no"], YES: words["yes"]})
    if bare is None or typed.find(turn, choices):
        return False
    lists = [said for other in _NAMED if other != question for said in vocabulary(turn)[other].values()]
    bound = [phrase for said in lists for phrase in typed.phrases(tuple(said)) if f" {bare.phrase} " in f" {phrase} "]
    return any(phrase != bare.phrase and f" {phrase} " in typed.spoken(turn.text) for phrase in bound)


def _choices(turn: Turn, question: str) -> dict[str, Sequence[str]]:
    """The words by which the question is answered; of the question about jobs also the jobs themselves."""
    choices: dict[str, Sequence[str]] = dict(vocabulary(turn)[question])
    if question != "job":
        return choices
    employed = [word for body in vocabulary(turn)["work"].values() for word in body["words"]]
    return {**words_of(vocabulary(turn)["jobs"]), **choices, NO: [*choices[NO], *employed]}


# -- after a doubtful answer --------------------------------------------------------------------------------------


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


def _read_go_on(question: str) -> Read:
    """Whether to go on; who asks why is told the reason once more."""

    def read(turn: Turn, data: Data) -> Reading:
        reading = typed.yes_no(turn, _GO_ON)
        if (
            reading is None
            and typed.is_all(turn, vocabulary(turn)["why"])
            and (found := doubt_of(turn, data, question))
        ):
            reason = sentence(turn, f"registration_reason_{found.code}", **found.values)
            return Misfit("registration_why", {"reason": reason})
        return reading

    return read


def gate(question: str) -> Step:
    """The step after a doubtful answer."""

    def needless(turn: Turn, data: Data) -> bool:
        return doubt_of(turn, data, question) is None or any(data.get(f"{other}_go") for other in _same(question))

    return Step(
        name=f"{question}_go",
        expects="yes_no",
        ask=ask_go_on(question),
        read=_read_go_on(question),
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
