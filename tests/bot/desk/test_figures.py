"""The page of figures: charts for whoever may count, nothing about persons, the file to take along."""

from __future__ import annotations

from datetime import date, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from bot.desk import charts
from storage import progress
from storage.database import database_now
from storage.schema import daily
from tests.bot.desk.conftest import Office


def some(connection: Connection) -> None:
    now = database_now(connection)
    today = (now + timedelta(hours=7)).date()
    counts = [
        ("visits", "", "telegram", "32", 40),
        ("visits", "", "sms", "94", 3),
        ("people", "", "telegram", "", 38),
        ("turns", "understood", "telegram", "", 90),
        ("turns", "asked_back", "telegram", "", 10),
        ("topic", "incentive_when", "telegram", "", 61),
        ("unclear", "incentive_failed", "telegram", "", 10),
        ("step", "registration/age", "telegram", "", 20),
        ("step", "registration/end", "telegram", "", 5),
        ("solved", "incentive_when", "telegram", "", 3),
        ("returned", "incentive_when", "telegram", "", 1),
        ("handoff", "uang", "telegram", "", 4),
        ("topic", "<script>", "telegram", "", 1),
    ]
    names = ("measure", "key", "channel", "region", "count")
    rows = [{"day": today - timedelta(days=1), **dict(zip(names, row, strict=True))} for row in counts]
    connection.execute(insert(daily), rows)
    progress.keep(connection, "figures", {"message": 1}, now)


async def test_an_editor_and_a_supervisor_see_figures_and_charts_and_an_agent_does_not(office: Office) -> None:
    await office.do(some)
    for role in ("editor", "supervisor", "operator"):
        page = (await (await office.at_desk(f"rani-{role}", role)).get("/figures?days=7")).text
        for shown in ("90,0%", "75,0%", "Jawa Barat", "selesai", "Per hari"):
            assert shown in page, shown
        assert "Papua" not in page, "three visits of a region are too few to show"
        assert "<script>" not in page.replace('<script src="', ""), "names are escaped"
    agent = await office.at_desk("budi")
    assert (await agent.get("/figures")).status_code == 403
    assert (await agent.get("/figures.csv")).status_code == 403


async def test_the_page_stands_without_any_figure_and_with_a_wild_address(office: Office) -> None:
    chief = await office.at_desk("rani", "supervisor")
    page = await chief.get("/figures?days=x&channel=%00")
    assert page.status_code == 200
    assert "Belum ada percakapan" in page.text


async def test_one_channel_and_the_file(office: Office) -> None:
    await office.do(some)
    chief = await office.at_desk("rani", "supervisor")
    assert ">3<" in (await chief.get("/figures?channel=sms")).text
    answer = await chief.get("/figures.csv?days=7")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "day,measure,key,channel,region,count"
    assert len(lines) == 14
    assert not any(",94," in line for line in lines), "small counts stand under no region"


_days = st.dates(min_value=date(2024, 1, 1), max_value=date(2026, 12, 31))


@given(
    st.dictionaries(st.text(max_size=12), st.dictionaries(_days, st.integers(0, 10**9)), max_size=3),
    _days,
    st.integers(0, 400),
)
def test_charts_are_sound_svg_whatever_the_names_and_counts(
    series: dict[str, dict[date, int]], first: date, more: int
) -> None:
    clean = {name.translate(dict.fromkeys(range(32))): counts for name, counts in series.items()}
    clean = {name: counts for name, counts in clean.items() if name.isprintable()}
    drawn = [charts.lines("T & <U>", clean, first, first + timedelta(days=more))]
    drawn.append(charts.bars("B", [(name, sum(counts.values()), "x") for name, counts in clean.items()]))
    for one in drawn:
        found = ElementTree.fromstring(str(one))  # noqa: S314 - our own
        assert found.tag == "figure"
        for mark in found.iter("polyline"):
            ys = [float(point.split(",")[1]) for point in mark.attrib["points"].split()]
            assert all(0 <= y <= 220 for y in ys)
