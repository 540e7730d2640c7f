"""Coming in: one-time links, log-in, sessions, forged forms, the throttle, and headers."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.desk import passwords
from storage import agents, desk_sessions
from storage.database import database_now
from storage.schema import desk_logins
from storage.schema import desk_sessions as sessions
from tests.bot.desk.conftest import PASSWORD, Browser, Office

TOKEN = "satu-kali-saja"


async def invite(office: Office, name: str = "budi", hours: int = 48) -> int:
    def work(connection):  # type: ignore[no-untyped-def]
        now = database_now(connection)
        key = agents.add(connection, name=name, alias="Pak Budi", code="P-AAAA", role="agent", now=now)
        until = now + timedelta(hours=hours)
        agents.invite(connection, key, invite_hash=hashlib.sha256(TOKEN.encode()).hexdigest(), until=until)
        return key

    return await office.do(work)


async def test_a_one_time_link_sets_the_password_and_lets_in_once(office: Office) -> None:
    await invite(office)
    browser = office.browser()
    for _ in range(2):  # looking at it uses nothing up
        assert "Buat kata sandi" in (await browser.get(f"/invite/{TOKEN}")).text
    answer = await browser.post(f"/invite/{TOKEN}", password=PASSWORD, again=PASSWORD)
    assert "Antrean" in (await browser.follow(answer)).text
    assert (await office.browser().get(f"/invite/{TOKEN}")).status_code == 410


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("pendek", "pendek", "minimal 12"),
        (PASSWORD, PASSWORD + "x", "tidak sama"),
        ("aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa", "mudah ditebak"),
        ("budi budi budi dua", "budi budi budi dua", "mudah ditebak"),
    ],
)
async def test_a_weak_password_is_not_taken(office: Office, password: str, again: str, said: str) -> None:
    key = await invite(office)
    browser = office.browser()
    await browser.get(f"/invite/{TOKEN}")
    answer = await browser.post(f"/invite/{TOKEN}", password=password, again=again)
    assert answer.status_code == 422
    assert said in answer.text
    row = await office.database.read(lambda c: agents.get(c, key))
    assert row is not None
    assert row["password_hash"] is None


async def test_a_link_that_ran_out_sets_nothing(office: Office) -> None:
    await invite(office, hours=-1)
    assert (await office.browser().get(f"/invite/{TOKEN}")).status_code == 410


async def test_without_a_session_every_page_leads_to_the_log_in_and_back(office: Office) -> None:
    await office.agent("ani")
    browser = office.browser()
    answer = await browser.get("/cases?state=closed")
    assert answer.status_code == 303
    page = await browser.follow(answer)
    assert 'value="/cases?state=closed"' in page.text
    answer = await browser.post("/login", name="ani", password=PASSWORD, next="/cases?state=closed")
    assert answer.headers["location"] == "/desk/cases?state=closed"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "/login", "javascript:x"]
)
async def test_a_log_in_leads_nowhere_else(office: Office, target: str) -> None:
    await office.agent("ani")
    browser = office.browser()
    await browser.get("/login")
    answer = await browser.post("/login", name="ani", password=PASSWORD, next=target)
    assert answer.headers["location"] == "/desk/"


async def test_a_wrong_password_an_unknown_name_and_an_account_switched_off_look_alike(office: Office) -> None:
    await office.agent("ani")
    off = await office.agent("edi")
    await office.set(off, active=False)
    found = set()
    for name, password in (("ani", "salah sekali ya"), ("siapa", PASSWORD), ("edi", PASSWORD), ("edi", "salah sekali")):
        browser = office.browser()
        await browser.get("/login")
        answer = await browser.post("/login", name=name, password=password)
        assert answer.status_code == 401
        found.add(re.sub(r'value="[^"]*"|data-csrf="[^"]*"', "", answer.text))
    assert len(found) == 1


async def test_the_session_cookie_is_new_at_each_log_in_and_no_script_reads_it(office: Office) -> None:
    browser = await office.at_desk("ani")
    first = browser.http.cookies["pandu_desk"]
    other = office.browser()
    await other.get("/login")
    other.http.cookies.set("pandu_desk", "chosen-by-somebody-else", path="/desk")
    answer = await other.post("/login", name="ani", password=PASSWORD)
    header = answer.headers["set-cookie"]
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "Path=/desk" in header
    assert first not in header
    assert "chosen-by-somebody-else" not in header


async def test_the_cookie_is_secure_behind_https(office: Office) -> None:
    await office.agent("ani")
    browser = office.browser()
    browser.http.base_url = "https://desk"  # type: ignore[assignment]
    await browser.get("/login")
    assert "Secure" in (await browser.post("/login", name="ani", password=PASSWORD)).headers["set-cookie"]


async def test_the_database_holds_no_token(office: Office) -> None:
    browser = await office.at_desk("ani")
    rows = await office.database.read(lambda c: list(c.execute(select(sessions.c.token_hash)).scalars()))
    assert rows == [hashlib.sha256(browser.http.cookies["pandu_desk"].encode()).hexdigest()]


@pytest.mark.parametrize(
    ("column", "passed"), [("seen_at", desk_sessions.IDLE), ("created_at", desk_sessions.ABSOLUTE)]
)
async def test_a_session_ends_when_idle_and_at_the_latest_after_a_shift(
    office: Office, column: str, passed: timedelta
) -> None:
    browser = await office.at_desk("ani")
    for over, status in ((timedelta(minutes=-1), 200), (timedelta(minutes=1), 303)):
        await office.do(
            lambda c, over=over: c.execute(update(sessions).values({column: database_now(c) - passed - over}))
        )
        assert (await browser.get("/cases")).status_code == status


async def test_logging_out_ends_the_session_for_good(office: Office) -> None:
    browser = await office.at_desk("ani")
    token = browser.http.cookies["pandu_desk"]
    await browser.post("/logout")
    browser.http.cookies.set("pandu_desk", token, path="/desk")
    assert (await browser.get("/")).status_code == 303
    agent = await office.database.read(lambda c: agents.get(c, browser.id))
    assert agent is not None
    assert agent["availability"] == agents.AWAY


async def test_an_account_switched_off_is_out_at_once(office: Office) -> None:
    browser = await office.at_desk("ani")
    await office.set(browser.id, active=False)
    assert (await browser.get("/")).status_code == 303


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": "é" * 64}, {}),
        ({}, {"origin": "https://evil.example"}),
        ({}, {"origin": "http://["}),
        ({}, {"sec-fetch-site": "cross-site"}),
    ],
)
async def test_a_forged_form_changes_nothing(office: Office, fields: dict[str, str], headers: dict[str, str]) -> None:
    browser = await office.at_desk("ani")
    answer = await browser.post("/availability", headers, availability="away", **fields)
    assert answer.status_code == 403
    agent = await office.database.read(lambda c: agents.get(c, browser.id))
    assert agent is not None
    assert agent["availability"] == agents.AVAILABLE


async def test_another_agents_token_is_no_token(office: Office) -> None:
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    assert (await budi.post("/availability", availability="away", csrf=ani.csrf)).status_code == 403


async def test_a_large_or_strange_body_is_no_form(office: Office) -> None:
    browser = await office.at_desk("ani")
    assert (await browser.post("/availability", availability="x" * 70_000)).status_code == 403
    answer = await browser.http.post("/desk/availability", json={"csrf": browser.csrf, "availability": "away"})
    assert answer.status_code == 403


async def wrong(browser: Browser, name: str, times: int) -> int:
    status = 0
    for _ in range(times):
        await browser.get("/login")
        status = (await browser.post("/login", name=name, password="salah sekali lagi")).status_code
    return status


async def test_guessing_locks_the_account_for_a_while_also_for_the_right_password(office: Office) -> None:
    await office.agent("ani")
    assert await wrong(office.browser("10.0.0.9"), "Ani", desk_sessions.WRONG_ACCOUNT) == 401
    browser = office.browser("10.0.0.8")
    await browser.get("/login")
    answer = await browser.post("/login", name="ani", password=PASSWORD)
    assert answer.status_code == 429
    assert "15 menit" in answer.text
    await office.do(lambda c: c.execute(update(desk_logins).values(locked_until=database_now(c))))
    assert (await browser.post("/login", name="ani", password=PASSWORD)).status_code == 303


async def test_many_guesses_sent_together_are_counted_like_any_others(office: Office) -> None:
    await office.agent("ani")
    browser = office.browser("10.0.0.9")
    await browser.get("/login")
    tries = [browser.post("/login", name="ani", password=f"salah sekali {n}") for n in range(30)]
    answered = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert answered.count(401) == desk_sessions.WRONG_ACCOUNT
    assert answered.count(429) == 30 - desk_sessions.WRONG_ACCOUNT


def test_a_household_of_ipv6_is_one_address() -> None:
    one, other = (list(desk_sessions.throttle_keys("a", f"2001:db8:1:2::{n}")) for n in ("1", "ffff"))
    assert one == other
    assert one != list(desk_sessions.throttle_keys("a", "2001:db8:1:3::1"))
    assert list(desk_sessions.throttle_keys("a", "10.0.0.9"))[1] == "address:10.0.0.9"


async def test_guessing_many_names_locks_the_address_alone(office: Office) -> None:
    await office.agent("ani")
    browser = office.browser("10.0.0.9")
    await browser.get("/login")
    for number in range(desk_sessions.WRONG_ADDRESS):
        await browser.post("/login", name=f"orang{number}", password="salah sekali lagi")
    assert (await browser.post("/login", name="ani", password=PASSWORD)).status_code == 429
    elsewhere = office.browser("10.0.0.7")
    await elsewhere.get("/login")
    assert (await elsewhere.post("/login", name="ani", password=PASSWORD)).status_code == 303


async def test_every_answer_carries_a_strict_policy(office: Office) -> None:
    browser = await office.at_desk("ani")
    for path in ("/", "/login", "/cases", "/chat/99", "/agents", "/invite/x"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


async def test_no_page_has_anything_inline(office: Office) -> None:
    """What the policy would not let run must not stand there."""
    browser = await office.at_desk("ani", "admin")
    for path in ("/", "/cases", "/canned", "/supervision", "/quality", "/hours", "/looks", "/agents"):
        page = (await browser.get(path)).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|javascript:", page), path


async def test_files_are_ours_alone_and_kept_by_the_browser(office: Office) -> None:
    browser = office.browser()
    page = (await browser.get("/login")).text
    for address in re.findall(r'(?:href|src)="(/desk/static/[^"]+)"', page):
        answer = await browser.http.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for address in ("/desk/static/x/desk.css", "/desk/static/x/..%2froutes.py", "/desk/static/0/base.html"):
        assert (await browser.http.get(address)).status_code == 404


async def test_passwords_are_argon2id_and_slow_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "_hasher", PasswordHasher())
    stored = await passwords.hashed(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert int(re.search(r"m=(\d+)", stored)[1]) >= 19_456  # type: ignore[index]  # OWASP's least
    assert await passwords.is_right(stored, PASSWORD)
    assert not await passwords.is_right(stored, PASSWORD + " ")
    assert not await passwords.is_right(None, "\0nobody")
    with pytest.raises(ValueError, match="12"):
        await passwords.hashed("x" * 11)
