"""Closing what waits for the data officer; from the command line and the desk alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from handlers import data_requests as receipts
from handlers.catalogue import Catalogue
from nlu.masking import mask
from storage import data_requests, restrictions


def close(
    connection: Connection,
    content: Catalogue,
    row: Mapping[Any, Any],
    *,
    by: str,
    told: str,
    refused: bool,
    now: datetime,
) -> None:
    """Closes a request as done (a restriction begins with it) or refused with its legal reason; the person is told.

    Numbers of identity in what is said are masked: it stays in the proof. Raises ValueError where it is closed already or nothing is said.
    """
    told = mask(told).text
    if refused:
        receipts.refuse(connection, content, row, by=by, reason=told, now=now)
        return
    counts = {}
    if row["kind"] == data_requests.RESTRICTION and row["state"] == "open":
        whom = {"chat_id": row["chat_id"], "participant_id": row["participant_id"]}
        counts = {"restrictions": restrictions.begin(connection, number=row["number"], now=now, **whom)}
    receipts.settle(connection, content, row, by=by, what=told, now=now, counts=counts)
