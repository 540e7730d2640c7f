"""The platform says that a linked chat's number is another one now, or that the account may have changed hands.

Level 1 is the number that the platform vouches for (design: People and proof): with the number, what rested on it falls.
"""

from __future__ import annotations

from handlers import talk, typed
from handlers.linking_notices import notify
from handlers.record import broken
from handlers.turn import Answer, Turn, answer
from storage import chats, people


def moved(turn: Turn) -> Answer:
    """Ends a link that no longer holds, tells the person, and warns the record's other chats; silent where nothing changes."""
    link = chats.active_link(turn.connection, turn.chat_id)
    row = people.get(turn.connection, link["participant_id"]) if link else None
    if link is None or row is None:
        return talk.silent(turn)
    changed_hands = not turn.inbound.moved
    if not changed_hands and broken(turn, link, row) is None:
        return talk.silent(turn)
    why = "changed_hands" if changed_hands else "number_changed"
    people.end_link(turn.connection, turn.chat_id, why=why, now=turn.now)
    others = people.linked_chats(turn.connection, row["id"])
    notify(turn.connection, others, turn.say("link_moved_elsewhere"), turn.now)
    again = typed.labelled(turn, ("link_option_connect", "intent:link_account"))
    return answer(turn, turn.say("link_changed_hands" if changed_hands else "link_moved", options=again))
