"""Questions answered from the catalogue: the right wording for the programme's state and the scheme, with source and date."""

from __future__ import annotations

from dataclasses import replace

from handlers.catalogue import Catalogue, Entry, placeholders, shown_date
from handlers.messages import Option, Reply
from handlers.turn import Answer, Turn, answer, options
from storage import chats, people

MAX_OPTIONS = 3  # what fits WhatsApp's buttons, so that one definition serves every channel


def faq(turn: Turn, intent: str, *, scheme: str | None = None) -> Answer:
    """The answer to one question; the years of the rule come from `scheme`, the record, the message, else the newest and the other is offered."""
    reply = faq_reply(turn, intent, scheme=scheme)
    return answer(turn, reply, state=replace(turn.state, last_intent=intent, options=reply.options))


def faq_reply(turn: Turn, intent: str, *, scheme: str | None = None) -> Reply:
    """The reply alone, for a message that asks two things."""
    entry = turn.content.answers[intent]
    known = scheme or (known_scheme(turn) if _depends_on_scheme(turn.content, entry) else None)
    return entry_reply(turn.content, entry, scheme=known, in_form=bool(turn.state.form))


def entry_reply(content: Catalogue, entry: Entry, *, scheme: str | None = None, in_form: bool = False) -> Reply:
    """What an answer says, and offers, at the programme's present state."""
    used = scheme or content.default_scheme
    older = used == content.older_scheme
    wording = entry.text_2020_2022 if older and entry.text_2020_2022 else entry.text
    text = content.fill(wording.now(content.state), used)
    sources = entry.sources_2020_2022 if older and entry.sources_2020_2022 else entry.sources
    text = f"{text}\n({sources[0].shown()})"
    offers: list[Option] = []
    if scheme is None and entry.text_2020_2022 and not in_form:  # in a form the step's own options are shown
        text += "\n" + content.text("ask_scheme")
        offers += options((content.text("option_older_rules"), f"scheme:{content.older_scheme}:{entry.intent}"))
    if entry.more:
        offers += options((content.text("option_more"), f"more:{entry.intent}"))
    offers += _follow_ups(content, entry)
    brief = content.fill(entry.sms.now(content.state), used)
    return Reply(
        text=text,
        options=tuple(offers[:MAX_OPTIONS]),
        sms=f"{brief} ({shown_date(entry.sources[0].date)})",  # its sources by name are behind "Selengkapnya"
    )


def led(content: Catalogue, intent: str, reply: Reply) -> Reply:
    """The reply with what precedes answers to its intent at present, an incident as a rule."""
    if not (lead := content.lead(intent)) or not reply.text:
        return reply
    return replace(reply, text=f"{lead}\n\n{reply.text}", sms=f"{lead}\n{reply.sms}" if reply.sms is not None else None)


def _depends_on_scheme(content: Catalogue, entry: Entry) -> bool:
    """Whether the person's year changes the answer; otherwise their record need not be asked for."""
    named = {name for text in (*entry.text, *entry.sms) if "{" in text for name in placeholders(text)}
    return bool(entry.text_2020_2022) or not named <= content.common.keys()


def more(turn: Turn, intent: str) -> Answer:
    """What stands behind "Selengkapnya", with all sources; the answer itself where nothing does any more."""
    entry = turn.content.answers[intent]
    if not entry.more:
        return faq(turn, intent)
    text = turn.content.fill(entry.more, known_scheme(turn))
    shown = dict.fromkeys(source.shown() for source in entry.sources)
    text += "\n\n" + turn.content.text("sources", sources="; ".join(shown))
    follow = _follow_ups(turn.content, entry)
    if not turn.by_sms and not turn.state.form:  # by SMS every letter costs; the words do as well
        follow += options((turn.content.text("option_wrong"), f"wrong:{intent}"))
    return answer(turn, Reply(text=text, options=follow), state=replace(turn.state, last_intent=intent, options=follow))


def otherwise(turn: Turn, intent: str) -> Answer:
    """The last answer in other, fewer words for somebody who did not understand it; the second time a person is offered."""
    ways = options(
        (turn.content.text("option_human"), "intent:human_agent"), (turn.content.text("option_menu"), "do:menu")
    )
    if turn.state.misses:
        found = answer(turn, turn.say("puzzled_twice", options=ways))
        return replace(found, state=replace(found.state, misses=turn.state.misses + 1), handler="offer_person")
    entry = turn.content.answers[intent]
    scheme = known_scheme(turn) or turn.content.default_scheme
    text = turn.content.text("puzzled", answer=turn.content.fill(entry.sms.now(turn.content.state), scheme))
    shown = (*options((turn.content.text("option_more"), f"more:{intent}")), ways[0]) if entry.more else ways
    found = answer(turn, Reply(text=text, options=shown))
    return replace(found, state=replace(found.state, misses=1), handler="otherwise")


def known_scheme(turn: Turn) -> str | None:
    """The scheme by the wave or year in the message, else by the wave of the person's own record."""
    understanding = turn.understanding
    wave, year = understanding.first("wave"), understanding.first("year")
    said = turn.content.scheme_of(wave=int(wave.value) if wave else None, year=int(year.value) if year else None)
    if said or understanding.subject != "self":
        return said
    link = chats.active_link(turn.connection, turn.chat_id)
    record = people.get(turn.connection, link["participant_id"]) if link and link["level"] != "1" else None
    return turn.content.scheme_of(wave=record["wave"]) if record and record["wave"] else None


def _follow_ups(content: Catalogue, entry: Entry) -> tuple[Option, ...]:
    return tuple(Option(label=content.title(intent), action=f"intent:{intent}") for intent in entry.follow_ups[:2])
