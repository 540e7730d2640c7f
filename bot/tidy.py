"""Deletes old rows of the path, and wakes what was left lying, in small batches: others write between them. How long what is kept: `storage.privacy_rules`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from storage import (
    carrying,
    chats,
    claims,
    deliveries,
    desk_sessions,
    drafts,
    exports,
    holding,
    identity,
    imports,
    inbox,
    kiosk,
    notices,
    outbox,
    people,
    pictures,
    registrations,
    secure_forms,
)
from storage.database import Database

_KEEP_EVENTS = timedelta(days=7)  # longer than Meta repeats an event (platform-rules 2.1)
_KEEP_STATES = timedelta(days=30)  # as long as a draft
_BATCH = 500
_BREATH_SECONDS = 0.05


async def once(database: Database) -> None:
    """Everything that is over now."""
    now = await database.now()
    for delete in (
        partial(inbox.delete_done, before=now - _KEEP_EVENTS),
        partial(outbox.delete_done, before=now - _KEEP_EVENTS),
        partial(holding.expire, now=now),
        deliveries.catch_up_missed,
        partial(deliveries.delete_early, before=now - _KEEP_EVENTS),
        partial(secure_forms.delete_old, before=now),
        partial(registrations.delete_expired, now=now),
        partial(claims.wake_stranded, now=now),
        partial(outbox.wake_stranded, now=now),
        partial(identity.delete_expired, now=now),
        partial(drafts.delete_expired, now=now),
        partial(exports.delete_done_hooks, before=now - _KEEP_EVENTS),
        partial(imports.delete_changes, before=now - _KEEP_STATES),
        notices.forget_old,
        partial(people.delete_old_codes, before=now),
        partial(people.delete_old_number_proofs, before=now - people.NUMBER_COUNTED),
        partial(kiosk.end_due, now=now),
        partial(carrying.delete_old_codes, before=now),
        partial(chats.forget_idle_states, before=now - _KEEP_STATES),
        partial(pictures.delete_unused, before=now - pictures.UNUSED),
        partial(desk_sessions.delete_old, now=now),
        partial(desk_sessions.delete_old_logins, now=now),
    ):
        while await database.write(partial(delete, limit=_BATCH)) == _BATCH:  # noqa: ASYNC110 - a breath between batches
            await asyncio.sleep(_BREATH_SECONDS)
