"""Trains Rasa on Pandu's own messages; a model is kept under the hash of its data and configuration."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import yaml

from nlu import corpus
from nlu.rasa import convert, process, setup

CONFIG = Path(__file__).parent / "config.yml"
_BAR = re.compile(r"Epochs: +\d+%.*?(\d+)/(\d+) \[")
_REPORT_SECONDS = 20.0


def train(
    data_dir: Path = corpus.DATA,
    model_dir: Path | None = None,
    *,
    config: Path = CONFIG,
    progress: setup.Progress = print,
) -> Path:
    """The model file for these messages, trained now unless it is there (all of them: about an hour on two cores)."""
    found = convert.read(data_dir)
    folder = (model_dir or setup.home() / "models").absolute()
    model = folder / f"pandu-{fingerprint(found, config)}.tar.gz"
    if model.exists():
        return model
    python = setup.interpreter()
    folder.mkdir(parents=True, exist_ok=True)
    progress(f"Rasa learns {len(found)} intents from {sum(map(len, found.values()))} messages")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder, prefix="training-") as scratch:
        data = Path(scratch) / "nlu.yml"
        data.write_text(convert.to_yaml(found), encoding="utf-8")
        command: list[str | Path] = [python, "-m", "rasa", "train", "nlu", "--nlu", data, "--config", config.absolute()]
        command += ["--out", scratch, "--fixed-model-name", "model"]
        # Rasa keeps a cache in the folder where it works; here it goes with the rest
        process.run_logged(command, folder / "train.log", watch=_Watch(progress), folder=Path(scratch))
        os.replace(Path(scratch) / "model.tar.gz", model)
    progress(f"Rasa learnt in {time.monotonic() - started:.0f} s: {model}")
    return model


def fingerprint(found: convert.Messages, config: Path = CONFIG) -> str:
    """Hash of what decides a model: messages, configuration (comments do not count), Rasa's version."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    whole = json.dumps([found, settings, setup.VERSION], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def adopt(model: Path, data_dir: Path = corpus.DATA, model_dir: Path | None = None) -> Path:
    """Keeps a model trained elsewhere on the very same messages and configuration (on a faster machine, say)."""
    folder = model_dir or setup.home() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"pandu-{fingerprint(convert.read(data_dir))}.tar.gz"
    shutil.copyfile(model, kept.with_suffix(".part"))
    os.replace(kept.with_suffix(".part"), kept)
    return kept


class _Watch:
    """Turns Rasa's progress bar into a line now and then."""

    def __init__(self, progress: setup.Progress) -> None:
        self._progress = progress
        self._started = self._last = time.monotonic()

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        found = _BAR.search(line)
        if found is None or now - self._last < _REPORT_SECONDS:
            return
        self._last = now
        self._progress(f"… epoch {found[1]} of {found[2]}, {now - self._started:.0f} s")
