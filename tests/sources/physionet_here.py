"""A PhysioNet on loopback that behaves as badly as it is told to."""

import hashlib
import http.server
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edge_agent.sources.datasets import download
from edge_agent.sources.wfdb_annotations import Annotation, write_annotations


class Site:
    """What is served lies below `root`; `faults` are functions by path, each used once: (handler, content) -> done."""

    def __init__(self, root):
        self.root = root
        self.faults = {}
        self.asked = []
        self.url = ""

    def put(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def put_record(self, path, *, samples=4000, leads=("MLII",), truth=True, suffix=".dat"):
        """A record with a plain ramp, and its annotations."""
        name = Path(path).name
        lines = "".join(f"{name}{suffix} 16 200 16 0 0 0 0 {lead}\n" for lead in leads)
        self.put(f"{path}.hea", f"{name} {len(leads)} 360 {samples}\n{lines}".encode())
        ramp = np.tile((np.arange(samples) % 500).astype("<i2")[:, np.newaxis], len(leads))
        self.put(f"{path}{suffix}", ramp.tobytes())
        if truth:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            write_annotations(self.root / f"{path}.atr", [Annotation(sample=10, symbol="N")])

    def put_sums(self, base):
        """The list of hashes of everything below `base`, as the site has it."""
        files = [
            file for file in sorted((self.root / base).rglob("*")) if file.is_file() and file.name != "SHA256SUMS.txt"
        ]
        lines = [
            f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.relative_to(self.root / base).as_posix()}\n"
            for file in files
        ]
        self.put(f"{base}/SHA256SUMS.txt", "".join(lines).encode())

    def asked_for(self, suffix):
        return [headers for method, path, headers in self.asked if method == "GET" and path.endswith(suffix)]


@contextmanager
def serving(root):
    site = Site(root)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.lstrip("/")
            site.asked.append((self.command, path, dict(self.headers)))
            file = site.root / path
            waiting = site.faults.get(path, [])
            if waiting and self.command == "GET":
                waiting.pop(0)(self, file.read_bytes() if file.is_file() else b"")
                return
            if not file.is_file():
                self.send_error(404)
                return
            answer(self, file.read_bytes(), ranges=True)

    root.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler, content, *, ranges):
    asked = handler.headers.get("Range")
    if asked and ranges:
        begin = int(asked.removeprefix("bytes=").rstrip("-"))
        if begin >= len(content):
            handler.send_error(416)
            return
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        content = content[begin:]
    else:
        handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(content)


def cut(handler, content):
    """The connection ends half way."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def whole(handler, content):
    """`Range` is ignored."""
    answer(handler, content, ranges=False)


def changed(handler, content):
    """Another file of the same length."""
    answer(handler, bytes(len(content)), ranges=False)


def status(code, **headers):
    def say(handler, content):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return say


class Heard:
    """Hears what is said of downloads."""

    def __init__(self):
        self.said = []
        self.seen = []

    def say(self, sentence):
        self.said.append(sentence)

    def at(self, name, done, whole):
        self.seen.append((name, done, whole))

    def end(self):
        pass


def without_pauses(monkeypatch):
    """No test waits; what would have been waited for, in seconds."""
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    return pauses
