"""What the programme is called in messages and hosts: read from `lexicon/programme.yml`, so that no code names it."""

from __future__ import annotations

import re

import yaml

from nlu.normalise import LEXICON

_READ = yaml.safe_load((LEXICON / "programme.yml").read_text(encoding="utf-8"))
HOST_NAME: str = _READ["host_name"]  # near misses of it under .go.id are look-alikes
WORDS = "|".join(re.escape(word) for word in _READ["words"])  # ready for a regular expression
