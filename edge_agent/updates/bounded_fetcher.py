"""HTTP(S) that ends: every answer, and all answers of one fetch together, have a time by which they are there.

A time limit on reading is not enough. A server that gives a byte now and then, in the head or in the body, keeps every
single read short and the whole of them without end. So a timer cuts the connection under whatever is reading.
"""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3
from tuf.api import exceptions
from tuf.ngclient import FetcherInterface  # type: ignore[attr-defined]  # listed by name only
from urllib3.connection import HTTPConnection, HTTPSConnection

from biosignal.errors import BedsideError
from edge_agent.updates.errors import Unreachable
from edge_agent.updates.settings import UpdatesSettings

CHUNK = 64 * 1024
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "bedside-edge-agent"}
_BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class Refused(exceptions.DownloadError):
    """Carries one of our errors through python-tuf."""

    def __init__(self, error: BedsideError) -> None:
        super().__init__(str(error))
        self.error = error


class BoundedFetcher(FetcherInterface):
    """A CA of our choice, no redirects, no proxies, and an end to every request. One instance a fetch.

    A fetch asks for several files, one after the other: `settings.download_s` bounds each, `settings.fetch_s` all.
    """

    def __init__(self, settings: UpdatesSettings) -> None:
        self._settings = settings
        self._until = time.monotonic() + settings.fetch_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        left_s = self._until - time.monotonic()
        limit_s = min(self._settings.download_s, left_s)
        if limit_s <= 0:
            raise Refused(Unreachable("the fetch took too long", url=url, limit_s=self._settings.fetch_s))
        connection = _connection(url, self._settings)
        end = _End(limit_s)
        try:
            response = _ask(connection, url, end)
        except _BROKEN as error:
            end.close()
            connection.close()
            raise Refused(self._unreachable(end, url, error, "the clinic's repository cannot be reached")) from error
        if response.status != 200:
            end.close()
            connection.close()
            raise exceptions.DownloadHTTPError(f"status {response.status} for {url}", response.status)
        return self._chunks(connection, response, url, end)

    def _chunks(
        self, connection: HTTPConnection, response: urllib3.BaseHTTPResponse, url: str, end: "_End"
    ) -> Iterator[bytes]:
        try:
            yield from response.stream(CHUNK)
            if end.came:  # a body of no stated length ends where the line is cut
                raise Refused(self._unreachable(end, url, None, ""))
        except _BROKEN as error:
            raise Refused(self._unreachable(end, url, error, "a download broke off")) from error
        finally:
            end.close()
            response.close()
            connection.close()

    def _unreachable(self, end: "_End", url: str, error: Exception | None, otherwise: str) -> Unreachable:
        if not end.came:
            return Unreachable(otherwise, url=url, why=str(error))
        if time.monotonic() >= self._until:
            return Unreachable("the fetch took too long", url=url, limit_s=self._settings.fetch_s)
        return Unreachable("a download took too long", url=url, limit_s=self._settings.download_s)


class _End:
    """Cuts a connection when its time is over."""

    def __init__(self, limit_s: float) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self.came = False
        self._timer = threading.Timer(limit_s, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def of(self, line: socket.socket) -> None:
        """Say which connection this is the end of: a second handle on it, as TLS and HTTP pass the first around."""
        with self._lock:
            self._line = socket.socket(fileno=socket.dup(line.fileno()))
        if self.came:
            self._cut()

    def close(self) -> None:
        """Forget the connection."""
        self._timer.cancel()
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def _cut(self) -> None:
        self.came = True
        with self._lock:
            if self._line is not None:
                with contextlib.suppress(OSError):  # the other end was faster
                    self._line.shutdown(socket.SHUT_RDWR)


def _connection(url: str, settings: UpdatesSettings) -> HTTPConnection:
    place = urlsplit(url)
    host = place.hostname or ""
    if place.scheme == "https":
        return HTTPSConnection(
            host,
            place.port,
            timeout=settings.timeout_s,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(settings.ca_file) if settings.ca_file else None,
        )
    return HTTPConnection(host, place.port, timeout=settings.timeout_s)


def _ask(connection: HTTPConnection, url: str, end: _End) -> urllib3.BaseHTTPResponse:
    connection.connect()  # a TLS handshake is bounded as a whole by the time-out of the socket
    end.of(connection.sock)
    place = urlsplit(url)
    connection.request(
        "GET", f"{place.path}?{place.query}" if place.query else place.path, headers=HEADERS, preload_content=False
    )
    return connection.getresponse()
