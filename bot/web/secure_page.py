"""The secure form's pages as HTML: small, with labels, without scripts, readable by screen readers and old phones."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from string import Template

from sqlalchemy import RowMapping

from handlers.catalogue import Catalogue
from handlers.secure import Checked
from handlers.turn import ZONES, Policy

STYLE = (
    "body{margin:0 auto;padding:1rem;max-width:32rem;font:1.125rem/1.5 sans-serif;color:#111;background:#fff}"
    "h1{font-size:1.5rem}label{display:block;margin-top:1rem;font-weight:bold}"
    "input[type=text]{box-sizing:border-box;width:100%;padding:.75rem;font:inherit;border:2px solid #555}"
    ".hint,.small{color:#444;font-size:1rem;margin:.25rem 0}.wrong{border:2px solid #b00020;padding:0 1rem}"
    ".error{color:#b00020;margin:.25rem 0}.check{font-weight:normal}input[type=checkbox]{width:1.5rem;height:1.5rem}"
    "button{margin-top:1.5rem;padding:.75rem 2rem;font:inherit;font-weight:bold;color:#fff;background:#0b5394;border:0}"
    "form+.small{margin-top:1.5rem}"
    ":focus{outline:3px solid #f4b400;outline-offset:2px}"
)
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

_PAGE = Template(
    '<!doctype html><html lang="id"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>$title – Pandu</title><style>$style</style></head><body><main><h1>$title</h1>$body</main></body></html>"
)
_FIELD = Template(
    '<label for="$name">$label</label><p class="hint" id="$name-hint">$hint</p>$error'
    '<input type="text" id="$name" name="$name" value="$value" autocomplete="off"$mode '
    'aria-describedby="$name-hint$described"$invalid required>'
)
_NUMERIC = ("nik", "kk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Makes the pages out of the catalogue's sentences."""

    catalogue: Catalogue
    policy: Policy

    def form(self, row: RowMapping, *, typed: Mapping[str, str] | None = None, checked: Checked | None = None) -> str:
        """The form; with `typed` and `checked`, what was typed and what is to be corrected or confirmed."""
        wrong = dict(checked.errors) if checked else {}
        odd = dict(checked.doubts) if checked and not wrong else {}
        purpose = self._say(self._purpose(row["purpose"]), transfer=self.policy.identity_transfer)
        parts = [f"<p>{self._say('secure_page_intro')}</p>", f"<p>{purpose}</p>"]
        if wrong or odd:
            heading = self._say("secure_page_errors" if wrong else "secure_page_doubts")
            listed = "".join(f"<li>{self._say(key)}</li>" for key in (wrong or odd).values())
            parts.append(f'<div class="wrong" role="alert"><p>{heading}</p><ul>{listed}</ul></div>')
        # no action: the form goes to the very address it came from
        parts.append('<form method="post" accept-charset="utf-8">')
        parts += [self._field(name, (typed or {}).get(name, ""), wrong.get(name)) for name in row["fields"]]
        if odd:
            box = '<input type="checkbox" name="confirm" value="ya" required>'
            parts.append(f'<p><label class="check">{box} {self._say("secure_page_confirm")}</label></p>')
        parts.append(f'<button type="submit">{self._say("secure_page_send")}</button></form>')
        until = row["expires_at"].astimezone(ZONES["WIB"]).strftime("%H.%M")
        owner = "secure_page_official" if self.policy.official else "secure_page_unofficial"
        parts += [
            f'<p class="small">{self._say("secure_page_until", time=until)}</p>',
            f'<p class="small">{self._say(owner, operator=self.policy.operator)} {self._say("secure_page_never")}</p>',
        ]
        return self._page("secure_page_title", "".join(parts))

    def note(self, what: str) -> str:
        """A page of one sentence: sent, gone, unknown, refused, later."""
        return self._page(f"secure_page_{what}_title", f'<p role="status">{self._say(f"secure_page_{what}")}</p>')

    def _field(self, name: str, value: str, error: str | None) -> str:
        return _FIELD.substitute(
            name=name,
            label=self._say(f"secure_field_{name}"),
            hint=self._say(f"secure_hint_{name}"),
            value=escape(value[:100], quote=True),
            mode=' inputmode="numeric" maxlength="40"' if name in _NUMERIC else ' maxlength="40"',
            error=f'<p class="error" id="{name}-error">{self._say(error)}</p>' if error else "",
            described=f" {name}-error" if error else "",
            invalid=' aria-invalid="true"' if error else "",
        )

    def _purpose(self, purpose: str) -> str:
        key = f"secure_page_purpose_{purpose}"
        return key if key in self.catalogue.texts else "secure_page_purpose_other"

    def _page(self, title: str, body: str) -> str:
        return _PAGE.substitute(title=self._say(title), style=STYLE, body=body)

    def _say(self, key: str, **values: object) -> str:
        return escape(self.catalogue.text(key, **values), quote=True)
