"""What is wrong with the text of an announcement: each thing with its mend, so that an operator reads all of it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from handlers import announcement, bubbles, links, short, templates
from handlers import announcement_paragraphs as paragraphs
from handlers.announcement import Frame
from handlers.catalogue import placeholders
from handlers.templates import Wanted
from storage.refusal import Refusal


def problems(
    content: Mapping[str, Any], frame: Frame, *, hosts: Sequence[str], wanted: Mapping[str, Wanted]
) -> list[Refusal]:
    """What is in the way of sending it, each with its mend; [] where all is well."""
    if in_way := [*_of_variables(content)] or [*_of_conditions(content)]:
        return in_way
    return [
        *_of_lengths(content, frame),
        *_of_links(content, hosts),
        *_of_words(content["words"]),
        *_of_template(content.get("template"), wanted),
        *_of_wave(frame),
    ]


def _of_variables(content: Mapping[str, Any]) -> Iterator[Refusal]:
    for field, text in announcement.texts(content):
        try:
            unknown = sorted(placeholders(text) - set(announcement.SAMPLE))
        except ValueError as error:
            yield Refusal("brace", f"a broken brace: {error}", field=field)
            continue
        if unknown:
            known = ", ".join(announcement.SAMPLE)
            told = f"{{{unknown[0]}}} is no variable: one of {known}"
            yield Refusal("variable_unknown", told, field=field, name=unknown[0], known=known)


def _of_conditions(content: Mapping[str, Any]) -> Iterator[Refusal]:
    wordings = announcement.wordings(content)
    names = paragraphs.conditions(list(wordings.values()))
    if len(names) > paragraphs.MOST:
        told = f"{len(names)} different conditions, at most {paragraphs.MOST}"
        yield Refusal("conditions_many", told, field="text", size=len(names), most=paragraphs.MOST)
    known = announcement.variables(content) | {"sapaan"}
    for field, wording in wordings.items():
        if not any(True for _ in paragraphs.for_all(wording)):
            told = "every paragraph has a condition: one without is wanted, so that nobody gets an empty message"
            yield Refusal("paragraph_for_all", told, field=field)
        for text, sure in paragraphs.for_some(wording):
            if lacking := sorted(placeholders(text) - sure - known):
                told = f"{{{lacking[0]}}} in a paragraph that not everybody gets: give it `if: {lacking[0]}`"
                yield Refusal("paragraph_lacks", told, field=field, name=lacking[0])


def _of_lengths(content: Mapping[str, Any], frame: Frame) -> Iterator[Refusal]:
    for channel in announcement.CHANNELS:
        found = (_length(content, frame, channel, case) for case in announcement.cases(content))
        yield from [one for one in found if one][:1]


def _length(content: Mapping[str, Any], frame: Frame, channel: str, case: Mapping[str, bool]) -> Refusal | None:
    reply = announcement.render(content, frame, channel, announcement.SAMPLE, case)
    if channel == "sms":
        if short.shaped(reply, short.words(frame.catalogue))[1] is None:
            return None
        told = f"sms: more than {short.MOST_PARTS} parts; write a shorter one under `sms`"
        return Refusal("sms_long", told, field="sms", most=short.MOST_PARTS)
    if (size := len(reply.text)) <= bubbles.LONGEST:
        return None
    field = channel if channel in content else "text"
    told = f"{channel}: {size} characters, at most {bubbles.LONGEST}"
    return Refusal("long", told, field=field, channel=channel, size=size, most=bubbles.LONGEST)


def _of_links(content: Mapping[str, Any], hosts: Sequence[str]) -> Iterator[Refusal]:
    link = content.get("link", "")
    if link and not _is_address(link):
        told = f"link {link}: an address that begins with https:// is wanted"
        yield Refusal("link_wanted", told, field="link")
    for field, text in (*announcement.texts(content), ("link", link)):
        for host in links.forbidden(text, hosts):
            told = f"link to {host} is not allowed: .go.id or PANDU_LINK_HOSTS"
            yield Refusal("link_forbidden", told, field=field, host=host)


def _is_address(link: str) -> bool:
    """One that every browser reads alike: of what programs read differently none is sent (https://url.spec.whatwg.org/#urls)."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    plain = link.isprintable() and not set(link) & set(' \\"<>')
    return plain and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _of_words(words: Sequence[str]) -> Iterator[Refusal]:
    if len(words) > announcement.WORDS:
        yield Refusal(
            "words_many",
            f"words: {len(words)}, at most {announcement.WORDS}",
            field="words",
            size=len(words),
            most=announcement.WORDS,
        )
    for word in words:
        if not word or len(word) > announcement.WORD:
            yield Refusal(
                "word_long",
                f"word {word!r}: 1 to {announcement.WORD} characters",
                field="words",
                word=word,
                most=announcement.WORD,
            )
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
    if missing := [
        name for name in want.variables if name != "operator" and not template["values"].get(name, "").strip()
    ]:
        told = f"template {want.name}: a value for {missing[0]} is missing"
        yield Refusal("template_value", told, field="template", name=want.name, variable=missing[0])
    filled = {name: text.format_map(announcement.SAMPLE) for name, text in template["values"].items()}
    if (size := len(want.filled(filled))) > templates.BODY:
        told = f"template {want.name}: {size} characters with these values, at most {templates.BODY}"
        yield Refusal("template_long", told, field="template", name=want.name, size=size, most=templates.BODY)


def _of_wave(frame: Frame) -> Iterator[Refusal]:
    official = _is_address(frame.source) and _host(frame.source).endswith(".go.id")
    if frame.kind == "wave" and not (official and not links.forbidden(frame.source)):
        told = "that a wave has opened needs the official page that says so: --source https://….go.id/…"
        yield Refusal("source_official", told, field="source")


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").lower()
