"""What the fake accepts and refuses, at the very edge of every documented length and count."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.fakes import whatsapp_rules as rules
from tests.fakes.whatsapp_rules import GraphError


def reply(title: str = "Ya", id: str = "o:1:1") -> dict[str, Any]:  # noqa: A002
    return {"type": "reply", "reply": {"id": id, "title": title}}


def row(title: str = "Baris", id: str = "o:1:1", description: str = "") -> dict[str, Any]:  # noqa: A002
    return {"id": id, "title": title} | ({"description": description} if description else {})


def buttons(*items: dict[str, Any], body: str = "?", **more: Any) -> dict[str, Any]:
    return {"type": "button", "body": {"text": body}, "action": {"buttons": list(items)}, **more}


def rows(*items: dict[str, Any], body: str = "?", button: str = "Pilih", **more: Any) -> dict[str, Any]:
    action = {"button": button, "sections": [{"rows": list(items)}]}
    return {"type": "list", "body": {"text": body}, "action": action, **more}


def sections(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "list", "body": {"text": "?"}, "action": {"button": "Pilih", "sections": list(items)}}


def linked(text: str = "Buka", url: str = "https://pandu.example.go.id/f/abc", body: str = "?") -> dict[str, Any]:
    parameters = {"display_text": text, "url": url}
    return {"type": "cta_url", "body": {"text": body}, "action": {"name": "cta_url", "parameters": parameters}}


def wished(name: str = "request_contact_info", body: str = "?") -> dict[str, Any]:
    return {"type": "request_contact_info", "body": {"text": body}, "action": {"name": name}}


def many(count: int) -> list[dict[str, Any]]:
    return [row(f"Baris {n}", f"o:1:{n}") for n in range(count)]


GOOD = {
    "three buttons of 20": buttons(*(reply(f"{n}" * 20, f"o:1:{n}") for n in range(3))),
    "button id 256": buttons(reply(id="x" * 256)),
    "body 1024": buttons(reply(), body="x" * 1024),
    "header and footer 60": buttons(reply(), header={"type": "text", "text": "x" * 60}, footer={"text": "x" * 60}),
    "ten rows": rows(*many(10)),
    "row 24, 72, 200": rows(row("x" * 24, "y" * 200, "z" * 72)),
    "list body 4096": rows(row(), body="x" * 4096),
    "list button 20": rows(row(), button="x" * 20),
    "sections with titles": sections({"title": "x" * 24, "rows": [row()]}, {"title": "B", "rows": [row(id="b")]}),
    "link of 20": linked("x" * 20, body="x" * 1024),
    "request for the number": wished(),
}
BAD = {
    "request under another name": wished("send_location"),
    "request without words": wished(body=""),
    "four buttons": buttons(*(reply(f"{n}", f"o:1:{n}") for n in range(4))),
    "no button": buttons(),
    "button of 21": buttons(reply("x" * 21)),
    "empty button": buttons(reply("")),
    "blank button": buttons(reply(" ")),
    "button id 257": buttons(reply(id="x" * 257)),
    "button id with space": buttons(reply(id=" x")),
    "same button id": buttons(reply("A"), reply("B")),
    "same button title": buttons(reply("A", "a"), reply("A", "b")),
    "button body 1025": buttons(reply(), body="x" * 1025),
    "empty body": buttons(reply(), body=""),
    "header 61": buttons(reply(), header={"type": "text", "text": "x" * 61}),
    "footer 61": buttons(reply(), footer={"text": "x" * 61}),
    "eleven rows": rows(*many(11)),
    "no rows": rows(),
    "row of 25": rows(row("x" * 25)),
    "row description 73": rows(row(description="x" * 73)),
    "row id 201": rows(row(id="x" * 201)),
    "same row id": rows(row("A"), row("B")),
    "list body 4097": rows(row(), body="x" * 4097),
    "list button 21": rows(row(), button="x" * 21),
    "sections without title": sections({"rows": [row()]}, {"rows": [row(id="b")]}),
    "section title 25": sections({"title": "x" * 25, "rows": [row()]}),
    "eleven rows over two sections": sections({"title": "A", "rows": many(6)}, {"title": "B", "rows": many(5)}),
    "link text 21": linked("x" * 21),
    "link body 1025": linked(body="x" * 1025),
    "no link": linked(url="pandu"),
    "other scheme": linked(url="javascript:alert(1)"),
    "flow": {"type": "flow", "body": {"text": "?"}, "action": {}},
    "unknown key": buttons(reply(), colour="red"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_documented_is_accepted(name: str) -> None:
    given = copy.deepcopy(GOOD[name])
    assert rules.interactive(given) is None
    assert given == GOOD[name]  # judged, not mended


@pytest.mark.parametrize("name", BAD)
def test_what_is_beyond_is_refused(name: str) -> None:
    with pytest.raises(GraphError) as refused:
        rules.interactive(BAD[name])
    assert refused.value.code in (100, 131008, 131009)


@pytest.mark.parametrize("name", GOOD)
def test_every_needed_key_is_asked_for(name: str) -> None:
    """Whatever object loses whatever key: refused (but for the keys that may be missing)."""
    for path in _keys(GOOD[name]):
        broken = copy.deepcopy(GOOD[name])
        place = broken
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        if path[-1] in ("description", "header", "footer"):
            rules.interactive(broken)
            continue
        with pytest.raises(GraphError):
            rules.interactive(broken)


def _keys(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [found for key in value for found in [(*path, key), *_keys(value[key], (*path, key))]]
    if isinstance(value, list):
        return [found for place, item in enumerate(value) for found in _keys(item, (*path, place))]
    return []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"to": "+62 812-3456-7890"}, ("phone", "+6281234567890")),
        ({"to": "081234567890"}, ("phone", "081234567890")),
        ({"recipient": "ID.123abc"}, ("bsuid", "ID.123abc")),
        ({"to": "+6281234567890", "recipient": "ID.1"}, ("phone", "+6281234567890")),
    ],
)
def test_who_is_meant(given: dict[str, str], expected: tuple[str, str]) -> None:
    assert rules.recipient(given) == expected


@pytest.mark.parametrize("given", [{"to": "Siti"}, {"to": "+62"}, {"to": 62812}, {"recipient": "812"}, {}])
def test_nobody_is_meant(given: dict[str, Any]) -> None:
    with pytest.raises(GraphError):
        rules.recipient(given)
