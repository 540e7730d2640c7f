"""Cells as people type them and spreadsheets write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.exchange.columns import KINDS, Column, UnusableError, columns, known, plain, read_heading
from bot.exchange.report import defused
from bot.exchange.rows import Checker, masked
from bot.exchange.values import RefusedError, clean, reader
from handlers.secure import hash_identity
from nlu.digits import ascii_digits
from tests.bot.exchange import KEY, NIK, TODAY


def column(kind: str, name: str) -> Column:
    return next(column for column in columns(kind) if column.name == name)


def read(kind: str, name: str, typed: str) -> Any:
    return reader(column(kind, name), today=TODAY, lookup_key=KEY)(clean(typed.strip()))


GOOD = [
    ("birth_date", "1999-12-31", "1999-12-31"),
    ("birth_date", "31/12/1999", "1999-12-31"),
    ("birth_date", "31-12-1999", "1999-12-31"),
    ("birth_date", "1/2/1999", "1999-02-01"),
    ("birth_date", "1999-12-31 00:00:00", "1999-12-31"),
    ("birth_date", "31/12/1999 00:00", "1999-12-31"),
    ("birth_date", "1999-12-30T17:00:00Z", "1999-12-31"),
    ("buy_by", "2027-1-5", "2027-01-05"),
    ("balance", "600000", 600_000),
    ("balance", "Rp600.000", 600_000),
    ("balance", "Rp. 3.500.000,00", 3_500_000),
    ("balance", "IDR 3,500,000", 3_500_000),
    ("balance", "600.000,-", 600_000),
    ("balance", "600000.00", 600_000),
    ("balance", "0", 0),
    ("phone", "0800-0000-0001", "+6280000000001"),
    ("phone", "+62 800 0000 0001", "+6280000000001"),
    ("phone", "62 80000000001", "+6280000000001"),
    ("phone", "80000000001", "+6280000000001"),
    ("phone", "(0812) 3456.7890", "+6281234567890"),
    ("region", "3273", "3273"),
    ("region", "32.73", "3273"),
    ("region", "Kota Bandung", "3273"),
    ("region", "KAB. BANDUNG", "3204"),
    ("region", "Kabupaten Bandung, Jawa Barat", "3204"),
    ("region", "Kota Batu", "3579"),
    ("region", "Jakarta Selatan", "3174"),
    ("region", "surabaya", "3578"),
    ("membership", "AKTIF", "active"),
    ("membership", "tidak_lolos", "failed"),
    ("wallet", "GoPay", "gopay"),
    ("wallet_state", "belum upgrade", "not_upgraded"),
    ("wallet_masked", "0800 0000 1234", "••••1234"),
    ("wallet_masked", "****1234", "••••1234"),
    ("card_last4", "0037", "0037"),
    ("card_last4", "••••••••••••0037", "0037"),
    ("card_last4", "8800 1234 5678 0037", "0037"),
    ("wave", "Gelombang 71", 71),
    ("wave", "71.0", 71),
    ("videos_watched", "3", 3),
    ("name", "Contoh\u00a0 Peserta", "Contoh Peserta"),
    ("name", "Re\u0301mi", "Rémi"),
]


@pytest.mark.parametrize(("name", "typed", "value"), GOOD)
def test_what_is_understood(name: str, typed: str, value: object) -> None:
    assert read("participants", name, typed) == value


BAD = [
    ("birth_date", "12/31/1999", "not a date"),
    ("birth_date", "31/02/1999", "not a date"),
    ("birth_date", "36525", "not a date"),
    ("birth_date", "2031-01-01", "still to come"),
    ("birth_date", "1899-12-31", "year"),
    ("balance", "-5", "rupiah"),
    ("balance", "600.5", "rupiah"),
    ("balance", "enam ratus ribu", "rupiah"),
    ("balance", "6E+05", "rounded"),
    ("balance", "99999999999999", "cannot be"),
    ("phone", "021 555 1234", "mobile"),
    ("phone", "0800 0000 0001 / 0800 0000 0002", "mobile"),
    ("phone", "+60 12 345 6789", "mobile"),
    ("phone", "6.28E+12", "rounded"),
    ("nik", "327300141299001", "sixteen"),
    ("nik", "3.27300141299E+15", "rounded"),
    ("region", "Bandung", "more than one"),
    ("region", "9999", "no such"),
    ("region", "Jawa Barat", "no such"),
    ("region", "Atlantis", "no such"),
    ("membership", "entah", "not an allowed"),
    ("wallet_state", "ok", "not an allowed"),
    ("wallet_masked", "12", "four digits"),
    ("card_last4", "37", "four digits"),
    ("wave", "0", "wave"),
    ("videos_watched", "40000", "whole number"),
    ("record_key", "1.23457E+15", "rounded"),
    ("record_key", "x" * 65, "longer than 64"),
    ("name", "Contoh \udc81", "damaged"),
    ("name", "Contoh \ufffd", "damaged"),
    ("name", "#N/A", "spreadsheet"),
]


@pytest.mark.parametrize(("name", "typed", "reason"), BAD)
def test_what_is_refused_says_why_and_how_to_mend_it(name: str, typed: str, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read("participants", name, typed)
    assert reason in refused.value.reason
    assert refused.value.mend


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("participants", "membership"),
        ("participants", "wallet_state"),
        ("enrolments", "state"),
        ("incentives", "state"),
    ],
)
def test_an_unknown_state_is_refused_with_the_allowed_ones(kind: str, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(kind, name, "entah")
    assert refused.value.mend == f"one of {', '.join(column(kind, name).allowed)}"
    assert len(column(kind, name).allowed) >= 4


def test_a_nik_becomes_a_hash_and_four_digits_at_once() -> None:
    assert read("participants", "nik", "3273 0014 1299 0001") == (hash_identity(NIK, KEY), "0001")


# -- headings -----------------------------------------------------------------------------------------------------


def test_headings_are_found_in_any_order_and_language() -> None:
    heading = read_heading("participants", ["Catatan", "Tgl. Lahir (hh/bb/tttt)", "STATUS", "full_name", "Kunci", ""])
    assert {at: column.name for at, column in heading.columns.items()} == {
        1: "birth_date",
        2: "membership",
        3: "name",
        4: "record_key",
    }
    assert heading.unknown == ("Catatan",)


@pytest.mark.parametrize(
    ("kind", "cells", "told"),
    [
        ("participants", ["kunci", "nama"], "no column for membership; the headings found are: kunci, nama"),
        ("participants", ["kunci", "nama", "name", "status"], "both mean name"),
        ("participants", ["kunci", "nama", "status", "No. KK"], "column 4 ('No. KK') is never taken"),
        ("incentives", ["kunci", "jenis", "jumlah", "status", "NIK"], "column 5 ('NIK') is never taken"),
    ],
)
def test_headings_that_cannot_be(kind: str, cells: list[str], told: str) -> None:
    with pytest.raises(UnusableError) as error:
        read_heading(kind, cells)
    assert told in str(error.value)


def test_no_heading_means_two_columns_and_every_choice_has_codes() -> None:
    for kind in KINDS:
        headings = [heading for column in columns(kind) for heading in column.headings]
        assert len(headings) == len(set(headings)), kind
        assert all(plain(heading) == heading for heading in headings)
        for one in columns(kind):
            assert bool(one.codes) == (one.is_ == "choice"), one.name
            assert all(code in one.allowed for code in one.codes.values())
        assert known(kind, [one.name for one in columns(kind)]) == len(columns(kind))


# -- rows ---------------------------------------------------------------------------------------------------------

EVERY = [one.name for one in columns("participants")]


def checker() -> Checker:
    return Checker("participants", read_heading("participants", [*EVERY, "catatan"]), today=TODAY, lookup_key=KEY)


def cells(**values: str) -> list[str]:
    row = {"record_key": "a", "name": "Contoh", "membership": "active", **values}
    return [row.get(name, "") for name in [*EVERY, "catatan"]]


def test_a_good_row_holds_values_in_the_order_of_its_columns() -> None:
    made = checker()
    row = made.check(2, cells(nik=NIK, balance="Rp600.000"))
    assert row.problems is None
    assert row.data is not None
    values = dict(zip(made.columns, row.data, strict=True))
    assert (row.key, values["name"], values["balance"], values["phone"]) == ("a", "Contoh", 600_000, None)
    assert (values["nik_hash"], values["nik_last4"]) == (hash_identity(NIK, KEY), "0001")
    assert "nik" not in values


@pytest.mark.parametrize(
    "place", ["name", "record_key", "phone", "wallet_masked", "card_last4", "nik_last4", "catatan"]
)
@pytest.mark.parametrize(
    "typed", [NIK, "3273 0014 1299 0001", "KK 3273001412990001", "３２７３００１４１２９９０００１"]
)
def test_a_nik_or_kk_in_any_other_column_is_refused_and_not_shown(place: str, typed: str) -> None:
    row = checker().check(2, cells(**{place: typed}))
    assert row.data is None
    assert row.problems
    assert any(reason.startswith("a NIK or KK") for _, _, reason, _ in row.problems)
    assert "1412990" not in ascii_digits(json.dumps(row.problems, ensure_ascii=False))


def test_all_problems_of_a_row_are_told_with_masked_values() -> None:
    row = checker().check(9, cells(name="", membership="x", phone="0812 3456 7890 12 34", nik="327300141299"))
    assert row.problems is not None
    told = {name: (value, reason) for name, value, reason, _ in row.problems}
    assert set(told) == {"name", "membership", "phone", "nik"}
    assert told["name"] == ("", "empty")
    assert "34567" not in ascii_digits(told["phone"][0])
    assert ascii_digits(told["nik"][0]) == "99"


def test_four_digits_that_contradict_the_nik() -> None:
    row = checker().check(2, cells(nik=NIK, nik_last4="0002"))
    assert row.problems
    assert row.problems[0][0] == "nik_last4"
    assert checker().check(2, cells(nik="", nik_last4="0002")).problems is None


def test_more_cells_than_headings() -> None:
    assert checker().check(2, [*cells(), "", " "]).problems is None
    assert checker().check(2, [*cells(), "", "x"]).problems


ANY_CELL = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [typed for _, typed, _ in GOOD] + [typed for _, typed, _ in BAD] + ["", "-", "null", "\0", "'; --", "=1+1", NIK]
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(ANY_CELL, max_size=len(EVERY) + 3))
@example([])
@example(["\0"] * 20)
def test_wild_cells_are_taken_or_refused_and_never_raise(wild: list[str]) -> None:
    row = checker().check(2, wild)
    assert (row.data is None) == bool(row.problems)
    staged = json.dumps([row.key, row.data, row.problems], ensure_ascii=False)
    staged.encode()
    assert "\0" not in staged
    assert "\\u0000" not in staged
    assert NIK not in staged
    if row.data is not None:
        assert row.key
        assert len(row.data) == len(checker().columns)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_a_masked_value_is_short_and_harmless(text: str) -> None:
    shown = masked(text, "nik")
    assert len(shown) <= 40
    assert shown.isprintable()
    assert sum(char.isdecimal() for char in shown) <= 2


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("+62 800", "+62 800"),
        ("-5", "-5"),
        ("a", "a"),
        ("\n=1", "'\n'=1"),
        ("\n+62", "'\n'+62"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n- b", "a\n- b"),
        ("a; -1+cmd|x", "a; '-1+cmd|x"),
    ],
)
def test_no_cell_of_ours_is_a_formula(text: str, safe: str) -> None:
    assert defused(text) == safe
