"""From a question that was not understood to its answer: consent, the editors' list, teaching, a new model, publishing, going back. All with a
small programme whose model learns in seconds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot import teaching
from bot.desk.visit import Desk
from bot.models import PublishedModel
from bot.pack import Pack, of
from bot.receiver import Receiver
from bot.settings import Settings
from bot.training import Trainer
from bot.worker import Worker
from handlers import catalogue
from handlers.messages import Inbound, Kind
from handlers.turn import Policy
from nlu import packed
from nlu.embedded import EmbeddedEngine
from nlu.fingerprint import code_fingerprint, fingerprint
from nlu.understanding import Context
from storage import misunderstood, models, schema, taught, training_jobs
from storage.schema import models as model_rows
from storage.schema import taught as taught_rows
from storage.schema import training_jobs as job_rows
from tests.bot.desk.conftest import Office
from tests.bot.second_programme import CASES
from tests.conftest import NOW

UNKNOWN = "token masuk ruang praktik"


@pytest.fixture
def pack(trained: Path) -> Pack:
    return of(Settings(content=str(trained)))


class School:
    """A worker with the small programme, the desk beside it, and whatever makes models."""

    def __init__(self, office: Office, pack: Pack) -> None:
        self.office, self.pack, self.database = office, pack, office.database
        self.engine = EmbeddedEngine.load(pack.model, data=pack.data)
        office.parts = replace(office.parts, engine=self.engine, catalogue=pack.catalogue(), policy=Policy())
        self.worker = Worker(self.database, office.parts, office.wake)
        self.trainer = Trainer(self.database, pack)
        self.published = PublishedModel(self.database, self.worker, pack, lambda engine: engine)
        self.receiver = Receiver(self.database, office.wake)
        desk = Desk(database=self.database, wake=office.wake, parts=lambda: self.worker.parts, pack=pack)
        for name in ("database", "wake", "parts", "pack"):
            object.__setattr__(office.desk, name, getattr(desk, name))
        self._events = 0

    async def hears(self, text: str = "", **more: Any) -> list[str]:
        """A person's message; returns what has been answered to it."""
        self._events += 1
        before = len(await self.said())
        made = {"kind": Kind.TEXT, "sent_at": NOW, **more}
        event = Inbound(
            channel="telegram", account="b", chat="warga", sender="warga", event_id=str(self._events), text=text, **made
        )
        await self.receiver.receive([event])
        await self.worker.run_once()
        return (await self.said())[before:]

    async def said(self) -> list[str]:
        return [row["payload"]["text"] for row in await self.rows(schema.outbox)]

    async def rows(self, table: Any) -> list[Any]:
        return await self.database.read(lambda c: list(c.execute(select(table).order_by(table.c.id)).mappings()))

    async def chooses(self, label: str) -> list[str]:
        """Types a label of the last options."""
        last = (await self.rows(schema.outbox))[-1]["payload"]["options"]
        assert label in [option["label"] for option in last]
        return await self.hears(label)

    async def agrees(self) -> None:
        """Two questions in vain, then the consent that is offered."""
        await self.hears("skor bola semalam berapa")
        await self.hears("resep rendang padang")
        await self.chooses("Bantu Pandu belajar")
        assert "Terima kasih" in (await self.chooses("Boleh"))[-1]

    async def candidate(self, *lessons: tuple[str, str]) -> int:
        """Teaches, trains, and returns the new model's number."""

        def work(connection: Any) -> None:
            for text, intent in lessons:
                taught.add(connection, text=text, intent=intent, author="operator:x", now=NOW)
            training_jobs.ask(connection, by="operator:x", now=NOW)

        await self.database.write(work)
        assert await self.trainer.run_once()
        return (await self.rows(model_rows))[-1]["id"]

    async def kept(self, name: str = "embedded-other", code: str = "", *, shipped: bool = False) -> int:
        """A candidate that is the shipped model under another name, measured against the published one or the shipped one."""

        def work(connection: Any) -> int:
            base = None if shipped else models.published(connection)
            made = models.Made(
                name=name,
                code=code or code_fingerprint(),
                seed=fingerprint(self.pack.data),
                taught=0,
                compared_with=base["id"] if base else None,
                report={"gained": 0, "lost": 0, "n": 1},
                worse="",
                packed=packed.pack(self.pack.model),
            )
            return models.keep(connection, made, NOW)

        return await self.database.write(work)


@pytest.fixture
async def school(office: Office, pack: Pack) -> School:
    return School(office, pack)


async def test_what_was_not_understood_is_taught_and_then_answered(school: School) -> None:
    await school.agrees()
    first = await school.hears(UNKNOWN)
    assert "loket" not in " ".join(first).lower()
    editor = await school.office.at_desk("sari", "editor")

    page = (await editor.get("/unclear")).text
    assert UNKNOWN in page
    item = re.search(rf'<strong>{UNKNOWN}</strong>.*?/desk/unclear/(\d+)"', page, re.DOTALL)
    assert item
    await editor.get(f"/unclear/{item[1]}")
    lessons = f"{UNKNOWN}\ntoken buat masuk ruangan praktik\ntoken ruang praktik minta di mana"
    answer = await editor.post(f"/unclear/{item[1]}", texts=lessons, intent="Cara dapat voucher (voucher_how)")
    await editor.follow(answer)
    assert UNKNOWN not in (await editor.get("/unclear")).text
    assert UNKNOWN in (await editor.get("/unclear?state=taught")).text

    await editor.get("/models")
    await editor.follow(await editor.post("/models/train"))
    assert "menunggu" in editor.page
    assert await school.trainer.run_once()
    assert not await school.trainer.run_once()
    page = (await editor.get("/models")).text
    assert "Terbitkan model 1" in page, page
    before = (await school.hears(UNKNOWN))[-1]
    await editor.follow(await editor.post("/models/1/publish"))
    await school.published.look()
    after = (await school.hears(UNKNOWN))[-1]
    assert "loket" not in before.lower()
    assert "Datang ke loket dengan KTP" in after
    names = [row["model"] for row in await school.rows(schema.messages) if row["author"] == "person"]
    assert names[-1] != names[-2] == school.engine.version
    assert names[-1] == (await school.rows(model_rows))[0]["name"]

    await editor.get("/models")
    await editor.follow(await editor.post("/models/0/rollback"))
    await school.published.look()
    assert "loket" not in (await school.hears(UNKNOWN))[-1]


async def test_without_consent_only_the_topic_is_counted(school: School) -> None:
    await school.hears(UNKNOWN)
    (row,) = await school.rows(schema.misunderstood)
    assert row["text"] is None
    assert row["chat_id"] is None
    assert row["channel"] == "telegram"
    editor = await school.office.at_desk("sari", "editor")
    page = (await editor.get("/unclear")).text
    assert UNKNOWN not in page
    assert "Tanpa teks" in page


async def test_a_withdrawn_consent_takes_the_texts_and_what_was_taught_with_them(school: School) -> None:
    await school.agrees()
    await school.hears(UNKNOWN)
    editor = await school.office.at_desk("sari", "editor")
    item = (await school.rows(schema.misunderstood))[-1]["id"]
    await editor.get(f"/unclear/{item}")
    await editor.follow(await editor.post(f"/unclear/{item}", texts=UNKNOWN, intent="voucher_how"))
    assert [row["text"] for row in await school.rows(taught_rows)] == [UNKNOWN]
    await school.hears("tarik persetujuan saya")
    await school.hears("ya tarik")
    assert await school.rows(taught_rows) == []
    assert all(row["text"] is None for row in await school.rows(schema.misunderstood))


async def test_groups_are_counted_and_can_be_put_away(school: School) -> None:
    await school.agrees()
    for text in ("beasiswa kuliah ada ga", "ada beasiswa kuliah?", "ada beasiswa kuliah ga kak", "tarif parkir balai"):
        await school.database.write(
            lambda c, text=text: misunderstood.note(
                c, chat_id=1, topic="voucher_who", text=text, outcome="refuse", now=NOW, channel="sms"
            )
        )
    editor = await school.office.at_desk("sari", "editor")
    page = (await editor.get("/unclear")).text
    assert page.index("beasiswa") < page.index("tarif parkir")
    assert re.search(r"beasiswa[^<]*</strong> <span class=\"chip\">3×", page)
    ids = re.search(r'name="ids" value="(\d+,\d+,\d+)"', page)
    assert ids
    await editor.follow(await editor.post("/unclear", ids=ids[1], deed="not_ours", state=""))
    assert "beasiswa" not in editor.page
    assert "beasiswa" in (await editor.get("/unclear?state=not_ours")).text
    await editor.follow(await editor.post("/unclear", ids=ids[1], deed="open", state="not_ours"))
    assert "beasiswa" in (await editor.get("/unclear")).text


@pytest.mark.parametrize(
    ("text", "intent", "problem"),
    [
        ("voucher saya hilang", "voucher_lost", "duplicate"),
        ("Voucher saya hilang!", "voucher_value", "conflict"),
        ("nilai vouchernya brp ya", "voucher_value", "leak"),
        ("nik saya 3273010101900001 kenapa", "voucher_how", "secret"),
        ("x", "voucher_how", "short"),
        ("token masuk", "nowhere", "intent"),
    ],
)
def test_what_may_not_be_taught(pack: Pack, text: str, intent: str, problem: str) -> None:
    found = teaching.problems([text], intent, pack.catalogue(), pack, [])
    assert problem in [why for _, why in found]
    assert all(why in teaching.PROBLEMS for _, why in found)


def test_what_was_taught_before_counts_too(pack: Pack) -> None:
    row = {"text": UNKNOWN, "intent": "voucher_how"}
    assert teaching.problems([UNKNOWN], "voucher_how", pack.catalogue(), pack, []) == []
    assert teaching.problems([UNKNOWN], "voucher_how", pack.catalogue(), pack, [row])
    assert teaching.problems([UNKNOWN], "out_of_scope", pack.catalogue(), pack, [row])


async def test_a_worse_model_is_not_published(school: School) -> None:
    wrong = [(f"{text} {word}", "out_of_scope") for text in CASES for word in ("itu", "dong kak", "sekarang", "lagi")]
    number = await school.candidate(*wrong)
    row = (await school.rows(model_rows))[-1]
    assert row["worse"]
    with pytest.raises(models.NotPublishableError, match="worse"):
        await school.database.write(partial(models.publish, key=number, by="x", now=NOW))
    editor = await school.office.at_desk("sari", "editor")
    assert "Tidak boleh terbit" in (await editor.get("/models")).text
    assert (await editor.post(f"/models/{number}/publish")).status_code == 409
    await school.published.look()
    assert school.worker.parts.engine is school.engine


async def test_without_an_evaluation_file_the_held_out_messages_are_compared(school: School) -> None:
    school.trainer = Trainer(school.database, replace(school.pack, cases=None))
    await school.candidate((UNKNOWN, "voucher_how"))
    report = (await school.rows(model_rows))[-1]["report"]
    assert report["on"] == "training"
    assert report["n"] > 100


async def test_a_model_measured_against_another_one_must_be_made_again(school: School) -> None:
    first, second = await school.kept(), await school.kept()
    await school.database.write(partial(models.publish, key=first, by="x", now=NOW))
    with pytest.raises(models.NotPublishableError, match="train again"):
        await school.database.write(partial(models.publish, key=second, by="x", now=NOW))
    with pytest.raises(models.NotPublishableError):
        await school.database.write(partial(models.roll_back, key=second, by="x", now=NOW))


async def test_a_job_whose_process_died_is_run_again_and_not_for_ever(school: School) -> None:
    lease = timedelta(seconds=60)
    await school.database.write(lambda c: training_jobs.ask(c, by="x", now=NOW))
    for attempt in range(training_jobs.ATTEMPTS):
        at = NOW + timedelta(minutes=5 * attempt)
        claim = partial(training_jobs.claim, owner=f"o{attempt}", lease=lease)
        assert await school.database.write(partial(claim, now=at))
        assert await school.database.write(partial(claim, now=at + timedelta(seconds=30))) is None
    assert await school.database.write(partial(claim, now=NOW + timedelta(hours=1))) is None
    (row,) = await school.rows(job_rows)
    assert (row["state"], row["attempts"]) == ("failed", training_jobs.ATTEMPTS)


async def test_a_job_that_fails_says_why(school: School, tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("nlu: none", encoding="utf-8")
    school.trainer = Trainer(school.database, replace(school.pack, data=tmp_path))
    await school.database.write(lambda c: training_jobs.ask(c, by="x", now=NOW))
    assert await school.trainer.run_once()
    (row,) = await school.rows(job_rows)
    assert row["state"] == "failed"
    assert "no list under 'nlu'" in row["error"]


async def test_a_model_of_other_code_is_not_used(school: School) -> None:
    number = await school.kept(code="other")
    await school.database.write(partial(models.publish, key=number, by="x", now=NOW))
    await school.published.look()
    assert school.worker.parts.engine is school.engine


async def test_beside_a_model_of_other_code_the_next_one_is_measured_against_the_shipped_one(school: School) -> None:
    old = await school.kept(code="other")
    await school.database.write(partial(models.publish, key=old, by="x", now=NOW))
    await school.database.write(partial(training_jobs.ask, by="operator:x", now=NOW))
    order = await school.database.write(school.trainer._claim)
    assert order is not None
    assert (order.base, order.packed) == (None, b"")
    following = await school.kept(shipped=True)
    await school.database.write(partial(models.publish, key=following, by="x", now=NOW))
    with pytest.raises(models.NotPublishableError, match="train again"):
        await school.database.write(partial(models.publish, key=await school.kept(shipped=True), by="x", now=NOW))


async def test_taught_messages_become_a_training_file(school: School, tmp_path: Path) -> None:
    from nlu import corpus

    rows = [{"text": 'apa: "kabar" # [x](y)', "intent": "greet"}, {"text": UNKNOWN, "intent": "voucher_how"}]
    (tmp_path / "taught.yml").write_text(teaching.as_yaml(rows), encoding="utf-8")
    read = [(one.text, one.intent) for one in corpus.read(corpus.files(tmp_path))]
    assert read == [('apa: "kabar" # x', "greet"), (UNKNOWN, "voucher_how")]


async def test_the_small_programme_says_nothing_of_the_shipped_one(pack: Pack) -> None:
    content = pack.catalogue()
    assert content.version != catalogue.load().version
    engine = EmbeddedEngine.load(pack.model, data=pack.data)
    got = engine.parse("nilai vouchernya berapa", Context(today=NOW.date()))
    assert content.fill(content.answers[got.intent].text.open).startswith("Satu voucher bernilai Rp350.000")
