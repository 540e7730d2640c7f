"""What is said of announcements: states, reasons, deeds and pauses, as an operator reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.desk import look

CAMPAIGN: Final = {
    "draft": "draf",
    "scheduled": "terjadwal",
    "running": "berjalan",
    "paused": "dijeda",
    "cancelled": "dibatalkan",
    "done": "selesai",
}
STATES: Final = {
    "pending": ("Menunggu", "belum gilirannya"),
    "sending": ("Sedang dikirim", "di tangan pengirim"),
    "held": ("Ditahan", "sedang bicara dengan petugas, atau platform minta menunggu"),
    "accepted": ("Diterima platform", "terkirim; belum ada kabar sampai"),
    "delivered": ("Sampai", "platform bilang sampai di ponselnya"),
    "read": ("Dibaca", "platform bilang sudah dibaca"),
    "unknown": ("Tidak pasti", "terputus setelah dikirim; perlu keputusan Anda"),
    "failed": ("Gagal", "ditolak platform, alasannya di bawah"),
    "skipped": ("Dilewati", "tidak dikirimi, alasannya di bawah"),
    "cancelled": ("Dibatalkan", "pengumuman dibatalkan sebelum gilirannya"),
}
ACTS: Final = {
    "create": "membuat",
    "edit": "mengubah",
    "test": "mengirim uji coba",
    "approve": "menyetujui",
    "schedule": "menjadwalkan",
    "start": "memulai",
    "pause": "menjeda",
    "resume": "melanjutkan",
    "cancel": "membatalkan",
    "retry": "mencoba lagi",
    "settle": "memutuskan yang tidak pasti",
    "done": "selesai",
    "expire": "lewat batas waktunya",
    "not started": "tidak jadi mulai",
    "repeat": "membuat pengulangan",
}
_REASONS: Final = {
    "opted_out": "sudah minta berhenti",
    "stopped by the person": "minta berhenti setelah pengumuman mulai",
    "left": "sudah memblokir kita",
    "the person left": "memblokir kita setelah pengumuman mulai",
    "restricted": "minta datanya dibatasi",
    "not_subscribed": "tidak berlangganan topik ini",
    "closed_window": "WhatsApp: tidak menulis dalam 24 jam, dan tidak ada templat",
    "no_consent": "belum pernah setuju dikabari",
    "other_chat": "sudah dikirimi lewat chatnya yang lain",
    "no_channel": "tidak ada kanal untuknya",
    "bad_number": "bukan nomor ponsel Indonesia",
    "duplicate": "dua kali dalam berkas",
    "erased": "datanya sudah dihapus",
    "its time was over": "waktu pengumuman habis",
    "cancelled by the operator": "pengumuman dibatalkan",
    "sender died": "pengirim mati saat mengirim",
    "an agent speaks": "sedang bicara dengan petugas",
    "overtaken": "tersusul pesan lain",
}
_ALARM: Final = re.compile(
    r"(\d+%) of the last sends (failed or were cut|went to people who had left) \(limit (\d+%)\)"
)
_NOTES: Final = (
    (re.compile(r"(\d+) rows"), "{0} baris"),
    (re.compile(r"(\d+) recipients"), "{0} penerima"),
    (re.compile(r"(\d+) not written to"), "{0} orang tidak dikirimi"),
    (re.compile(r"(\d+) unknown as accepted"), "{0} dianggap terkirim"),
    (re.compile(r"(\d+) unknown as failed"), "{0} dianggap gagal"),
    (re.compile(r"(\d+) (failed|unknown|skipped)(?:: (.*))?", re.DOTALL), "{0} {1}{2}"),
    (re.compile(r"to chat (.*)"), "ke chat {0}"),
    (re.compile(r"follows (.*)", re.DOTALL), "mengikuti {0}"),
)


def state(name: str) -> str:
    """Of a row of the ledger."""
    return STATES[name][0] if name in STATES else name


def reason(text: str | None, people: Mapping[int, str]) -> str:
    """Why a row is as it is; a platform's own words stay as they are."""
    if not text:
        return "–"
    if text in _REASONS:
        return _REASONS[text]
    kind, _, rest = text.partition(": ")
    if kind == "gone" and rest:
        return f"orangnya sudah pergi ({rest})"
    if kind == "no_value" and rest:
        return f"isian {{{rest}}} tidak diketahui"
    if kind == "given up" and rest:
        return f"sudah dicoba berkali-kali ({rest})"
    if text.startswith("decided by "):
        return f"diputuskan {who(text.removeprefix('decided by '), people)}"
    return text


def who(actor: str, people: Mapping[int, str]) -> str:
    """Who did it: an agent's alias, a name of the command line, or the program."""
    kind, _, name = actor.partition(":")
    if actor == "pandu":
        return "Pandu sendiri"
    return f"{name} (baris perintah)" if kind == "operator" else look.author(actor, people)


def note(text: str | None, people: Mapping[int, str]) -> str:
    """What stands beside a deed."""
    for known, words in _NOTES:
        if found := known.fullmatch(text or ""):
            parts = [look.thousands(int(part)) if (part or "").isdigit() else part or "" for part in found.groups()]
            if len(parts) == 3:
                parts[1:] = [state(parts[1]).lower(), parts[2] and f": {reason(parts[2], people)}"]
            return words.format(*parts)
    return pause(text)[0] if text else ""


def pause(why: str | None) -> tuple[str, str]:
    """Why it has paused by itself, and what to do about it."""
    found = _ALARM.fullmatch(why or "")
    if found is None:
        return why or "", (
            "Kabar ini datang dari kanalnya: akun bermasalah atau templat dihentikan. Perbaiki di sana dulu "
            "(pandu doctor menunjukkan keadaannya), baru lanjutkan."
        )
    share, what, limit = found.groups()
    if what.startswith("went"):
        return f"{share} kiriman terakhir mengenai orang yang sudah memblokir kita (batas {limit}).", (
            "Terlalu banyak yang tidak mau dikabari lagi. Pertimbangkan membatalkan dan memilih orang yang lebih baru "
            "menulis. Kalau dilanjutkan, hitungannya mulai dari nol."
        )
    return f"{share} kiriman terakhir gagal atau terputus (batas {limit}).", (
        "Lihat alasannya di tabel Alasan. Kalau kanalnya sudah pulih, lanjutkan, lalu coba lagi yang gagal; "
        "hitungannya mulai dari nol."
    )


REFUSED: Final = {
    "pause": "Tidak dijeda: hanya pengumuman yang sedang berjalan bisa dijeda.",
    "resume": "Tidak dilanjutkan: hanya pengumuman yang dijeda bisa dilanjutkan.",
    "cancel": "Tidak dibatalkan: pengumuman ini sudah berakhir.",
    "retry": "Tidak dicoba lagi: pengumuman ini belum mulai atau sudah dibatalkan.",
    "settle": "Tidak ada yang diputuskan: pengumuman ini belum mulai.",
    "none": "Tidak ada penerima dengan keadaan dan alasan itu lagi. Mungkin rekan Anda sudah mengerjakannya.",
    "sure": "Centang dulu bahwa Anda yakin.",
    "choice": "Pilih dulu yang mana.",
}
"""Why a deed was not done."""
