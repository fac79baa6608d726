"""A real HTTP server that takes messages, or fails in the ways servers do."""

import http.server
import json
import ssl
import threading
from contextlib import contextmanager


class Listener:
    """A real HTTP server: `answers` are given one after the other, the last for ever; "hang", "drip" and numbers."""

    def __init__(self, *answers, tls=None):
        self.answers, self.got, self._freed = list(answers or [200]), [], threading.Event()
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = listener.answers.pop(0) if len(listener.answers) > 1 else listener.answers[0]
                if answer == "hang":
                    listener._freed.wait(20)
                    return
                if answer == "drip":
                    while not listener._freed.wait(0.05):
                        self.wfile.write(b"H")
                    return
                if answer == 200:
                    listener.got.append((dict(self.headers), body))
                self.send_response(answer)
                if answer == 302:
                    self.send_header("Location", f"http://127.0.0.1:{listener.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # who hung up is no fault of the test's
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook?to=pager"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        self._freed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.got]


@contextmanager
def listening(*answers, **options):
    one = Listener(*answers, **options)
    try:
        yield one
    finally:
        one.close()
