"""One message to one address: only where it may go, without detours, and in bounded time.

A name is looked up once and every address of it is checked; the connection is made to one of these very addresses, so
that a name which answers otherwise a moment later leads nowhere. Redirects and proxies are not followed.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from cloud_service.settings import WebhookSettings
from cloud_service.webhooks.errors import AddressRefused, NotTaken

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
LONGEST_URL = 2000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """An address taken apart; `target` is path and query."""

    is_tls: bool
    host: str
    port: int
    target: str


def receiver_of(url: str, allow: Sequence[str]) -> Receiver:
    """Take an address apart, and refuse what can never be sent to.

    Raises
    ------
    AddressRefused : not http or https, a name and password in it, or an address in figures that is not allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused("the address cannot be read", why=str(error)) from error
    is_plain = all("!" <= sign <= "~" for sign in url) and len(url) <= LONGEST_URL
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise AddressRefused("a webhook has an https address", scheme=parts.scheme or "none")
    if parts.username is not None or parts.fragment:
        raise AddressRefused("the address of a webhook holds no name, no password and no part behind #")
    is_tls = parts.scheme == "https"
    with contextlib.suppress(ValueError):
        check_address(ipaddress.ip_address(host), is_tls=is_tls, allow=networks(allow))
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Receiver(is_tls=is_tls, host=host, port=port or (443 if is_tls else 80), target=target)


def networks(allow: Sequence[str]) -> tuple[Network, ...]:
    """Read the networks of a setting."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in allow)


def check_address(address: Address, *, is_tls: bool, allow: Sequence[Network]) -> None:
    """Refuse an address inside: loopback, link-local, private; also one that is written as one of another family.

    Raises
    ------
    AddressRefused : messages may not go there.
    """
    for one in _meant_by(address):
        is_allowed = any(one in network for network in allow if network.version == one.version)
        if not is_allowed and (not one.is_global or one.is_multicast):
            raise AddressRefused("messages may not be sent to an address inside", address=str(address))
        if not is_tls and not one.is_loopback:
            raise AddressRefused("plain http is for this machine alone", address=str(address))


def _meant_by(address: Address) -> Iterator[Address]:
    if not isinstance(address, ipaddress.IPv6Address):
        yield address
        return
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    yield inner or address


def post(receiver: Receiver, body: bytes, headers: Mapping[str, str], settings: WebhookSettings) -> None:
    """Send a message; returns once the other end has said that it took it.

    Raises
    ------
    AddressRefused : the name leads where messages may not go. NotTaken : anything but 2xx, or no answer in time.
    """
    connection = _Pinned(receiver, settings)
    cut = threading.Timer(settings.limit_s, connection.cut)
    cut.daemon = True
    cut.start()
    try:
        connection.request("POST", receiver.target, body=body, headers=dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotTaken(_why(error, connection, settings)) from error
    finally:
        cut.cancel()
        connection.close()
    if 300 <= status < 400:
        raise NotTaken(f"it answered {status}; messages are not sent on to another address")
    if not 200 <= status < 300:
        raise NotTaken(f"it answered {status}")


def _why(error: Exception, connection: "_Pinned", settings: WebhookSettings) -> str:
    if connection.was_cut or isinstance(error, TimeoutError):
        return f"no answer within {settings.limit_s:g} s"
    return f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"[:200]


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, not to a name."""

    def __init__(self, receiver: Receiver, settings: WebhookSettings) -> None:
        super().__init__(receiver.host, receiver.port, timeout=settings.limit_s)
        self._receiver, self._settings = receiver, settings
        self.was_cut = False

    def connect(self) -> None:
        receiver, settings = self._receiver, self._settings
        found = socket.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for one in addresses:
            address = ipaddress.ip_address(one.partition("%")[0])
            check_address(address, is_tls=receiver.is_tls, allow=networks(settings.allow))
        self.sock = _first_that_answers(addresses, receiver.port, settings.limit_s)
        if receiver.is_tls:
            context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
            # The timer must find the socket whose handshake it may have to end.
            wrapped = context.wrap_socket(self.sock, server_hostname=receiver.host, do_handshake_on_connect=False)
            self.sock = wrapped
            wrapped.do_handshake()
        if self.was_cut:
            raise TimeoutError

    def cut(self) -> None:
        """End whatever is waited for: a server that gives a byte now and then would never be late by itself."""
        self.was_cut = True
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def _first_that_answers(addresses: Sequence[str], port: int, limit_s: float) -> socket.socket:
    last: OSError | None = None
    for one in addresses:
        try:
            return socket.create_connection((one, port), limit_s)
        except OSError as error:
            last = error
    raise last or OSError("the name has no address")
