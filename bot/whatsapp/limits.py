"""WhatsApp's numbers, each with the page it comes from; tests/bot/whatsapp/test_limits.py pins them.

Pages without a host stand under https://developers.facebook.com/documentation/business-messaging/whatsapp/.
"""

from __future__ import annotations

from typing import Final

# --- receiving -------------------------------------------------------------------------------------------------------

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"  # webhooks/create-webhook-endpoint
SIGNATURE_PREFIX: Final = "sha256="  # the same
WEBHOOK_FIELDS: Final = (  # what setup subscribes to; account.py and receive.py read them, webhooks/overview
    "messages",
    "user_preferences",
    "message_template_status_update",
    "message_template_quality_update",
    "template_category_update",
    "phone_number_quality_update",
    "phone_number_name_update",
    "business_capability_update",
    "account_update",
    "account_alerts",
    "account_review_update",
    "security",
)
WEBHOOK_BODY_BYTES: Final = 3 * 1_048_576  # "up to 3 MB", webhooks/overview
WEBHOOK_UPDATES: Final = 1_000  # may be joined in one request, never promised: webhooks/overview
WEBHOOK_MEDIAN_SECONDS: Final = 0.25  # the answer's median, throughput
WEBHOOK_SLOW_SECONDS: Final = 1.0  # fewer than 1 % of the answers may take longer, throughput
WEBHOOK_REPEATS_DAYS: Final = 7  # an event is repeated so long, webhooks/overview (webhooks/create… says 36 hours)
CHALLENGE_CHARACTERS: Final = 256  # ours: `hub.challenge` is a short number, and it is echoed
UNAVAILABLE_RETRY_SECONDS: Final = 5  # ours; Meta names no header that it honours
WINDOW_SECONDS: Final = 24 * 3600  # free-form messages after one of the person's, messages/send-messages
WINDOW_MARGIN_SECONDS: Final = 60  # ours: what is on its way while the window ends would be refused (131047)
MEDIA_IN_BYTES: Final = 100 * 1_048_576  # business-phone-numbers/media
MEDIA_URL_SECONDS: Final = 300  # life of a download address, the same
MEDIA_ID_DAYS: Final = 7  # life of a media id that came by webhook, the same
BSUID_PATTERN: Final = r"[A-Z]{2}\.[A-Za-z0-9]{1,128}"  # business-scoped-user-ids

# --- sending ---------------------------------------------------------------------------------------------------------

TEXT_CHARACTERS: Final = 4_096  # messages/text-messages
CAPTION_CHARACTERS: Final = 1_024  # "Maximum 1024 characters", messages/image-messages
UPLOAD_DAYS: Final = 29  # ours, of the 30 that an uploaded file lives: business-phone-numbers/media
BUTTONS: Final = 3  # messages/interactive-reply-buttons-messages
BUTTON_TITLE: Final = 20  # the same
BUTTON_ID: Final = 256  # the same
BUTTONS_BODY: Final = 1_024  # the same
LIST_ROWS: Final = 10  # over all sections, messages/interactive-list-messages
LIST_SECTIONS: Final = 10  # the same
LIST_ROW_TITLE: Final = 24  # the same
LIST_ROW_DESCRIPTION: Final = 72  # the same
LIST_ROW_ID: Final = 200  # the same
LIST_SECTION_TITLE: Final = 24  # the same
LIST_BUTTON: Final = 20  # the same
LIST_BODY: Final = 4_096  # the same
LINK_TITLE: Final = 20  # messages/interactive-cta-url-messages
LINK_BODY: Final = 1_024  # the same
LINK_CHARACTERS: Final = 2_000  # of its address; told for template buttons alone, templates/components
CONTACT_BODY: Final = 1_024  # business-scoped-user-ids (request_contact_info) names none: as the other one-button kinds
HEADER: Final = 60  # of every interactive kind, the three pages above
FOOTER: Final = 60  # the same
CALLBACK_DATA_CHARACTERS: Final = 512  # ours, `biz_opaque_callback_data`: messages/send-messages names no length
READ_DAYS: Final = 30  # how old a message may be to be marked as read, messages/mark-message-as-read
TYPING_SECONDS: Final = 25  # typing-indicators

# --- speed, price ----------------------------------------------------------------------------------------------------

PERSON_SECONDS: Final = 6.0  # one message to the same person every so often, about-the-platform#rate-limits
PERSON_BURST: Final = 45  # … or so many within `PERSON_SECONDS`, then a pause as long as they would have taken
PAIR_RETRY_BASE: Final = 4  # after error 131056 wait 4^n seconds, the same
PAIR_WAIT_SECONDS: Final = 256.0  # ours: 4^4, the longest wait after a refusal for the pace
PEOPLE_REMEMBERED: Final = 5_000  # ours: whose pace a process keeps in mind
MARKS_IN_FLIGHT: Final = 32  # ours: read marks under way at a time; further ones are left out
THROUGHPUT: Final = 80  # messages a second, sent and received together, throughput
THROUGHPUT_RAISED: Final = 1_000  # … with an unlimited messaging limit and much use, throughput
THROUGHPUT_SHARED: Final = 20  # … of a number that is in the business app too, throughput
TIERS: Final = (250, 2_000, 10_000, 100_000)  # unique people outside the window in 24 h; then none: messaging-limits
TIER_UNKNOWN: Final = 250  # ours: until Meta has told the limit, the lowest counts
MANAGEMENT_CALLS_PER_HOUR: Final = 200  # for an app and account, 5,000 for active ones: about-the-platform#rate-limits
CAP_ALARM: Final = 0.8  # ours: the share of the monthly cap at which operators are warned

# --- templates -------------------------------------------------------------------------------------------------------

TEMPLATE_NAME_PATTERN: Final = r"[a-z0-9_]{1,512}"  # templates/components
TEMPLATE_BODY: Final = 1_024  # the same
TEMPLATE_HEADER: Final = 60  # the same
TEMPLATE_FOOTER: Final = 60  # the same
TEMPLATE_QUICK_REPLY: Final = 25  # the same
TEMPLATE_BUTTONS: Final = 10  # the same
TEMPLATES: Final = 250  # of an account that is not verified, templates/overview
TEMPLATES_VERIFIED: Final = 6_000  # … of a verified one, the same
TEMPLATES_PER_HOUR: Final = 100  # new ones, the same
TEMPLATE_TTL_SECONDS: Final = (30, 43_200)  # own life of a utility template, templates/time-to-live
