"""Makes regions.tsv and provinces.tsv from npm `idn-area-data`: python -m nlu.regions.build PACKAGE_FOLDER (see NOTICE).

npm pack idn-area-data@3.1.2 && tar xzf idn-area-data-3.1.2.tgz && python -m nlu.regions.build package
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

HERE = Path(__file__).parent
_CENTRAL = frozenset((51, 52, 53, 63, 64, 65, *range(71, 77)))
_EAST = frozenset((81, 82, *range(91, 98)))
_CAPITALS = {"Dki": "DKI"}


def zone_of(province: int) -> str:
    """The time zone of a province by its code (Keputusan Presiden 41/1987 and the later provinces inside its zones)."""
    return "WITA" if province in _CENTRAL else "WIT" if province in _EAST else "WIB"


def titled(name: str) -> str:
    """ "KOTA ADMINISTRASI JAKARTA SELATAN" → "Kota Administrasi Jakarta Selatan"."""
    words = (_CAPITALS.get(word.capitalize(), word.capitalize()) for word in name.split())
    return " ".join("dan" if word == "Dan" else word for word in words)


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def build(package: Path, out: Path = HERE) -> tuple[int, int]:
    """Writes both tables; returns how many provinces and regions there are."""
    provinces = [
        f"{row['code']}\t{titled(row['name'])}\t{zone_of(int(row['code']))}"
        for row in rows(package / "data" / "provinces.csv")
    ]
    regions = [
        f"{row['code'].replace('.', '')}\t{titled(row['name'])}" for row in rows(package / "data" / "regencies.csv")
    ]
    head = "# from npm idn-area-data, ODbL 1.0: see NOTICE\n"
    (out / "provinces.tsv").write_text(head + "\n".join(provinces) + "\n", encoding="utf-8")
    (out / "regions.tsv").write_text(head + "\n".join(regions) + "\n", encoding="utf-8")
    return len(provinces), len(regions)


if __name__ == "__main__":
    found = build(Path(sys.argv[1]))
    sys.stdout.write(f"{found[0]} provinces, {found[1]} regions\n")
