"""The clinic's API as a browser would use it: session cookie, CSRF token, JSON."""

import html
import http.client
import json
import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from demo.parts import DemoFailed

API = "/api/v1"


class ClinicApi:
    """One person's session."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""
        self._csrf = ""

    def log_in(self, name: str, password: str) -> None:
        """Open the session."""
        me = self.post("/login", {"name": name, "password": password})
        self._csrf = str(me["csrf"])

    def get(self, path: str, **query: object) -> Any:
        """Read; raises `DemoFailed` with the clinic's own words."""
        return self._ask("GET", f"{API}{path}{'?' + urlencode(query, doseq=True) if query else ''}", None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Change something."""
        return self._ask("POST", API + path, body or {})

    def words(self) -> Any:
        """What the tasks declare, as every page has it."""
        found = re.search(r'data-words="([^"]*)"', self._text("GET", "/", None))
        if found is None:
            raise DemoFailed("the dashboard does not say what the tasks declare")
        return json.loads(html.unescape(found[1]))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        text = self._text(method, path, body)
        return json.loads(text) if text else None

    def _text(self, method: str, path: str, body: dict[str, Any] | None) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Cookie": self._cookie, "X-CSRF-Token": self._csrf, "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise DemoFailed(f"the clinic did not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self._cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in SimpleCookie(value).items())
        if answer.status >= 400:
            raise DemoFailed(f"{method} {path}: {answer.status} {text[:400]}")
        return text
