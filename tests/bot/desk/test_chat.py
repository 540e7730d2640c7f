"""A conversation at the desk: reading it, answering, one speaker, drafts, helps, notes, passing on, the record."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from storage import chats, desk_texts, handoffs, ownership, people
from storage.database import database_now
from storage.schema import access_log, conversations, outbox, participants
from tests.bot.desk.conftest import Browser, Office, said


async def mine(office: Office, browser: Browser, name: str = "siti", **more: Any) -> int:
    """A conversation that is this agent's."""
    chat = await office.asks(name, **more)
    await office.given(chat, browser)
    await browser.get(f"/chat/{chat}")
    return chat


async def test_the_page_shows_what_was_said_and_what_the_bot_understood(office: Office) -> None:
    chat = await office.asks("siti")
    page = (await (await office.at_desk("ani")).get(f"/chat/{chat}")).text
    assert "kapan cair?" in page
    assert "dipahami: Kapan insentif cair" in page or re.search(r"dipahami: [^<]+ \(90%\)", page)
    assert "Ambil percakapan" in page
    assert '<textarea id="text"' not in page


async def test_an_answer_reaches_the_person_and_its_delivery_is_shown(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    page = await ani.follow(await ani.post(f"/chat/{chat}/send", text="Selamat siang, Kak. Saya Ani."))
    assert "menunggu dikirim" in page.text
    assert await office.hears(chat) == ["Selamat siang, Kak. Saya Ani."]
    await office.sender.drain()
    assert "terkirim" in (await ani.get(f"/chat/{chat}", **{"X-Part": "1"})).text


@pytest.mark.parametrize("whose", ["bot", "budi"])
async def test_who_does_not_own_the_conversation_is_refused_kindly_and_keeps_the_words(
    office: Office, whose: str
) -> None:
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    chat = await office.asks("siti")
    if whose == "budi":
        await office.given(chat, budi)
    await ani.get(f"/chat/{chat}")
    answer = await ani.post(f"/chat/{chat}/send", text="Jawaban panjang yang sudah diketik.")
    assert answer.status_code == 409
    assert ("dijawab bot" if whose == "bot" else "dipegang Budi") in answer.text
    assert "Jawaban panjang yang sudah diketik." in answer.text
    assert f'name="back" value="/chat/{chat}"' in answer.text  # not the address that only takes forms
    assert await office.hears(chat) == []
    await office.do(
        lambda c: ownership.take(c, handoffs.going_on(c, chat)["id"], ani.id, database_now(c), from_another=True)
    )  # type: ignore[index]
    assert "Jawaban panjang yang sudah diketik." in (await ani.get(f"/chat/{chat}")).text


async def test_two_agents_never_both_answer(office: Office) -> None:
    """A takeover in the middle of two answers: whoever owns the chat at the commit has spoken, nobody else."""
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi", "supervisor")
    chat = await mine(office, ani)
    await budi.get(f"/chat/{chat}")
    taken, first, second = await asyncio.gather(
        budi.post(f"/chat/{chat}/take-over"),
        ani.post(f"/chat/{chat}/send", text="dari Ani"),
        budi.post(f"/chat/{chat}/send", text="dari Budi"),
    )
    assert taken.status_code == 303
    spoken = [text for answer, text in ((first, "dari Ani"), (second, "dari Budi")) if answer.status_code == 303]
    assert sorted(text for text in await office.hears(chat) if text.startswith("dari ")) == sorted(spoken)
    await office.sender.drain()
    states = await office.database.read(
        lambda c: {row.author: row.state for row in c.execute(outbox.select().where(outbox.c.author != "bot"))}
    )
    assert states.get(f"agent:{ani.id}", "cancelled") == "cancelled"  # its owner had changed before it could leave


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Tolong kirim kode OTP-nya ya, Kak.", "OTP"),
        ("Sebutkan PIN Kakak", "OTP"),
        ("Boleh minta NIK Kakak?", "formulir aman"),
        ("Foto KTP-nya tolong dikirim di sini, kirim foto ktp ya", "formulir aman"),
        ("Tulis nomor rekening Kakak di sini", "rekening"),
        ("Transfer dulu biaya admin Rp50.000", "uang"),
        ("Hubungi saya di 0812 3456 7890", "pribadi"),
        ("Japri saja ya Kak", "pribadi"),
        ("Cek di prakerja-bantuan.com", ".go.id"),
        ("Lihat https://bit.ly/xyz", ".go.id"),
        ("NIK Kakak 3273010312990001", "nomor identitas"),
        ("   ", "kosong"),
        ("a" * 1001, "terlalu panjang"),
    ],
)
async def test_what_may_not_be_asked_or_sent_is_stopped_and_kept(office: Office, text: str, said: str) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    answer = await ani.post(f"/chat/{chat}/send", text=text)
    assert answer.status_code == 422
    assert said in answer.text
    assert await office.hears(chat) == []


@pytest.mark.parametrize(
    "text",
    [
        "Jangan pernah berikan OTP atau PIN kepada siapa pun, Kak.",
        "Kami tidak meminta NIK di chat.",
        "Cek di dashboard.prakerja.go.id, menu insentif.",
        "Insentif Rp600.000 dibayar ke rekening yang tersambung.",
        "Hubungi 119 ekstensi 8, Kak.",
        "Formulir: https://pandu.example/f/abc",
        "Saya cek dulu, ya. Gelombang 48, 12 Mei 2023.",
        "Halo, saya Budi (kode P-2426).",
    ],
)
async def test_warnings_and_ordinary_answers_pass(office: Office, text: str) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    assert (await ani.post(f"/chat/{chat}/send", text=text)).status_code == 303


async def test_a_button_pressed_twice_says_it_once(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    for _ in range(2):
        assert (await ani.post(f"/chat/{chat}/send", text="Baik, Kak.")).status_code == 303
    assert await office.hears(chat) == ["Baik, Kak."]


async def test_a_draft_is_kept_masked_until_it_is_sent(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    answer = await ani.post(f"/chat/{chat}/draft", {"X-Part": "1"}, text="Sedang saya tulis 3273010312990001")
    assert answer.status_code == 204
    page = (await ani.get(f"/chat/{chat}")).text
    assert "Sedang saya tulis" in page
    assert "3273010312990001" not in page
    await ani.post(f"/chat/{chat}/send", text="Selesai.")
    assert "Sedang saya tulis" not in (await ani.get(f"/chat/{chat}")).text
    assert (await ani.post("/chat/999/draft", text="x")).status_code == 404


async def test_ready_answers_and_suggestions_can_be_used_without_scripts(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)

    def write(connection: Connection) -> None:
        text = "Halo {nama}, saya {petugas} ({kode}). Laporan {nomor}."
        desk_texts.keep_canned(
            connection, shortcut="salam", title="Salam", text=text, author="x", now=database_now(connection)
        )

    await office.do(write)
    page = (await ani.get(f"/chat/{chat}")).text
    assert 'data-canned="salam"' in page
    filled = re.search(r'name="canned" value="(\d+)"', page)
    assert filled is not None
    page = (await ani.get(f"/chat/{chat}?canned={filled[1]}")).text
    assert re.search(r"<textarea[^>]*>Halo Siti, saya Ani \(P-\w+\)\. Laporan L-siti\.</textarea>", page)
    assert "Usulan jawaban" in page
    assert 'name="use" value="incentive_when"' in page
    page = (await ani.get(f"/chat/{chat}?use=incentive_when")).text
    shown = re.search(r"<textarea id=\"text\"[^>]*>([^<]+)</textarea>", page)
    assert shown is not None
    assert re.search(r"\(.+, .*20\d\d\)$", shown[1])  # its source and date come along


async def test_a_failed_message_says_why_and_can_be_sent_again(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await ani.post(f"/chat/{chat}/send", text="Baik, Kak.")
    await office.do(
        lambda c: c.execute(update(outbox).values(state="failed", reason="chat not found", done_at=database_now(c)))
    )
    page = (await ani.get(f"/chat/{chat}")).text
    assert "gagal: chat not found" in page
    message = re.search(r'name="message" value="(\d+)"', page)
    assert message is not None
    budi = await office.at_desk("budi")
    assert (await budi.post(f"/chat/{chat}/retry", message=message[1])).status_code == 409
    assert (await ani.post(f"/chat/{chat}/retry", message=message[1])).status_code == 303
    await office.sender.drain()
    assert "terkirim" in (await ani.get(f"/chat/{chat}")).text


async def test_what_the_platform_tells_later_is_shown_and_a_late_failure_can_be_sent_again(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await ani.post(f"/chat/{chat}/send", text="Baik, Kak.")
    await office.sender.drain()
    for delivery, reason, told in (
        ("delivered", None, "sampai"),
        ("read", None, "dibaca"),
        ("failed", "131026: not on WhatsApp", "gagal: 131026: not on WhatsApp"),
    ):
        values = {"delivery": delivery, "delivery_reason": reason, "delivery_at": await office.database.now()}
        await office.do(lambda c, values=values: c.execute(update(outbox).values(values)))
        page = (await ani.get(f"/chat/{chat}")).text
        assert f">{told}</span>" in page
    message = re.search(r'name="message" value="(\d+)"', page)
    assert message is not None
    assert (await ani.post(f"/chat/{chat}/retry", message=message[1])).status_code == 303
    assert "menunggu dikirim" in (await ani.get(f"/chat/{chat}")).text


async def test_a_conversation_is_passed_on_with_a_note(office: Office) -> None:
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    chat = await mine(office, ani)
    assert (await ani.post(f"/chat/{chat}/transfer", to=str(budi.id), note="")).status_code == 422
    await ani.post(f"/chat/{chat}/transfer", to=str(budi.id), note="Sudah saya cek datanya.")
    page = (await budi.get(f"/chat/{chat}")).text
    assert "bersama Anda" in page
    assert "Sudah saya cek datanya." in page
    assert (await ani.post(f"/chat/{chat}/send", text="Halo?")).status_code == 409


async def test_nobody_is_given_a_conversation_while_away(office: Office) -> None:
    ani = await office.at_desk("ani")
    away = await office.agent("cici")
    long_ago = await office.database.now() - timedelta(hours=1)
    await office.set(away, availability="away", availability_at=long_ago, seen_at=long_ago)
    chat = await mine(office, ani)
    answer = await ani.post(f"/chat/{chat}/transfer", to=str(away), note="tolong")
    assert answer.status_code == 409
    assert "Cici sedang tidak di tempat" in answer.text


async def test_given_back_it_waits_at_the_front(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await office.asks("lama", later=-3600)
    await ani.post(f"/chat/{chat}/give-back")
    page = (await ani.get("/")).text
    assert page.index("Siti") < page.index("Lama")
    assert "didahulukan" in page


async def test_a_supervisor_takes_over_and_the_agent_is_told(office: Office) -> None:
    ani, lead = await office.at_desk("ani"), await office.at_desk("lina", "supervisor")
    chat = await mine(office, ani)
    await lead.get(f"/chat/{chat}")
    assert (await lead.post(f"/chat/{chat}/take")).status_code == 409
    assert (await lead.post(f"/chat/{chat}/take-over")).status_code == 303
    assert (await ani.post(f"/chat/{chat}/take-over")).status_code == 403
    assert "diteruskan ke Lina" in (await office.hears(chat))[-1]
    assert "dijawab <strong>Lina</strong>" in (await ani.get(f"/chat/{chat}")).text


async def test_the_secure_form_is_offered_where_a_number_is_vouched_for(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    assert "Kirim formulir aman</button>" not in (await ani.get(f"/chat/{chat}")).text
    phone = {"kind": "phone", "value": "+628123456789", "vouched": True}
    await office.do(lambda c: chats.note_identity(c, chat, **phone, now=database_now(c)))  # type: ignore[arg-type]
    assert "Kirim formulir aman</button>" in (await ani.get(f"/chat/{chat}")).text
    await ani.post(f"/chat/{chat}/form")
    payload = await office.database.read(lambda c: c.execute(outbox.select()).mappings().one()["payload"])
    assert payload["form"]["url"].startswith("https://pandu.example/f/")
    assert payload["form"]["fields"] == ["nik", "birth_date"]


# -- the record ---------------------------------------------------------------------------------------------------


async def linked(office: Office, chat: int, level: str, **more: Any) -> int:
    def work(connection: Connection) -> int:
        now = database_now(connection)
        row = {"record_key": "R-7", "name": "Siti Rahayu", "membership": "active", "wave": 66, "balance": 3_500_000}
        row |= {"wallet": "dana", "wallet_masked": "•••• 4321", "wallet_state": "linked", "buy_by": date(2026, 12, 1)}
        row |= {"as_of": now - more.pop("age", timedelta(0)), "imported_at": now}
        key = int(connection.execute(insert(participants).values(row).returning(participants.c.id)).scalar_one())
        people.link(connection, chat_id=chat, participant_id=key, level=level, method="agent", now=now)
        return key

    return await office.do(work)


@pytest.mark.parametrize(
    ("level", "shown", "hidden"),
    [
        ("1", [], ["Siti Rahayu", "Rp3.500.000", "DANA"]),
        ("2a", ["Siti Rahayu", "aktif"], ["Rp3.500.000", "DANA"]),
        ("2", ["Siti Rahayu", "Rp3.500.000", "DANA •••• 4321", "1 Des 2026"], []),
    ],
)
async def test_the_record_is_masked_until_it_is_asked_for_and_then_only_what_the_proof_allows(
    office: Office, level: str, shown: list[str], hidden: list[str]
) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await linked(office, chat, level)
    page = (await ani.get(f"/chat/{chat}")).text
    for value in (*shown, *hidden):
        assert value not in page.replace("Siti</h1>", "")
    page = (await ani.post(f"/chat/{chat}/record")).text
    for value in shown:
        assert value in page
    for value in hidden:
        assert value not in page


async def test_every_look_is_logged_where_the_person_can_ask(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await office.asks("siti")
    participant = await linked(office, chat, "2")
    await ani.get(f"/chat/{chat}")
    await ani.get(f"/chat/{chat}")  # drawn again: the same look
    await ani.get(f"/chat/{chat}", **{"X-Part": "1"})
    await ani.post(f"/chat/{chat}/record")
    await ani.post(f"/chat/{chat}/record", {"X-Part": "1"})
    rows = await office.database.read(lambda c: list(c.execute(access_log.select()).mappings()))
    assert [row["what"] for row in rows] == ["percakapan", "data peserta", "data peserta"]
    assert {(row["actor"], row["participant_id"], row["chat_id"]) for row in rows} == {
        (f"agent:{ani.id}", participant, chat)
    }
    officer = await office.at_desk("dina", "data_officer")
    page = (await officer.get("/looks")).text
    assert page.count('data-name="Apa">data peserta') == 2
    assert "R-7" in page


async def test_a_look_at_a_chat_without_a_record_is_logged_too(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await office.asks("siti")
    await ani.get(f"/chat/{chat}")
    row = await office.database.read(lambda c: c.execute(access_log.select()).mappings().one())
    assert (row["chat_id"], row["participant_id"]) == (chat, None)


async def test_a_link_whose_number_has_changed_shows_nothing(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)

    def work(connection: Connection) -> None:
        now = database_now(connection)
        row = {"record_key": "R-8", "name": "Siti Lain", "phone": "+62811", "membership": "active", "as_of": now}
        key = connection.execute(
            insert(participants).values(**row, imported_at=now).returning(participants.c.id)
        ).scalar_one()
        people.link(connection, chat_id=chat, participant_id=key, level="2", method="contact", now=now)

    await office.do(work)
    assert "Siti Lain" not in (await ani.post(f"/chat/{chat}/record")).text


# -- what is not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/chat/999", "/chat/99999999999999999999999", "/cases/L-TIDAK", "/quality/9"])
async def test_what_is_not_there_is_said_plainly(office: Office, path: str) -> None:
    lead = await office.at_desk("lina", "supervisor")
    answer = await lead.get(path)
    assert answer.status_code == 404
    assert "Tidak ditemukan" in answer.text


async def test_the_closing_window_is_warned_of() -> None:
    from datetime import UTC, datetime

    from bot.desk.chat import _window

    now = datetime(2026, 11, 24, tzinfo=UTC)
    row = {"channel": "whatsapp", "window_until": now + timedelta(hours=1)}
    assert _window(row, now) == {"until": now + timedelta(hours=1), "closed": False}  # type: ignore[arg-type]
    assert _window({**row, "window_until": now - timedelta(hours=1)}, now)["closed"]  # type: ignore[arg-type, index]
    assert _window({**row, "window_until": now + timedelta(hours=20)}, now) is None  # type: ignore[arg-type]
    assert _window({**row, "channel": "web"}, now) is None  # type: ignore[arg-type]


async def test_notes_are_for_colleagues_alone(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await ani.post(f"/chat/{chat}/note", note="Warga panik, pelan-pelan.")
    assert "Warga panik" in (await ani.get(f"/chat/{chat}")).text
    assert await office.hears(chat) == []


async def test_the_owner_is_read_from_the_conversation_and_not_from_the_queue(office: Office) -> None:
    """What the sender obeys is what the page shows."""
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await office.do(lambda c: c.execute(update(conversations).values(owner="bot", owner_version=9)))
    await office.do(lambda c: said(c, chat, "halo", database_now(c)))
    assert "bersama bot" in (await ani.get(f"/chat/{chat}")).text


async def test_the_end_tells_the_person_asks_for_a_rating_and_gives_the_chat_back_to_the_bot(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    answer = await ani.post(f"/chat/{chat}/end", resolution="answered", recap="Kirim OTP ke saya")
    assert answer.status_code == 422
    assert "Kirim OTP ke saya" in answer.text
    assert (await ani.post(f"/chat/{chat}/end", recap="Sudah dijelaskan.")).status_code == 422
    await ani.post(f"/chat/{chat}/end", resolution="answered", recap="Insentif dibayar 1 Desember.")
    heard = "\n".join(await office.hears(chat))
    assert "Insentif dibayar 1 Desember." in heard
    assert "1 (buruk) sampai 5" in heard
    page = (await ani.get(f"/chat/{chat}")).text
    assert "bersama bot" in page
    case = (await ani.get("/cases/L-siti")).text
    assert "dijawab di sini: Insentif dibayar 1 Desember." in case
    assert "ditutup" in case


async def test_abuse_is_warned_of_first_and_then_paused(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await mine(office, ani)
    await ani.post(f"/chat/{chat}/abuse")
    assert "tetap sopan" in (await office.hears(chat))[-1]
    assert "Jeda percakapan sehari" in (await ani.get(f"/chat/{chat}")).text
    await ani.post(f"/chat/{chat}/abuse")
    page = (await ani.get(f"/chat/{chat}")).text
    assert "dijeda sampai" in page
    assert "bersama bot" in page
