"""Fixtures of the handlers' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers.sample_talk import SampleTalk
from tests.handlers.talking import memory


@pytest.fixture
def talk() -> Iterator[SampleTalk]:
    """A conversation on Telegram among the demo's invented people."""
    with memory() as connection:
        yield SampleTalk(connection)
