"""`PANDU_NLU=rasa`: a Rasa server decides the intent; everything else is read by the engine behind it.

Entities, subject, a second question and what only the conversation can decide ("terus?", an answer in an open form) come
from the embedded engine, which also stands in whenever Rasa is late, away or unreadable. The log says so: `model` is then
"embedded-… (rasa: time-out)".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from nlu.context import decides
from nlu.rasa.breaker import Breaker
from nlu.rasa.client import Ranking, RasaClient, RasaError, RasaRefusedError, for_rasa
from nlu.understanding import OUT_OF_SCOPE, Context, Engine, Outcome, Understanding

INTENTS = Path(__file__).parent.parent / "intents.yml"
SURE = 0.3  # below this Rasa's own FallbackClassifier would ask back …
APART = 0.1  # … and where the best two are closer than this
_LEAST = 3  # intents in a ranking
_MENDS = {
    "no connection": "nobody listens there; start it (docs/rasa.md) or set PANDU_RASA_URL",
    "time-out": "it does not answer within two seconds; is it still starting, or overloaded?",
    "answer 401": "it wants a token; add ?token=… to PANDU_RASA_URL",
    "answer 404": "what listens there is no Rasa server with --enable-api (docs/rasa.md)",
    "answer 409": "it has no model; start it with -m and the model's file (docs/rasa.md)",
}


def known_intents() -> frozenset[str]:
    """The catalogue's intents; a Rasa server with another assistant's model may name others."""
    groups = yaml.safe_load(INTENTS.read_text(encoding="utf-8"))
    return frozenset(name for group in groups.values() if isinstance(group, dict) for name in group)


def what_is_wrong(url: str, timeout: float = 2.0) -> str:
    """Why a Rasa server would not be of use and how to mend it; "" where it answers with intents of ours."""
    client = RasaClient(url, timeout)
    try:
        client.model()
        ranking = client.parse("halo kak")
    except RasaError as error:
        return _MENDS.get(str(error), f"{error}; its own log says more")
    finally:
        client.close()
    if not any(name in known_intents() for name, _ in ranking):
        return "its model names none of our intents; train one with `pandu nlu compare` and start the server with it"
    return ""


def decide(ranking: Ranking, base: Understanding, model: str) -> Understanding:
    """A reading in which the ranking decides the intent and `base` gives the rest."""
    intent, confidence = ranking[0]
    inside = tuple(pair for pair in ranking if pair[0] != OUT_OF_SCOPE)
    missing = [(name, 0.0) for name, _ in base.ranking if name not in dict(inside)]
    inside += tuple(missing[: max(0, _LEAST - len(inside))])
    made = replace(base, intent=intent, confidence=confidence, ranking=inside, second=None, model=model)
    if intent == OUT_OF_SCOPE:
        return replace(made, outcome=Outcome.REFUSE)
    if base.second and intent in (base.intent, base.second):
        return replace(made, intent=base.intent, second=base.second, outcome=Outcome.ANSWER)  # in the order asked
    runner_up = ranking[1][1] if len(ranking) > 1 else 0.0
    sure = confidence >= SURE and confidence - runner_up >= APART
    return replace(made, outcome=Outcome.ANSWER if sure else Outcome.CLARIFY)


class RasaEngine:
    """Asks a Rasa server and keeps answering without it."""

    waits = True  # parse waits for a server: never on an event loop

    def __init__(
        self,
        url: str,
        fallback: Engine,
        timeout: float = 0.3,
        *,
        breaker: Breaker | None = None,
        on_reading: Callable[[str], object] = lambda outcome: None,
    ) -> None:
        """`timeout` in seconds for one message, connection included. ValueError if `url` is no address.

        `on_reading` hears for each message that was meant for Rasa "answered", or why the embedded engine stood in.
        """
        self._client = RasaClient(url, timeout)
        self._fallback = fallback
        self._breaker = breaker or Breaker()
        self._known = known_intents() | {OUT_OF_SCOPE}
        self._on_reading = on_reading
        self._model = ""

    @property
    def version(self) -> str:
        """Names the model in logs and reports."""
        return f"rasa-{self._model or 'unknown'}"

    def parse(self, text: str, context: Context) -> Understanding:
        """Never raises on any text; an empty or unreadable one is refused."""
        base = self._fallback.parse(text, context)
        if not for_rasa(text) or decides(self._fallback, text, context, base):
            return base
        if not self._breaker.allows():
            return self._without(base, "resting")
        try:
            ranking = self._ask(text)
        except RasaRefusedError as error:
            self._breaker.succeeded()
            return self._without(base, str(error))
        except RasaError as error:
            self._breaker.failed()
            self._model = ""  # it may come back with another
            return self._without(base, str(error))
        self._breaker.succeeded()
        self._on_reading("answered")
        return decide(ranking, base, self.version)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _ask(self, text: str) -> Ranking:
        """The ranking of known intents, and once in a while the model's name."""
        ranking = tuple(pair for pair in self._client.parse(text) if pair[0] in self._known)
        if not ranking:
            raise RasaError("names no known intent")
        if not self._model:
            self._model = self._client.model()
        return ranking

    def _without(self, base: Understanding, reason: str) -> Understanding:
        self._on_reading(reason)
        return replace(base, model=f"{base.model} (rasa: {reason})")
