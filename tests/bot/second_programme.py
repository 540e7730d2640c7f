"""The sample programme of examples/, trained: its model learns in seconds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from nlu.train import train

SAMPLE = Path(__file__).parents[2] / "examples" / "second_programme"
CASES = {
    "nilai vouchernya brp ya": "voucher_value",
    "voucher hilang gimana": "voucher_lost",
    "makasih ya kak": "thanks",
    "halo selamat pagi": "greet",
    "kursus menjahit ada": "course_list",
}


def make(folder: Path) -> Path:
    """A copy with its model and an evaluation file."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("model"))
    train(folder / "model", data=folder / "nlu")
    lines = [json.dumps({"text": text, "intent": intent}) for text, intent in CASES.items()]
    (folder / "evaluation.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder
