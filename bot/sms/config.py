"""The file that describes a gateway: read and checked. Secrets stay in the environment; every key is in docs/sms.md."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from bot.sms import limits
from bot.sms.fill import check_template, placeholders
from bot.sms.positions import ConfigError, Part, Problem, read
from bot.sms.spec import Android, Config, Hook, Refusal, Sending

GATEWAYS: Final = ("http", "android")
MEANINGS: Final = ("gone", "failed", "throttled", "down", "retry", "accepted")
BODIES: Final = ("form", "json", "xml", "text")
STALE: Final = timedelta(days=365)  # the file should be compared with the gateway's pages once a year


def load(path: Path) -> Config:
    """Reads and checks the file; raises `ConfigError` with every problem."""
    problems: list[Problem] = []
    top = read(path, problems)
    found = _config(top, problems)
    if found is None or problems:
        raise ConfigError(problems)
    return found


def _config(top: Part, problems: list[Problem]) -> Config | None:
    kind = top.choice("gateway", GATEWAYS, required=True)
    as_of = top.text(
        "as_of",
        required=True,
        pattern=r"\d{4}-\d\d-\d\d",
        mend="the day of your comparison with the gateway's pages, as 2026-11-24",
    )
    _number(top)
    values: dict[str, Any] = {
        "name": top.text("name", required=True, mend="the gateway's name"),
        "number": top.text("number"),
        "price": Decimal(str(top.number("price", default=0, low=0, high=100_000))),
        "rate": top.number("rate", default=1, low=0.01, high=1_000),
        "vouched": top.text("vouched"),
    }
    if "price" not in top:
        top.report(None, "price is missing", "rupiah a part, by your contract; 0 where a part costs nothing")
    sending = _sending(top.part("send", required=True)) if kind == "http" else None
    android = _android(top.part("android", required=True)) if kind == "android" else None
    inbound = _hook(top.part("inbound", required=True), ("from", "text")) if kind == "http" else Hook()
    reports = _reports(top.part("reports")) if kind == "http" and "reports" in top else None
    top.rest()
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        if not problems:
            top.report(top.node("as_of"), f"as_of: {as_of!r} is no date", "write it as 2026-11-24")
        return None
    return Config(as_of=day, sending=sending, android=android, inbound=inbound, reports=reports, **values)


def _number(top: Part) -> None:
    """What people write to. A sender of letters cannot receive: then nobody could answer, and STOP would never arrive."""
    written = top.text("number", required=True, mend="the number or short code that people write to")
    if written and re.search(r"[A-Za-z]", written):
        mend = "take the number or short code that people write to; Pandu needs one that receives"
        top.report(top.node("number"), f"number: {written!r} is a sender of letters, which cannot receive", mend)
    elif written and not re.fullmatch(rf"\+[0-9]{{8,15}}|{limits.SHORT_CODE_PATTERN}", written):
        top.report(top.node("number"), f"number: {written!r} is no number", "as +6281234567890, or a short code")


def _sending(part: Part) -> Sending:
    method = part.choice("method", ("GET", "POST"), default="POST")
    url = part.text(
        "url", required=True, pattern=r"https?://\S+", mend="the address of the gateway, beginning with https://"
    )
    templates = {
        "headers": part.strings("headers"),
        "query": part.strings("query"),
        "form": part.strings("form"),
        "unicode": part.strings("unicode"),
    }
    json, body = part.value("json"), part.text("body")
    body_type = part.choice("body_type", BODIES, default="text")
    if sum((bool(templates["form"]), json is not None, bool(body))) > 1:
        part.report(None, "send has several bodies", "keep one of form, json, body")
    if method == "GET" and (templates["form"] or json is not None or body):
        part.report(part.node("method"), "send.method: GET has no body", "put the fields under query")
    _templates(part, url, templates, json, body)
    success = part.part("success", required=True)
    statuses = tuple(int(one) for one in success.texts("status") if one.isdigit()) or (200,)
    success.checked("pattern", re.compile, "a regular expression of Python")
    ids = part.part("id")
    ids.checked("pattern", _one_group, "a regular expression with one group, as id=(\\d+)")
    found = Sending(
        method=method,
        url=url,
        json=json,
        body=body,
        body_type=body_type,
        to=part.choice("to", ("local", "plain", "plus"), default="plain"),
        success_status=statuses,
        success_pattern=success.text("pattern"),
        id_path=ids.text("path"),
        id_pattern=ids.text("pattern"),
        refusals=tuple(_refusal(one) for one in part.items("refusals")),
        **templates,
    )
    for one in (part, success, ids):
        one.rest()
    return found


def _templates(part: Part, url: str, mappings: Mapping[str, Mapping[str, str]], json: Any, body: str) -> None:
    """Every placeholder is known, and recipient and text stand somewhere."""
    used: set[str] = set()
    written = {"url": url, "json": json, "body": body, **mappings}
    if any("{hex}" in one for key, value in written.items() if key != "unicode" for one in _strings(value)):
        reason = "{hex} outside send.unicode makes every text UCS-2, which takes twice the parts"
        part.report(None, reason, "keep {text}, and put {hex} under unicode")
    for key, value in written.items():
        for template in _strings(value):
            try:
                check_template(template)
                used |= placeholders(template)
            except ValueError as error:
                part.report(part.node(key), f"send.{key}: {error}", "write a brace that is meant as itself twice: {{")
    if "to" not in used:
        part.report(None, "send has no {to}", "put {to} where the gateway wants the recipient")
    if "text" not in used:
        part.report(None, "send has no {text}", "put {text} where the gateway wants the text")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [found for one in inner for found in _strings(one)]


def _one_group(pattern: str) -> None:
    if re.compile(pattern).groups != 1:
        raise ValueError(f"{pattern!r} has not exactly one group")


def _refusal(part: Part) -> Refusal:
    part.checked("pattern", re.compile, "a regular expression of Python")
    found = Refusal(
        status=int(part.number("status", default=0, low=100, high=599)),
        pattern=part.text("pattern"),
        means=part.choice("means", MEANINGS, required=True),
        seconds=part.number("seconds", default=limits.THROTTLED_SECONDS, low=1, high=limits.LONGEST_THROTTLE),
    )
    if not found.status and not found.pattern:
        part.report(None, "a refusal needs status or pattern", "say which answer is meant")
    part.rest()
    return found


def _hook(part: Part, needed: tuple[str, ...]) -> Hook:
    secret, signature = part.part("secret"), part.part("signature")
    if "secret" not in part and "signature" not in part:
        mend = "add secret: {in: query, name: token}, and give the gateway the address with it"
        part.report(None, "anybody could send us messages: neither secret nor signature", mend)
    addresses = part.texts("addresses")
    for one in addresses:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            part.report(part.node("addresses"), f"addresses: {one!r} is no address", "as 203.0.113.7 or 203.0.113.0/24")
    fields = part.strings("fields")
    for name in needed:
        if name not in fields:
            part.report(
                part.node("fields"), f"fields.{name} is missing", "where this value stands, as sender or data.0.text"
            )
    known = {"from", "text", "id", "at", "reference", "total", "number", "udh", "status", "reason"}
    for name in sorted(set(fields) - known):
        part.report(part.node("fields"), f"fields.{name} is not known", f"one of {', '.join(sorted(known))}")
    zone = part.text("zone", default="Asia/Jakarta")
    if zone not in available_timezones():
        part.report(part.node("zone"), f"zone: {zone!r} is not known", "as Asia/Jakarta")
    found = Hook(
        method=part.choice("method", ("GET", "POST"), default="POST"),
        secret_in=secret.choice("in", ("query", "header"), required="secret" in part),
        secret_name=secret.text("name", required="secret" in part, mend="the parameter's or header's name"),
        signature_header=signature.text("header", required="signature" in part, mend="the header's name"),
        signature_timestamp=signature.text("timestamp"),
        signature_algorithm=signature.choice("algorithm", ("sha1", "sha256", "sha512"), default="sha256"),
        signature_encoding=signature.choice("encoding", ("hex", "base64"), default="hex"),
        addresses=addresses,
        items=part.text("items"),
        fields=fields,
        time=part.text("time", default="iso"),
        zone=zone,
        answer=part.text("answer", default="OK"),
    )
    for inner in (secret, signature):
        inner.rest()
    if needed != ("id", "status"):
        part.rest()
    return found


def _reports(part: Part) -> Hook:
    found = _hook(part, ("id", "status"))
    states = {name: part.texts(name) for name in ("sent", "delivered", "failed")}
    part.rest()
    return replace(found, states=states)


def _android(part: Part) -> Android:
    url = part.text(
        "url",
        required=True,
        pattern=r"https?://\S+",
        mend="as http://192.168.1.20:8080 (local) or https://api.sms-gate.app/3rdparty/v1 (cloud)",
    )
    mode = part.choice("mode", ("local", "cloud"), default="local")
    if mode == "cloud" and urlsplit(url).scheme != "https":
        part.report(part.node("url"), "android.url: a server on the internet needs https", "begin it with https://")
    found = Android(
        url=url.rstrip("/"),
        mode=mode,
        sim=int(part.number("sim", default=0, low=1, high=max(limits.SIMS))),
        ttl=int(part.number("ttl", default=limits.TTL_SECONDS, low=5, high=86_400)),
    )
    part.rest()
    return found
