"""The questions of registration as preparation, in their order, each with the words by which it is called again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handlers import identity, registration_end, registration_person, registration_steps
from handlers.forms import Data, Step
from handlers.registration_doubts import gate, read_rule
from handlers.registration_steps import ask_plain, ask_table, skippable
from handlers.registration_view import is_open
from handlers.turn import Turn
from handlers.typed import YES

_YES = ("registration_option_yes", "answer:ya")
_NO = ("registration_option_no", "answer:tidak")
_CALLED = {
    "age": ("umur", "usia", "tanggal lahir", "tgl lahir", "lahir"),
    "citizen": ("wni", "kewarganegaraan", "warga negara"),
    "student": ("sekolah", "kuliah", "status sekolah"),
    "job": ("jabatan", "dikecualikan"),
    "recipient": ("penerima", "pernah menerima", "pernah"),
    "family": ("kk", "keluarga", "kartu keluarga"),
    "region": ("kabupaten", "kota", "kab", "daerah", "alamat", "domisili", "wilayah", "tempat tinggal"),
    "education": ("pendidikan", "ijazah", "lulusan"),
    "work": ("pekerjaan", "kerja", "kerjaan", "kegiatan", "profesi"),
    "interests": ("minat", "pelatihan", "keinginan"),
    "identity": ("nik", "nomor kk", "nomor kartu keluarga", "identitas"),
    "notify": ("kabar", "kabari", "dikabari", "pemberitahuan", "langganan"),
}


def _not_asked(turn: Turn, data: Data) -> bool:
    """While the programme is closed the rules are gone through only on request."""
    return not is_open(turn) and data.get("check") != YES


def _never(turn: Turn, data: Data) -> bool:
    return True


def _nothing_kept(turn: Turn, data: Data) -> bool:
    return not data.get("_kept")


def _shorter(key: str) -> Callable[[Turn, Data], str]:
    """The wording of a question that was asked just before."""
    return lambda turn, data: turn.content.text(key)


def _rule(name: str, *pairs: tuple[str, str]) -> tuple[Step, Step]:
    """A question about the rules, and the step after a doubtful answer."""
    ask, read = ask_plain(f"registration_{name}", *pairs), skippable(read_rule(name))
    again = _shorter("registration_job_again") if name == "job" else None
    return _step(name, "yes_no", ask, read, skip=_not_asked, again=again), gate(name)


def _step(name: str, expects: str, ask: registration_steps.Ask, read: registration_steps.Read, **more: Any) -> Step:
    return Step(name=name, expects=expects, ask=ask, read=read, called=_CALLED.get(name, ()), **more)


_RULES = (
    *_rule("citizen", _YES, _NO),
    *_rule("student", _NO, _YES, ("registration_option_recorded", "answer:recorded")),
    *_rule(
        "job", ("registration_option_none_of_these", "answer:tidak"), ("registration_option_one_of_these", "answer:ya")
    ),
    *_rule("recipient", ("registration_option_never", "answer:tidak"), ("registration_option_before", "answer:ya")),
    *_rule(
        "family",
        ("registration_option_not_two", "answer:tidak"),
        ("registration_option_two", "answer:ya"),
        ("registration_option_unknown", "answer:unknown"),
    ),
)
_CHECK = ask_plain(
    "registration_check", ("registration_option_check", "answer:ya"), ("registration_option_skip", "answer:tidak")
)
_NOTIFY = ask_plain(
    "registration_notify",
    ("registration_option_notify", "answer:ya"),
    ("registration_option_no_notify", "answer:tidak"),
)
STEPS = (
    _step("resume", "choice", registration_steps.ask_resume, registration_steps.read_resume, skip=_nothing_kept),
    _step(
        "consent",
        "yes_no",
        registration_steps.ask_consent,
        registration_steps.read_consent,
        skip=registration_steps.consent_holds,
        again=_shorter("registration_consent_again"),
    ),
    _step("age", "date", ask_plain("registration_age"), skippable(registration_person.read_age)),
    gate("age"),
    _step("check", "yes_no", _CHECK, registration_steps.read_check, skip=lambda turn, data: is_open(turn)),
    *_RULES,
    _step("region", "region", registration_person.ask_region, skippable(registration_person.read_region)),
    _step("education", "choice", ask_table("education"), skippable(registration_person.read_education)),
    _step("work", "choice", ask_table("work"), skippable(registration_person.read_work)),
    gate("work"),
    _step("interests", "choice", registration_person.ask_interests, registration_person.read_interests),
    _step("identity", "yes_no", identity.ask, identity.read, skip=identity.needless),
    _step("notify", "yes_no", _NOTIFY, registration_steps.read_check, skip=registration_end.receives_news),
    _step(
        "confirm",
        "choice",
        registration_end.ask_confirm,
        registration_end.read_confirm,
        again=_shorter("registration_summary_again"),
    ),
    _step(
        "field",
        "choice",
        registration_end.ask_field,
        registration_end.read_field(_CALLED),
        skip=_never,
        about="confirm",  # "ubah umur" there is followed by the summary, not by this question again
    ),
)
