"""Every code of Meta's table → what the sender is told (platform-rules 2.8 and 4)."""

from __future__ import annotations

import pytest

from bot.channel import Down, Failed, Gone, Outcome, Retry, Shut, Throttled
from bot.whatsapp.client import refusal_of
from bot.whatsapp.outcomes import A_DAY, MAINTENANCE, MINUTES, MOMENT, PAIR, TABLE, Refusal, outcome
from bot.whatsapp.send import WhatsAppChannel
from tests.bot.whatsapp.sending.conftest import send
from tests.fakes.whatsapp import FakeWhatsApp
from tests.fakes.whatsapp_rules import ERRORS

# the rows of the table, one line each: codes → kind, and of a throttle its wait and scope
ROWS: list[tuple[tuple[int, ...], type[Outcome] | tuple[float, str]]] = [
    ((0, 190), Down),
    ((3, 10, *range(200, 300)), Down),
    ((368, 131031), Down),
    ((130497,), Gone),
    ((131042,), Down),
    ((131045, 133000, 133005, 133006, 133007, 133008, 133009, 133010, 133015, 133016), Down),
    ((131037,), Down),
    ((4, 80007), (MINUTES, "account")),
    ((130429,), (MOMENT, "account")),
    ((131056,), (PAIR, "chat")),
    ((131048,), (A_DAY, "lane")),
    ((1, 2, 131000, 131016, 133004), Retry),
    ((131057,), (MAINTENANCE, "account")),
    ((131047,), Shut),
    ((131026,), Gone),
    ((131021,), Failed),
    ((130472,), Failed),
    ((131049,), Failed),
    ((131050,), Gone),
    ((131051, 131060), Failed),
    ((131052,), Failed),
    ((131053,), Retry),
    ((100, 131008, 131009, 135000), Failed),
    ((33, 131005), Down),  # an id or a right that is wrong concerns every message
    ((131062,), Failed),
    ((132000, 132012), Failed),
    ((132001,), Failed),
    ((132005, 132007), Failed),
    ((132015, 132016), Failed),
    ((132068,), Failed),
    ((132069,), (MINUTES, "lane")),
    ((470,), Shut),
    ((471,), (A_DAY, "lane")),
    ((1013,), Gone),
]


@pytest.mark.parametrize(("codes", "expected"), ROWS, ids=lambda value: str(value)[:30])
def test_every_row_of_the_table(codes: tuple[int, ...], expected: type[Outcome] | tuple[float, str]) -> None:
    for code in codes:
        found = outcome(Refusal(code, "sebab", status=400))
        if isinstance(expected, tuple):
            assert isinstance(found, Throttled)
            assert (found.seconds, found.scope) == expected
        else:
            assert type(found) is expected
            assert f"{code}: sebab" in found.reason  # type: ignore[union-attr]


def test_the_table_and_its_test_name_the_same_codes() -> None:
    assert {code for codes, _ in ROWS for code in codes} | {132018} == set(TABLE)
    assert set(ERRORS) - {2200, 2500} <= set(TABLE)  # those two are of the set-up


@pytest.mark.parametrize("code", [131048, 130497, 132001, 132005, 100, 131009])
def test_what_operators_must_mend_is_noted(code: int) -> None:
    assert str(code) in outcome(Refusal(code, "sebab")).note  # type: ignore[union-attr]


def test_who_stops_marketing_has_opted_out() -> None:
    assert outcome(Refusal(131050, "x")) == Gone("131050: x", opted_out=True)
    assert outcome(Refusal(131026, "x")) == Gone("131026: x")


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(100, "x", subcode=33), Down),  # the number's id is wrong: not this message's fault
        (Refusal(987654, "x", status=400), Failed),
        (Refusal(987654, "x", status=503), Retry),
        (Refusal(-1, "HTTP 429", status=429), Throttled),
        (Refusal(-1, "HTTP 403", status=403), Down),
        (Refusal(987654, "x"), Failed),  # told by a status
    ],
)
def test_codes_that_are_in_no_document(refusal: Refusal, kind: type[Outcome]) -> None:
    assert type(outcome(refusal)) is kind


@pytest.mark.parametrize(
    "error",
    [{}, {"code": None}, {"code": []}, {"code": "x", "error_data": 7}, {"code": 1e400, "title": ["a"]}, {"code": True}],
)
def test_an_error_of_any_shape_is_read(error: dict[str, object]) -> None:
    read = refusal_of(error, 400)
    assert read.code in (-1, 1)
    outcome(read)


@pytest.mark.parametrize("code", [131000, 131026, 131047, 190, 130429, 131048, 132001])
async def test_the_server_says_so(channel: WhatsAppChannel, fake: FakeWhatsApp, code: int) -> None:
    fake.fail(code=code, details="rinci")
    title = ERRORS[code][1]
    expected = outcome(Refusal(code, f"(#{code}) {title}, rinci", status=ERRORS[code][0]))
    assert await send(channel, "halo") == expected
