"""Texts as Telegram reads them."""

from __future__ import annotations


def escape(text: str) -> str:
    """Text as HTML: the three characters that Telegram reads as markup (https://core.telegram.org/bots/api#html-style)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
