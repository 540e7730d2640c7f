"""The last touches of every answer: who is speaking, a warning, an apology; bubbles of a readable length; the options' version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import bubbles, safety, talk
from handlers.catalogue import shown_date
from handlers.messages import Reply
from handlers.turn import Answer, Turn

STALE = timedelta(minutes=30)  # an answer that comes later than this begins with an apology
WITHOUT_INTRO = ("danger", "stop")  # a life first, and who wants to hear no more; who is speaking is said next time
SAME_OPTIONS = ("rest",)  # answers that show what was said before: its numbers still mean the same
LONG_STALE = timedelta(days=1)  # … and from here on it says which day's message is answered
REMEMBERS = ("clarify", "fraud", "rest", "story")  # answers after which the words of the message are still needed


def finished(turn: Turn, found: Answer) -> Answer:
    """Adds what every answer needs: who is speaking (once), the warning about masked numbers, an apology for lateness, the options' version."""
    if found.handler in ("agent", "presence"):
        return found
    greeted = found.state.greeted or found.handler in WITHOUT_INTRO
    leads = [lead] if (lead := _lateness(turn)) else []
    if warning := safety.warning(turn):
        leads.append(warning)
    replies = found.replies
    if not replies:
        return found
    first = replies[0]
    if leads:
        first = replace(
            first,
            text="\n\n".join([*leads, *([first.text] if first.text else [])]),
            sms=_with_leads(first, leads),
            cancellable=False,
        )
    begun = (first,) if greeted else _introduced(turn, first)
    spoken = [reply for reply in (*begun, *replies[1:]) if reply.text or reply.form]
    apart = spoken[:1] if turn.by_sms and not greeted else []  # by SMS who is speaking is a message of its own
    shown, first_shown = next(((reply.options, reply.first) for reply in reversed(replies) if reply.options), ((), 1))
    if found.handler in SAME_OPTIONS:
        shown, first_shown = found.state.options, found.state.first
    version = turn.state.version + 1 if shown else turn.state.version
    return replace(
        found,
        replies=tuple(
            replace(bubble, version=version if bubble.options else 0)
            for bubble in (*apart, *bubbles.shown(spoken[len(apart) :], turn.inbound.channel))
        ),
        state=replace(
            found.state,
            options=shown,
            first=first_shown,
            version=version,
            greeted=found.state.greeted or found.handler not in WITHOUT_INTRO,
            asked=found.state.asked if found.handler in REMEMBERS else "",
        ),
    )


def _introduced(turn: Turn, first: Reply) -> tuple[Reply, ...]:
    """Who is speaking, in the bubble of the first answer where both fit: each message costs the person time and the operator money."""
    intro = talk.intro(turn)
    together = f"{intro}\n\n{first.text}"
    if not first.text or turn.inbound.channel == "sms" or len(together) > bubbles.room(turn.inbound.channel):
        return Reply(text=intro), first
    return (replace(first, text=together, cancellable=False),)


def _lateness(turn: Turn) -> str:
    """An apology for an answer that comes late; after a day, with the day that is answered."""
    age = turn.now - turn.inbound.sent_at
    if age > LONG_STALE:
        return turn.content.text("stale_day", day=shown_date(turn.local(turn.inbound.sent_at).date().isoformat()))
    return turn.content.text("stale") if age > STALE else ""


def _with_leads(reply: Reply, leads: list[str]) -> str | None:
    return " ".join([*leads, reply.sms]) if reply.sms is not None else None
