"""A Rasa server for tests: late, broken, wrong or away as a test wants it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nlu.understanding import OUT_OF_SCOPE

RANKING = [("incentive_when", 0.8), ("incentive_unpaid", 0.1), (OUT_OF_SCOPE, 0.05), ("greet", 0.03)]


class FakeRasa:
    """A Rasa server that does what a test tells it; listens inside `with`."""

    def __init__(self) -> None:
        self.status = 200
        self.delay = 0.0
        self.released = threading.Event()  # ends every delay
        self.hang_up = False
        self.ranking: Any = RANKING
        self.model = "models/pandu-abc.tar.gz"
        self.body: bytes | None = None  # instead of a ranking
        self.asked: list[str] = []
        self.heard = threading.Event()
        self.connections = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                fake.connections += 1

            def do_GET(self) -> None:
                self._answer({"model_file": fake.model})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.asked.append(body["text"])
                fake.heard.set()
                fake.released.wait(fake.delay)
                rows = [{"name": name, "confidence": value} for name, value in fake.ranking]
                self._answer({"intent": rows[0] if rows else None, "intent_ranking": rows})

            def _answer(self, content: Any) -> None:
                data = json.dumps(content).encode() if fake.body is None else fake.body
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.close_connection = fake.hang_up  # without a word, as a server whose keep-alive time is over

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Silent."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Whoever asked has left; that is what some tests want."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> FakeRasa:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
