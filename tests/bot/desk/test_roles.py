"""Every line of the table of routes with every role, and without any."""

from __future__ import annotations

import re
from itertools import product

import pytest

from bot.desk import roles
from bot.desk.guard import Rule
from bot.desk.live import Hub
from bot.desk.routes import rules
from bot.wake import Wake
from storage import agents
from storage.database import Database
from tests.bot.desk.conftest import PASSWORD, Browser, Office


@pytest.fixture
def database(sqlite: Database) -> Database:
    """What a role may open does not depend on the database."""
    return sqlite


def table(database: Database) -> tuple[Rule, ...]:
    return rules(Hub(database, Wake(database)))


def address(rule: Rule) -> str:
    return re.sub(r"\{number:str\}", "L-XXXXXX", re.sub(r"\{\w+:int\}", "99", rule.path)).replace("{token:str}", "x")


async def visit(browser: Browser, rule: Rule) -> int:
    if rule.method == "GET":
        return (await browser.get(address(rule))).status_code
    sends = browser.send(address(rule), b"") if rule.raw else browser.post(address(rule))
    return (await sends).status_code


async def test_each_role_opens_what_the_table_says_and_nothing_else(office: Office) -> None:
    walked = 0
    for role in agents.ROLES:
        browser = await office.at_desk(f"orang-{role}", role)
        for rule in table(office.database):
            if rule.path in ("/live", "/logout") or rule.roles is None:
                continue
            if not browser.csrf:
                await browser.get("/login")
            status = await visit(browser, rule)
            if role in rule.roles:
                assert status not in (401, 403), (role, rule)
            else:
                assert status == 403, (role, rule)
            walked += 1
    assert walked > 6 * 30


async def test_without_a_session_nothing_but_the_entrance_opens(office: Office) -> None:
    for rule in table(office.database):
        browser = office.browser()
        await browser.get("/login")
        if rule.roles is None:
            continue
        if rule.method == "GET":
            answer = await browser.get(address(rule))
            assert answer.status_code == 303, rule
            assert answer.headers["location"].startswith("/desk/login"), rule
        else:
            assert await visit(browser, rule) == 401, rule


async def test_no_deed_is_done_by_get(office: Office) -> None:
    browser = await office.at_desk("ani", "admin")
    for rule in table(office.database):
        if rule.method == "POST" and not any(r.method == "GET" and r.path == rule.path for r in table(office.database)):
            assert (await browser.get(address(rule))).status_code == 405, rule


async def test_the_menu_offers_a_role_exactly_what_it_may_open(office: Office) -> None:
    pages = {rule.path: rule.roles for rule in table(office.database) if rule.method == "GET" and rule.path != "/"}
    for item, role in product(roles.MENU, agents.ROLES):
        if item.path != "/":
            assert (role in item.roles) == (role in (pages[item.path] or ())), (item.path, role)
    for role in agents.ROLES:
        browser = office.browser()
        await office.agent(f"lagi-{role}", role)
        await browser.get("/login")
        answer = await browser.post("/login", name=f"lagi-{role}", password=PASSWORD)
        while answer.status_code == 303:
            answer = await browser.follow(answer)
        assert answer.status_code == 200
        offered = re.findall(r'<li><a href="/desk(/[^"]*)"', answer.text)
        assert offered == [item.path for item in roles.MENU if role in item.roles]
