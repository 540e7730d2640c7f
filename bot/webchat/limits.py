"""The web chat's numbers, each with its reason; tests/bot/webchat/test_limits.py pins them."""

from typing import Final

# --- receiving -------------------------------------------------------------------------------------------------------

BODY_BYTES: Final = 65_536  # a text of 10,000 characters (40,000 bytes, more when escaped) is cut by us, not refused
SMALL_BODY_BYTES: Final = 8_192  # every other request
MESSAGE_ID: Final = r"[A-Za-z0-9_-]{1,64}"  # fits an event id of 160 characters beside the address
SESSION: Final = r"[A-Za-z0-9_-]{43,128}"  # 43 characters of base64url carry 256 bits
SESSION_BYTES: Final = 32  # 256 bits: not to be guessed, and enough for one chat a person for ever
ADDRESS_IN_EVENT: Final = 32  # characters of the chat's address in an event id: 128 bits, two people never clash
VERSION_MAX: Final = 2**31 - 1  # the dialogue counts its options' versions in a 32 bit number
OPTION_MAX: Final = 99  # no reply has more; a typed number has at most two digits
MESSAGES_BURST: Final = 60  # messages at once from one session: a page that comes out of a tunnel with its queue
MESSAGES_PER_SECOND: Final = 1.0  # and then: nobody types faster
READS_BURST: Final = 120
READS_PER_SECOND: Final = 4.0  # a page asks once and waits; this is for pages built by others
# By address, behind which a whole carrier's customers may stand (CGNAT is the rule in Indonesia): only floods of one machine are stopped.
ADDRESS_SESSIONS_BURST: Final = 200
ADDRESS_SESSIONS_PER_SECOND: Final = 2.0
ADDRESS_REQUESTS_BURST: Final = 1_200
ADDRESS_REQUESTS_PER_SECOND: Final = 60.0
SESSIONS_KEPT: Final = 20_000  # sessions whose pace is remembered (about 200 bytes each)
RETRY_SECONDS: Final = 5  # after 503: an SQLite file or a PostgreSQL that restarts is back by then

KIOSK_BURST: Final = 20  # sessions of shared screens opened at once in one process: an office has a few screens
KIOSK_PER_SECOND: Final = 0.2  # and then: each one makes a row before its first message

# --- sending ---------------------------------------------------------------------------------------------------------

WAIT_SECONDS: Final = 25.0  # proxies and mobile networks cut silent connections after 30 s
REPLIES: Final = 50  # in one answer; more follow at once
WAITERS_PER_SESSION: Final = 4  # tabs of one person; a fifth ends the oldest
WAITERS: Final = 10_000  # in one process (about 5 KB each); above it, 503
NET_SECONDS: Final = 1.0  # how often a process looks for what another one has sent
AFTER_MARK_SECONDS: Final = 0.03  # marks of sends are grouped within 20 ms (design, path of a message)
OVERLAP_SECONDS: Final = 10.0  # what was committed late is still found: marks are transactions of milliseconds
HANDED: Final = 10_000  # sends whose mark may not be committed yet
