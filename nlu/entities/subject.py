"""Whom a message is about: the sender, or somebody the sender writes for."""

from __future__ import annotations

import re
from typing import get_args

from nlu.understanding import Entity, Subject

_WORDS: dict[str, str] = {
    "mother": "ibu ibuk ibunda emak mamak mak mama mamah nyokap simbok mbok bunda umi ummi indo mace biyung enyak mami bundo amak ebu",
    "father": "bapak bapa bapake bpk ayah papa papah bokap babe abah abi rama pace papi bapaknya apak ebapak ajik bape tetta",
    "spouse": "suami istri isteri bini laki paksu misua bojo bojone paitua maitua garwo salaki pamajikan swami lakik lakiku",
    "child": "anak anakku putra putri anakanda lare budak nak cucu",
    "sibling": "adik adek ade adikku adekku ading saudara saudari sodara kakak abang kaka adi ponakan keponakan sepupu ipar adikipar",
    "friend": "teman temen kawan konco sahabat rekan tmn temn kanca kancaku bestie babaturan kawanku temanku temenku pacar",
    "neighbour": "tetangga tonggo tatangga warga sebelah",
    "other": "mertua nenek kakek om tante paman bibi kerabat saudaranya orangtua ortu pakde bude opa oma eyang oom pembantu karyawan",
}
_KIND = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_POSSESSED = {f"{word}{ending}": kind for word, kind in _KIND.items() for ending in ("ku", "nya", "saya", "kami", "e", "na")}
_ALL = _POSSESSED | _KIND
_MINE = "saya|sy|sya|aku|ak|gue|gua|gw|beta|sa|abdi|kulo|ku|kami|ambo|ulun|awak|kita|ane|den|tiang|kaule|sayo|katong|kitong|teh|pung|pu|dorang"
_WORD = re.compile(r"[a-z]+", re.I)
_NOT_ABOUT = re.compile(  # the person gave advice, orders, money or company; the matter is the sender's
    r"\b(?:disuruh|disuru|suruh|kata|katanya|kt|kate|jare|ceunah|dibilangi?n?|bilang|diajak|ajakan|dari|dr|sama|bareng|dengan|dgn|punya anak|"
    r"tanggungan|atas nama|an|pinjam|pake|pakai|pk|minjem|lewat|ke|oleh|dibantu|dibelikan|dikasih|diberitahu|dikabari|dengar|denger|seperti|kayak|kaya|"
    r"punya|jadi|sebagai|merawat|ngurus|urus|nafkah|titipan|izin|ijin|info|bersama|satu kk|sekk|seorang|ajak|buat|untuk kebutuhan)\s*(?:si\s|pak\s|bu\s)?$",
    re.I,
)
_FOR = re.compile(r"\b(?:daftarin|daftarkan|ngedaftarin|mendaftarkan|untuk|buat|bwt|utk|bantu|bantuin|wakili|mewakili|punya|akun|kanggo|punyanya)\s*$", re.I)
_ADDRESS = re.compile(r"\b(?:mohon|halo|hai|selamat|pagi|siang|sore|malam|makasih|terima kasih|tolong|assalamualaikum|ya|izin|permisi|tanya)\s*,?\s*$", re.I)
_OWN = re.compile(rf"^\W*(?:{_MINE})\b", re.I)
_DOES = re.compile(
    r"^\W*(?:(?:{mine})\s+)?(?:\w+\s+){{0,2}}?(?:mau|pengen|ingin|pgn|sudah|sdh|udah|udh|dah|wis|wes|su|so|belum|blm|durung|lolos|lulus|daftar|gagal|kena|kerja|umur|umurnya|"
    r"usia|lupa|ga|gak|tidak|gk|tdk|nggak|kok|masih|msh|dapat|dpt|dapet|punya|pernah|bisa|boleh|juga|baru|ditolak|diblokir|ikut|katanya|insentif|akun|akunnya|nik|ktp|belom|statusnya|kan|yang|yg|"
    r"tinggal|\d+|saldo|pensiunan|guru|petani|lagi|tadi|kemarin|terima|nya|hp|nggak|ora|teu|tra|sonde|indak|kada|hampir|cuma|ini|itu)\b".format(mine=_MINE),
    re.I,
)


def find_subject(text: str) -> tuple[Subject, tuple[Entity, ...]]:
    """The person a message is about, and the words that say so (empty for the sender)."""
    for match in _WORD.finditer(text):
        word = match[0].lower()
        kind = _ALL.get(word)
        if kind is None:
            continue
        before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 60]
        if not _is_about(word, kind, before, after):
            continue
        if kind not in get_args(Subject):
            continue
        entity = Entity(kind="subject", value=kind, text=match[0], start=match.start(), end=match.end())
        return kind, (entity,)  # type: ignore[return-value]
    return "self", ()


def _is_about(word: str, kind: str, before: str, after: str) -> bool:
    """Whether the matter is that person's, not the sender's own or a form of address."""
    owned = word in _POSSESSED and word not in _KIND or bool(_OWN.match(after))
    if _FOR.search(before) and not _NOT_ABOUT.search(before.rstrip() if owned else "kata"):
        return owned or kind in ("spouse", "friend", "neighbour", "child", "mother", "father", "sibling")
    if _NOT_ABOUT.search(before) or _ADDRESS.search(before):
        return False
    if owned:
        return True
    if word in ("kakak", "kaka", "abang", "ade", "nak", "bunda", "warga", "anak", "laki", "budak", "sebelah", "karyawan", "mace", "pace", "mak", "rekan", "saudara"):
        return False
    if kind in ("mother", "father") and word in ("ibu", "bapak", "bpk", "bapa", "mama", "papa", "mamak", "ebu"):
        return False
    return _DOES.match(after) is not None
