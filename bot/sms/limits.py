"""SMS's numbers, each with the page it comes from; tests/bot/sms/test_limits.py pins them. Lengths of texts: handlers/gsm7.py."""

from typing import Final

# --- texts -----------------------------------------------------------------------------------------------------------

PARTS: Final = 2  # ours (design): more cost more than they say
COUNTRY: Final = "+62"  # https://www.twilio.com/en/guidelines/id/sms
NUMBER_PATTERN: Final = (
    r"\+628[0-9]{7,11}"  # mobile numbers alone: no SMS to landlines (the same page); E.164, at most 15 digits
)
SHORT_CODE_PATTERN: Final = r"[0-9]{3,8}"  # ours: what people write to where it is no long number
LETTERS_SENDER: Final = 11  # characters of a sender of letters, which nobody can answer (platform-rules 3.2)

# --- a telephone as gateway: https://docs.sms-gate.app, https://github.com/capcom6/android-sms-gateway ---------------

ID_CHARACTERS: Final = (
    36  # `id`: validate:"omitempty,max=36" in smsgateway/domain_messages.go of android-sms-gateway/client-go
)
TTL_SECONDS: Final = 3_600  # ours, at least 5 (the same file): an answer that leaves later helps nobody
SIMS: Final = (1, 2, 3)  # simNumber, the same file
PRIORITY: Final = 100  # from here on a message passes the app's own delays: docs/features/sending-messages.md
SIGNATURE_HEADER: Final = "X-Signature"  # HMAC-SHA256 of body + timestamp, hexadecimal: docs/features/webhooks.md
TIMESTAMP_HEADER: Final = "X-Timestamp"  # Unix seconds, the same page
REPEATS_SECONDS: Final = (
    3 * 86_400
)  # the app tries 14 times, about two days (the same page); inbox rows are kept longer
CLOCK_AHEAD_SECONDS: Final = 600  # ours: a telephone's clock is not always right
WEBHOOK_SECONDS: Final = 30  # "must respond with a 2xx status within 30 seconds", the same page
QUEUE_FULL_SECONDS: Final = 60.0  # ours: 503 QueueLimitExceeded, docs/blog/posts/2026-05-06_message-queue-limits.md

# --- both ------------------------------------------------------------------------------------------------------------

WEBHOOK_BODY_BYTES: Final = 65_536  # ours: an SMS is a few hundred
WEBHOOK_MESSAGES: Final = 100  # ours: of one body
UNAVAILABLE_RETRY_SECONDS: Final = 5  # ours
ANSWER_BYTES: Final = 65_536  # ours: how much of a gateway's answer is read
CONNECT_SECONDS: Final = 10.0  # ours: up to here nothing has left
REQUEST_SECONDS: Final = 9.0  # ours: shorter than the ten seconds that a stop may take
THROTTLED_SECONDS: Final = 10.0  # ours: of a 429 that does not say how long
LONGEST_THROTTLE: Final = 3_600.0  # ours
PIECES: Final = 10  # ours: parts of one inbound message (255 by 3GPP TS 23.040)
PIECES_SECONDS: Final = 60  # ours: how long the other parts are waited for
CAP_ALARM: Final = 0.8  # ours: the share of the monthly cap at which operators are warned
EVENT_ID_CHARACTERS: Final = 120  # ours, of the 160 that the inbox keeps
