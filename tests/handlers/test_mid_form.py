"""A question in mid-form is answered as a question, and an answer is taken as an answer (design, rule 7), at every step.

Forty questions of the development set and ten or more answers a step, some of which look like questions. The real
understanding layer reads them; the handlers are called directly, each on a savepoint of one database.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from handlers import catalogue, dialogue, forms, journeys
from handlers.messages import State
from handlers.turn import Answer, Policy, Turn
from nlu.embedded import EmbeddedEngine
from nlu.masking import mask
from nlu.understanding import Context, Understanding
from tests.handlers.sample_talk import SampleTalk, sampled

DEV = Path(__file__).parents[1] / "data" / "dev.jsonl"
QUESTIONS, SEED = 40, 20261124
WANTED = 0.98
ENOUGH = 10  # answers a step

NOT_TYPED = frozenset(("linking/contact", "linking/form"))
"""Steps that are answered with a button and with the secure form, never by typing."""

# -- the steps: what was answered before ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """An open step: the answers before it, the programme's state, and whose record the chat is linked to."""

    data: Mapping[str, str] = field(default_factory=dict)
    programme: str = "closed"
    linked: int = 0


_AGREED = {"consent": "ya"}
_AGED = {**_AGREED, "age": "27"}
_RULES = {"citizen": "ya", "student": "tidak", "job": "tidak", "recipient": "tidak", "family": "tidak"}
_NOTED = {**_AGED, "check": "tidak", "region": "3273", "education": "sma", "work": "freelance", "interests": "cooking."}
_CONDITIONS = dict.fromkeys(("certificate", "rating", "review", "account", "upgraded", "same_number"), "ya")
_OVERDUE = {**_CONDITIONS, "schedule": "2026-11-03"}
_SEARCH = "topic=kue"


def _before(data: Mapping[str, str], until: str) -> dict[str, str]:
    """The answers before a step."""
    names = list(data)
    return {name: data[name] for name in names[: names.index(until)]} if until in data else dict(data)


def _open(data: Mapping[str, str]) -> Place:
    return Place(data, programme="open")


PLACES: dict[str, Place] = {
    "registration/resume": Place({**_AGED, "_kept": "1", "_until": "24 Des 2026"}),
    "registration/consent": Place(),
    "registration/age": Place(_AGREED),
    "registration/age_go": _open({**_AGREED, "age": "66"}),
    "registration/check": Place(_AGED),
    "registration/citizen": _open(_AGED),
    "registration/citizen_go": _open({**_AGED, "citizen": "tidak"}),
    "registration/student": _open({**_AGED, **_before(_RULES, "student")}),
    "registration/student_go": _open({**_AGED, **_before(_RULES, "student"), "student": "ya"}),
    "registration/job": _open({**_AGED, **_before(_RULES, "job")}),
    "registration/job_go": _open({**_AGED, **_before(_RULES, "job"), "job": "asn"}),
    "registration/recipient": _open({**_AGED, **_before(_RULES, "recipient")}),
    "registration/recipient_go": _open({**_AGED, **_before(_RULES, "recipient"), "recipient": "ya"}),
    "registration/family": _open({**_AGED, **_before(_RULES, "family")}),
    "registration/family_go": _open({**_AGED, **_before(_RULES, "family"), "family": "ya"}),
    "registration/region": Place(_before(_NOTED, "region")),
    "registration/education": Place(_before(_NOTED, "education")),
    "registration/work": Place(_before(_NOTED, "work")),
    "registration/work_go": _open({**_AGED, **_RULES, "region": "3273", "education": "sma", "work": "village"}),
    "registration/interests": Place(_before(_NOTED, "interests")),
    "registration/identity": _open({**_NOTED, **_RULES}),
    "registration/notify": Place(_NOTED),
    "registration/confirm": Place({**_NOTED, "notify": "ya"}),
    "registration/field": Place({**_NOTED, "notify": "ya", "confirm": "ubah"}),
    "linking/contact": Place(),
    "linking/code": Place(),
    "linking/birth_date": Place({"contact": "shared"}),
    "linking/proof": Place({"birth_date": "1968-09-28"}),
    "linking/digits": Place({"birth_date": "1968-09-28", "proof": "card"}),
    "linking/form": Place({"birth_date": "1968-09-28", "proof": "form"}),
    "link_manage/what": Place(linked=1),
    "link_manage/sure": Place({"what": "unlink"}, linked=1),
    "course_choose/query": Place(),
    "course_choose/list": Place({"query": _SEARCH}),
    "course_choose/detail": Place({"query": _SEARCH, "list": "chosen below"}),
    **{f"incentive_check/{step}": Place(_before(_CONDITIONS, step)) for step in _CONDITIONS},
    "incentive_check/schedule": Place(_CONDITIONS),
    "incentive_check/rated_when": Place({**_CONDITIONS, "schedule": "none"}),
    "incentive_check/failed_why": Place({**_CONDITIONS, "schedule": "failed"}),
    "incentive_check/advice": Place(_OVERDUE),
    "incentive_check/wave": Place({**_OVERDUE, "advice": "ya"}),
    "incentive_check/course": Place({**_OVERDUE, "advice": "ya", "wave": "68"}),
    "incentive_check/order": Place({**_OVERDUE, "advice": "ya", "wave": "68", "course": "Barista Dasar"}),
    "rating/note": Place(),
    "report/topic": Place(),
    "report/story": Place({"topic": "uang"}),
    "report/confirm": Place({"topic": "uang", "story": "insentif saya belum masuk sejak bulan mei"}),
    "my_data/what": Place(),
    "my_data/sure": Place({"what": "hapus"}),
    "subscribe/topic": Place(),
    "message_check/message": Place(),
}

# -- the answers: what is typed → what must be read ------------------------------------------------------------------

_YES = dict.fromkeys(
    (
        "ya",
        "iya kak",
        "boleh",
        "mau dong",
        "oke deh",
        "betul",
        "y",
        "ya lah kak",
        "iya boleh",
        "sip",
        "boleh kan?",
        "inggih",
    ),
    "ya",
)
_NO = dict.fromkeys(
    ("tidak", "ga usah", "enggak kak", "jangan", "nggak deh", "gak", "ndak", "tidak usah kak", "gak perlu", "ga kan?"),
    "tidak",
)
_GO = {
    **dict.fromkeys(
        ("tetap lanjut", "lanjut aja", "iya lanjut", "terusin", "gas lanjut", "lanjut boleh kan?", "ya"), "ya"
    ),
    **dict.fromkeys(("berhenti dulu", "stop di sini", "ga usah deh", "tidak", "udahan dulu ya kak"), "tidak"),
}
_DONE = dict.fromkeys(
    ("sudah", "udah kak", "sudah kok", "udah dong", "iya sudah", "sdh", "wis", "udh kak", "sudah kan?"), "ya"
)
_UNDONE = dict.fromkeys(("belum", "blm kak", "belom", "durung", "belum sempat"), "tidak")
_LOST = dict.fromkeys(("ga tau", "kurang tau kak", "lupa"), "?")

ANSWERS: dict[str, dict[str, str]] = {
    "registration/resume": {
        **dict.fromkeys(("lanjut", "lanjutin aja", "yang kemarin aja", "terusin kak", "ya lanjut", "lanjut bisa kan?"), "lanjut"),
        **dict.fromkeys(("mulai baru", "ulang dari awal", "dari awal aja", "isi ulang", "baru aja deh"), "baru"),
    },
    "registration/consent": {**_YES, **_NO, "saya setuju": "ya", "setuju kok": "ya", "ga setuju": "tidak"},
    "registration/age": {
        "27": "27", "27 tahun": "27", "umur saya 27": "27", "boleh 27?": "27", "27 kak": "27", "usia 45 thn": "45",
        "lahir 1999": "1999", "3 desember 1999": "1999-12-03", "3-12-1999": "1999-12-03", "dua puluh lima": "25",
        "kelahiran 98": "1998", "27 ya kak": "27", "umur 63 kan?": "63",
    },
    "registration/age_go": _GO,
    "registration/check": {**_YES, **_NO, "ya cek dong": "ya", "lewati": "tidak"},
    "registration/citizen": {
        **dict.fromkeys(("ya", "wni", "wni kak", "iya punya ktp", "indonesia asli", "wni dong masa bukan?", "iya", "punya"), "ya"),
        **dict.fromkeys(("bukan", "wna", "bukan wni", "tidak", "saya warga asing"), "tidak"),
    },
    "registration/citizen_go": _GO,
    "registration/student": {
        **dict.fromkeys(("tidak", "udah lulus", "sudah lulus kak", "ga kuliah", "putus sekolah", "udah kerja", "sudah tamat kan?"), "tidak"),
        **dict.fromkeys(("masih kuliah", "semester 6", "iya masih sekolah", "lagi skripsi", "belum wisuda"), "ya"),
        "lulus tapi masih tercatat di dikti": "recorded", "lagi cuti": "leave",
    },
    "registration/student_go": _GO,
    "registration/job": {
        **dict.fromkeys(("bukan", "bukan semuanya", "tidak", "karyawan swasta", "ga ada", "saya ojol", "ibu rumah tangga", "bukan kan?"), "tidak"),
        "pns": "asn", "saya polisi": "polri", "guru honorer": "honorary", "pppk": "pppk", "ketua rt": "neighbourhood", "perangkat desa": "village",
    },
    "registration/job_go": _GO,
    "registration/recipient": {
        **dict.fromkeys(("belum", "belum pernah", "ga pernah", "tidak pernah lolos", "blm kak", "baru pertama kali", "belum pernah kan?"), "tidak"),
        **dict.fromkeys(("pernah", "sudah pernah", "dulu pernah dapat", "iya pernah gelombang 12", "alumni gelombang 20"), "ya"),
    },
    "registration/recipient_go": _GO,
    "registration/family": {
        **dict.fromkeys(("belum", "baru satu", "cuma istri", "belum ada", "satu orang kak", "saya sendiri", "belum dua kan?"), "tidak"),
        **dict.fromkeys(("sudah dua", "udah ada dua orang", "dua", "iya dua, saya sama istri"), "ya"),
        "ga tau": "unknown",
    },
    "registration/family_go": _GO,
    "registration/region": {
        "kota bandung": "3273", "kota bandung kan?": "3273", "sleman": "3404", "kab sleman": "3404", "makassar": "7371",
        "surabaya kak": "3578", "kab. garut": "3205", "saya di jember": "3509", "padang kota": "1371", "jakarta selatan": "3174",
        "kota depok kak": "3276", "kabupaten bantul": "3402", "denpasar bisa kan?": "5171",
    },
    "registration/education": {
        "sma": "sma", "smk": "sma", "smk jurusan tkj": "sma", "lulusan smp": "smp", "sd": "sd", "s1": "s1", "sarjana": "s1",
        "d3 akuntansi": "diploma", "s2": "s2", "paket c": "sma", "stm": "sma", "sma boleh kan?": "sma",
    },
    "registration/work": {
        "nganggur": "seeking", "belum kerja": "seeking", "ojol": "freelance", "karyawan pabrik": "employee", "jualan online": "owner",
        "petani": "farmer", "irt": "household", "kena phk": "laid_off", "guru honorer": "honorary", "buruh": "employee",
        "pedagang bakso": "owner", "serabutan aja kak": "freelance", "ibu rumah tangga boleh kan?": "household",
    },
    "registration/work_go": _GO,
    "registration/interests": {
        "masak": "cooking", "bikin kue": "cooking", "desain grafis": "design", "bahasa inggris": "language", "jahit": "sewing",
        "komputer": "office", "otomotif": "repair", "masak sama jahit": "cooking,sewing.", "barista": "cooking,service.",
        "apa aja": "-.", "bebas": "-.", "coding bisa kan?": "programming", "ternak lele": "farming",
    },
    "registration/identity": {**_YES, **_NO, "setuju": "ya", "lewati": "tidak", "saya setuju kak": "ya"},
    "registration/notify": {**_YES, **_NO, "kabari ya": "ya", "lewati": "tidak"},
    "registration/confirm": {
        **dict.fromkeys(("ya", "benar", "sudah benar", "udah bener kak", "betul semua", "oke simpan", "sip", "iya", "sesuai", "udah bener kan?"), "ya"),
        **dict.fromkeys(("belum", "ada yang salah", "tidak"), "ubah"),
    },
    "registration/field": {
        "umur": "age", "umurnya": "age", "kota": "region", "kotanya kak": "region", "kabupaten": "region", "pendidikan": "education",
        "ijazah": "education", "pekerjaan": "work", "kerjaan": "work", "minat": "interests", "usia kan?": "age",
    },
    "linking/code": {
        "W-7K2M9QXP": "7K2M9QXP", "w-7k2m9qxp": "7K2M9QXP", "w7k2m9qxp": "7K2M9QXP", "W 7K2M9QXP": "7K2M9QXP", "kodenya W-7K2M9QXP": "7K2M9QXP",
        "ini kak W-7K2M9QXP": "7K2M9QXP", "W-7K2M9QXP kan?": "7K2M9QXP", "W-1AB2CD3E": "1AB2CD3E", "kode: W-1AB2CD3E": "1AB2CD3E", "w-oil2cd3e": "0112CD3E",
    },
    "linking/birth_date": {
        "28 september 1968": "1968-09-28", "28-9-1968": "1968-09-28", "28/09/1968": "1968-09-28", "28 sep 1968": "1968-09-28",
        "lahir 28 september 1968": "1968-09-28", "28091968": "1968-09-28", "tgl 28 9 1968": "1968-09-28", "28.09.1968": "1968-09-28",
        "1968-09-28": "1968-09-28", "28 september 1968 kan?": "1968-09-28", "28 sept 68": "1968-09-28",
    },
    "linking/proof": {
        "kartu": "card", "pake kartu aja": "card", "nomor kartu": "card", "nik": "nik", "pakai nik": "nik", "ktp aja kak": "nik",
        "formulir aman": "form", "formulir": "form", "kartu 1234": "card:1234", "nik 1234": "nik:1234", "kartu boleh kan?": "card",
    },
    "linking/digits": {
        "0037": "0037", "0037 kak": "0037", "nomornya 0037": "0037", "0037 kan?": "0037", "kartu 0037": "0037", "angka 0037": "0037",
        "empat angkanya 0037": "0037", "00 37": "0037", "0037.": "0037", "ini 0037": "0037",
    },
    "link_manage/what": {
        "kode": "code", "kode web": "code", "kode untuk web": "code", "minta kode": "code", "yang siapa itu": "looked",
"putuskan": "unlink", "putus": "unlink", "putusin aja": "unlink", "lepas": "unlink", "putus bisa kan?": "unlink",
    },
    "link_manage/sure": {**_YES, **_NO, "putuskan saja": "ya"},
    "course_choose/query": {
        "bikin kue": "topic=kue", "kue": "topic=kue", "bahasa inggris": "topic=bahasa_inggris", "excel": "topic=office", "jahit baju": "topic=jahit",
        "kursus barista": "topic=barista", "desain grafis online": "topic=desain", "yang murah": "cheap=1", "apa aja": "cheap=1",
        "servis hp": "topic=listrik", "digital marketing": "topic=pemasaran_digital", "ada bahasa korea?": "topic=bahasa_korea",
        "otomotif kan?": "topic=otomotif",
    },
    "course_choose/list": {
        "yang pertama": "course=", "nomor 2": "course=", "yg ketiga aja": "course=", "berikutnya": "page=1", "yang lain": "page=1", "lihat lagi": "page=1",
        "yang online": "mode=online", "yg tokped ada?": "platform=tokopedia", "di tokopedia": "platform=tokopedia", "menjahit aja": "topic=jahit",
        "yang webinar kan?": "mode=webinar",
    },
    "course_choose/detail": {
        "catat": "noted=", "catat ini": "noted=", "oke yang ini": "noted=", "ambil ini aja": "noted=", "mau": "noted=", "bandingkan": "compare=",
        "bandingin dong": "compare=", "kembali ke daftar": "topic=kue", "yang lain": "topic=kue", "ini aja": "noted=", "ini cocok kan?": "noted=",
    },
    "incentive_check/certificate": {**_DONE, **_UNDONE, **_LOST, "udah ada": "ya", "belum muncul sertifikatnya": "tidak"},
    "incentive_check/rating": {**_DONE, **_UNDONE, **_LOST, "udah kasih bintang 5": "ya", "belum kasih rating": "tidak"},
    "incentive_check/review": {**_DONE, **_UNDONE, **_LOST, "baru bintang doang, ulasannya belum": "tidak"},
    "incentive_check/account": {**_DONE, **_UNDONE, **_LOST, "tersambung ke ovo": "ya", "belum terhubung": "tidak", "ga tersambung": "tidak"},
    "incentive_check/upgraded": {**_DONE, **_UNDONE, **_LOST, "udah premium": "ya", "belum premium": "tidak", "sudah, pakai rekening bank": "ya"},
    "incentive_check/same_number": {
        **dict.fromkeys(("sama", "iya sama", "sama persis", "nomornya sama", "sama kok kak", "sama kan?"), "ya"),
        **dict.fromkeys(("beda", "beda kak", "tidak sama", "ga sama", "lain nomor"), "tidak"),
        **_LOST,
    },
    "incentive_check/schedule": {
        "12 mei 2026": "2026-05-12", "jadwalnya 3 november 2026": "2026-11-03", "3-11-2026": "2026-11-03", "tanggal 3 nov 2026": "2026-11-03",
        "belum ada": "none", "kosong": "none", "belum ada jadwal": "none", "gagal": "failed", "tulisannya gagal": "failed", "ga tau": "?",
        "3 november 2026 kan?": "2026-11-03",
    },
    "incentive_check/rated_when": {
        **dict.fromkeys(("hari ini", "kemarin", "barusan", "tadi pagi", "baru kemarin kak", "semalam"), "recent"),
        **dict.fromkeys(("udah lama", "bulan lalu", "minggu lalu", "sudah lama kak", "lupa", "udah lama kan?"), "older"),
    },
    "incentive_check/failed_why": {
        "nomor hp beda": "phone_differs", "e-wallet penuh": "wallet_full", "saldo e-wallet penuh": "wallet_full", "belum kyc": "no_kyc",
        "rekening tidak aktif": "account_inactive", "nama rekening beda": "name_differs", "nik tidak ditemukan": "nik_differs",
        "ga tau": "technical", "tidak tertulis": "technical", "ga ada": "technical", "akun tidak aktif": "account_inactive",
        "e-wallet diblokir": "account_inactive",
    },
    "incentive_check/advice": {**_YES, **_NO, "buatin dong": "ya", "tolong buatkan": "ya"},
    "incentive_check/wave": {
        "68": "68", "gelombang 68": "68", "gel 68": "68", "68 kak": "68", "g68": "68", "gelombang 48 kan?": "48", "saya gelombang 30": "30",
        "lewati": "-", "ga tau": "-", "lupa kak": "-", "12": "12",
    },
    "incentive_check/course": {
        **{title: title for title in (
            "Dasar Digital Marketing", "Digital Marketing untuk Pemula", "Bahasa Inggris Dasar", "kelas barista", "Membuat Kue Kering", "Excel untuk Pemula",
            "Menjahit Busana Wanita", "pelatihan desain grafis", "Servis AC Split", "Public Speaking",
        )},
        "lewati": "-",
    },
    "incentive_check/order": {
        "INV/2024/0815": "INV/2024/0815", "inv20240815": "inv20240815", "nomornya INV-77812": "INV-77812", "ORD-2024-991": "ORD-2024-991",
        "pesanan TKP2024X18": "TKP2024X18", "INV/2024/0815 kak": "INV/2024/0815", "20240815": "20240815", "BL240815001 kan?": "BL240815001",
        "lewati": "-", "skip": "-", "ga tau": "-",
    },
    "rating/note": {
        "lama banget nunggunya": "lama banget nunggunya",
        "petugasnya kurang ramah": "petugasnya kurang ramah",
        "jawabannya muter-muter": "jawabannya muter-muter",
        "saya disuruh ulang cerita terus": "saya disuruh ulang cerita terus",
        "belum selesai masalahnya": "belum selesai masalahnya",
        "tolong lebih cepat lagi": "tolong lebih cepat lagi",
        "kurang jelas penjelasannya": "kurang jelas penjelasannya",
        "petugas tidak paham soal ovo": "petugas tidak paham soal ovo",
        "terlalu singkat padahal belum selesai": "terlalu singkat padahal belum selesai",
        "sinyal saya jelek jadi susah": "sinyal saya jelek jadi susah",
        "besok tolong hubungi saya lagi": "besok tolong hubungi saya lagi",
        "nggak dibantu sama sekali": "nggak dibantu sama sekali",
    },
    "report/topic": {
        "uang": "uang", "insentif": "uang", "soal insentif": "uang", "pelatihan": "pelatihan", "akun": "akun", "login": "akun", "penipuan": "penipuan",
        "data pribadi": "data", "lainnya": "lainnya", "soal uang kak": "uang", "uang kan?": "uang", "lewati": "lainnya",
    },
    "report/story": {
        story: story for story in (
            "insentif saya belum masuk dari bulan mei padahal sudah rating",
            "kelas webinar tanggal 5 dibatalkan panitia tanpa kabar apa pun",
            "saldo dana saya berkurang 700 ribu setelah klik tautan di grup",
            "sertifikat saya salah nama, sudah lapor ke lembaga tapi tidak dibalas",
            "akun saya tidak bisa dibuka sejak ganti nomor hp bulan lalu",
            "saya salah isi nomor rekening waktu menyambungkan, sekarang uangnya hilang",
            "kemarin ada yang telepon mengaku petugas prakerja minta kode otp",
            "pelatihan sudah dibayar tetapi kelasnya tidak pernah muncul di dashboard saya",
            "tombol beri ulasan tidak muncul padahal kelas sudah selesai tiga minggu lalu",
            "uang insentif gagal terus tiga kali, bank bilang rekening saya aktif",
            "nama ibu kandung di akun berbeda dengan kartu keluarga yang baru",
        )
    },
    "report/confirm": {**_YES, **_NO, "sudah benar": "ya", "catat aja": "ya"},
    "my_data/what": {
        "lihat": "lihat", "lihat lengkap": "lihat", "liat dong": "lihat", "hapus": "hapus", "hapus semua": "hapus", "hapusin kak": "hapus",
        "koreksi": "koreksi", "ubah": "koreksi", "tarik persetujuan": "tarik", "cukup": "tidak", "hapus bisa kan?": "hapus",
    },
    "my_data/sure": {**_YES, **_NO, "yakin": "ya", "hapus aja": "ya"},
    "subscribe/topic": {
        "gelombang": "gelombang", "gelombang baru": "gelombang", "pendaftaran": "gelombang", "insentif": "insentif", "soal insentif kak": "insentif",
        "pelatihan": "pelatihan", "kursus": "pelatihan", "semua": "semua", "semuanya aja": "semua", "semua boleh kan?": "semua",
    },
    "message_check/message": dict.fromkeys(
        (
            "SELAMAT! Anda terpilih menerima dana bantuan, klik http://bantuan-gratis.xyz/klaim",
            "https://bit.ly/3abcde",
            "www.prakerja.go.id",
            "prakerja.vip",
            "hubungi wa 0812-3456-7890 untuk pencairan",
            "insentif cair hari ini, kirim kode OTP ke cs@prakerja-bantuan.com",
            "Yth peserta, saldo anda akan hangus besok. Segera transfer biaya admin 50 ribu ke petugas kami supaya dana cair",
            "Halo kak saya dari dinas, data kakak terpilih, mohon balas dengan nama lengkap dan nomor hp supaya diproses",
            "daftar di dashboard.prakerja12.xyz ya, terakhir malam ini",
            "ini pesannya: undian berhadiah dari prakerja, cek di http://prakerja-go.id.win apa benar?",
        ),
        "pasted",
    ),
}  # fmt: skip

NO_YES = (
    "makasih ya kak", "makasih banyak ya infonya", "bentar ya kak", "nanti ya", "tunggu ya min", "sebentar ya, tanya suami dulu", "mau tanya dulu ke istri",
    "hmm gimana ya", "ribet ya ternyata", "maksudnya apa ya", "aku pikir pikir dulu ya", "ga ngerti ya aku",
)  # fmt: skip
"""Messages with a polite "ya" that agree to nothing."""

CONSENTS = (
    "registration/consent",
    "registration/identity",
    "registration/notify",
    "link_manage/sure",
    "my_data/sure",
    "report/confirm",
    "registration/confirm",
)

# -- playing one message ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Played:
    """What became of one message at a step."""

    answer: Answer
    taken: str | None  # the value that a step was given, if any


class Stage:
    """One database with the samples; each message is played on a savepoint that is rolled back."""

    def __init__(self, connection: Connection) -> None:
        self.talk = SampleTalk(connection)
        self.connection = connection
        self.engine = EmbeddedEngine.load()
        self.catalogue = catalogue.load()
        self.numbers = itertools.count(1)
        self.parsed: dict[tuple[str, str, str | None, str | None], Understanding] = {}

    def understand(self, text: str, context: Context) -> Understanding:
        """Parses a text once for each kind of step."""
        key = (text, "form" if context.form else "", context.expects, context.last_intent)
        if key not in self.parsed:
            self.parsed[key] = self.engine.parse(text, context)
        return self.parsed[key]

    def turn(self, text: str, state: State, programme: str) -> Turn:
        """A typed message while a step is open, masked and understood as by the worker."""
        masked = mask(text)
        made = self.talk.turn(masked.text)
        return replace(
            made,
            inbound=replace(made.inbound, masked=masked.kinds),
            understanding=self.understand(masked.text, dialogue.context(state, self.talk.now)),
            state=state,
            content=replace(self.catalogue, state=programme),
            policy=Policy(
                secure_form_url="http://localhost/f/",
                identity_transfer="Kementerian Contoh",
                identity_basis="Perjanjian 1/2026",
            ),
            new_id=lambda length: f"{next(self.numbers):0{length}d}",
        )

    def opened(self, name: str) -> tuple[State, Place]:
        """The conversation at a step, with its options shown."""
        place = PLACES[name]
        form_name, _, step_name = name.partition("/")
        form = journeys.FORMS[form_name]
        step = form.step(step_name)
        assert step is not None, f"{name} is no step"
        data: dict[str, Any] = dict(place.data)
        if name == "course_choose/detail":
            data["list"] = self._first_course(data)
        state = State(greeted=True, form=form_name, step=step_name, data=data)
        shown = step.ask(self.turn("", state, place.programme), data)
        return replace(state, options=shown.options, version=1), place

    def _first_course(self, data: Mapping[str, Any]) -> str:
        form = journeys.FORMS["course_choose"]
        step = form.step("list")
        assert step is not None
        state = State(form=form.name, step="list", data=data)
        return step.ask(self.turn("", state, "closed"), data).options[0].action.removeprefix("answer:")

    def outside(self, text: str) -> Answer:
        """The same message with no form open; the database is as before afterwards."""
        inner = self.connection.begin_nested()
        try:
            return dialogue.respond(self.turn(text, State(greeted=True), "closed"))
        finally:
            inner.rollback()

    def play(self, text: str, name: str, taken: list[str]) -> Played:
        """One message at a step; the database is as before afterwards."""
        inner = self.connection.begin_nested()
        try:
            if linked := PLACES[name].linked:
                self.talk.link(linked)
            state, place = self.opened(name)
            taken.clear()
            found = dialogue.respond(self.turn(text, state, place.programme))
            return Played(found, taken[0] if taken else None)
        finally:
            inner.rollback()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The stage of all tests here."""
    with sampled() as connection:
        yield Stage(connection)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the form engine takes as a value, in order."""
    values: list[str] = []
    original = forms.take

    def take(turn: Turn, form: forms.Form, step: forms.Step, value: Any, **more: Any) -> Answer:
        values.append(str(value))
        return original(turn, form, step, value, **more)

    monkeypatch.setattr(forms, "take", take)
    return values


@cache
def questions() -> tuple[str, ...]:
    """Forty questions of the development set that the catalogue answers, the same on every run."""
    faq = catalogue.load().answers
    rows = [json.loads(line) for line in DEV.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [row["text"] for row in rows if row["intent"] in faq and not row["second"]]
    return tuple(random.Random(SEED).sample(texts, QUESTIONS))


# -- the tests -------------------------------------------------------------------------------------------------------


def test_every_step_of_every_form_is_looked_at() -> None:
    steps = {f"{form.name}/{step.name}" for form in journeys.FORMS.values() for step in form.steps}
    assert set(PLACES) == steps
    assert set(ANSWERS) == steps - NOT_TYPED
    assert {name: len(answers) for name, answers in ANSWERS.items() if len(answers) < ENOUGH} == {}


def test_a_question_in_mid_form_is_answered_and_the_form_goes_on(stage: Stage, taken: list[str]) -> None:
    """Answered by the catalogue, or asked back where the same question is asked back outside of every form too."""
    misses, played, asked_back = [], 0, 0
    unclear = {text for text in questions() if stage.outside(text).handler == "clarify"}
    for name in PLACES:
        for text in questions():
            one = stage.play(text, name, taken)
            played += 1
            state, handler = one.answer.state, one.answer.handler
            asked_back += handler == "clarify"
            question = handler in stage.catalogue.answers or (handler == "clarify" and text in unclear)
            if one.taken is not None or f"{state.form}/{state.step}" != name or not question:
                misses.append(f"{name:<28} {handler} taken={one.taken} → {state.form}/{state.step}: {text}")
    rate = 1 - len(misses) / played
    print(f"questions in mid-form: {rate:.4f} of {played} as questions, {asked_back} of them asked back")
    assert len(unclear) <= QUESTIONS * 0.1, "most questions are clear ones"
    assert rate >= WANTED, f"{rate:.4f} of {played}\n" + "\n".join(misses)


def test_a_polite_particle_agrees_to_nothing(stage: Stage, taken: list[str]) -> None:
    agreed = [
        f"{name}: {text!r}" for name in CONSENTS for text in NO_YES if stage.play(text, name, taken).taken == "ya"
    ]
    assert agreed == []


def test_an_answer_is_taken_as_an_answer_even_when_it_looks_like_a_question(stage: Stage, taken: list[str]) -> None:
    misses, played = [], 0
    for name, answers in ANSWERS.items():
        for text, wanted in answers.items():
            one = stage.play(text, name, taken)
            played += 1
            fits = wanted in (one.taken or "") if "=" in wanted else one.taken == wanted  # a search has more in it
            if not fits:
                misses.append(f"{name:<28} {text!r}: {one.taken!r}, not {wanted!r} (by {one.answer.handler})")
    rate = 1 - len(misses) / played
    print(f"answers in mid-form: {rate:.4f} of {played} taken as answers")
    assert rate >= WANTED, f"{rate:.4f} of {played}\n" + "\n".join(misses)
