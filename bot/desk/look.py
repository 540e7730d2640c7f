"""How the desk looks: the templates, and times and names as people read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from handlers.catalogue import MONTHS, rupiah
from handlers.turn import ZONES

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
CHANNELS = {"telegram": "Telegram", "whatsapp": "WhatsApp", "web": "Web", "sms": "SMS", "terminal": "Terminal"}
ROLES = {
    "agent": "Petugas",
    "supervisor": "Supervisor",
    "operator": "Operator",
    "editor": "Editor isi",
    "data_officer": "Petugas data",
    "admin": "Admin",
}
PRIORITIES = {0: "Bahaya", 1: "Mendesak", 2: "Biasa"}
AVAILABILITY = {"available": "Tersedia", "finishing": "Menyelesaikan", "away": "Tidak di tempat"}
DONE = {
    "saved": "Tersimpan.",
    "removed": "Dihapus.",
    "taken": "Percakapan ini sekarang milik Anda.",
    "given_back": "Percakapan dikembalikan.",
    "passed": "Percakapan dialihkan.",
    "ended": "Percakapan ditutup. Warga diberi tahu dan diminta menilai.",
    "retry": "Pesan dikirim ulang.",
    "form": "Formulir aman dikirim.",
    "noted": "Catatan tersimpan.",
    "draft": "Draf tersimpan.",
    "closed": "Laporan ditutup. Warga diberi tahu.",
    "told": "Warga diberi tahu lagi.",
    "away": "Status Anda: tidak di tempat.",
    "empty": "Tidak ada yang menunggu, atau batas percakapan Anda sudah penuh.",
    "reviewed": "Penilaian mutu tersimpan.",
    "model_taught": "Diajarkan. Dipelajari saat model berikutnya dilatih.",
    "model_training": "Pelatihan diminta. Kembali ke halaman ini beberapa menit lagi.",
    "model_published": "Model terbit. Semua proses memakainya dalam setengah menit.",
    "model_back": "Kembali ke model lain. Semua proses memakainya dalam setengah menit.",
    "paused": "Percakapan dengan petugas dijeda. Bot tetap melayani.",
    "warned": "Peringatan dikirim.",
    "answer_submit": "Draf menunggu pembaca kedua.",
    "answer_publish": "Terbit. Jawaban baru dipakai paling lambat satu menit lagi.",
    "answer_back": "Draf dikembalikan ke penulisnya.",
    "answer_discard": "Draf dibuang.",
    "answer_rollback": "Isi lama terbit lagi.",
    "answer_withdraw": "Versi itu ditarik.",
    "program_asked": "Tersimpan. Berlaku setelah disetujui orang kedua.",
    "program_approve": "Disetujui dan berlaku.",
    "program_refuse": "Ditolak.",
    "program_end": "Diakhiri.",
    "announcement_pause": "Dijeda. Yang sedang dikirim saat ini masih pergi, paling banyak 64 pesan tiap pengirim.",
    "announcement_resume": "Dilanjutkan. Lajunya naik lagi pelan-pelan.",
    "announcement_cancel": "Dibatalkan. Yang belum dikirimi tidak akan dikirimi.",
    "announcement_retry": "Akan dikirim lagi.",
    "announcement_settle": "Keputusan Anda tercatat.",
    "announcement_test": "Pesan uji dikirim ke chat Anda.",
    "announcement_approve": "Disetujui.",
    "announcement_schedule": "Terjadwal. Mulai sendiri pada waktunya.",
    "announcement_unschedule": "Jadwal dibatalkan. Ini draf lagi.",
    "announcement_start": "Pengumuman mulai dikirim.",
    "announcement_discard": "Draf dibuang.",
    "request_done": "Permintaan ditutup sebagai sudah dikerjakan. Warga diberi tahu.",
    "request_refused": "Permintaan ditutup dengan alasan hukum. Warga diberi tahu.",
}


def clock(moment: datetime | None, zone: str = "WIB") -> str:
    """ "09.05"."""
    return moment.astimezone(ZONES[zone or "WIB"]).strftime("%H.%M") if moment else "–"


def day(moment: datetime | date | None, zone: str = "WIB") -> str:
    """ "24 Nov 2026"."""
    if moment is None:
        return "–"
    local = moment.astimezone(ZONES[zone or "WIB"]) if isinstance(moment, datetime) else moment
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def at(moment: datetime | None, zone: str = "WIB") -> str:
    """ "24 Nov 2026, 09.05 WIB"."""
    return f"{day(moment, zone)}, {clock(moment, zone)} {zone or 'WIB'}" if moment else "–"


def weekday(moment: datetime | date, zone: str = "WIB") -> str:
    """ "Selasa"."""
    local = moment.astimezone(ZONES[zone or "WIB"]) if isinstance(moment, datetime) else moment
    return DAYS[local.weekday()]


def span(seconds: float | None) -> str:
    """ "4 mnt", "2 jam 5 mnt", "3 hari"; "–" where nothing was measured."""
    if seconds is None:
        return "–"
    minutes = max(0, int(seconds // 60))
    if minutes == 0:
        return "kurang dari semenit"
    if minutes < 60:
        return f"{minutes} mnt"
    return f"{minutes // 60} jam {minutes % 60} mnt" if minutes < 1440 else f"{minutes // 1440} hari"


def thousands(number: int) -> str:
    """ "12.345"."""
    return f"{number:,}".replace(",", ".")


def masked(text: str | None) -> str:
    """A value that is there but not shown: "S••• R•••"."""
    return " ".join(f"{word[0]}•••" for word in (text or "").split()) or "–"


def author(name: str, people: Mapping[int, str]) -> str:
    """Who wrote, as an agent reads it."""
    kind, _, number = name.partition(":")
    if kind == "agent":
        return people.get(int(number), f"petugas {number}") if number.isdigit() else "petugas"
    known = {"person": "Warga", "bot": "Pandu", "campaign": "Siaran", "reminder": "Pengingat", "system": "Sistem"}
    return known.get(kind, name)


_WORDLESS = {
    "form": "Formulir aman diisi",
    "contact": "Nomor telepon dibagikan",
    "voice": "Pesan suara",
    "image": "Gambar",
    "document": "Dokumen",
    "sticker": "Stiker",
    "location": "Lokasi",
    "reaction": "Reaksi",
    "choice": "Tombol ditekan",
    "unsupported": "Pesan yang tidak bisa dibaca",
}


def words(text: str | None) -> str:
    """What was said; of a message without words, what it was."""
    text = text or ""
    kind = text[1:-1] if text.startswith("[") and text.endswith("]") else ""
    return f"({_WORDLESS[kind]})" if kind in _WORDLESS else text


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clock=clock,
        day=day,
        at=at,
        weekday=weekday,
        span=span,
        masked=masked,
        rupiah=rupiah,
        author=author,
        words=words,
        thousands=thousands,
    )
    made.globals.update(
        CHANNELS=CHANNELS, ROLES=ROLES, PRIORITIES=PRIORITIES, AVAILABILITY=AVAILABILITY, DONE=DONE, asset=asset
    )
    return made


@cache
def asset(name: str) -> str:
    """The address of a file of `static/`, with its version, so that browsers may keep it."""
    return f"/desk/static/{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}/{name}"


def render(name: str, values: Mapping[str, Any]) -> str:
    """A template filled in; everything is escaped."""
    return _environment().get_template(name).render(values)
