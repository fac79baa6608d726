"""A real HTTP server over a real TUF repository, which a test may bend while it serves."""

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_service.learning.repository import Repository

Bend = Callable[[str, bytes], bytes]


class RepositoryServer:
    """Serves ``/updates/``. `bend` may change a body; `cut` sends half of what it promised; `endless` never ends."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.bend: Bend = lambda _path, body: body
        self.cut: str | None = None
        self.endless: str | None = None
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


@contextmanager
def serving(repository: Repository, *, tls: ssl.SSLContext | None = None) -> Iterator[RepositoryServer]:
    """Serve on a free port of the loopback."""
    server = RepositoryServer(repository)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            body = server.body(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            if server.endless is not None and server.endless in self.path:
                self.end_headers()
                self._send_for_ever()
                return
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            cut = server.cut is not None and server.cut in self.path
            self.wfile.write(body[: len(body) // 2] if cut else body)

        def _send_for_ever(self) -> None:
            try:
                for _ in range(20_000):
                    self.wfile.write(b"\0" * 65536)
            except OSError:
                pass

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
