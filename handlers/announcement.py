"""What an operator announces: one text with variables, a wording of its own where a channel needs one, words to answer with.

It offers words and never numbers (design, rule 6), links only to allowed hosts (rule 9), and always says how to stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from handlers import bubbles, gsm7, links, short
from handlers.catalogue import Catalogue, placeholders
from handlers.messages import Reply, Template
from handlers.telling import OLDEST, deadline_in
from handlers.templates import Wanted
from storage.refusal import Refusal

CHANNELS: Final = ("telegram", "whatsapp", "sms")
KEYS: Final = ("text", *CHANNELS, "words", "link", "template")
WORDS, WORD = 3, 20
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
    if not isinstance(found, Mapping) or not isinstance(found.get("text"), str) or not found["text"].strip():
        raise Refusal("text_missing", "the content needs `text`", field="text")
    if unknown := [key for key in found if key not in KEYS]:
        told = f"unknown {unknown[0]!r}: one of {', '.join(KEYS)}"
        raise Refusal("content_unknown", told, value=unknown[0], known=", ".join(KEYS))
    words, template = found.get("words") or [], found.get("template")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Refusal("words_wanted", "words: a list of words that people answer with", field="words")
    if template is not None and not (isinstance(template, Mapping) and isinstance(template.get("name"), str)):
        raise Refusal("template_wanted", "template: {name: …, values: {variable: text}}", field="template")
    texts = {key: str(found[key]).strip() for key in ("text", *CHANNELS, "link") if found.get(key)}
    kept: dict[str, Any] = {**texts, "words": [word.strip().upper() for word in words]}
    if template:
        values = {str(key): str(value) for key, value in (template.get("values") or {}).items()}
        kept["template"] = {"name": template["name"], "values": values}
    return kept


def _texts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What may hold variables, with the field where it stands."""
    yield from ((key, content[key]) for key in ("text", *CHANNELS) if key in content)
    yield from (("template", text) for text in (content.get("template") or {"values": {}})["values"].values())


def variables(content: Mapping[str, Any]) -> set[str]:
    """Names that stand in any of its texts; ValueError for a broken brace."""
    return {name for _, text in _texts(content) for name in placeholders(text)}


def needs(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that come from the record: who has no proven link cannot get it."""
    return tuple(name for name in RECORD if name in variables(content))


def problems(
    content: Mapping[str, Any], frame: Frame, *, hosts: Sequence[str], wanted: Mapping[str, Wanted]
) -> list[Refusal]:
    """What is in the way of sending it, each with its mend; [] where all is well."""
    if unreadable := list(_of_variables(content)):
        return unreadable
    return [
        *_of_lengths(content, frame),
        *_of_links(content, hosts),
        *_of_words(content["words"]),
        *_of_template(content.get("template"), wanted),
        *_of_wave(frame),
    ]


def _of_variables(content: Mapping[str, Any]) -> Iterator[Refusal]:
    for field, text in _texts(content):
        try:
            unknown = sorted(placeholders(text) - set(SAMPLE))
        except ValueError as error:
            yield Refusal("brace", f"a broken brace: {error}", field=field)
            continue
        if unknown:
            known = ", ".join(SAMPLE)
            told = f"{{{unknown[0]}}} is no variable: one of {known}"
            yield Refusal("variable_unknown", told, field=field, name=unknown[0], known=known)


def _of_lengths(content: Mapping[str, Any], frame: Frame) -> Iterator[Refusal]:
    said = short.words(frame.catalogue)
    for channel in CHANNELS:
        text = render(content, frame, channel, SAMPLE).text
        if channel == "sms":
            _, rest = short.shaped(Reply(text=text), said)
            if rest is not None:
                told = f"sms: more than {short.MOST_PARTS} parts; write a shorter one under `sms`"
                yield Refusal("sms_long", told, field="sms", most=short.MOST_PARTS)
        elif len(text) > bubbles.LONGEST:
            told = f"{channel}: {len(text)} characters, at most {bubbles.LONGEST}"
            field = channel if channel in content else "text"
            yield Refusal("long", told, field=field, channel=channel, size=len(text), most=bubbles.LONGEST)


def _of_links(content: Mapping[str, Any], hosts: Sequence[str]) -> Iterator[Refusal]:
    link = content.get("link", "")
    if link and not _is_address(link):
        told = f"link {link}: an address that begins with https:// is wanted"
        yield Refusal("link_wanted", told, field="link")
    for field, text in (*_texts(content), ("link", link)):
        for host in links.forbidden(text, hosts):
            told = f"link to {host} is not allowed: .go.id or PANDU_LINK_HOSTS"
            yield Refusal("link_forbidden", told, field=field, host=host)


def _is_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _of_words(words: Sequence[str]) -> Iterator[Refusal]:
    if len(words) > WORDS:
        yield Refusal("words_many", f"words: {len(words)}, at most {WORDS}", field="words", size=len(words), most=WORDS)
    for word in words:
        if not word or len(word) > WORD:
            yield Refusal("word_long", f"word {word!r}: 1 to {WORD} characters", field="words", word=word, most=WORD)
        elif any(char.isdigit() for char in word):
            told = f"word {word!r}: words, never numbers; a number means the conversation's own options"
            yield Refusal("word_number", told, field="words", word=word)


def _of_template(template: Mapping[str, Any] | None, wanted: Mapping[str, Wanted]) -> Iterator[Refusal]:
    if template is None:
        return
    want = wanted.get(template["name"])
    if want is None:
        told = f"template {template['name']!r}: none of {', '.join(wanted)} (whatsapp_templates.yml)"
        yield Refusal("template_unknown", told, field="template", name=template["name"], known=", ".join(wanted))
        return
    known = (*want.variables, "operator")
    if extra := [name for name in template["values"] if name not in known]:
        told = f"template {want.name}: {extra[0]!r} is none of its variables"
        listed = ", ".join(want.variables)
        yield Refusal("template_extra", told, field="template", name=want.name, variable=extra[0], known=listed)
    if missing := [name for name in want.variables if name != "operator" and name not in template["values"]]:
        told = f"template {want.name}: a value for {missing[0]} is missing"
        yield Refusal("template_value", told, field="template", name=want.name, variable=missing[0])


def _of_wave(frame: Frame) -> Iterator[Refusal]:
    if frame.kind == "wave" and not (_is_address(frame.source) and _host(frame.source).endswith(".go.id")):
        told = "that a wave has opened needs the official page that says so: --source https://….go.id/…"
        yield Refusal("source_official", told, field="source")


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").lower()


# -- one recipient ------------------------------------------------------------------------------------------------


def values(row: Mapping[str, Any], now: datetime, catalogue: Catalogue) -> dict[str, str]:
    """What the variables are for a recipient (storage.campaign_people.facts); those that are not known are missing."""
    proven = row["level"] in PROVEN
    name = " ".join(str((row["person"] if proven and row["person"] else row["name"]) or "").split())[:60]
    call = catalogue.text("announcement_call_formal" if row["formal"] else "announcement_call")
    found = {"sapaan": f"{call} {name.split()[0]}" if name else call}
    if name:
        found["nama"] = name
    if proven and row["as_of"] and row["as_of"] >= now - OLDEST:
        if row["wave"] is not None:
            found["gelombang"] = str(row["wave"])
        if row["buy_by"] is not None:
            found["batas_beli"] = deadline_in(row["zone"], row["buy_by"])
        if row["balance"] is not None:
            found["saldo"] = f"Rp{row['balance']:,}".replace(",", ".")
    return found


def missing(content: Mapping[str, Any], found: Mapping[str, str]) -> str:
    """The first variable that has no value; "" where all have."""
    return next((name for name in sorted(variables(content)) if name not in found), "")


def render(content: Mapping[str, Any], frame: Frame, channel: str, found: Mapping[str, str]) -> Reply:
    """The message for one recipient on one channel."""
    say = frame.catalogue.text
    parts = [content.get(channel, content["text"]).format_map(found)]
    if content.get("link"):
        parts.append(content["link"])
    if frame.kind == "wave":
        parts += [say("announcement_wave"), say("announcement_wave_source", source=frame.source)]
    ends = []
    if content["words"]:
        ends.append(say("announcement_words", words=say("announcement_or").join(content["words"])))
    ends.append(say("announcement_stop_sms" if channel == "sms" else "announcement_stop"))
    between = "\n" if channel == "sms" else "\n\n"
    template = content.get("template")
    return Reply(
        text=between.join([*parts, " ".join(ends)]),
        template=Template(
            name=template["name"], values={key: text.format_map(found) for key, text in template["values"].items()}
        )
        if template
        else None,
    )


def shown(content: Mapping[str, Any], frame: Frame, channel: str, found: Mapping[str, str]) -> tuple[str, int]:
    """How a channel sends it, and in how many parts (of SMS; else 1)."""
    reply = render(content, frame, channel, found)
    if channel != "sms":
        return reply.text, 1
    text, _ = short.shaped(reply, short.words(frame.catalogue))
    return text, gsm7.parts(text)
