"""The data officer's pages: requests with their countdown, one person's copy and erasure, accounts of it all."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, func, select

from storage import consents, data_requests, desk_view, restrictions
from storage.database import database_now
from storage.schema import chats, erasures, outbox
from storage.schema import data_requests as request_rows
from tests.bot.desk.conftest import Office


async def request(office: Office, kind: str, *, hours_ago: int = 0, address: str = "budi") -> str:
    """Somebody in the web chat has asked for something; returns its number."""
    chat = await office.asks(address)

    def work(connection: Connection) -> str:
        at = database_now(connection) - timedelta(hours=hours_ago)
        row = data_requests.receive(
            connection, number=f"D-{address.upper()}", kind=kind, via="chat", now=at, chat_id=chat, wish="tolong <b>"
        )
        return str(row["number"])

    return await office.do(work)


async def test_the_overdue_come_first_with_their_countdown(office: Office) -> None:
    await request(office, "correction", hours_ago=1, address="budi")
    await request(office, "restriction", hours_ago=80, address="ani")
    officer = await office.at_desk("dewi", "data_officer")
    page = (await officer.get("/requests")).text
    assert page.index("D-ANI") < page.index("D-BUDI")
    assert "1 lewat batas" in page
    assert "lewat 8 jam" in page
    assert "2 hari lagi" in page


async def test_a_restriction_begins_when_it_is_closed_and_the_person_is_told(office: Office) -> None:
    number = await request(office, "restriction")
    officer = await office.at_desk("dewi", "data_officer")
    shown = (await officer.get(f"/requests/{number}")).text
    assert "tolong &lt;b&gt;" in shown
    empty = await officer.post(f"/requests/{number}/done", told=" ")
    assert (empty.status_code, "Tulis apa yang dikerjakan" in empty.text) == (422, True)
    page = await officer.follow(await officer.post(f"/requests/{number}/done", told="Pemakaian data dibatasi."))
    assert "Warga diberi tahu" in page.text

    def look(connection: Connection) -> tuple[bool, str]:
        row = data_requests.by_number(connection, number)
        assert row is not None
        said = connection.execute(select(outbox.c.payload).order_by(outbox.c.id.desc())).scalars().first()
        assert said is not None
        return restrictions.restricted(connection, row["chat_id"]), said["text"]

    restricted, told = await office.do(look)
    assert restricted
    assert "Pemakaian data dibatasi." in told
    proof = (await officer.get(f"/requests/{number}")).text
    assert "cocok" in proof
    assert "Dewi" in proof
    again = await officer.post(f"/requests/{number}/refuse", reason="terlambat")
    assert again.status_code == 409
    looks = await office.do(lambda c: [row["what"] for row in desk_view.looks(c, limit=9)])
    assert looks == ["permintaan data"]


async def test_a_refusal_needs_its_legal_reason(office: Office) -> None:
    number = await request(office, "access")
    officer = await office.at_desk("dewi", "data_officer")
    await officer.get(f"/requests/{number}")
    assert (await officer.post(f"/requests/{number}/refuse")).status_code == 422
    await officer.post(f"/requests/{number}/refuse", law="Data orang lain ikut terbuka (pasal 33)")
    row = await office.do(lambda c: data_requests.by_number(c, number))
    assert row is not None
    assert (row["state"], row["refusal"]) == ("refused", "Data orang lain ikut terbuka (pasal 33)")


async def test_a_changed_proof_is_noticed(office: Office) -> None:
    number = await request(office, "correction")
    officer = await office.at_desk("dewi", "data_officer")
    await officer.get(f"/requests/{number}")
    await officer.post(f"/requests/{number}/done", told="Sudah.")
    await office.do(lambda c: c.execute(request_rows.update().values(proof={"what": "lain", "counts": {}})))
    assert "baris ini diubah" in (await officer.get(f"/requests/{number}")).text


async def test_a_person_is_erased_only_after_the_dry_run_and_the_word(office: Office) -> None:
    chat = await office.asks("budi")
    officer = await office.at_desk("dewi", "data_officer")
    await officer.get("/person")
    assert (await officer.post("/person", way="chat", who="999")).status_code == 422
    whom = {"way": "chat", "who": str(chat)}
    shown = await officer.post("/person", **whom)
    assert "Belum ada yang dihapus" in shown.text
    assert "Isi percakapan" in shown.text
    looks = await office.do(lambda c: [(row["what"], row["chat_id"]) for row in desk_view.looks(c, limit=9)])
    assert ("pencarian data", chat) in looks, "who looks somebody up stands in the trail"
    refused = await officer.post("/person/erase", **whom, sure="ya")
    assert (refused.status_code, "Ketik HAPUS" in refused.text) == (422, True)
    assert await office.do(lambda c: c.execute(select(func.count()).select_from(chats)).scalar()) == 1
    done = await officer.post("/person/erase", **whom, sure="hapus")
    assert "Nomor bukti" in done.text
    assert await office.do(lambda c: c.execute(select(func.count()).select_from(chats)).scalar()) == 0
    assert await office.do(lambda c: c.execute(select(func.count()).select_from(erasures)).scalar()) == 1


async def test_a_copy_is_a_file_and_logged_with_its_reason(office: Office) -> None:
    chat = await office.asks("budi")
    officer = await office.at_desk("dewi", "data_officer")
    await officer.get("/person")
    whom = {"way": "chat", "who": str(chat)}
    assert (await officer.post("/person/copy", **whom, reason="x")).status_code == 422
    page = await officer.post("/person/copy", **whom, reason="diminta orangnya")
    assert "attachment" in page.headers["content-disposition"]
    assert "kapan cair?" in page.text
    data = await officer.post("/person/copy", **{**whom, "as": "json"}, reason="diminta orangnya")
    assert data.json()["parts"][0]["what"] == f"chat {chat}"
    await officer.get("/looks?what=salinan+data")
    assert officer.page.count("diminta orangnya") == 2
    await officer.get("/looks?what=mutu&chat=x&since=kemarin&until=2026-01-01")
    assert "diminta orangnya" not in officer.page


async def test_consents_register_and_breach_pack(office: Office) -> None:
    chat = await office.asks("budi")

    def agreed(connection: Connection) -> None:
        now = database_now(connection)
        consents.give(connection, chat, purpose="improve", wording="Saya setuju", now=now, until=None)
        consents.give(connection, chat, purpose="registration", wording="Lama", now=now, until=None)
        consents.withdraw(connection, chat, now, purposes=("registration",))

    await office.do(agreed)
    officer = await office.at_desk("dewi", "data_officer")
    rows = await office.do(lambda c: consents.overview(c, database_now(c)))
    assert [(row["purpose"], row["holding"], row["withdrawn"]) for row in rows] == [
        ("improve", 1, 0),
        ("registration", 0, 1),
    ]
    assert "perbaikan jawaban" in (await officer.get("/consents")).text
    assert "730 hari" in (await officer.get("/processing")).text
    await officer.get("/breach")
    assert (await officer.post("/breach", since="x", until="", noticed="")).status_code == 422
    for wild in ("0001-01-01T00:00", "9999-12-31T23:59"):
        odd = await officer.post("/breach", since="0001-01-01T00:00", until=wild, noticed=wild)
        assert odd.status_code == 422
        assert (await officer.get(f"/looks?since={wild[:10]}&until={wild[:10]}")).status_code == 200
    times = {"since": "2020-01-01T00:00", "until": "2040-01-01T00:00", "noticed": "2026-11-24T10:00"}
    pack = await officer.post("/breach", **times)
    assert "27 Nov 2026, 10.00 WIB" in pack.text
    assert "Pemberitahuan kegagalan" in pack.text
    assert "budi" not in pack.text.lower()
