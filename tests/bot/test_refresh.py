"""Front door: what an editor publishes is what the next person reads, without a restart; what lapses falls back by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.effects import Parts
from bot.refresh import Refresh
from bot.terminal.session import Session
from bot.wake import Wake
from handlers import catalogue
from handlers.content_now import as_json
from handlers.turn import Policy
from storage import consents, content_log, editing, feedback, privacy, program
from storage.database import Database
from storage.schema import content_events, messages
from tests.bot.engines import StubEngine
from tests.conftest import NOW

INTENT = "incentive_amount"
HOUR = timedelta(hours=1)


class Office:
    """A conversation and the editors behind it, on one clock."""

    def __init__(self, database: Database, channel: str = "terminal") -> None:
        self.database = database
        parts = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "0" * n)
        self.session = Session(database, parts, channel=channel, now=NOW)
        self.refresh = Refresh(database, parts, Wake(database), self._use, clock=lambda _: self.now)

    @property
    def now(self) -> datetime:
        assert self.session.now is not None
        return self.session.now

    def _use(self, content: catalogue.Catalogue, policy: Policy) -> None:
        worker = self.session._worker
        worker.parts = replace(worker.parts, catalogue=content, policy=policy)

    async def publish(self, text: str, *, intent: str = INTENT, **more: Any) -> int:
        def work(connection: Connection) -> int:
            body = {**body_of(intent), "text": text, **more.pop("body", {})}
            dates = {"valid_from": None, "valid_to": None, **more}
            editing.save(
                connection, intent, body, author="agent:1", reason="aturan baru", revision=0, now=self.now, **dates
            )
            editing.submit(connection, intent, revision=1)
            return editing.publish(connection, intent, revision=2, reader="agent:2", now=self.now)

        return await self.database.write(work)

    async def set(self, kind: str, key: str, value: str, **more: Any) -> int:
        def work(connection: Connection) -> int:
            row = program.ask(
                connection, kind=kind, key=key, value=value, reason="kabar", asked_by="agent:1", now=self.now, **more
            )
            program.approve(connection, row, by="agent:2", now=self.now)
            return row

        return await self.database.write(work)

    async def says(self, text: str) -> str:
        await self.refresh.once()
        return "\n".join(reply.text for reply in await self.session.say(text))


def body_of(intent: str) -> dict[str, Any]:
    files = catalogue.read_files(catalogue.CONTENT)
    body = next(f[intent] for name, f in files.items() if name.startswith("answers/") and intent in f)
    return {key: value for key, value in as_json(body).items() if key != "text_2020_2022"}


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def test_a_published_answer_is_the_next_one_and_lapses_by_itself(office: Office) -> None:
    seed = await office.says(f"{INTENT}: berapa insentifnya?")
    await office.publish("Insentif tetap, Kak: isi lama dari meja.")
    office.session.now = office.now + HOUR
    await office.publish("Isi sementara dari meja, Kak.", valid_to=office.now + HOUR)
    assert "Isi sementara" in await office.says(f"{INTENT}: berapa?")
    office.session.now = office.now + 2 * HOUR
    assert "isi lama dari meja" in await office.says(f"{INTENT}: berapa?")
    (newest, *_) = await office.database.read(lambda c: editing.history(c, INTENT))
    first = (await office.database.read(lambda c: editing.history(c, INTENT)))[-1]["id"]
    await office.database.write(lambda c: editing.withdraw(c, first, actor="agent:2", reason="keliru", now=office.now))
    assert newest["valid_to"] < office.now
    assert seed.splitlines()[-2:] == (await office.says(f"{INTENT}: berapa?")).splitlines()[-2:]


async def test_an_answer_that_begins_later_waits(office: Office) -> None:
    await office.publish("Mulai besok, Kak.", valid_from=NOW + HOUR)
    assert "Mulai besok" not in await office.says(f"{INTENT}: berapa?")
    office.session.now = NOW + HOUR
    assert "Mulai besok" in await office.says(f"{INTENT}: berapa?")


async def test_rolling_back_is_a_new_version_of_the_old_words(office: Office) -> None:
    first = await office.publish("Isi pertama, Kak.")
    office.session.now = office.now + HOUR
    await office.publish("Isi kedua, Kak.")
    office.session.now = office.now + HOUR
    again = await office.database.write(
        lambda c: editing.roll_back(c, first, actor="agent:3", reason="yang kedua keliru", now=office.now)
    )
    assert again > first
    assert "Isi pertama" in await office.says(f"{INTENT}: berapa?")
    log = await office.database.read(content_log.listed)
    assert [row["action"] for row in log] == ["rolled_back", "published", "published"]


async def test_each_row_of_the_log_names_a_content_that_is_known(office: Office) -> None:
    version = await office.publish("Isi baru, Kak.")
    await office.says(f"{INTENT}: berapa?")

    def work(connection: Connection) -> Any:
        label = connection.execute(select(messages.c.content).where(messages.c.author == "bot")).scalars().first()
        return content_log.version(connection, label or "")

    assert (await office.database.read(work))["parts"]["answers"] == {INTENT: version}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Isi dengan {tidak_ada}, Kak.", {}),
        ("Isi {situs:>9}, Kak.", {}),
        ("Isi {usia_maks}, Kak.", {}),  # which the older rules do not have
        ("Isi, Kak.", {"sources": [{"name": "A", "date": "2023-13", "url": "https://x.go.id/"}]}),
        ("Isi, Kak.", {"sources": []}),
    ],
)
async def test_a_broken_version_is_passed_over(office: Office, text: str, body: dict[str, Any]) -> None:
    await office.publish("Isi benar, Kak.")
    office.session.now = office.now + HOUR
    await office.publish(text, body=body)
    assert "Isi benar" in await office.says(f"{INTENT}: berapa?")


async def test_the_rest_of_an_answer_that_has_none_any_more_is_the_answer(office: Office) -> None:
    await office.says(f"{INTENT}: berapa?")
    await office.publish("Isi baru, Kak.", body={"more": ""})
    assert (await office.says("Selengkapnya")).startswith("Isi baru, Kak.\n(")


async def test_a_fact_that_lapses_takes_the_answer_that_names_it_along(office: Office) -> None:
    await office.set("fact", "posko", "Balai Kota", valid_to=NOW + HOUR)
    await office.publish("Datang ke {posko}, Kak.")
    assert "Balai Kota" in await office.says(f"{INTENT}: berapa?")
    office.session.now = NOW + HOUR
    assert "Balai Kota" not in await office.says(f"{INTENT}: berapa?")


async def test_nothing_is_read_whole_while_nothing_changes(office: Office) -> None:
    assert await office.refresh.once()
    assert not await office.refresh.once()
    await office.publish("Isi baru, Kak.")
    assert await office.refresh.once()
    assert not await office.refresh.once()


async def test_a_change_that_is_committed_after_one_with_a_higher_number_is_seen(office: Office) -> None:
    await office.set("fact", "situs", "situsbaru.go.id")
    await office.refresh.once()
    late = {"kind": "fact", "key": "x", "action": "published", "reason": "x", "actor": "agent:1", "at": NOW}
    await office.database.write(lambda c: c.execute(content_events.insert().values(id=-1, **late)))
    assert await office.refresh.once()


# -- the programme ------------------------------------------------------------------------------------------------------


async def test_the_state_changes_the_wording_until_its_end(office: Office) -> None:
    closed = await office.says("program_open: kapan buka?")
    assert "Belum ada tanggal" in closed
    await office.set("state", "", "open", valid_to=NOW + HOUR)
    assert "Belum ada tanggal" not in await office.says("program_open: kapan buka?")
    office.session.now = NOW + HOUR
    assert "Belum ada tanggal" in await office.says("program_open: kapan buka?")


async def test_an_incident_precedes_what_it_concerns_and_nothing_else(office: Office) -> None:
    await office.set("notice", "money", "Dashboard sedang gangguan, Kak.", valid_to=NOW + HOUR)
    assert "Dashboard sedang gangguan" in await office.says(f"{INTENT}: berapa?")
    assert "Dashboard sedang gangguan" in await office.says("incentive_status: cek insentif saya")
    assert "gangguan" not in await office.says("eligibility_age: umur berapa?")
    assert "gangguan" not in await office.says("thanks: makasih")
    office.session.now = NOW + HOUR
    assert "gangguan" not in await office.says(f"{INTENT}: berapa?")


async def test_an_incident_is_told_by_sms_too(database: Database) -> None:
    office = Office(database, "sms")
    await office.set("notice", "", "Dashboard sedang gangguan.", valid_to=NOW + HOUR)
    assert "Dashboard sedang gangguan" in await office.says(f"{INTENT}: berapa?")


async def test_a_moved_programme_and_operator_are_rows_not_code(office: Office) -> None:
    await office.set("state", "", "moved", valid_to=NOW + 9 * HOUR)
    await office.set("fact", "situs", "situsbaru.go.id")
    await office.set("fact", "operator", "Dinas Contoh Baru")
    first = await office.says("program_open: kapan buka?")
    assert "Dinas Contoh Baru" in first
    assert "pindah pengelola" in first
    assert "situsbaru.go.id" in first
    assert "prakerja.go.id" not in first.replace("@prakerja.go.id", "")


async def test_nobody_approves_what_they_asked_for(database: Database) -> None:
    def work(connection: Connection) -> None:
        row = program.ask(connection, kind="state", key="", value="open", reason="kabar", asked_by="agent:1", now=NOW)
        with pytest.raises(editing.RefusedError, match="same_person"):
            program.approve(connection, row, by="agent:1", now=NOW)
        program.approve(connection, row, by="agent:2", now=NOW)
        with pytest.raises(editing.RefusedError, match="not_open"):
            program.approve(connection, row, by="agent:3", now=NOW)

    await database.write(work)


# -- "jawaban ini salah" -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["jawaban ini salah", "info salah kak", "Infonya udah basi", "maaf jawabannya keliru deh", "salah itu infonya"],
)
async def test_words_about_an_answer_reach_its_editor_without_the_person(office: Office, words: str) -> None:
    version = await office.publish("Isi baru, Kak.")
    await office.says(f"{INTENT}: berapa?")
    assert "penyunting" in await office.says(words)
    (row,) = await office.database.read(feedback.listed)
    assert (row["intent"], row["version_id"], row["remark"], row["chat_id"]) == (INTENT, version, None, None)
    await office.says(words)
    assert len(await office.database.read(feedback.listed)) == 1, "told once"


@pytest.mark.parametrize("words", ["apakah info ini salah?", "jawaban saya salah waktu tes", "salah", "bukan"])
async def test_other_words_are_no_feedback(office: Office, words: str) -> None:
    await office.says(f"{INTENT}: berapa?")
    await office.says(words)
    assert not await office.database.read(feedback.listed)


async def test_nothing_is_noted_in_a_form_or_without_an_answer(office: Office) -> None:
    await office.says("thanks: jawaban ini salah")
    await office.says(f"{INTENT}: berapa?")
    await office.says("register_start: mau daftar")
    await office.says("thanks: jawaban ini salah")
    assert not await office.database.read(feedback.listed)


async def test_the_button_behind_the_rest_of_an_answer(office: Office) -> None:
    await office.says(f"{INTENT}: berapa?")
    replies = await office.session.say("Selengkapnya")
    assert replies[-1].options[-1].label == "Info ini salah"
    assert "penyunting" in (await office.session.choose(len(replies[-1].options)))[0].text
    (row,) = await office.database.read(feedback.listed)
    assert row["version_id"] is None


async def test_the_remark_is_kept_with_consent_alone(office: Office) -> None:
    await office.says(f"{INTENT}: berapa?")
    (chat,) = await office.database.read(lambda c: c.execute(select(messages.c.chat_id).distinct()).scalars().all())
    await office.database.write(
        lambda c: consents.give(c, chat, purpose="improve", wording="boleh", now=NOW, until=None)
    )
    told = await office.says("jawaban ini salah, sekarang 700 ribu. NIK saya 3273014501990001")
    assert "ikut dicatat, sesuai izin" in told
    (row,) = await office.database.read(feedback.listed)
    assert row["chat_id"] == chat
    assert "sekarang 700 ribu" in row["remark"]
    assert "3273014501990001" not in row["remark"]
    await office.database.write(lambda c: privacy.erase(c, chat, NOW))
    assert not await office.database.read(feedback.listed)
