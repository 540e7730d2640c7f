""" "Cek petugas P-4K7M": whether a code is one of our agents'."""

from __future__ import annotations

import re

from handlers import typed
from handlers.turn import Answer, Turn, answer
from storage import agents

_CODE = re.compile(r"\bp(?P<dash>\s?[-–]?\s?)(?P<code>[0-9a-z]{4})\b", re.IGNORECASE)
_LOOK_ALIKES = str.maketrans("OIL", "011")  # Crockford's alphabet has none of these letters
_BRIEF = 8


def asked(turn: Turn) -> Answer | None:
    """Confirms a code, or says that it is none of ours; None for a message about anything else."""
    if len(turn.text.split()) > _BRIEF or not typed.find(turn, {"": turn.content.files["handoff"]["check_agent"]}):
        return None
    code = agent_code(turn.text)
    if code is None:
        return answer(turn, turn.say("agent_code_missing"))
    agent = agents.by_code(turn.connection, code)
    if agent is None:
        return answer(turn, turn.say("agent_code_unknown", code=code))
    return answer(turn, turn.say("agent_code_known", code=code, alias=agent["alias"], operator=turn.policy.operator))


def agent_code(text: str) -> str | None:
    """The code in a message, however it was typed; a word such as "pesan" is none."""
    for match in _CODE.finditer(text):
        code = match["code"].upper().translate(_LOOK_ALIKES)
        if match["dash"].strip() or any(char.isdigit() for char in match["code"]):
            return f"P-{code}"
    return None
