"""What an operator hands over for an announcement: the content and the filter as YAML, numbers as CSV; and by which accounts it can leave."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from bot.settings import Settings
from handlers import announcement, places
from nlu.entities.numbers import find_phones
from storage import audience, campaign_numbers

HEADING: Final = ("number", "consent_source", "consent_date", "consent_wording")
_MOST_BYTES: Final = 200_000  # of a YAML file
_MOST_HEADING: Final = 10_000  # characters of a CSV's first line
_MOST_WORDING: Final = 1000  # characters of a consent


def sources(settings: Settings, channels: Sequence[str] = announcement.CHANNELS) -> dict[str, float]:
    """Channel accounts that announcements can leave by, the preferred channel first, and the messages a second of each."""
    found: dict[str, tuple[str, float]] = {}
    if settings.telegram_token:
        found["telegram"] = (settings.telegram_token.partition(":")[0], settings.telegram_rate)
    if settings.whatsapp_token and settings.whatsapp_number_id:
        found["whatsapp"] = (settings.whatsapp_number_id, settings.whatsapp_rate)
    if settings.sms_config:
        from bot.sms.send import read_config

        config = read_config(settings)
        found["sms"] = (config.number, config.rate)
    return {f"{name}:{found[name][0]}": found[name][1] for name in channels if name in found}


def load(path: Path) -> Any:
    """A YAML file; ValueError in one line for what cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path}: larger than {_MOST_BYTES} bytes")
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: no YAML: {' '.join(str(error).split())[:200]}") from None


def read_filter(found: Any, now: datetime) -> dict[str, Any]:
    """A filter with names of places as codes; ValueError says what is wrong with it."""
    tree: dict[str, Any] = _coded(found if found is not None else {})
    audience.condition(tree, now)
    return tree


def _coded(tree: Any) -> Any:
    if not isinstance(tree, Mapping):
        return tree
    coded: dict[str, Any] = {}
    for key, value in tree.items():
        if key in ("and", "or") and isinstance(value, list):
            coded[key] = [_coded(one) for one in value]
        elif key == "not":
            coded[key] = _coded(value)
        elif key in ("region", "province"):
            names = value if isinstance(value, list) else [value]
            coded[key] = [places.code_of(str(name), province=key == "province") for name in names]
        else:
            coded[str(key)] = value
    return coded


def _lines(path: Path, heading: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells of `heading`) of a CSV; commas, semicolons or tabs, as spreadsheets write them. ValueError in one line for what cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_MOST_HEADING)
            separator = max(",;\t", key=first.count)
            file.seek(0)
            lines = csv.DictReader(file, delimiter=separator)
            if missing := [name for name in heading if name not in (lines.fieldnames or ())]:
                raise ValueError(f"{path}: the column {missing[0]} is missing; the heading is {','.join(heading)}")
            for place, line in enumerate(lines, 2):
                yield place, {name: str(line.get(name) or "").replace("\0", "").strip() for name in heading}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None


def read_numbers(path: Path) -> list[dict[str, Any]]:
    """Lines of a CSV as `storage.campaign_numbers.add` takes them; ValueError where the heading is not as it must be."""
    rows = [_number(place, cells) for place, cells in _lines(path, HEADING)]
    known: set[str] = set()
    for row in rows:
        if row["problem"] is None and row["phone"] in known:
            row["problem"] = "duplicate"
        elif row["problem"] is None:
            known.add(row["phone"])
    return rows


def read_phones(path: Path) -> list[str]:
    """The numbers ("+62…") of a CSV with a column `number`; ValueError where it has none or a line has no single number."""
    found = []
    for place, line in _lines(path, ("number",)):
        phones = list(find_phones(line["number"]))
        if len(phones) != 1:
            raise ValueError(f"{path}: line {place} has no Indonesian mobile number")
        found.append(str(phones[0].value))
    return list(dict.fromkeys(found))


def _number(place: int, cells: Mapping[str, str]) -> dict[str, Any]:
    phones = list(find_phones(cells["number"]))
    try:
        on = date.fromisoformat(cells["consent_date"])
    except ValueError:
        on = None
    phone = str(phones[0].value) if len(phones) == 1 else None
    wording = cells["consent_wording"][:_MOST_WORDING]
    return campaign_numbers.consent_row(place, phone, cells["consent_source"], on, wording)
