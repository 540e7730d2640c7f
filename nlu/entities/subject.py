"""Whom a message is about: the sender, or somebody the sender writes for.

A word for a person counts unless it addresses the reader ("selamat pagi Ibu"), names where advice, orders or things came
from ("disuruh ibu daftar", "pakai hp adik"), or the sender speaks of themself beside it ("suami ASN, apakah saya boleh?").
"""

from __future__ import annotations

import re
from functools import cache
from typing import cast

import yaml

from nlu.normalise import LEXICON, word_list
from nlu.understanding import Entity, Subject

_ENDINGS = ("ku", "nya", "e", "na", "ne", "mu")
_ME = r"(?:saya|sy|sya|aku|ak|gue|gua|gw|gwe|beta|sa|abdi|kulo|kula|ambo|ulun|awak|ane|den|tiang|kaule|sayo|kita|katong|kitong|tong)"
_THING = (
    r"(?:insentif\w*|uang\w*|duit\w*|doi|akun\w*|rekening\w*|rek|hp|nomor|no|email\w*|ktp\w*|nik\w*|kk|saldo\w*|status\w*|kartu\w*|"
    r"nama|data|umur\w*|usia|"
    r"kepesertaan\w*|sertifikat\w*|muka|wajah|foto|selfie|pelatihan|dana|gopay|ovo|pung|pu|punya|voucher|dashboard|password|sandi|"
    r"tanggal lahir|pendaftaran\w*|tes|ijazah)"
)
_FOR = re.compile(
    r"\b(?:(?:men|nge|n|di)?daftar(?:in|kan|ken|ke)|untuk|utk|buat|bwt|kanggo|bantu\w*|wakil\w*|mewakili|punya|punyanya|milik|kasi|"
    r"kasih|cari(?:in|kan)|beli(?:in|kan)|cek(?:in|kan)|"
    r"urus\w*|ngurus\w*|isi(?:in|kan)|atas nama|tanya(?:in|kan)|pegang(?:in)?)\s+(?:akun\s+|insentif\s+|si\s+|punya\s+|pak\s+|nama\s+)?$",
    re.I,
)
_SOURCE = re.compile(  # advice, orders, money, company, or a thing lent: the matter stays the sender's
    r"\b(?:di(?:suruh|suru|paksa|ajak|kasih tau|kabari|bilang\w*|dukung|bantu|buat(?:kan|in)|beli(?:kan|in)|daftar(?:kan|in)|"
    r"marahi\w*|tanya\w*|pinjam\w*)|suruh|suruhan|kata|katanya|kt|kate|jare|ceunah|"
    r"bilang|dari|dr|sama|bareng|dengan|dgn|ajak|ajakan|lewat|ke|oleh|seperti|kayak|kaya|bersama|info|izin|ijin|tanggungan|dengar|"
    r"denger|jadi|sebagai|merawat|nafkah\w*|"
    r"(?:pinjam|pake|pakai|pk|minjem|numpang|memakai|gunakan|menggunakan|satu|1|email\w*nya)(?:\s+(?:hp|no|nomor|email|rekening|"
    r"rek|akun|gopay|dana|ovo|wa|laptop|kk|nama|ktp|punya|nya))*)\s+(?:si\s+|pak\s+|bu\s+)?$",
    re.I,
)
_ADDRESS = re.compile(
    r"(?:^|[,.!?]\s*|\b(?:mohon|moho?n bantuan\w*|halo|hai|selamat|pagi|siang|sore|malam|makasih|terima kasih|trims|tolong|"
    r"assalamualaikum|permisi|yth|kepada|dear|bapak|bapa|ibu|iya|oke|maaf|punten)\W*)$",
    re.I,
)
_CALLED = word_list("called")
_SELF = re.compile(
    rf"\b(?:insentif|akun|rekening|sertifikat|nik|ktp|saldo|kartu|status|dashboard|sandi|nomor|uang|dana|gopay|ovo|kepesertaan|"
    rf"pelatihan)\s?(?:nya\s)?{_ME}\b|"
    rf"\b(?:insentif|akun|rekening|sertifikat|nik|ktp|saldo|kartu|status)ku\b|"
    rf"\b(?:apa|apakah|bisakah|boleh|bolehkah|kalau|kalo|klo|jadi|jd|gara2|karena|krn|tapi|tp|padahal|sekarang|waktu|pas|yang|emang|"
    rf"dulu|sedangkan|trus)\s+{_ME}\s+\w+|"
    rf"\b{_ME}\s+(?:yang\s+|yg\s+)?(?:ga|gak|tidak|tdk|gk|nggak|belum|blm|bs|bisa|boleh|lolos|ikut|daftar|lupa|pakai|pake|pernah|"
    rf"sendiri|sonde|seng|tra|ora|juga|jadi|sudah|udah|sdh|masih|msh|jualan|kerja|nganggur|dapat|dpt|harus|takut|bingung)\b",
    re.I,
)
_NEAR_HOME = re.compile(r"(?:2\b)?\W+(?:\w+\s+)?(?:sebelah|tetangga|depan rumah)\b", re.I)
_ANOTHER = re.compile(r"\W+(?:kos|kost|kontrakan|mertua|cik|lik|de\b|angkat)\b", re.I)
_ROLE = re.compile(r"\W+(?:rumah tangga|rt\b|dari \d|tunggal|kandung yang)\b", re.I)
_AFTER_ANAK = re.compile(
    r"\W+(?:buah|kos|kost|magang|sekolah|kuliah(?:an)?\b(?!\s+semester)|muda|kecil|smk|sma|2|saya\s+(?:2|3|dua|tiga|masih kecil)|yatim|rantau)\b",
    re.I,
)
_COUNTED = re.compile(r"\W{1,2}(?:\d|dua|tiga|empat|satu)\b|\W{1,2}saya\s+(?:\d|dua|tiga)\b", re.I)
_MINE = re.compile(
    rf"\s(?:(?:gadis|laki-laki|laki|lanang|bujang|perempuan|kandung|ipar|sulung|bungsu|kerja|kantor|kampung|sekampung|mertua|tani|"
    rf"toko|pertama|kedua|tua|cik)\s+)*{_ME}\b",
    re.I,
)
_OWNER = re.compile(rf"\s+{_ME}\b", re.I)
_OF_THING = re.compile(rf"\b{_THING}\s+$", re.I)
_IS_ME = re.compile(rf"\b{_ME}\s+(?:seorang\s+)?$", re.I)
_BECAUSE = re.compile(r"(?:biar|supaya|gara2|karena|krn)\s+(?:bisa\s+)?(?:ngurus|bantu\w*|urus)\s+(?:\w+\s+)?$", re.I)
_WAS_HELPED = re.compile(r"\bdi(?:bantu|buat|beli|daftar)\w*\s+$", re.I)
_SPEAKS = re.compile(
    rf"\s+(?:{_ME}\s+)?(?:(?:udah|udh|sudah|sdh|terus|trs|selalu|pada|juga|yg|yang|di\s\w+)\s+){{0,2}}(?:bilang\w*|blg|kata\w*|"
    rf"cerita\w*|nyaranin|menyarankan|saranin|nanya\w*|tanya terus|bertanya|ngasih tau|"
    r"kasih tau|ngomong\w*|ngajak\w*|nyuruh\w*|suruh\w*|share|kirim\w*|ngirim\w*|ngomel\w*|marah\w*|dapet \d|dpt \d|heboh|bilangnya|nyuruh|maksa)\b",
    re.I,
)
_WORD = re.compile(r"[a-z]+", re.I)


@cache
def _people() -> dict[str, str]:
    """Words for people, with and without an ending, and whom they mean."""
    content = yaml.safe_load((LEXICON / "people.yml").read_text(encoding="utf-8"))
    plain = {word: kind for kind, words in content.items() for word in words.split()}
    return {f"{word}{ending}": kind for word, kind in plain.items() for ending in _ENDINGS} | plain


def find_subject(text: str) -> tuple[Subject, tuple[Entity, ...]]:
    """The person a message is about, and the word that says so (nothing for the sender)."""
    people = _people()
    for match in _WORD.finditer(text[:2000]):
        kind = people.get(match[0].lower())
        if kind is None:
            continue
        before, after = text[max(0, match.start() - 120) : match.start()], text[match.end() : match.end() + 120]
        if not _is_about(match[0].lower(), before, after):
            continue
        if _NEAR_HOME.match(after):
            kind = "neighbour"
        elif _ANOTHER.match(after):
            kind = "other"
        entity = Entity(kind="subject", value=kind, text=match[0], start=match.start(), end=match.end())
        return cast("Subject", kind), (entity,)
    return "self", ()


def _is_about(word: str, before: str, after: str) -> bool:
    """Whether the matter is that person's."""
    for_them = _FOR.search(before) is not None
    mine = word.endswith("ku") or _MINE.match(after) is not None
    if _SPEAKS.match(after):
        return False
    if _people()[word] == "friend" and not (mine or for_them or _OF_THING.search(before)):
        return False
    if _BECAUSE.search(before):
        return False
    if for_them and not _WAS_HELPED.search(before):
        return not _is_call(word, before, after, mine)
    if _SOURCE.search(before) or _is_call(word, before, after, mine):
        return False
    if _ROLE.match(after) or _IS_ME.search(before):
        return False
    if word.startswith("anak") and (_AFTER_ANAK.match(after) or _COUNTED.match(after)):
        return False
    if word.startswith(("warga", "karyawan", "pegawai", "buruh")) and not mine:
        return False
    return _SELF.search(f"{before} {word} {_OWNER.sub('', after, count=1) if mine else after}") is None


def _is_call(word: str, before: str, after: str, mine: bool) -> bool:
    """Whether the word addresses the reader: after a greeting or at an edge of the sentence, with nothing that makes it a relative."""
    if word not in _CALLED or mine:
        return False
    if _OF_THING.search(before):
        return False
    if re.match(r"\s*(?:[,.!?/]|$|dan (?:ibu|bapak)|(?:ibu|bapak)\b)", after, re.I):
        return True
    if _ADDRESS.search(before):
        return word in ("kaka", "kakak", "abang", "saudara", "rekan", "om", "tante") or (
            bool(before.strip()) and not before.rstrip().endswith((",", ".", "?", "!"))
        )
    return False
