"""Fixtures of the program's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import storage.database
from nlu.embedded import DATA, MODEL, EmbeddedEngine
from tests.bot import second_programme


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample programme with its shipped model and an evaluation file."""
    return second_programme.make(tmp_path_factory.mktemp("programme") / "pack")


@pytest.fixture(scope="session", autouse=True)
def _shipped_model_once() -> Iterator[None]:
    """Whoever loads the shipped model gets the same one: it keeps nothing of what it reads, and loading takes a third of a second."""
    load = EmbeddedEngine.load
    shipped = cache(load)

    def loaded(folder: Path = MODEL, *, data: Path = DATA) -> EmbeddedEngine:
        return shipped() if (folder, data) == (MODEL, DATA) else load(folder, data=data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedEngine, "load", loaded)
        yield


class InPlace(Executor):
    """Does at once what it is given, in the caller's thread."""

    def __init__(self, *_: object) -> None:
        """As a pool of threads, which needs a number and a name."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result, or what was raised."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@pytest.fixture
def in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite works in the test's own thread: a conversation does one thing after the other, and each hop to another thread and back
    waits for a processor. That the threads do right is the matter of tests/storage."""
    monkeypatch.setattr(storage.database, "ThreadPoolExecutor", InPlace)
