"""Asks a Rasa server over HTTP: kept connections, one deadline a question, no library beyond the standard one."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

Ranking = tuple[tuple[str, float], ...]

_LONGEST_ANSWER = 1 << 20
_LONGEST_TEXT = 2000  # characters; DIET's time grows with the text, and questions are short
_LONGEST_NAME = 50  # characters of a model's name; the log's column is short
_IDLE = 8  # connections kept


class RasaError(Exception):
    """Rasa gave no ranking; the message is short enough for a log column."""


class RasaRefusedError(RasaError):
    """Rasa answers, but not to this text: no reason to stop asking it."""


def for_rasa(text: str) -> str:
    """The text as Rasa may read it.

    Without lone surrogates, and without a leading "/": Rasa takes "/intent" as that very intent with confidence 1, so
    anybody could name the intent of their message.
    """
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(clean[:_LONGEST_TEXT].split()).lstrip("/ ")


def ranking_of(answer: Any) -> Ranking:
    """Intents with their confidence, best first, from Rasa's answer. RasaError where it holds none."""
    try:
        pairs = [(str(row["name"]), float(row["confidence"])) for row in answer["intent_ranking"]]
    except (TypeError, KeyError, ValueError):
        raise RasaError("unreadable answer") from None
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


class RasaClient:
    """One Rasa server; safe to use from several threads."""

    def __init__(self, url: str, timeout: float = 0.3) -> None:
        """`url` as in http://127.0.0.1:5005, `?token=…` where the server wants one. ValueError if it is no such address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a Rasa server; as in http://127.0.0.1:5005")
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._query = f"?{parts.query}" if parts.query else ""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []

    def parse(self, text: str) -> Ranking:
        """Rasa's ranking for a text."""
        answer = self._ask("POST", "/model/parse", json.dumps({"text": for_rasa(text)}).encode())
        return ranking_of(answer)

    def model(self) -> str:
        """Name of the model that the server has loaded."""
        answer = self._ask("GET", "/status", None)
        file = answer.get("model_file") if isinstance(answer, dict) else None
        name = str(file or "").replace("\\", "/").rpartition("/")[2]
        return name.removesuffix(".tar.gz")[:_LONGEST_NAME] or "unknown"

    def close(self) -> None:
        """Closes the kept connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        """One question within the deadline; a kept connection that the server has closed meanwhile is replaced once."""
        deadline = time.monotonic() + self._timeout
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._exchange(connection, method, path, body, deadline)
            except (ConnectionError, http.client.BadStatusLine):  # includes RemoteDisconnected
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                raise _named(error) from None
        fresh = self._kind(self._host, self._port, timeout=max(0.001, deadline - time.monotonic()))
        try:
            return self._exchange(fresh, method, path, body, deadline)
        except (OSError, http.client.HTTPException) as error:
            raise _named(error) from None

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, deadline: float
    ) -> Any:
        try:
            if connection.sock is None:
                connection.connect()
            _limit(connection, deadline)
            connection.request(method, f"{self._path}{path}{self._query}", body, {"Content-Type": "application/json"})
            _limit(connection, deadline)
            response = connection.getresponse()
            _limit(connection, deadline)
            content = response.read(_LONGEST_ANSWER)
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, response)
        if response.status in (400, 500):  # what Rasa answers when the pipeline stumbles over a text
            raise RasaRefusedError(f"answer {response.status}")
        if response.status != 200:
            raise RasaError(f"answer {response.status}")
        try:
            return json.loads(content)
        except ValueError:
            raise RasaError("unreadable answer") from None

    def _give_back(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        with self._lock:
            if response.isclosed() and connection.sock is not None and len(self._idle) < _IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _limit(connection: http.client.HTTPConnection, deadline: float) -> None:
    """Lets the next step take only what is left of the time."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _named(error: Exception) -> RasaError:
    return RasaError("time-out" if isinstance(error, TimeoutError) else "no connection")
