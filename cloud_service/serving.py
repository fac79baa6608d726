"""Runs the application on a socket of its own, so that the port is known, or known to be taken, before it starts."""

import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from cloud_service.access.door import Door, DoorLimits
from cloud_service.errors import PortTaken, SettingsWrong
from cloud_service.http_line import LARGEST_HEAD, protocol_behind
from cloud_service.settings import HttpSettings, require_safe_listener

GRACE_S = 3
LARGEST_WEBSOCKET_MESSAGE = 64 << 10  # pages only listen


@contextlib.contextmanager
def listen(settings: HttpSettings) -> Iterator[Door]:
    """Bind the port and listen; 0 takes a free one.

    Raises
    ------
    ExposedWithoutTls : beyond loopback without TLS. PortTaken : another program has the port.
    """
    require_safe_listener(settings.host, tls=settings.tls)
    limits = DoorLimits(at_once=settings.connections, per_address=settings.connections_per_address)
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(Door(settings.host, settings.port, limits))
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


def make_server(app: FastAPI, settings: HttpSettings, listener: Door) -> uvicorn.Server:
    """Build the server of `listener`; run it with ``server.run(sockets=[listener])``.

    Raises
    ------
    SettingsWrong : certificate or key cannot be used.
    """
    config = uvicorn.Config(
        app,
        http=protocol_behind(listener),
        loop="asyncio",  # another would accept below the door
        h11_max_incomplete_event_size=LARGEST_HEAD,
        ws_max_size=LARGEST_WEBSOCKET_MESSAGE,
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
