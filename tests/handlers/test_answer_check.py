"""What an editor may not publish: whatever is written in the form is either refused with words for it, or can be said to everybody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import pack
from bot.desk.answer_form import body_of, fields_of
from bot.desk.answers import seed_of
from bot.desk.previews import previews
from handlers import answer_check, answers, catalogue, editing_acts
from handlers.answer_check import Finding
from handlers.catalogue import Catalogue, entry_of

INTENT = "incentive_amount"
CONTENT = catalogue.load()
_PIECES = st.sampled_from(
    (
        *("Insentif", " ", "{insentif}", "{usia_maks}", "{situs}", "{", "}", "{situs:>9}", "{x!r}", "{0}", "{}"),
        *("prakerja.com", "\n", "|", "A | 2023-13 | https://x.go.id/", "A | 2023 | http://["),
        *("A | 2023-02-31 | https://x.go.id/", "A | 2023 | https://x.go.id/"),
    )
)
_TEXTS = st.lists(_PIECES, max_size=4).map("".join)
_FIELDS = st.dictionaries(st.sampled_from([*fields_of(seed_of(CONTENT, INTENT))]), _TEXTS, max_size=4)


def found(**fields: str) -> list[Finding]:
    body, unread = body_of({**fields_of(seed_of(CONTENT, INTENT)), **fields})
    return unread + answer_check.draft(INTENT, editing_acts.dated(body), CONTENT)


@given(_FIELDS)
@settings(deadline=None)  # the first one loads the channels
def test_what_is_not_refused_can_be_said_in_every_state_by_every_rule(fields: dict[str, str]) -> None:
    problems = found(**fields)
    words = CONTENT.files["editing"]["problems"]
    assert all(words[one.reason].format_map(one.values) and str(one) for one in problems)
    if problems:
        return
    entry = entry_of(INTENT, editing_acts.dated(body_of({**fields_of(seed_of(CONTENT, INTENT)), **fields})[0]))
    for state in CONTENT.files["editing"]["states"]:
        now = replace(CONTENT, state=state)
        assert previews(now, entry, ())
        for scheme in (None, *CONTENT.schemes):
            assert answers.entry_reply(now, entry, scheme=scheme).text.partition("\n")[0]
            now.fill(entry.more, scheme)


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"text_open": "Besar {insentif:>999999999}."}, "text", "broken"),
        ({"text_open": "Besar {insentif!z}."}, "text", "broken"),
        ({"text_open": "Usia {usia_maks}.", "text_2020_2022_open": "", "text_2020_2022_closed": ""}, "text", "unknown"),
        ({"sms_open": "Usia {usia_maks}."}, "sms", "unknown"),
        ({"text_2020_2022_open": "", "text_2020_2022_closed": "Isi."}, "text_2020_2022", "empty"),
        ({"sources": "A | 2023-13 | https://x.go.id/"}, "sources", "source_date"),
        ({"sources": "A | 2023-02-30 | https://x.go.id/"}, "sources", "source_date"),
        ({"sources": "A | 2023 | http://[x.go.id/"}, "sources", "source_address"),
        ({"sources": "bit.ly | 2023 | https://x.go.id/"}, "sources", "source_name"),
        ({"title": "prakerja-gratis.com"}, "title", "link"),
        ({"question": "Daftar di prakerja-gratis.com"}, "question", "link"),
    ],
)
def test_what_is_refused_at_its_field(fields: dict[str, str], field: str, reason: str) -> None:
    assert (field, reason) in [(one.field, one.reason) for one in found(**fields)]


def test_the_shipped_answers_can_be_said_by_every_rule() -> None:
    for entry in CONTENT.answers.values():
        for scheme in CONTENT.schemes:
            assert answers.entry_reply(CONTENT, entry, scheme=scheme).text
            CONTENT.fill(entry.more, scheme)


def _small() -> Catalogue:
    return pack.at("examples/second_programme").catalogue()


def test_an_answer_of_another_programme_may_be_published() -> None:
    for intent in _small().answers:
        body, unread = body_of(fields_of(seed_of(_small(), intent)))
        assert unread + answer_check.draft(intent, editing_acts.dated(body), _small()) == []


def test_a_programme_without_older_rules_takes_no_wording_for_them() -> None:
    body, _ = body_of({**fields_of(seed_of(_small(), "voucher_value")), "text_2020_2022_open": "Dulu lain, Kak."})
    problems = answer_check.draft("voucher_value", editing_acts.dated(body), _small())
    assert [one.reason for one in problems] == ["no_older"]
