"""The engine in this process: normaliser, linear classifier, entities. No network, no pickle, numpy only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from nlu.classify import MODEL, Classifier, Reading, sigmoid
from nlu.clauses import Cut, asking, best_cut, cuts
from nlu.context import follow_up, is_follow_up, quiet_in_form
from nlu.corpus import DATA
from nlu.entities import find_entities
from nlu.entities.subject import find_subject
from nlu.features import Floats, pieces
from nlu.fingerprint import is_current
from nlu.normalise import Normaliser
from nlu.understanding import OUT_OF_SCOPE, Context, Entity, Outcome, Understanding

LONGEST = 4000  # characters that are read; what stands behind is no question any more
TALK = frozenset(
    ("greet", "goodbye", "thanks", "affirm", "deny", "cancel", "help_menu", "bot_challenge", "complaint", "human_agent")
)

COMMON_WORDS = (
    4000  # words whose shares are made ready at the start, so that the first messages are read as fast as later ones
)
_FIRST = "selamat pagi kak, insentif gelombang 68 ibu saya di jaksel belum cair ke dana? terus 600rb itu kapan, cek contoh.go.id"

log = logging.getLogger(__name__)


class EmbeddedEngine:
    """Reads messages with the model in `model/`."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._normaliser = Normaliser(classifier.meta["known"])
        self._refuse = float(classifier.meta["thresholds"]["refuse"])
        self._answer = float(classifier.meta["thresholds"]["answer"])
        self._second = classifier.meta["second"]
        self._intents = classifier.intents

    @classmethod
    def load(cls, folder: Path = MODEL, *, data: Path = DATA) -> EmbeddedEngine:
        """Loads the model from its folder. Raises FileNotFoundError when it was never trained. `data`: the training data that it should belong to."""
        engine = cls(Classifier.load(folder))
        if not is_current(folder, data):
            log.warning("the model is older than its data or code: `pandu nlu train` makes a new one")
        for word in engine._classifier.warm(COMMON_WORDS):
            engine._normaliser.word(word)
        engine.parse(_FIRST, Context(today=date(2026, 11, 24)))
        return engine

    @property
    def intents(self) -> list[str]:
        """The intents in the order of the scores; out_of_scope comes after them."""
        return self._intents

    @property
    def version(self) -> str:
        """Names the model in logs and reports."""
        return f"embedded-{self._classifier.meta['fingerprint']}"

    def normalise(self, text: str) -> str:
        """The text as the classifier reads it."""
        return self._normaliser(text[:LONGEST])

    def measure(self, text: str) -> tuple[Floats, Floats, Floats]:
        """The scores of one text, the share of words that were never learnt, and the number of words (see `Classifier.measure`)."""
        return self._classifier.measure([self._normaliser.tokens(text[:LONGEST])])

    def sight(self, text: str) -> tuple[int, float]:
        """How many words the classifier sees in a text, and the share of them that it never learnt."""
        words = self.normalise(text).replace("?", "").split()
        words = [piece for word in words for piece in pieces(word)]
        return len(words), self._classifier.unknown(words)

    def parse(self, text: str, context: Context) -> Understanding:
        """Never raises on any text; an empty or unreadable one is refused."""
        text = text[:LONGEST]
        try:
            entities = find_entities(text, context.today)
            subject, mention = find_subject(text)
            return self._understand(text, context, (*entities, *mention), subject)
        except Exception:  # a message must never be lost to a slip of the reader; it is refused, and the slip is logged
            log.exception("parse failed", extra={"length": len(text)})
            return self._refused((), self._uniform())

    def _understand(self, text: str, context: Context, entities: tuple[Entity, ...], subject: str) -> Understanding:
        tokens = self._normaliser.tokens(text)
        if not any(token.isalpha() for token in tokens):
            return self._refused(entities, self._uniform())
        found = cuts(text)
        sides = [self._normaliser.tokens(side) for cut in found for side in (cut.left, cut.right)]
        reading, *read = self._classifier.read([tokens, *sides])
        chances, outside = reading.intents, reading.outside
        aimless = is_follow_up(tokens)  # what "maksudnya?" asks about stands in the conversation, if anywhere
        if aimless and context.last_intent in self._intents:
            aimless = False
            chances, outside = follow_up(chances, self._intents.index(context.last_intent)), 0.0
        ranking = self._ranking(chances)
        two = self._two_questions(text, found, read, reading)
        if two:
            return self._answered(ranking, *two, entities, subject)
        intent, chance = ranking[0]
        if outside >= self._refuse:
            return self._refused(entities, ranking, outside, subject)
        sure = chance * (1 - outside)
        quiet = quiet_in_form(context, intent in TALK, tokens, asking(text))
        outcome = Outcome.ANSWER if sure >= self._answer and not (quiet or aimless) else Outcome.CLARIFY
        return self._reading(intent, sure, outcome, ranking, None, entities, subject)

    def _two_questions(
        self, text: str, found: Sequence[Cut], sides: Sequence[Reading], whole: Reading
    ) -> tuple[str, str, float] | None:
        """The intents of two questions in the order asked, with the probability of the first; None for one question."""
        if not found:
            return None
        best = best_cut(
            text, found, np.stack([side.intents for side in sides]), [side.outside for side in sides], whole.intents
        )
        if best is None:
            return None
        chance = sigmoid(float(np.dot(best.looks, self._second["weights"])) + self._second["bias"])
        first, second = self._intents[best.first], self._intents[best.second]
        if chance < self._second["threshold"] or first in TALK or second in TALK:
            return None
        return first, second, best.sure

    def _uniform(self) -> tuple[tuple[str, float], ...]:
        share = 1 / len(self._intents)
        named = [name for name in ("help_menu", "program_about", "human_agent") if name in self._intents]
        return tuple((name, share) for name in dict.fromkeys((*named, *self._intents)))[:3]

    def _ranking(self, chances: Floats) -> tuple[tuple[str, float], ...]:
        best = np.argsort(-chances)[:5]
        return tuple((self._intents[at], float(chances[at])) for at in best)

    def _answered(
        self,
        ranking: tuple[tuple[str, float], ...],
        first: str,
        second: str,
        chance: float,
        entities: tuple[Entity, ...],
        subject: str,
    ) -> Understanding:
        rest = tuple(pair for pair in ranking if pair[0] not in (first, second))
        known = dict(ranking)
        top = ((first, known.get(first, chance)), (second, known.get(second, chance)), *rest)
        return self._reading(first, chance, Outcome.ANSWER, top, second, entities, subject)

    def _refused(
        self,
        entities: tuple[Entity, ...],
        ranking: tuple[tuple[str, float], ...],
        chance: float = 1.0,
        subject: str = "self",
    ) -> Understanding:
        return self._reading(OUT_OF_SCOPE, chance, Outcome.REFUSE, ranking, None, entities, subject)

    def _reading(
        self,
        intent: str,
        confidence: float,
        outcome: Outcome,
        ranking: tuple[tuple[str, float], ...],
        second: str | None,
        entities: tuple[Entity, ...],
        subject: str,
    ) -> Understanding:
        return Understanding(
            intent=intent,
            confidence=round(min(1.0, max(0.0, confidence)), 4),
            outcome=outcome,
            ranking=ranking,
            second=second,
            entities=entities,
            subject=subject,  # type: ignore[arg-type]
            model=self.version,
        )
