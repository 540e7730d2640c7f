"""Telegram's numbers, each with the page it comes from; tests/bot/telegram/test_limits.py pins them."""

from decimal import Decimal
from typing import Final

# --- receiving -------------------------------------------------------------------------------------------------------

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - https://core.telegram.org/bots/api#setwebhook
SECRET_PATTERN: Final = r"[A-Za-z0-9_-]{1,256}"  # noqa: S105 - https://core.telegram.org/bots/api#setwebhook
WEBHOOK_PORTS: Final = (443, 80, 88, 8443)  # https://core.telegram.org/bots/webhooks
WEBHOOK_CONNECTIONS: Final = 40  # default of 1–100, https://core.telegram.org/bots/api#setwebhook
WEBHOOK_BODY_BYTES: Final = 1_048_576  # ours: an Update is a few KB, a forged one may be anything
UNAVAILABLE_RETRY_SECONDS: Final = (
    5  # ours; honoured up to 3,600 s: WebhookActor.cpp, https://github.com/tdlib/telegram-bot-api
)
POLL_SECONDS: Final = 25  # ours; the server caps at 50, Client.cpp of https://github.com/tdlib/telegram-bot-api
POLL_LIMIT: Final = 100  # https://core.telegram.org/bots/api#getupdates
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")  # platform-rules 1.1
CALLBACK_LIFETIME_SECONDS: Final = 150  # Client.cpp of https://github.com/tdlib/telegram-bot-api
UPDATE_LIFETIME_SECONDS: Final = 86_400  # https://core.telegram.org/bots/api#getting-updates
ID_BITS: Final = 52  # "at most 52 significant bits", https://core.telegram.org/bots/api#chat

# --- sending ---------------------------------------------------------------------------------------------------------

TEXT_CHARACTERS: Final = 4096  # after entities are parsed, https://core.telegram.org/bots/api#sendmessage
CAPTION_CHARACTERS: Final = 1024  # https://core.telegram.org/bots/api#sendphoto
CALLBACK_DATA_BYTES: Final = 64  # bytes, not characters, https://core.telegram.org/bots/api#inlinekeyboardbutton
CALLBACK_ANSWER_CHARACTERS: Final = 200  # https://core.telegram.org/bots/api#answercallbackquery
KEYBOARD_BUTTONS: Final = 100  # as observed: constants.py, https://github.com/python-telegram-bot/python-telegram-bot
KEYBOARD_ROW: Final = 8  # the same
SHORT_LABEL: Final = 14  # ours: two labels up to this length fit side by side on a narrow phone
CHAT_PER_SECOND: Final = 1.0  # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
ALL_PER_SECOND: Final = 30.0  # the same; without paying
PAID_PER_SECOND: Final = (
    1000.0  # https://core.telegram.org/bots/faq#how-can-i-message-all-of-my-bot-39s-subscribers-at-once
)
PAID_STARS: Final = Decimal("0.1")  # of each message above the free rate that has succeeded, the same
PAID_MINIMUM: Final = 10_000  # Stars in the balance, and users a month, the same
UNPAID_SECONDS: Final = 60.0  # ours: so long nothing is tried after Telegram has refused to take Stars
START_PAYLOAD: Final = r"[A-Za-z0-9_-]{1,64}"  # https://core.telegram.org/bots/features#deep-linking
FLOOD_CHATS: Final = 3  # ours: 429 for so many chats …
FLOOD_SECONDS: Final = 10.0  # … within this time means that the whole account is too fast (platform-rules 1.3)

# --- set-up ----------------------------------------------------------------------------------------------------------

COMMANDS: Final = 100  # https://core.telegram.org/bots/api#setmycommands
COMMAND_PATTERN: Final = r"[a-z0-9_]{1,32}"  # https://core.telegram.org/bots/api#botcommand
COMMAND_DESCRIPTION: Final = 256  # https://core.telegram.org/bots/api#botcommand
DESCRIPTION: Final = 512  # https://core.telegram.org/bots/api#setmydescription
SHORT_DESCRIPTION: Final = 120  # https://core.telegram.org/bots/api#setmyshortdescription
