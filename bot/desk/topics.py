"""What requests and cases are about, as an agent reads it."""

from __future__ import annotations

from handlers.catalogue import Catalogue

_OWN = {"petugas": "Minta petugas", "danger": "Bahaya", "other": "Lainnya"}


def names(content: Catalogue) -> dict[str, str]:
    """Topic → a few words. Topics are what can be asked, those of reports, and the queue's own."""
    asked = {intent: content.title(intent) for intent in (*content.answers, *content.topics)}
    reported = {key: topic["title"] for key, topic in content.files["reports"]["topics"].items()}
    return {**asked, **reported, **_OWN}
