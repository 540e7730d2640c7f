"""WhatsApp's dated list prices (prices.yml), by which `storage.charges.estimate` turns counts into money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import yaml

PATH: Final = Path(__file__).with_name("prices.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The list as of a day; `by_category` in whole units of the currency."""

    as_of: date
    currency: str
    by_category: dict[str, Decimal]


@cache
def load(path: Path = PATH) -> Prices:
    """Reads the list. Raises for one that is broken: it is part of the program."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    prices = {str(name): Decimal(price) for name, price in found["prices"].items()}
    return Prices(as_of=found["as_of"], currency=found["currency"], by_category=prices)
