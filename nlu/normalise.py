"""Brings everyday written Indonesian to one form: "GMN caranya cairin insntifnya kak???" → "bagaimana cara nya cairkan insentif nya kakak ?".

What it knows stands in `lexicon/`; how a word is judged: written whole in the lexicon, a stretched letter, a '2' for
reduplication, an enclitic on a known word, the consonants of a word of the programme, a slip of one or two letters in one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path

import yaml

LEXICON = Path(__file__).parent / "lexicon"
MONEY, YEAR, SMALL, LONG = "xuang", "xtahun", "xangka", "xnomor"  # what a number is brought to

_TOKEN = re.compile(
    r"\d[\d.,]*(?:rb|ribu|rebu|jt|juta|k)\b|[a-z]+(?:['’-][a-z]+)*(?:\d(?!\d)[a-z]*)?|\d[\d.,:/-]*|\?+|•+\d*"
)
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_DOUBLED = re.compile(r"([a-z])\1+")
_ENCLITICS = ("nyalah", "nya", "lah", "kah", "kan", "pun", "ku", "mu", "na", "ne", "x")
_PREFIXES = ("nge", "ng", "ke", "di", "ter", "men", "mem", "me", "ber", "ny", "be", "ta", "ba")
_THANKFUL = {"🙏": " terima kasih ", "👍": " oke ", "👎": " tidak ", "😡": " marah ", "🤬": " marah ", "😭": " sedih "}
_VOWELS = str.maketrans("", "", "aeiou")
_KK, _KAK = "kk", "kak"  # the family card, or the reader
_LONGEST = 24  # longer "words" are noise


def lexicon_lines(name: str) -> Iterator[tuple[str, list[str]]]:
    """The lines of a lexicon file: the canonical word (underscores are spaces) and its variants."""
    for line in (LEXICON / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            canonical, _, variants = line.partition("\t")
            yield canonical.replace("_", " "), variants.split()


def plain(text: str) -> str:
    """Lower case, compatibility forms folded, accents and invisible characters dropped, a few emoji as words."""
    if not text.isascii():
        for sign, word in _THANKFUL.items():
            text = text.replace(sign, word)
        folded = unicodedata.normalize("NFKD", text)
        text = "".join(
            char for char in folded if not unicodedata.combining(char) and unicodedata.category(char) != "Cf"
        )
    return text.lower().replace("’", "'")


@cache
def word_list(name: str) -> frozenset[str]:
    """A list of `lexicon/words.yml`."""
    lists = yaml.safe_load((LEXICON / "words.yml").read_text(encoding="utf-8"))
    return frozenset(lists[name].split())


@cache
def everyday() -> frozenset[str]:
    """Every word that some lexicon knows: no slip of a name."""
    words = {*_words("domain.txt"), *_words("common.txt")}
    for name in ("regional.tsv", "abbreviations.tsv"):
        for canonical, variants in lexicon_lines(name):
            words |= {*canonical.split(), *variants}
    return frozenset(words)


def lower(text: str) -> str:
    """Lower case without changing the number of characters, so that offsets stay right."""
    lowered = text.lower()
    return (
        lowered
        if len(lowered) == len(text)
        else "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    )


class Normaliser:
    """Normalises texts. `known`: further words that are right as they stand and never taken for slips."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._variants: dict[str, str] = {}
        self._phrases: dict[tuple[str, str], str] = {}
        self._read_lexicon()
        domain = set(_words("domain.txt"))
        canonical = {part for value in self._variants.values() for part in value.split()}
        self._known = domain | canonical | set(_words("common.txt")) | set(known)
        self._skeletons = _unique((_skeleton(word), word) for word in domain if len(word) >= 5)
        self._slips = _unique(
            (form, word) for word in domain if len(word) >= 5 for form in _deletions(word, 2 if len(word) >= 8 else 1)
        )
        self.word = lru_cache(maxsize=20_000)(self._word)

    def _read_lexicon(self) -> None:
        for name in ("regional.tsv", "abbreviations.tsv"):
            for canonical, variants in lexicon_lines(name):
                for variant in variants:
                    first, _, second = variant.partition("_")
                    if second:
                        self._phrases[first, second.replace("_", " ")] = canonical
                    else:
                        self._variants[variant] = canonical

    def __call__(self, text: str) -> str:
        """The normalised text: lower-case words with single spaces, numbers as their class, "?" kept."""
        return " ".join(self.tokens(text))

    def is_variant(self, word: str) -> bool:
        """Whether the lexicon brings this word to another one."""
        return word in self._variants

    def tokens(self, text: str) -> list[str]:
        """The words of the normalised text."""
        typed = _TOKEN.findall(plain(text))
        out: list[str] = []
        skip = False
        for at, token in enumerate(typed):
            if skip:
                skip = False
                continue
            pair = (token, typed[at + 1]) if at + 1 < len(typed) else None
            if pair in self._phrases:
                out += self._phrases[pair].split()
                skip = True
            else:
                out += self.word(token).split()
        if _KK in out:
            card = "KK" in text and not text.isupper()
            out = [_KAK if token == _KK and not card and addresses(out, at) else token for at, token in enumerate(out)]
        return out

    def _word(self, token: str) -> str:
        """One token normalised; may give several words."""
        if not token[0].isalpha():
            return _number(token)
        if token in self._variants:
            return self._variants[token]
        if token in self._known:
            return token
        stretched, token = token, _STRETCHED.sub(r"\1", token[: _LONGEST * 2])
        if token != stretched and (token in self._variants or token in self._known):
            return self._variants.get(token, token)
        if token[-1].isdigit() or any(char.isdigit() for char in token):
            return self._doubled(token)
        if "-" in token or "'" in token:
            return self._hyphened(token)
        return self._inflected(token) or self._corrected(token)

    def _doubled(self, token: str) -> str:
        """'cepat2' → 'cepat-cepat', 'mudah2an' → 'mudah-mudahan'; 'gelombang68' → 'gelombang' and a number."""
        match = re.fullmatch(r"([a-z'-]+)(\d)([a-z]*)", token)
        if match is None:
            return token
        base, digit, tail = match.groups()
        base = self.word(base)
        if digit == "2":
            return f"{base}-{base}{tail}" if " " not in base and "-" not in base else base
        return f"{base} {SMALL} {tail}".rstrip()

    def _hyphened(self, token: str) -> str:
        joined = token.replace("-", "").replace("'", "")
        if joined in self._variants:
            return self._variants[joined]
        parts = [part for part in re.split("[-']", token) if part]
        if len(parts) == 2 and parts[0] == parts[1]:
            base = self.word(parts[0])
            return f"{base}-{base}" if " " not in base else base
        return " ".join(self.word(part) for part in parts)

    def _inflected(self, token: str) -> str:
        """A known word with an enclitic ("insntifnya") or with a doubled letter; "" if it is none."""
        single = _DOUBLED.sub(r"\1", token)
        if single != token and (single in self._variants or single in self._known):
            return self._variants.get(single, single)
        for enclitic in _ENCLITICS:
            stem = token.removesuffix(enclitic)
            if stem == token or len(stem) < 3:
                continue
            right = self._variants.get(stem) or (stem if stem in self._known else "")
            if not right and len(stem) >= 6:
                found = self._corrected(stem)
                right = found if found != stem else ""
            if right:
                return f"{right} {'nya' if enclitic in ('na', 'ne', 'x') else enclitic}"
        return ""

    def _corrected(self, token: str) -> str:
        """The word of the programme that was meant, or the token itself."""
        if not 4 <= len(token) <= _LONGEST:
            return token[:_LONGEST]
        if sum(token.count(vowel) for vowel in "aeiou") <= 1 + len(token) // 6:
            meant = self._skeletons.get(_skeleton(token))
            if meant:
                return meant
        if len(token) < 5:
            return token
        best = ""
        allowed = 2 if len(token) >= 8 else 1
        for form in _deletions(token, allowed):
            word = self._slips.get(form)
            if word and word[0] == token[0] and distance(token, word, allowed) <= allowed:
                best = word if not best or abs(len(word) - len(token)) < abs(len(best) - len(token)) else best
        return best or token


def addresses(words: Sequence[str], at: int) -> bool:
    """Whether "kk" at this place of a normalised text is the reader ("kk mau tanya", "kapan cair kk") and not the family card."""
    before = words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    if before in word_list("kk_card_before") or after in word_list("kk_card_after"):
        return False
    if at == 0 and after in word_list("kk_address_after"):
        return True
    return not any(word in word_list("kk_card_near") for word in words)


def _words(name: str) -> Iterator[str]:
    """The words of a lexicon file that is only a list."""
    for line in (LEXICON / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield from line.split()


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Forms that lead to one word only."""
    found: dict[str, str] = {}
    for form, word in sorted(set(pairs), key=lambda pair: (pair[0], pair[0] != pair[1], len(pair[1]), pair[1])):
        found.setdefault(form, word)
    return found


def _skeleton(word: str) -> str:
    """The first letter and the consonants after it."""
    return word[0] + word[1:].translate(_VOWELS)


def _deletions(word: str, most: int) -> set[str]:
    """The word itself and what remains when up to `most` letters are taken out."""
    forms = {word}
    for count in range(1, most + 1):
        for places in combinations(range(len(word)), count):
            forms.add("".join(char for at, char in enumerate(word) if at not in places))
    return forms


def distance(left: str, right: str, most: int) -> int:
    """Edits (insert, delete, change, swap of neighbours) from one word to the other; `most` + 1 if there are more."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _number(token: str) -> str:
    """The class of a number; question marks stay as one."""
    if token[0] == "?":
        return "?"
    if token[0] == "•":
        return LONG
    digits = re.sub(r"\D", "", token)
    if token[-1].isalpha() or re.fullmatch(r"\d{1,3}([.,]\d{3})+", token):
        return MONEY
    if re.fullmatch(r"(19|20)\d\d", token):
        return YEAR
    if len(digits) <= 2:
        return SMALL
    return MONEY if digits.endswith("000") else LONG
