"""Fixtures of the handlers' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.handlers.sample_talk import SampleTalk, sampled
from tests.handlers.talking import memory


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database with one chat."""
    with memory() as made:
        yield made


@pytest.fixture
def talk() -> Iterator[SampleTalk]:
    """A conversation on Telegram among the demo's invented people."""
    with sampled() as made:
        yield SampleTalk(made)
