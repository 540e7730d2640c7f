"""The queue's page: what it shows, how it is filtered and ordered, and how a conversation is taken."""

from __future__ import annotations

import asyncio
import re

from sqlalchemy import update

from storage import agents, calendar, desk_queue, handoffs
from storage.database import database_now
from storage.schema import handoffs as rows
from tests.bot.desk.conftest import Office, said


def names(page: str) -> list[str]:
    """The people of the list, in order."""
    return re.findall(r'<div class="who"><a href="/desk/chat/\d+">([^<]+)</a>', page)


async def test_who_waits_stands_there_with_what_they_said_and_since_when(office: Office) -> None:
    await office.asks("siti", "incentive_when: kapan cair?")
    page = (await (await office.at_desk("ani")).get("/")).text
    assert names(page) == ["Siti"]
    assert "kapan cair?" in page
    assert "Uang atau insentif" in page
    assert re.search(r'<time data-since="1" datetime="2\d{3}-', page)
    assert "L-siti" in page


async def test_what_people_write_is_text_and_never_markup(office: Office) -> None:
    await office.asks("siti", "<script>alert(1)</script> & <b>tebal</b>")
    page = (await (await office.at_desk("ani")).get("/")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_tabs_topic_waiting_time_and_order(office: Office) -> None:
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    await office.asks("lama", later=-3600)
    await office.asks("baru", topic="penipuan")
    mine = await office.asks("punyaku")
    other = await office.asks("punyabudi", priority=0)
    await office.given(mine, ani)
    await office.given(other, budi)
    assert names((await ani.get("/")).text) == ["Lama", "Baru"]
    assert names((await ani.get("/?show=mine")).text) == ["Punyaku"]
    assert names((await ani.get("/?show=active")).text) == ["Punyabudi", "Punyaku"]
    assert len(names((await ani.get("/?show=all")).text)) == 4
    assert names((await ani.get("/?show=waiting&topic=penipuan")).text) == ["Baru"]
    assert names((await ani.get("/?show=waiting&longer=30")).text) == ["Lama"]
    assert names((await ani.get("/?show=all&order=wait")).text)[0] == "Lama"


async def test_a_late_first_answer_is_marked_and_comes_first_by_due_time(office: Office) -> None:
    await office.do(lambda c: calendar.set_rule(c, topic="", priority=2, first_response_minutes=10, working_days=3))
    await office.asks("tepat")
    await office.asks("lewat", later=-1200)
    await office.asks("tanpa", priority=1)
    page = (await (await office.at_desk("ani")).get("/?order=due")).text
    assert names(page) == ["Lewat", "Tepat", "Tanpa"]
    assert page.count("lewat tenggat") == 1
    assert page.count("balas sebelum") == 1


async def test_of_two_who_reach_for_it_one_gets_it_and_the_other_is_told_who(office: Office) -> None:
    chat = await office.asks("siti")
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    answers = await asyncio.gather(ani.post(f"/chat/{chat}/take"), budi.post(f"/chat/{chat}/take"))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert re.search(r"sudah dipegang (Ani|Budi)", lost.text)
    row = await office.database.read(lambda c: handoffs.going_on(c, chat))
    assert row is not None
    assert row["state"] == handoffs.ACTIVE


async def test_the_next_one_is_the_first_of_the_queue(office: Office) -> None:
    await office.asks("biasa", later=-600)
    urgent = await office.asks("bahaya", priority=0)
    ani = await office.at_desk("ani")
    assert (await ani.post("/next")).headers["location"] == f"/desk/chat/{urgent}?done=taken"
    await ani.post("/next")
    page = await ani.follow(await ani.post("/next"))
    assert "Tidak ada yang menunggu" in page.text


async def test_a_part_of_the_page_is_the_list_alone(office: Office) -> None:
    await office.asks("siti")
    ani = await office.at_desk("ani")
    part = (await ani.get("/?show=waiting", **{"X-Part": "1"})).text
    assert names(part) == ["Siti"]
    assert "<html" not in part
    assert "Menunggu 1</a>" in part


async def test_what_it_is_about_stands_there_and_not_the_wish_for_a_person(office: Office) -> None:
    chat = await office.asks("siti", "incentive_when: kapan cair?")
    ani = await office.at_desk("ani")
    await office.given(chat, ani)
    await office.do(lambda c: said(c, chat, "human_agent: mau bicara dengan petugas", database_now(c)))
    page = (await ani.get("/?show=mine")).text
    assert "kapan cair?" in page
    assert "mau bicara dengan petugas" not in page
    assert ">Balas</a>" in page
    await office.do(lambda c: said(c, chat, "sebentar, ya", database_now(c), author=f"agent:{ani.id}"))
    assert ">Buka</a>" in (await ani.get("/?show=mine")).text


async def test_availability_is_set_and_leads_back(office: Office) -> None:
    ani = await office.at_desk("ani")
    answer = await ani.post("/availability", availability="finishing", back="/cases")
    assert answer.headers["location"] == "/desk/cases"
    row = await office.database.read(lambda c: agents.get(c, ani.id))
    assert row is not None
    assert row["availability"] == "finishing"
    assert (await ani.post("/availability", availability="x", back="//evil.example")).headers["location"] == "/desk/"


async def test_two_hundred_who_wait_are_counted_though_not_all_are_shown(office: Office) -> None:
    async def ask(number: int) -> None:
        await office.asks(f"orang{number:03}", later=-number)

    for number in range(110):
        await ask(number)
    page = (await (await office.at_desk("ani")).get("/")).text
    assert len(names(page)) == 100
    assert "110</span> menunggu" in page


async def test_the_mark_changes_with_what_the_list_shows(office: Office) -> None:
    chat = await office.asks("siti")
    before = (await office.database.read(desk_queue.queue_marks))[chat]
    for change in ({"priority": 0}, {"front": True}):
        await office.do(lambda c, change=change: c.execute(update(rows).values(change)))
        after = (await office.database.read(desk_queue.queue_marks))[chat]
        assert after != before
        before = after
