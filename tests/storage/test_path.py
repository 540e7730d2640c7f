"""The storage side of a message's path, the same on SQLite and PostgreSQL; every trap of the design has its test here."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, text, update

from nlu.masking import digit_run
from storage import budgets, chats, claims, dead_letters, inbox, migrate, outbox, outcomes, schema, sending
from storage.database import Database, is_outage
from tests.conftest import NOW

LEASE = timedelta(seconds=30)


def event(event_id: str, address: str = "a", *, text: str = "halo", at: int = 0, digits: int = 0) -> inbox.Event:
    payload = {"kind": "text", "text": text, "masked": []}
    sent_at = NOW + timedelta(seconds=at)
    return inbox.Event(
        channel="web", account="w", address=address, event_id=event_id, payload=payload, sent_at=sent_at, digits=digits
    )


async def put(database: Database, *events: inbox.Event, now=NOW) -> list[int | None]:
    return await database.write(partial(inbox.insert, events=events, now=now))


async def take(database: Database, token: str, *, now=NOW, limit: int = 25) -> list[claims.Claim]:
    return await database.write(partial(claims.claim, token=token, now=now, lease=LEASE, limit=limit))


async def test_migrations_make_the_schema_of_the_code(database: Database) -> None:
    assert await database.read(migrate.current) == migrate.head()

    def differences(connection):
        from alembic.autogenerate import compare_metadata
        from alembic.runtime.migration import MigrationContext

        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), schema.metadata)

    assert await database.read(differences) == []


async def test_a_repeat_is_stored_once(database: Database) -> None:
    first = await put(database, event("1"), event("1"), event("2"))
    assert first[0] is not None
    assert first[1] is None
    assert await put(database, event("1")) == [None]
    (claim,) = await take(database, "t")
    assert [e["payload"]["text"] for e in claim.events] == ["halo", "halo"]


@pytest.mark.parametrize(("channel", "order"), [("whatsapp", ["satu", "dua"]), ("telegram", ["dua", "satu"])])
async def test_events_of_a_chat_come_in_the_platforms_order(database: Database, channel: str, order: list[str]) -> None:
    """WhatsApp promises none but tells the time; Telegram delivers in order, and its taps carry no time."""
    late, early = event("late", at=9, text="dua"), event("early", at=1, text="satu")
    for one in (late, early):
        one.payload["channel"] = channel  # type: ignore[index]
    await put(database, late, early)
    (claim,) = await take(database, "t")
    assert [e["payload"]["text"] for e in claim.events] == order


async def test_a_chat_is_claimed_by_one_worker(database: Database) -> None:
    await put(database, event("1"))
    first, second = await take(database, "t1"), await take(database, "t2")
    assert (len(first), len(second)) == (1, 0)


async def test_concurrent_claims_share_the_chats(database: Database) -> None:
    await put(database, *(event(str(i), address=str(i)) for i in range(40)))
    found = await asyncio.gather(*(take(database, f"t{i}", limit=10) for i in range(6)))
    taken = [claim.chat["id"] for taken_by in found for claim in taken_by]
    assert len(taken) == len(set(taken)) == 40


async def test_a_dead_workers_claim_goes_to_another_and_its_commit_is_fenced(database: Database) -> None:
    await put(database, event("1"))
    (claim,) = await take(database, "dead")
    later = NOW + LEASE + timedelta(seconds=1)
    (again,) = await take(database, "alive", now=later)
    assert again.events[0]["attempts"] == 2
    done = {claim.chat["id"]: [claim.events[0]["id"]]}
    with pytest.raises(claims.Fenced):
        await database.write(partial(claims.complete, token="dead", done=done, now=later))
    await database.write(partial(claims.complete, token="alive", done=done, now=later))
    assert await take(database, "next", now=later) == []


async def test_events_that_come_during_a_claim_wait_for_the_next(database: Database) -> None:
    await put(database, event("1"))
    (claim,) = await take(database, "t")
    await put(database, event("2"))
    assert await take(database, "other") == []
    await database.write(partial(claims.complete, token="t", done={claim.chat["id"]: [claim.events[0]["id"]]}, now=NOW))
    (second,) = await take(database, "other")
    assert [e["payload"]["text"] for e in second.events] == ["halo"]
    assert (await database.read(inbox.waiting))[0] == 1


async def test_a_number_typed_over_messages_is_masked_everywhere(database: Database) -> None:
    first, second = await put(database, event("1", text="32730112", digits=8), event("2", text="34560001", digits=8))
    rows = await database.read(
        lambda c: c.execute(select(schema.inbox.c.id, schema.inbox.c.payload).order_by(schema.inbox.c.id)).all()
    )
    assert [row.id for row in rows] == [first, second]
    for row in rows:
        assert "3273" not in row.payload["text"]
        assert "0001" not in row.payload["text"]
        assert row.payload["masked"] == ["nik"]


async def test_a_number_over_two_commits_is_masked_in_the_log_too(database: Database) -> None:
    (first,) = await put(database, event("1", text="3273011203990001"[:9], digits=9))
    (claim,) = await take(database, "t")
    chat = claim.chat["id"]
    await database.write(
        lambda c: chats.log(
            c, [{"chat_id": chat, "author": "person", "text": "327301120", "inbox_id": first, "at": NOW}]
        )
    )
    await put(database, event("2", text="3990001", digits=7))
    (row,) = await database.read(partial(chats.transcript, chat_id=chat))
    assert "3273" not in row["text"]


async def test_short_numbers_dates_and_phone_numbers_stay(database: Database) -> None:
    said = ["081234567890", "31-02-1999", "28-02-1999", "ya", "1234", "Rp600.000"]
    for number, words in enumerate(said):
        await put(database, event(str(number), text=words, digits=digit_run(words)))
    texts = await database.read(
        lambda c: [row.payload["text"] for row in c.execute(select(schema.inbox.c.payload).order_by(schema.inbox.c.id))]
    )
    assert texts == said


async def test_a_number_in_four_parts_with_words_between_is_masked_wherever_it_has_gone(database: Database) -> None:
    said = ["nik ku 3201", "0249", "bentar ya kak", "0490", "0001"]
    for number, words in enumerate(said):
        (stored,) = await put(database, event(str(number), text=words, digits=digit_run(words)))
        if number == 0:
            (claim,) = await take(database, "t")
            chat = claim.chat["id"]

            def remembered(connection, chat=chat, stored=stored) -> None:
                rows = [{"chat_id": chat, "author": "bot", "text": "Kakak menulis 3201", "inbox_id": stored, "at": NOW}]
                chats.log(connection, rows)
                chats.save_states(connection, {chat: {"data": {"story": "nik ku 3201"}}}, NOW)

            await database.write(remembered)
    ordered = select(schema.inbox.c.payload).order_by(schema.inbox.c.id)
    payloads = await database.read(lambda c: list(c.execute(ordered).scalars()))
    logged = await database.read(lambda c: list(c.execute(select(schema.messages.c.text)).scalars()))
    state = await database.read(lambda c: c.execute(select(schema.conversations.c.state)).scalar_one())
    assert not [part for part in ("3201", "0249", "0490", "0001") if part in str((payloads, logged, state))]
    assert payloads[2]["text"] == "bentar ya kak"


async def test_dead_letters_can_be_replayed_and_discarded(database: Database) -> None:
    await put(database, event("1"), event("2", at=1))
    (claim,) = await take(database, "t")
    guilty = claim.events[0]["id"]
    await database.write(
        partial(claims.bury, token="t", chat_id=claim.chat["id"], event_id=guilty, error="boom", now=NOW)
    )
    await database.write(partial(claims.give_back, token="t", chat_ids=[claim.chat["id"]], ready_at=NOW))
    (rest,) = await take(database, "t2")
    assert len(rest.events) == 1
    await database.write(partial(claims.complete, token="t2", done={rest.chat["id"]: [rest.events[0]["id"]]}, now=NOW))
    (dead,) = await database.read(dead_letters.troubled)
    assert dead["error"] == "boom"
    assert await database.write(partial(dead_letters.replay, event_id=guilty, now=NOW))
    (again,) = await take(database, "t3")
    assert again.events[0]["id"] == guilty
    assert not await database.write(partial(dead_letters.discard, event_id=guilty))


# -- traps of the databases ---------------------------------------------------------------------------------------


async def test_concurrent_increments_lose_nothing(database: Database) -> None:
    await put(database, event("1"))
    chat = await database.read(lambda c: c.execute(select(schema.chats.c.id)).scalar_one())

    def bump(connection):
        before = connection.execute(
            select(schema.queue.c.pending).where(schema.queue.c.chat_id == chat).with_for_update()
        ).scalar_one()
        connection.execute(update(schema.queue).where(schema.queue.c.chat_id == chat).values(pending=before + 1))

    await asyncio.gather(*(database.write(bump) for _ in range(100)))
    assert await database.read(lambda c: c.execute(select(schema.queue.c.pending)).scalar_one()) == 101


async def test_statements_survive_a_migration_under_way(database: Database) -> None:
    await put(database, event("1"))
    query = partial(chats.find, channel="web", account="w", address="a")
    assert await database.read(query) is not None
    await database.write(lambda c: c.execute(text("ALTER TABLE chats ADD COLUMN later_extra VARCHAR(5)")))
    try:
        assert await database.read(query) is not None
        assert await put(database, event("1")) == [None]
    finally:
        await database.write(lambda c: c.execute(text("ALTER TABLE chats DROP COLUMN later_extra")))


async def test_opposite_lock_orders_are_tried_again(postgres: Database) -> None:
    await put(postgres, event("1", address="a"), event("2", address="b"))
    ids = await postgres.read(lambda c: list(c.execute(select(schema.chats.c.id)).scalars()))

    def touch(order):
        def work(connection):
            for chat in order:
                connection.execute(
                    update(schema.queue)
                    .where(schema.queue.c.chat_id == chat)
                    .values(pending=schema.queue.c.pending + 1)
                )
                connection.execute(select(func.pg_sleep(0.05)))

        return work

    await asyncio.gather(postgres.write(touch(ids)), postgres.write(touch(ids[::-1])))
    assert await postgres.read(lambda c: c.execute(select(func.sum(schema.queue.c.pending))).scalar_one()) == 6


async def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only") as caught:
        await database.read(lambda c: c.execute(text("DELETE FROM chats")))
    assert caught.value is not None


async def test_an_outage_is_told_from_a_bad_row(sqlite: Database) -> None:
    from sqlalchemy.exc import IntegrityError, OperationalError

    assert is_outage(OperationalError("x", {}, Exception("disk full")))
    assert not is_outage(IntegrityError("x", {}, Exception("null")))


def test_only_files_and_known_databases() -> None:
    with pytest.raises(ValueError, match="file"):
        Database("sqlite:///:memory:")
    with pytest.raises(ValueError, match="unknown kind"):
        Database("mysql://x/y")


# -- outbox -------------------------------------------------------------------------------------------------------


async def chat_id(database: Database, address: str = "a") -> int:
    await put(database, event(f"e-{address}", address=address))
    return await database.read(lambda c: chats.find(c, "web", "w", address)["id"])


def draft(chat: int, words: str, **extra) -> outbox.Draft:
    made = {"owner_version": 0, "expires_at": NOW + timedelta(hours=24), **extra}
    return outbox.Draft(chat_id=chat, source="web:w", payload={"text": words}, **made)


async def send(database: Database, token: str = "s", *, now=NOW, rate: float = 0.0, limit: int = 50, paid: float = 0.0):
    pace = {"limit": limit, "rate": rate, "reserve": 0.2, "paid": paid}
    work = partial(sending.claim, source="web:w", token=token, now=now, lease=LEASE, **pace)
    return (await database.write(work))[0]


def words(rows) -> list[str]:
    return [row["payload"]["text"] for row in rows]


async def test_order_holds_within_chat_and_lane(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(
        partial(outbox.enqueue, drafts=[draft(chat, "satu"), draft(chat, "dua"), draft(chat, "kabar", lane=1)], now=NOW)
    )
    rows = await send(database)
    assert words(rows) == ["satu", "kabar"]
    assert await send(database, "other") == []
    marks = [outcomes.Mark(id=rows[0]["id"], state="accepted", platform_id="p")]
    await database.write(partial(outcomes.mark, marks=marks, token="s", now=NOW))
    assert words(await send(database)) == ["dua"]


async def test_a_retrying_reply_holds_later_replies_but_no_broadcast(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "satu"), draft(chat, "dua")], now=NOW))
    (row,) = await send(database)
    again = outcomes.Mark(id=row["id"], state="pending", reason="503", not_before=NOW + timedelta(seconds=5))
    await database.write(partial(outcomes.mark, marks=[again], token="s", now=NOW))
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "kabar", lane=1)], now=NOW))
    assert words(await send(database)) == ["kabar"]
    assert words(await send(database, now=NOW + timedelta(seconds=6))) == ["satu"]


async def test_a_lost_sender_repeats_replies_and_not_broadcasts(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "satu"), draft(chat, "kabar", lane=1)], now=NOW))
    await send(database, "dead")
    later = NOW + LEASE + timedelta(seconds=1)
    assert await database.write(partial(outcomes.recover, now=later)) == 2
    rows = await send(database, "alive", now=later)
    assert words(rows) == ["satu"]
    stale = outcomes.Mark(id=rows[0]["id"], state="accepted", platform_id="p")
    await database.write(partial(outcomes.mark, marks=[stale], token="dead", now=later))
    good = await database.write(partial(sending.check, ids=[rows[0]["id"]], token="alive", now=later, lease=LEASE))
    assert good == {rows[0]["id"]}


async def test_what_may_no_longer_go_is_closed_with_its_reason(database: Database) -> None:
    chat, other = await chat_id(database), await chat_id(database, "b")
    drafts = [draft(chat, "satu"), draft(other, "basi", expires_at=NOW + timedelta(seconds=1))]
    await database.write(partial(outbox.enqueue, drafts=drafts, now=NOW))
    rows = await send(database)
    await database.write(partial(chats.take_over, chat_id=chat, owner="agent:1", now=NOW))
    ids = [row["id"] for row in rows]
    assert (
        await database.write(partial(sending.check, ids=ids, token="s", now=NOW + timedelta(seconds=2), lease=LEASE))
        == set()
    )
    found = await database.read(
        lambda c: {r.payload["text"]: (r.state, r.reason) for r in c.execute(select(schema.outbox))}
    )
    assert found == {"satu": ("cancelled", "owner changed"), "basi": ("expired", "too late")}


async def test_taking_over_cancels_what_was_not_sent(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(
        partial(outbox.enqueue, drafts=[draft(chat, "bot"), draft(chat, "antrean", passes_agent=True)], now=NOW)
    )
    assert await database.write(partial(chats.take_over, chat_id=chat, owner="agent:1", now=NOW)) == 1
    assert words(await send(database)) == ["antrean"]


async def test_the_budget_is_shared_and_keeps_room_for_replies(database: Database) -> None:
    people = [await chat_id(database, str(i)) for i in range(60)]
    drafts = [draft(chat, "kabar", lane=1) for chat in people[:40]] + [draft(chat, "balas") for chat in people[40:]]
    await database.write(partial(outbox.enqueue, drafts=drafts, now=NOW))
    first = await send(database, rate=50)
    assert words(first) == ["balas"] * 10
    assert await send(database, "other", rate=50) == []
    sent = 10
    for tick in range(1, 11):
        sent += len(await send(database, rate=50, now=NOW + timedelta(seconds=tick / 10)))
    assert 50 <= sent <= 60


async def test_broadcasts_that_are_paid_for_leave_replies_the_whole_free_budget(database: Database) -> None:
    people = [await chat_id(database, str(i)) for i in range(80)]
    drafts = [draft(chat, "kabar", lane=1) for chat in people[:60]] + [draft(chat, "balas") for chat in people[60:]]
    await database.write(partial(outbox.enqueue, drafts=drafts, now=NOW))
    assert Counter(words(await send(database, rate=50, paid=200, limit=60))) == {"balas": 10, "kabar": 40}
    assert await send(database, "other", rate=50, paid=200) == []
    again = await send(database, rate=50, paid=200, now=NOW + timedelta(seconds=0.05))
    assert Counter(words(again)) == {"balas": 2, "kabar": 10}
    until = NOW + timedelta(seconds=10)
    await database.write(partial(budgets.block, source="web:w", scope="lane", until=until))
    assert set(words(await send(database, rate=50, paid=200, now=NOW + timedelta(seconds=1)))) == {"balas"}


async def test_a_blocked_account_sends_nothing_and_a_blocked_lane_only_replies(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "kabar", lane=1), draft(chat, "balas")], now=NOW))
    await database.write(partial(budgets.block, source="web:w", scope="account", until=NOW))
    until = NOW + timedelta(seconds=10)
    await database.write(partial(budgets.block, source="web:w", scope="account", until=until))
    assert await send(database) == []
    await database.write(partial(budgets.block, source="web:w", scope="account", until=NOW))
    await database.write(partial(budgets.block, source="web:w", scope="lane", until=until))
    assert words(await send(database)) == ["balas"]
    assert words(await send(database, now=until)) == ["kabar"]


async def test_who_left_gets_nothing_more(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "satu")], now=NOW))
    await database.write(partial(outbox.stop_chat, chat_id=chat, now=NOW))
    assert await send(database) == []


async def test_old_rows_are_deleted_in_small_batches(database: Database) -> None:
    await put(database, *(event(str(i)) for i in range(5)))
    (claim,) = await take(database, "t")
    done = {claim.chat["id"]: [e["id"] for e in claim.events]}
    await database.write(partial(claims.complete, token="t", done=done, now=NOW))
    later = NOW + timedelta(days=1)
    assert await database.write(partial(inbox.delete_done, before=later, limit=3)) == 3
    assert await database.write(partial(inbox.delete_done, before=later, limit=3)) == 2


async def test_a_campaign_waits_while_an_agent_owns_the_chat(database: Database) -> None:
    chat = await chat_id(database)
    news = draft(chat, "kabar", lane=1, author="campaign:1")
    early = draft(chat, "terlalu dini", author="agent:1")
    await database.write(partial(outbox.enqueue, drafts=[news, early], now=NOW))
    version = await database.write(partial(chats.take_over, chat_id=chat, owner="agent:1", now=NOW))
    late = draft(chat, "agen", author="agent:1", owner_version=version)
    await database.write(partial(outbox.enqueue, drafts=[late], now=NOW))
    rows = await send(database)
    ids = [row["id"] for row in rows]
    good = await database.write(partial(sending.check, ids=ids, token="s", now=NOW, lease=LEASE))
    assert [row["payload"]["text"] for row in rows if row["id"] in good] == ["agen"]
    await database.write(partial(outcomes.release, token="s", ids=list(good)))
    await database.write(partial(chats.take_over, chat_id=chat, owner="bot", now=NOW, carry=True))
    assert sorted(words(await send(database))) == ["agen", "kabar"]


async def test_a_slow_budget_still_sends_broadcasts(database: Database) -> None:
    chat = await chat_id(database)
    await database.write(partial(outbox.enqueue, drafts=[draft(chat, "kabar", lane=1)], now=NOW))
    assert await send(database, rate=1) == []
    assert words(await send(database, rate=1, now=NOW + timedelta(seconds=1))) == ["kabar"]


@pytest.mark.parametrize(
    "statement",
    ["SET LOCAL lock_timeout = '20ms'; LOCK TABLE chats", "SET LOCAL statement_timeout = '5ms'; SELECT pg_sleep(1)"],
)
async def test_locks_and_timeouts_are_outages_not_bad_rows(postgres: Database, statement: str) -> None:
    holding = asyncio.Event()

    async def hold() -> None:
        async with postgres._postgres.begin() as connection:
            await connection.execute(text("LOCK TABLE chats IN ACCESS EXCLUSIVE MODE"))
            holding.set()
            await asyncio.sleep(0.2)

    holder = asyncio.create_task(hold())
    await holding.wait()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is what is asked
        await postgres.write(lambda c: [c.execute(text(part)) for part in statement.split(";")])
    await holder
    assert is_outage(caught.value)
