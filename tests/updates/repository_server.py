"""A real HTTP server over a real TUF repository, which a test may bend while it serves."""

import contextlib
import http.server
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_service.learning.repository import Repository

Bend = Callable[[str, bytes], bytes]


class RepositoryServer:
    """Serves ``/updates/``. `bend` may change a body; `cut` sends half of what it promised; `endless` never ends.

    `drip` names a path whose answer comes a byte at a time, from `drip_from` on: its "head" or its "body", with or
    ("endless") without a stated length.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.bend: Bend = lambda _path, body: body
        self.cut: str | None = None
        self.endless: str | None = None
        self.drip: str | None = None
        self.drip_from = "body"
        self.before_answer: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self.url = ""

    def body(self, path: str) -> bytes | None:
        name = path.removeprefix("/updates/")
        folder, _, rest = name.partition("/")
        found: Path | None = None
        if folder == "metadata":
            found = self.repository.metadata_file(rest)
        elif folder == "targets":
            found = self.repository.target_file(rest)
        return self.bend(path, found.read_bytes()) if found is not None else None

    def dripping(self, body: bytes) -> Iterator[bytes]:
        """Cut an answer into what comes at once and the single bytes behind it."""
        ends = {"head": b"", "body": b"Content-Length: %d\r\n\r\n" % len(body), "endless": b"\r\n"}
        yield b"HTTP/1.0 200 OK\r\n" + ends[self.drip_from]
        slow = b"X-Slow: " + b"x" * 10_000 if self.drip_from == "head" else body
        for place in range(len(slow)):
            time.sleep(0.05)
            yield slow[place : place + 1]


@contextmanager
def serving(repository: Repository, *, tls: ssl.SSLContext | None = None) -> Iterator[RepositoryServer]:
    """Serve on a free port of the loopback."""
    server = RepositoryServer(repository)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.before_answer()
            body = server.body(self.path)
            if body is None:
                self.send_error(404)
                return
            if server.drip is not None and server.drip in self.path:
                self._send_in_pieces(server.dripping(body))
                return
            self.send_response(200)
            if server.endless is not None and server.endless in self.path:
                self.end_headers()
                self._send_in_pieces(b"\0" * 65536 for _ in range(20_000))
                return
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = server.cut is not None and server.cut in self.path
            self.wfile.write(body[: len(body) // 2] if cut else body)

        def _send_in_pieces(self, pieces: Iterable[bytes]) -> None:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is part of the test
    if tls is not None:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{httpd.server_address[1]}/updates/"
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
