"""Links in outgoing texts: only .go.id and the operator's own listed hosts (design, rule 9), from agents and campaigns too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_ENDINGS = (
    "id|com|net|org|info|xyz|me|io|app|co|site|online|link|mu|club|top|shop|store|live|vip|win|ly|gl|gg|cc|tk|ml|ga|cf|biz|"
    "my|us|dev|page|web|click|fun|pro|ru|cn|in|sg|ai|eu|uk|tv|ws|su|sh|zip|tech|cloud|icu|cyou|buzz|sbs|cfd|bond|lat|blog|"
    "website|space|host|asia|digital"
)
_FURTHER = r"(?:\.[a-z][\w-]{1,62})*"  # what goes on after an ending is not that host: prakerja.go.id.daftar.bank
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_HOST = re.compile(
    rf"(?:[a-z][a-z0-9+.-]{{1,20}}://)(?P<full>[^\s/\\?#\"'<>]{{1,253}})|(?<![\w.@-])(?P<bare>(?:[\w-]{{1,63}}\.){{1,126}}(?:{_ENDINGS}){_FURTHER}|{_OCTET}(?:\.{_OCTET}){{3}})(?![\w-])",
    re.IGNORECASE,
)

_LINK = re.compile(rf"(?:{_HOST.pattern})(?::\d{{1,5}})?(?:[/?#](?:[^\s\"'<>]*[^\s\"'<>.,;:!?)\]])?)?", re.IGNORECASE)

_PLAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")  # anything else in a host is a trick on some browser


def hosts(text: str) -> list[str]:
    """Every host that a text links to or that a messenger would turn into a link, lower-cased, in order."""
    found = []
    for match in _HOST.finditer(text):
        found.append(_host(match))
    return found


def _host(match: re.Match[str]) -> str:
    return (match["full"] or match["bare"]).rpartition("@")[2].partition(":")[0].lower().rstrip(".,;!)")


def told(text: str, name: Callable[[str], str]) -> str:
    """The text with each link, path and all, told in words: `name` gives those for a host."""

    def said(match: re.Match[str]) -> str:
        after = match[0][len(match[0].rstrip(".,;!)")) :] if match["full"] else ""  # the sentence goes on
        return name(_host(match)) + after

    return _LINK.sub(said, text)


def is_allowed(host: str, own: Iterable[str] = ()) -> bool:
    """Whether people may be sent to a host: a government one, or one of the operator's."""
    return bool(_PLAIN.fullmatch(host)) and (host.endswith(".go.id") or host in own)


def forbidden(text: str, own: Iterable[str] = ()) -> list[str]:
    """The hosts of a text that must not be sent."""
    allowed = tuple(own)
    return [host for host in hosts(text) if not is_allowed(host, allowed)]


def defanged(text: str, own: Iterable[str] = ()) -> str:
    """The text with forbidden hosts written so that no messenger makes them a link: "prakerja-x(.)com"."""
    allowed = tuple(own)

    def broken(match: re.Match[str]) -> str:
        host = _host(match)
        return match[0] if is_allowed(host, allowed) else match[0].replace("://", ":(//)").replace(".", "(.)")

    return _HOST.sub(broken, text)
