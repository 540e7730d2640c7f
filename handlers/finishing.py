"""The last touches of every answer: who is speaking, a warning, an apology; bubbles of a readable length; the options' version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import bubbles, safety, talk
from handlers.messages import Reply
from handlers.turn import Answer, Turn

STALE = timedelta(minutes=30)  # an answer that comes later than this begins with an apology
REMEMBERS = ("clarify", "fraud", "story")  # answers after which the words of the message are still needed


def finished(turn: Turn, found: Answer) -> Answer:
    """Adds what every answer needs: who is speaking (once), the warning about masked numbers, an apology for lateness, the options' version."""
    if found.handler in ("agent", "presence"):
        return found
    greeted = found.state.greeted or found.handler == "danger"  # a life first; who is speaking is said next time
    leads = [turn.content.text("stale")] if turn.now - turn.inbound.sent_at > STALE else []
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
    intro = () if greeted else (Reply(text=talk.intro(turn)),)
    spoken = [reply for reply in (*intro, first, *replies[1:]) if reply.text or reply.form]
    shown = next((reply.options for reply in reversed(replies) if reply.options), ())
    version = turn.state.version + 1 if shown else turn.state.version
    return replace(
        found,
        replies=tuple(
            replace(bubble, version=version if bubble.options else 0)
            for reply in spoken
            for bubble in (bubbles.fitted(reply) if turn.inbound.channel != "sms" else (reply,))
        ),
        state=replace(
            found.state,
            options=shown,
            version=version,
            greeted=found.state.greeted or found.handler != "danger",
            asked=found.state.asked if found.handler in REMEMBERS else "",
        ),
    )


def _with_leads(reply: Reply, leads: list[str]) -> str | None:
    return " ".join([*leads, reply.sms]) if reply.sms is not None else None
