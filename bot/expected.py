"""What a dialogue in YAML expects of a turn, beside what came. Format: docs/dialogues.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.terminal.session import Session
from handlers import catalogue, short
from handlers.messages import Reply

_SAID = ("text", "not", "options")


async def differences(session: Session, replies: Sequence[Reply], expect: Mapping[str, Any]) -> list[str]:
    """What differs, in words; [] where all is as expected."""
    channel = session.recorder.name
    state, owner, last = await session.look()
    facts: dict[str, Any] = {
        "handler": last["handler"] if last else None,
        "intent": last["intent"] if last else None,
        "second": last["second"] if last else None,
        "state": f"{state.form}/{state.step}" if state.form else None,
        "owner": owner,
        "replies": _counted(replies, expect.get("replies"), channel),
        "form": bool(replies and replies[-1].form),
    }
    problems = [*_spoken(replies, expect, channel)]
    problems += [
        f"{key} is {facts[key]!r}, not {expect[key]!r}" for key in facts if key in expect and facts[key] != expect[key]
    ]
    return problems + [f"unknown expectation {key!r}" for key in expect if key not in facts and key not in _SAID]


def _spoken(replies: Sequence[Reply], expect: Mapping[str, Any], channel: str) -> Iterator[str]:
    text = "\n".join(reply.text for reply in replies).lower()
    labels = [option.label for reply in replies for option in reply.options]
    for words in _listed(expect.get("text")):
        if _written(words, channel) not in text:
            yield f"{words!r} is not said"
    for words in _listed(expect.get("not")):
        if _written(words, channel) in text:
            yield f"{words!r} is said"
    for label in _listed(expect.get("options")):
        if label not in labels:
            yield f"no option {label!r} among {labels}"


def _written(words: object, channel: str) -> str:
    """Words in small letters; by SMS with the letters and without the addresses that leave there."""
    text = short.as_letters(str(words), short.words(catalogue.load())) if channel == "sms" else str(words)
    return text.lower()


def _counted(replies: Sequence[Reply], expected: int | None, channel: str) -> int:
    """How many replies came. WhatsApp and SMS join an answer's bubbles (by SMS the introduction stays alone), so that fewer are as many as expected."""
    count, most = len(replies), (expected or 0) + (channel == "sms")
    joins = channel in ("whatsapp", "sms")
    return expected if joins and expected is not None and min(expected, 1) <= count <= most else count


def _listed(value: object) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value
