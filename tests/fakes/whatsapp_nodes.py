"""The rest of the Graph: number, account, app, templates and token, as a set-up needs them.

…/whatsapp/business-phone-numbers/registration, …/webhooks/create-webhook-endpoint, …/templates/overview,
https://developers.facebook.com/docs/graph-api/reference/app/subscriptions, …/debug_token.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

from tests.fakes import whatsapp_templates as templates
from tests.fakes.whatsapp_rules import GraphError, keys
from tests.fakes.whatsapp_sending import Sending
from tests.fakes.whatsapp_templates import Template

SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]
FIELDS = {  # of the object whatsapp_business_account: webhooks/overview
    "account_alerts account_review_update account_update business_capability_update message_template_components_update",
    "message_template_quality_update message_template_status_update messages phone_number_name_update",
    "phone_number_quality_update security template_category_update user_preferences user_id_update",
}
KNOWN_FIELDS = {name for line in FIELDS for name in line.split()}


class Nodes(Sending):
    """One `<method>_<node>[_<edge>]` each."""

    account_id: str
    app_id: str
    token: str

    def __init__(self) -> None:
        super().__init__()
        self.as_app = False  # the request came with the app's own token
        self.pin: str | None = None  # two-step verification
        self.region: str | None = None  # where data are stored
        self.quality = "GREEN"
        self.verified = False  # the organisation
        self.reviews: str | None = None  # status that a new template gets at once; None: it waits for `review`
        self.valid, self.expires, self.scopes = True, 0, list(SCOPES)
        self.callback = ""  # address of the app's subscription
        self._made: list[float] = []  # times of new templates

    async def handle(self, method: str, path: str, given: dict[str, Any]) -> Any:
        """One request; raises `GraphError`."""
        node, _, edge = path.strip("/").partition("/")
        if node == "_media" and method == "GET":
            return self.get_file(edge)
        kinds = {self.number_id: "number", self.account_id: "account", self.app_id: "app", "debug_token": "token"}
        if node in self.media and method == "GET":
            return self.get_media(node)
        kind = kinds.get(node)
        if kind is None:
            told = f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist"
            raise GraphError(100, told, error_subcode=33)
        if edge != "messages":
            self.limits.managed(self.clock(), active=self.registered)
        if self.as_app and kind not in ("app", "token"):
            raise GraphError(10, "Application does not have permission for this action")
        do = getattr(self, "_".join(part for part in (method.lower(), kind, edge) if part), None)
        if do is None:
            raise GraphError(2500, f"Unknown path components: /{edge}")
        found = do(given)
        return await found if inspect.isawaitable(found) else found

    def _fields(self, given: dict[str, Any], node: dict[str, Any], default: str) -> dict[str, Any]:
        asked = re.sub(r"\{[^{}]*\}", "", str(given.get("fields") or default)).split(",")
        wanted = [name.strip() for name in asked if name.strip()]
        if missing := [name for name in wanted if name not in node]:
            raise GraphError(100, f"Tried accessing nonexisting field ({missing[0]})")
        return {name: node[name] for name in {"id": 0} | dict.fromkeys(wanted)}

    # -- token and app ---------------------------------------------------------------------------------------------

    def get_token(self, given: dict[str, Any]) -> dict[str, Any]:
        """What a token may do."""
        if given.get("input_token") != self.token:
            return {"data": {"is_valid": False, "scopes": [], "error": {"code": 190, "message": "Invalid OAuth token"}}}
        data = {"app_id": self.app_id, "type": "SYSTEM_USER", "application": "Pandu", "is_valid": self.valid}
        return {"data": data | {"expires_at": self.expires, "scopes": self.scopes}}

    def get_app(self, given: dict[str, Any]) -> dict[str, Any]:
        """The app."""
        return self._fields(given, {"id": self.app_id, "name": "Pandu", "link": ""}, "name")

    def get_app_subscriptions(self, _given: dict[str, Any]) -> dict[str, Any]:
        """Where webhooks go."""
        self._app_alone()
        if not self.callback:
            return {"data": []}
        fields = [{"name": name, "version": "v24.0"} for name in sorted(self.webhook.fields)]
        found = {"object": "whatsapp_business_account", "callback_url": self.callback, "active": True}
        return {"data": [found | {"fields": fields}]}

    async def post_app_subscriptions(self, given: dict[str, Any]) -> dict[str, Any]:
        """Sets the callback after the challenge."""
        self._app_alone()
        keys(given, "subscription", "object callback_url verify_token fields", "include_values")
        if given["object"] != "whatsapp_business_account":
            raise GraphError(100, "object must be whatsapp_business_account here.")
        fields = given["fields"] if isinstance(given["fields"], list) else str(given["fields"]).strip("[]").split(",")
        names = {str(name).strip('" ') for name in fields}
        if wrong := sorted(names - KNOWN_FIELDS):
            raise GraphError(100, f"Invalid field {wrong[0]}")
        await self._proven(given["callback_url"], given["verify_token"])
        self.callback, self.webhook.fields = given["callback_url"], names
        self.webhook.url = self.callback
        return {"success": True}

    def delete_app_subscriptions(self, _given: dict[str, Any]) -> dict[str, Any]:
        """No webhooks any more."""
        self._app_alone()
        self.callback, self.webhook.url = "", None
        return {"success": True}

    def _app_alone(self) -> None:
        if not self.as_app:
            raise GraphError(10, "This method must be called with an app access token.")

    async def _proven(self, url: str, token: str) -> None:
        if not re.match(r"https://|http://(?:127\.0\.0\.1|localhost)[:/]", url):
            raise GraphError(2200, "The callback URL must be HTTPS.")
        if not await self.webhook.challenge(url, token):
            raise GraphError(2200, "The URL couldn't be validated. Callback verification failed.")

    # -- number ----------------------------------------------------------------------------------------------------

    def get_number(self, given: dict[str, Any]) -> dict[str, Any]:
        """How the number stands."""
        node = {
            "id": self.number_id,
            "display_phone_number": f"+{self.display[:2]} {self.display[2:5]}-{self.display[5:9]}-{self.display[9:]}",
            "verified_name": "Pandu",
            "quality_rating": self.quality,
            "code_verification_status": "VERIFIED",
            "name_status": "APPROVED",
            "status": "CONNECTED" if self.registered else "PENDING",
            "platform_type": "CLOUD_API" if self.registered else "NOT_APPLICABLE",
            "throughput": {"level": "STANDARD" if self.limits.throughput <= 80 else "HIGH"},
            "account_mode": "LIVE",
            "is_official_business_account": False,
            "is_pin_enabled": self.pin is not None,
            "messaging_limit_tier": self.limits.tier,
            "whatsapp_business_manager_messaging_limit": self.limits.tier,
            "webhook_configuration": {"application": self.callback},
            "health_status": {"can_send_message": "AVAILABLE" if self.registered else "BLOCKED"},
        }
        return self._fields(given, node, "verified_name,display_phone_number,quality_rating,code_verification_status")

    def get_number_settings(self, _given: dict[str, Any]) -> dict[str, Any]:
        """Where data are stored."""
        state = "IN_COUNTRY_STORAGE_ENABLED" if self.region else "DEFAULT"
        stored = {"status": state} | ({"data_localization_region": self.region} if self.region else {})
        return {"storage_configuration": stored}

    def post_number_settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Chooses the region; only while the number is not registered (local-storage)."""
        wanted = keys(given, "settings", "storage_configuration")["storage_configuration"]
        keys(wanted, "storage_configuration", "status", "data_localization_region retention_minutes")
        if self.registered:
            raise GraphError(100, "The storage configuration can be changed only while the number is not registered.")
        self.region = wanted.get("data_localization_region")
        return {"success": True}

    def post_number_register(self, given: dict[str, Any]) -> dict[str, Any]:
        """Registers with the six digits of two-step verification."""
        keys(given, "register", "messaging_product pin", "data_localization_region")
        if not re.fullmatch(r"\d{6}", str(given["pin"])):
            raise GraphError(100, "Param pin must be 6 digits.")
        if self.pin not in (None, str(given["pin"])):
            raise GraphError(133005, "Two step verification PIN Mismatch")
        if given.get("data_localization_region") and not self.registered:
            self.region = given["data_localization_region"]
        self.pin, self.registered = str(given["pin"]), True
        return {"success": True}

    def post_number_deregister(self, _given: dict[str, Any]) -> dict[str, Any]:
        """Takes the number off."""
        self.registered = False
        return {"success": True}

    # -- account ---------------------------------------------------------------------------------------------------

    def get_account(self, given: dict[str, Any]) -> dict[str, Any]:
        """How the account stands."""
        state = "verified" if self.verified else "not_verified"
        node = {"id": self.account_id, "name": "Pandu", "currency": "IDR", "timezone_id": "66"}
        node |= {"account_review_status": "APPROVED", "business_verification_status": state, "country": "ID"}
        node |= {"message_template_namespace": "fake", "whatsapp_business_manager_messaging_limit": self.limits.tier}
        return self._fields(given, node, "name,currency,timezone_id,message_template_namespace")

    def get_account_phone_numbers(self, _given: dict[str, Any]) -> dict[str, Any]:
        """Its numbers."""
        return {"data": [self.get_number({})]}

    def get_account_subscribed_apps(self, _given: dict[str, Any]) -> dict[str, Any]:
        """Which apps hear of it."""
        app = {"whatsapp_business_api_data": {"id": self.app_id, "name": "Pandu", "link": ""}}
        return {"data": [app] if self.subscribed else []}

    async def post_account_subscribed_apps(self, given: dict[str, Any]) -> dict[str, Any]:
        """Lets the app hear of it, at another address if wanted (webhooks/override)."""
        keys(given, "subscribed_apps", "", "override_callback_uri verify_token")
        if "override_callback_uri" in given:
            await self._proven(given["override_callback_uri"], given.get("verify_token", ""))
            self.webhook.url = given["override_callback_uri"]
        self.subscribed = True
        return {"success": True}

    def delete_account_subscribed_apps(self, _given: dict[str, Any]) -> dict[str, Any]:
        """The app hears no more."""
        self.subscribed = False
        return {"success": True}

    # -- templates -------------------------------------------------------------------------------------------------

    def get_account_message_templates(self, given: dict[str, Any]) -> dict[str, Any]:
        """A page of templates."""
        wanted = {name.strip() for name in str(given.get("fields") or "").split(",") if name.strip()}
        found = [one for one in self.templates.values() if given.get("status", one.status) == one.status]
        found = [one for one in found if given.get("name", one.name) == one.name]
        start, size = int(given.get("after") or 0), int(given.get("limit") or 25)
        page = {"data": [one.told(wanted) for one in found[start : start + size]]}
        if not page["data"]:
            return page
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + size)}}
        if start + size < len(found):
            address = f"{self.base}/v24.0/{self.account_id}/message_templates?limit={size}&after={start + size}"
            paging["next"] = address + (f"&fields={given['fields']}" if given.get("fields") else "")
        return page | {"paging": paging}

    def post_account_message_templates(self, given: dict[str, Any]) -> dict[str, Any]:
        """Submits one for review."""
        template = self.add_template(templates.checked(given))
        return {"id": template.id, "status": template.status, "category": template.category}

    def add_template(self, given: dict[str, Any]) -> Template:
        """Keeps a checked template; raises where there is no room."""
        key, now = (given["name"], given["language"]), self.clock()
        if key in self.templates:
            raise templates.refused(2388024, "Content in this language already exists", "The name is taken.")
        if len(self.templates) >= (templates.ROOM_VERIFIED if self.verified else templates.ROOM_UNVERIFIED):
            raise templates.refused(2388019, "Message Template Limit Exceeded", "Delete templates.")
        self._made = [at for at in self._made if at > now - 3600]
        if len(self._made) >= templates.AN_HOUR:
            raise GraphError(80007, "100 templates an hour.")
        self._made.append(now)
        components = json.loads(json.dumps(given["components"]))
        template = Template(str(80_000_000 + len(self.templates)), *key, given["category"], components)
        template.status = self.reviews or "PENDING"
        self.templates[key] = template
        return template

    def delete_account_message_templates(self, given: dict[str, Any]) -> dict[str, Any]:
        """Deletes a name in all languages."""
        gone = [key for key in self.templates if key[0] == given.get("name")]
        if not gone:
            raise templates.refused(2593002, "Message template not found", "There is none of this name.")
        for key in gone:
            del self.templates[key]
        return {"success": True}

    def review(self, name: str, status: str = "APPROVED", *, language: str = "id", reason: str = "NONE") -> Template:
        """Meta decides: APPROVED, REJECTED, PAUSED, DISABLED; the app is told."""
        template = self.templates[name, language]
        template.status, template.reason = status, reason
        value: dict[str, Any] = {"event": status, "message_template_id": int(template.id), "reason": reason}
        value |= {"message_template_name": name, "message_template_language": language}
        self.tell("message_template_status_update", value)
        return template
