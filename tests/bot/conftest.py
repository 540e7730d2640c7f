"""Fixtures of the program's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot import second_programme


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample programme with its shipped model and an evaluation file."""
    return second_programme.make(tmp_path_factory.mktemp("programme") / "pack")
