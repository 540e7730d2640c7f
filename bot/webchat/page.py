"""The page people chat on: one file, served with a policy that lets nothing else run or load."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


class Page:
    """`page.html`, with a further part before the end of its body where one is given (the demo's, the kiosk's)."""

    def __init__(self, *, part: str = "", kiosk: bool = False) -> None:
        """`part`: name of a file in this folder; `kiosk`: keeps nothing on the device and opens no session by itself."""
        text = (FOLDER / "page.html").read_text(encoding="utf-8")
        if kiosk:
            text = text.replace("<body>", '<body class="kiosk">')
        if part:
            extra = (FOLDER / part).read_text(encoding="utf-8")
            text = text.replace("</body>", f"{extra}</body>")
        self.body = text.encode()
        self.headers = {
            "Content-Security-Policy": policy(text),
            "Cache-Control": "no-cache",  # a weak signal pays one short question, not the whole page
            "ETag": f'"{hashlib.sha256(self.body).hexdigest()[:24]}"',
        }

    def routes(self) -> Sequence[Route]:
        """Where the page is found."""
        return [Route("/", self.show, methods=["GET"]), Route("/chat", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """The page, or 304 where the browser has it already."""
        if self.headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self.headers)
        return Response(self.body, headers=self.headers, media_type="text/html; charset=utf-8")


def policy(text: str) -> str:
    """A policy with the hash of each inline script and style (https://www.w3.org/TR/CSP3/#framework-directive-source-list)."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in _INLINE.findall(text):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
