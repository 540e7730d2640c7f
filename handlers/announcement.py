"""What an operator announces: one text with variables, a wording of its own where a channel needs one, words to answer with.

It offers words and never numbers (design, rule 6), links only to allowed hosts (rule 9), and always says how to stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from handlers import announcement_paragraphs as paragraphs
from handlers import gsm7, links, short
from handlers.announcement_paragraphs import Case, Wording
from handlers.catalogue import Catalogue, placeholders
from handlers.messages import Reply, Template
from handlers.telling import OLDEST, deadline_in
from storage.refusal import Refusal

CHANNELS: Final = ("telegram", "whatsapp", "sms")
KEYS: Final = ("text", *CHANNELS, "words", "link", "image", "template")
WITH_IMAGE: Final = ("telegram", "whatsapp")
WORDS, WORD = 3, 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
PROVEN: Final = ("2", "3")  # proof levels that may see their record
RECORD: Final = ("gelombang", "batas_beli", "saldo")
SAMPLE: Final[Mapping[str, str]] = {
    "sapaan": "Kak Siti",
    "nama": "Siti Contoh",
    "gelombang": "71",
    "batas_beli": "30 Nov 2026, 23.59 WIB",
    "saldo": "Rp1.250.000",
}
"""Every variable, as it may come out; the preview and the checks of length use it."""
SAMPLE_FACTS: Final[Mapping[str, str]] = {"wave": "71", "membership": "active", "zone": "WIB", "linked": "true"}
"""What conditions ask besides: of the one whom the samples are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the operator's text, the same for all recipients."""

    kind: str  # news, wave
    source: str  # the official page, of a wave
    catalogue: Catalogue


def framed(campaign: Mapping[Any, Any], catalogue: Catalogue) -> Frame:
    """The frame of a campaign."""
    return Frame(kind=campaign["kind"], source=campaign["official_source"] or "", catalogue=catalogue)


def read(found: Any) -> dict[str, Any]:
    """The content as it is kept; `Refusal` for what is no content at all."""
    if not isinstance(found, Mapping) or not found.get("text"):
        raise Refusal("text_missing", "the content needs `text`", field="text")
    if unknown := [key for key in found if key not in KEYS]:
        told = f"unknown {unknown[0]!r}: one of {', '.join(KEYS)}"
        raise Refusal("content_unknown", told, value=unknown[0], known=", ".join(KEYS))
    words, template = found.get("words") or [], found.get("template")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Refusal("words_wanted", "words: a list of words that people answer with", field="words")
    if template is not None and not (
        isinstance(template, Mapping)
        and isinstance(template.get("name"), str)
        and isinstance(template.get("values") or {}, Mapping)
    ):
        raise Refusal("template_wanted", "template: {name: …, values: {variable: text}}", field="template")
    texts = {key: paragraphs.read(found[key], key) for key in ("text", *CHANNELS) if found.get(key)}
    link = {"link": str(found["link"]).strip()} if found.get("link") else {}
    kept: dict[str, Any] = {**texts, **link, **_image(found), "words": [word.strip().upper() for word in words]}
    if template:
        values = {str(key): str(value) for key, value in (template.get("values") or {}).items()}
        kept["template"] = {"name": template["name"], "values": values}
    return kept


def _image(found: Mapping[str, Any]) -> dict[str, str]:
    image = found.get("image")
    if not image:
        return {}
    if not isinstance(image, str) or not _SHA256.fullmatch(image):
        raise Refusal("image_unknown", "image: no picture that Pandu has", field="image")
    return {"image": image}


def wordings(content: Mapping[str, Any]) -> dict[str, Wording]:
    """The text for all channels, and those of single ones, by their keys."""
    return {key: content[key] for key in ("text", *CHANNELS) if key in content}


def _template_texts(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (content.get("template") or {"values": {}})["values"].values()


def texts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What may hold variables, with the field where it stands."""
    for field, wording in wordings(content).items():
        yield from ((field, text) for text in paragraphs.texts(wording))
    yield from (("template", text) for text in _template_texts(content))


def _names(words: Iterable[str]) -> set[str]:
    return {name for text in words for name in placeholders(text)}


def variables(content: Mapping[str, Any]) -> set[str]:
    """Names that everybody needs a value for: those of paragraphs with a condition are not among them. ValueError for a broken brace."""
    whole = (text for wording in wordings(content).values() for text in paragraphs.for_all(wording))
    return _names([*whole, *_template_texts(content)])


def needs(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that come from the record: who has no proven link cannot get it."""
    return tuple(name for name in RECORD if name in variables(content))


def cases(content: Mapping[str, Any]) -> list[dict[str, bool]]:
    """Every way in which its conditions can come out, by their words; [{}] where it has none."""
    return paragraphs.cases(list(wordings(content).values()))


# -- one recipient ------------------------------------------------------------------------------------------------


def values(row: Mapping[str, Any], now: datetime, catalogue: Catalogue) -> dict[str, str]:
    """What variables and facts are for a recipient (storage.campaign_people.facts); those that are not known are missing."""
    proven = row["level"] in PROVEN
    name = _name(str((row["person"] if proven and row["person"] else row["name"]) or ""))
    call = catalogue.text("announcement_call_formal" if row["formal"] else "announcement_call")
    found = {"sapaan": f"{call} {name.split()[0]}" if name else call}
    found |= {"zone": row["zone"], "linked": "true" if proven else "false"}
    if name:
        found["nama"] = name
    if proven and row["as_of"] and row["as_of"] >= now - OLDEST:
        if row["wave"] is not None:
            found["gelombang"] = found["wave"] = str(row["wave"])
        if row["membership"]:
            found["membership"] = row["membership"]
        if row["buy_by"] is not None:
            found["batas_beli"] = deadline_in(row["zone"], row["buy_by"])
        if row["balance"] is not None:
            found["saldo"] = f"Rp{row['balance']:,}".replace(",", ".")
    return found


def _name(found: str) -> str:
    """A name as people and records bring it: without what is not seen, turns the writing round, or would be a link."""
    seen = "".join(" " if char.isspace() else char for char in found if char.isprintable() or char.isspace())
    return links.defanged(" ".join(seen.split())[:60]).strip()


def missing(content: Mapping[str, Any], found: Mapping[str, str]) -> str:
    """The first variable that has no value; "" where all have."""
    return next((name for name in sorted(variables(content)) if name not in found), "")


def render(
    content: Mapping[str, Any], frame: Frame, channel: str, found: Mapping[str, str], case: Case | None = None
) -> Reply:
    """The message for one recipient on one channel; `case`: as though its conditions came out so."""
    say = frame.catalogue.text
    between = "\n" if channel == "sms" else "\n\n"
    parts = [paragraphs.said(content.get(channel, content["text"]), found, between, case).format_map(found)]
    if content.get("link"):
        parts.append(content["link"])
    if frame.kind == "wave":
        parts += [say("announcement_wave"), say("announcement_wave_source", source=frame.source)]
    ends = []
    if content["words"]:
        ends.append(say("announcement_words", words=say("announcement_or").join(content["words"])))
    ends.append(say("announcement_stop_sms" if channel == "sms" else "announcement_stop"))
    template = content.get("template")
    return Reply(
        text=between.join([*parts, " ".join(ends)]),
        template=Template(
            name=template["name"], values={key: text.format_map(found) for key, text in template["values"].items()}
        )
        if template
        else None,
        image=content.get("image", "") if channel in WITH_IMAGE else "",
    )


def shown(
    content: Mapping[str, Any], frame: Frame, channel: str, found: Mapping[str, str], case: Case | None = None
) -> tuple[str, int]:
    """How a channel sends it, and in how many parts (of SMS; else 1)."""
    reply = render(content, frame, channel, found, case)
    if channel != "sms":
        return reply.text, 1
    text, _ = short.shaped(reply, short.words(frame.catalogue))
    return text, gsm7.parts(text)
