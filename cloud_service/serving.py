"""Runs the application on a socket of its own, so that the port is known, or known to be taken, before it starts."""

import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from cloud_service.errors import PortTaken, SettingsWrong
from cloud_service.settings import HttpSettings, require_safe_listener

GRACE_S = 3


@contextlib.contextmanager
def listen(settings: HttpSettings) -> Iterator[socket.socket]:
    """Bind the port and listen; 0 takes a free one.

    Raises
    ------
    ExposedWithoutTls : beyond loopback without TLS. PortTaken : another program has the port.
    """
    require_safe_listener(settings.host, tls=settings.tls)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(128)  # who connects before the application is up waits instead of being refused
        except OSError as error:
            raise PortTaken(
                "the port cannot be used", host=settings.host, port=settings.port, why=error.strerror
            ) from error
        yield listener


def url_of(settings: HttpSettings, listener: socket.socket) -> str:
    """Address to open in a browser."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls else 'http'}://{host}:{listener.getsockname()[1]}"


def make_server(app: FastAPI, settings: HttpSettings) -> uvicorn.Server:
    """Build the server; run it with ``server.run(sockets=[listener])``.

    Raises
    ------
    SettingsWrong : certificate or key cannot be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=GRACE_S,  # an event feed never ends by itself
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise SettingsWrong("the TLS certificate or key cannot be used", why=str(error)) from error
    return uvicorn.Server(config)
