"""What Telegram's answers mean for us: one table (platform-rules 1.3 and 4), read from top to bottom."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiogram import exceptions as errors
from aiohttp import ClientConnectorError, ConnectionTimeoutError

from bot.channel import Accepted, Down, Failed, Gone, Outcome, Retry, Throttled, Unknown
from bot.telegram import limits

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PlainText:
    """Send once more without markup."""


@dataclass(frozen=True, slots=True)
class OtherChat:
    """Send once more to the chat's new id."""

    chat: int


@dataclass(frozen=True, slots=True)
class OldFile:
    """The id of a picture means nothing to Telegram (any more): upload it anew."""

    reason: str


Verdict = Outcome | PlainText | OtherChat | OldFile


@dataclass(slots=True)
class Flood:
    """Remembers who was throttled: several chats in a short time mean that the account as a whole is too fast."""

    clock: Callable[[], float]
    seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def throttled(self, seconds: float, address: str, lane: int, *, paid: bool = False) -> Throttled:
        """The wait with its scope: this chat (a reply), the broadcast lane, or the whole account.

        Of what is paid for several at once mean that Telegram does not take the Stars: replies are no faster than the free rate anyway.
        """
        now = self.clock()
        self.seen[address] = now
        self.seen = OrderedDict((chat, at) for chat, at in self.seen.items() if now - at <= limits.FLOOD_SECONDS)
        many = len(self.seen) >= limits.FLOOD_CHATS
        if paid:
            return Throttled(seconds, "lane", unpaid("429") if many else "")
        if many:
            return Throttled(seconds, "account")
        return Throttled(seconds, "lane" if lane else "chat")


@dataclass(frozen=True, slots=True)
class Row:
    """Errors of a type whose description holds the words (small letters) have this outcome."""

    error: type[BaseException]
    words: str
    outcome: Callable[[str], Verdict]


_DOWN_TOKEN: Final = "token is not valid (any more): check PANDU_TELEGRAM_TOKEN"  # noqa: S105
_DOWN_CONFLICT: Final = "another process uses this bot: stop it, or run `pandu telegram setup`"


# Words of a refusal to take Stars. Telegram does not document it: BALANCE_TOO_LOW is its error where Stars are lacking elsewhere
# (https://core.telegram.org/method/messages.sendMessage); that a person wants Stars for being written to (ALLOW_PAYMENT_REQUIRED) is theirs alone.
_UNPAID: Final = ("balance_too_low", "paid", "stars")


def unpaid(told: str) -> str:
    """What the operator must know where announcements are to be paid for and are not."""
    return (
        f"{told}; Telegram does not let announcements go faster: at least {limits.PAID_MINIMUM:,} Stars and as many users a month are wanted "
        "(docs/telegram.md); buy Stars and resume, or unset PANDU_TELEGRAM_PAID_RATE"
    )


def refused_picture(told: str) -> Failed:
    """Nobody would get this one, so the operator is told, and an announcement pauses (storage.channel_notes)."""
    return Failed(told, f"{told}; Telegram does not take the picture: make the announcement with another one")


# ids as the server's own words refuse them (FileManager.cpp and Client.cpp of https://github.com/tdlib)
_OLD_FILE: Final = (
    *("wrong file identifier", "wrong remote file", "invalid remote file", "invalid file", "can't use file of type"),
    *("file_id_invalid", "file_reference_", "media_empty"),
)
_NO_PICTURE: Final = ("photo_", "image_process_failed", "there is no photo", "photo must be", "file must be non-empty")

TABLE: Final[tuple[Row, ...]] = (
    Row(errors.TelegramForbiddenError, "", Gone),  # blocked, deactivated, kicked: nobody there will read it
    Row(errors.TelegramBadRequest, "chat not found", Gone),
    Row(errors.TelegramBadRequest, "user not found", Gone),
    Row(errors.TelegramBadRequest, "message is not modified", lambda _: Accepted()),
    Row(errors.TelegramBadRequest, "can't parse entities", lambda _: PlainText()),
    *(Row(errors.TelegramBadRequest, words, OldFile) for words in _OLD_FILE),
    *(Row(errors.TelegramBadRequest, words, refused_picture) for words in _NO_PICTURE),
    Row(errors.TelegramBadRequest, "", Failed),
    Row(errors.TelegramEntityTooLarge, "", Failed),  # aiogram files it under network errors
    Row(errors.TelegramUnauthorizedError, "", lambda _: Down(_DOWN_TOKEN)),
    Row(errors.TelegramNotFound, "", lambda _: Down(_DOWN_TOKEN)),  # a malformed token
    Row(errors.TelegramConflictError, "", lambda _: Down(_DOWN_CONFLICT)),
    Row(errors.TelegramServerError, "", Retry),
    Row(errors.ClientDecodeError, "", Unknown),  # an answer came, but no one can read it
    Row(errors.TelegramAPIError, "too many requests", lambda _: Throttled(1.0)),  # a 429 that forgot its retry_after
    Row(errors.TelegramAPIError, "", Failed),
)


def verdict(error: Exception, *, address: str, lane: int, flood: Flood, paid: bool = False) -> Verdict:
    """The outcome of a send that ended in `error`; `paid`: of one that Stars were offered for."""
    if isinstance(error, errors.TelegramRetryAfter):
        return flood.throttled(float(error.retry_after), address, lane, paid=paid)
    if isinstance(error, errors.TelegramMigrateToChat):
        return OtherChat(error.migrate_to_chat_id)
    if type(error) is errors.TelegramNetworkError:
        return _network(error)
    description = str(getattr(error, "message", type(error).__name__))
    if paid and isinstance(error, errors.TelegramBadRequest) and any(word in description.lower() for word in _UNPAID):
        return Throttled(limits.UNPAID_SECONDS, "lane", unpaid(description))
    for row in TABLE:
        if isinstance(error, row.error) and row.words in description.lower():
            found = row.outcome(description)
            return flood.throttled(found.seconds, address, lane, paid=paid) if isinstance(found, Throttled) else found
    log.error("telegram send failed in an unforeseen way", error=type(error).__name__)
    return Unknown(type(error).__name__)


def _network(error: errors.TelegramNetworkError) -> Retry | Unknown:
    """Not connected: nothing can have arrived. Anything later: it may have."""
    cause = error.__cause__
    if isinstance(cause, ClientConnectorError | ConnectionTimeoutError):
        return Retry(f"no connection ({type(cause).__name__})")
    return Unknown(f"cut ({type(cause).__name__})")
