"""All databases of one test process share what SQLAlchemy has compiled, as one long-running Pandu does: every test makes an engine of its
own, and without this each engine compiles the same statements again (a fifth of a dialogue's time)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_SIZE = 20_000  # more than the statements of the whole suite
_first: dict[Any, Engine] = {}


def shared_engine(url: Any, **options: Any) -> Engine:
    """As `create_engine`."""
    made = create_engine(url, query_cache_size=_SIZE, **options)
    _share(made)
    return made


def shared_async_engine(url: Any, **options: Any) -> AsyncEngine:
    """As `create_async_engine`."""
    made = create_async_engine(url, query_cache_size=_SIZE, **options)
    _share(made.sync_engine)
    return made


def _share(engine: Engine) -> None:
    """A compiled statement belongs to a dialect object: the first one of its kind that has met its database serves them all."""
    kind = (engine.driver, engine.dialect._json_serializer)  # type: ignore[attr-defined]
    first = _first.get(kind)
    if first is None or first.dialect.server_version_info is None:
        _first[kind] = engine
        return
    engine.dialect = first.dialect
    engine._compiled_cache = first._compiled_cache
