"""From a fresh app to a working webhook, step by step: each looks at Meta's side, mends what the API can mend, and says the rest.

Pages: …/whatsapp/business-phone-numbers/registration, …/local-storage, …/webhooks/create-webhook-endpoint, …/solution-providers/manage-webhooks
below https://developers.facebook.com/documentation/business-messaging/whatsapp/.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from bot.settings import Settings
from bot.settings_check import whatsapp_problems
from bot.whatsapp import limits
from bot.whatsapp.client import Graph, GraphError

SCOPES: Final = ("whatsapp_business_messaging", "whatsapp_business_management")
_NUMBER_FIELDS: Final = (
    "display_phone_number,verified_name,status,name_status,code_verification_status,quality_rating,"
    "whatsapp_business_manager_messaging_limit"
)
_CHALLENGE_FAILED: Final = 2200


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one step stands."""

    name: str
    told: str = ""  # what was found or done
    mend: str = ""  # what the operator has to do; "" where all is well
    stops: bool = False  # the later steps make no sense before it is mended


@dataclass(slots=True)
class Setup:
    """One run over the steps. `changes`: what the API can mend is mended."""

    settings: Settings
    graph: Graph
    changes: bool = False
    region: str = ""  # where messages are to be kept: a country's code, or "none"; "": not decided
    pin: str = ""  # six digits of two-step verification, chosen by the operator
    number: dict[str, Any] = field(default_factory=dict)  # as Meta tells it

    @property
    def callback(self) -> str:
        """Where Meta is to deliver."""
        return f"{self.settings.public_url.rstrip('/')}/whatsapp/{self.settings.whatsapp_number_id}"

    @property
    def app_token(self) -> str:
        """The app's own token, for what concerns the app (https://developers.facebook.com/docs/facebook-login/guides/access-tokens)."""
        return f"{self.settings.whatsapp_app_id}|{self.settings.whatsapp_app_secret}"

    @property
    def registered(self) -> bool:
        """Whether the number takes messages."""
        return self.number.get("status") == "CONNECTED"


async def walk(setup: Setup) -> AsyncIterator[Step]:
    """The steps in order, up to one that stops; what Meta refuses is a step to mend, no exception."""
    for name, look in STEPS:
        try:
            step = await look(setup, name)
        except GraphError as error:
            step = Step(name=name, told=str(error), mend="see docs/whatsapp.md, Errors", stops=True)
        yield step
        if step.stops:
            return


async def _settings(setup: Setup, name: str) -> Step:
    missing = whatsapp_problems(setup.settings)
    address = urlsplit(setup.settings.public_url)
    local = address.hostname in ("127.0.0.1", "localhost") and not setup.settings.whatsapp_api.startswith("https:")
    if not setup.settings.whatsapp_app_id:
        missing.append("PANDU_WHATSAPP_APP_ID is unset: in the app: Settings > Basic")
    if address.scheme != "https" and not local:
        missing.append("PANDU_PUBLIC_URL is no https address: Meta delivers to https with a valid certificate alone")
    return Step(name=name, told=f"webhook {setup.callback}", mend="; ".join(missing), stops=bool(missing))


async def _token(setup: Setup, name: str) -> Step:
    try:
        answer = await setup.graph.get("debug_token", token=setup.app_token, input_token=setup.settings.whatsapp_token)
    except GraphError as error:
        if error.refusal is None or error.refusal.code != 190:
            raise
        mend = (
            "PANDU_WHATSAPP_APP_ID and PANDU_WHATSAPP_APP_SECRET do not belong together: in the app, Settings > Basic"
        )
        return Step(name=name, told=str(error), mend=mend, stops=True)
    data = answer.get("data") or {}
    if not data.get("is_valid"):
        mend = (
            "business.facebook.com > Settings > System users > the user > Generate token, for this app, never expiring"
        )
        return Step(name=name, told="Meta does not know this token", mend=mend, stops=True)
    if str(data.get("app_id")) != setup.settings.whatsapp_app_id:
        return Step(name=name, told="the token belongs to another app", mend="make one for this app", stops=True)
    if lacking := [scope for scope in SCOPES if scope not in (data.get("scopes") or ())]:
        mend = f"generate it again with {' and '.join(lacking)}; give the system user full control of the account"
        return Step(name=name, told="the token may not do enough", mend=mend, stops=True)
    if data.get("expires_at"):
        return Step(name=name, told="the token ends by itself", mend="make one of a system user that never expires")
    return Step(name=name, told="valid, does not expire")


async def _number(setup: Setup, name: str) -> Step:
    setup.number = await setup.graph.get(setup.settings.whatsapp_number_id, fields=_NUMBER_FIELDS)
    owned = await setup.graph.get(f"{setup.settings.whatsapp_account_id}/phone_numbers")
    told = f"{setup.number.get('display_phone_number')} ({setup.number.get('verified_name')})"
    if setup.settings.whatsapp_number_id not in [str(one.get("id")) for one in owned.get("data", ())]:
        mend = "PANDU_WHATSAPP_ACCOUNT_ID is not the account of this number: in the app, WhatsApp > API setup"
        return Step(name=name, told=told, mend=mend, stops=True)
    if setup.number.get("code_verification_status") not in ("VERIFIED", None) and not setup.registered:
        mend = "WhatsApp Manager > Phone numbers > the number > Verify, by SMS or call"
        return Step(name=name, told=f"{told}, not verified", mend=mend, stops=True)
    return Step(name=name, told=told)


async def _region(setup: Setup, name: str) -> Step:
    """Where messages are kept can be chosen only while the number is not registered (local-storage)."""
    path = f"{setup.settings.whatsapp_number_id}/settings"
    held = (await setup.graph.get(path)).get("storage_configuration") or {}
    kept = str(held.get("data_localization_region") or "") or "Meta's own centres"
    if setup.registered:
        wanted = setup.region and setup.region not in ("none", kept)
        mend = "it can be changed only after the number is deregistered" if wanted else ""
        return Step(name=name, told=f"messages are kept in {kept}", mend=mend)
    if not setup.region:
        mend = (
            "decide before the number is registered, afterwards only deregistering it helps: `--region ID` keeps messages in "
            "Indonesia (government offices usually need that), `--region none` in Meta's own centres"
        )
        return Step(name=name, told="not decided", mend=mend, stops=True)
    if setup.region == "none" or setup.region == kept or not setup.changes:
        return Step(name=name, told=f"messages are kept in {kept}")
    chosen = {"status": "IN_COUNTRY_STORAGE_ENABLED", "data_localization_region": setup.region}
    await setup.graph.post(path, {"storage_configuration": chosen})
    return Step(name=name, told=f"messages will be kept in {setup.region}")


async def _registration(setup: Setup, name: str) -> Step:
    if setup.registered:
        return Step(name=name, told="registered")
    if not (setup.changes and re.fullmatch(r"[0-9]{6}", setup.pin)):
        mend = "choose six digits, keep them in a safe place, and run setup with PANDU_WHATSAPP_PIN=…"
        return Step(name=name, told="not registered", mend=mend, stops=True)
    body = {"messaging_product": "whatsapp", "pin": setup.pin}
    await setup.graph.post(f"{setup.settings.whatsapp_number_id}/register", body)
    setup.number["status"] = "CONNECTED"
    return Step(name=name, told="registered now; the PIN is needed for each new registration")


async def _account(setup: Setup, name: str) -> Step:
    path = f"{setup.settings.whatsapp_account_id}/subscribed_apps"
    heard = (await setup.graph.get(path)).get("data", ())
    apps = [str((one.get("whatsapp_business_api_data") or {}).get("id")) for one in heard]
    if setup.settings.whatsapp_app_id in apps:
        others = len(apps) - 1
        return Step(name=name, told="the app hears of it" + (f"; so do {others} others" if others else ""))
    if not setup.changes:
        return Step(name=name, told="the app does not hear of it", mend="run `pandu whatsapp setup`")
    await setup.graph.post(path, {})
    return Step(name=name, told="the app hears of it now")


async def _webhook(setup: Setup, name: str) -> Step:
    path = f"{setup.settings.whatsapp_app_id}/subscriptions"
    held = (await setup.graph.get(path, token=setup.app_token)).get("data", ())
    mine: dict[str, Any] = next((one for one in held if one.get("object") == "whatsapp_business_account"), {})
    fields = {str(one.get("name")) for one in mine.get("fields", ()) if isinstance(one, dict)}
    if mine.get("callback_url") == setup.callback and set(limits.WEBHOOK_FIELDS) <= fields:
        return Step(name=name, told=setup.callback)
    if not setup.changes:
        was = f"{mine.get('callback_url') or 'none'}, {len(fields)} fields"
        return Step(name=name, told=f"Meta has {was}", mend="run `pandu whatsapp setup` while `pandu run` is up")
    body = {
        "object": "whatsapp_business_account",
        "callback_url": setup.callback,
        "verify_token": setup.settings.whatsapp_verify_token,
        "fields": ",".join(limits.WEBHOOK_FIELDS),
    }
    try:
        await setup.graph.post(path, body, token=setup.app_token)
    except GraphError as error:
        if error.refusal is None or error.refusal.code != _CHALLENGE_FAILED:
            raise
        mend = (
            "Meta asked this address and got no right answer: is `pandu run` up with the same "
            "PANDU_WHATSAPP_VERIFY_TOKEN, is the address reachable from outside, is its certificate valid?"
        )
        return Step(name=name, told=setup.callback, mend=mend, stops=True)
    return Step(name=name, told=f"{setup.callback}, set now")


async def _standing(setup: Setup, name: str) -> Step:
    quality = setup.number.get("quality_rating") or "UNKNOWN"
    limit = setup.number.get("whatsapp_business_manager_messaging_limit") or "unknown"
    told = (
        f"quality {quality}, people a day outside the window: {limit}, display name {setup.number.get('name_status')}"
    )
    mend = {
        "RED": "people block or report the number: look at what goes out unasked",
        "YELLOW": "people begin to block the number: look at what goes out unasked",
    }.get(str(quality), "")
    return Step(name=name, told=told, mend=mend)


STEPS: Final[tuple[tuple[str, Callable[[Setup, str], Awaitable[Step]]], ...]] = (
    ("settings", _settings),
    ("token", _token),
    ("number", _number),
    ("storage region", _region),
    ("registration", _registration),
    ("account", _account),
    ("webhook", _webhook),
    ("standing", _standing),
)
