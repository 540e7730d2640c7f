"""An understanding layer for tests of the path: it reads what the text itself says, "intent: …"."""

from __future__ import annotations

from nlu.understanding import OUT_OF_SCOPE, Context, Outcome, Understanding


class StubEngine:
    """ "incentive_when: kapan cair" means incentive_when; anything else is a greeting; "boom" raises as long as `broken` is set."""

    version = "stub"

    def __init__(self) -> None:
        self.broken = True
        self.parsed: list[str] = []

    def parse(self, text: str, context: Context) -> Understanding:
        self.parsed.append(text)
        if "boom" in text and self.broken:
            raise RuntimeError("boom")
        intent = text.split(":")[0] if ":" in text else "greet"
        outcome = Outcome.REFUSE if intent == OUT_OF_SCOPE else Outcome.ANSWER
        return Understanding(
            intent=intent,
            confidence=0.9,
            outcome=outcome,
            ranking=((intent, 0.9), ("greet", 0.05), ("thanks", 0.02)),
            model=self.version,
        )
