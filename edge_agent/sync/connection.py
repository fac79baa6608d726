"""One MQTT connection from its start to its end; it is never mended, the next one is new.

MQTT 5 or 3.1.1. Everything that can go wrong while it opens has a name of ours. paho's own reconnecting is off: what
was on its way when a connection ended is sent again from the store.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from biosignal.wire.topics import Channel, everything_down, up
from edge_agent.sync.port import (
    BrokerAbsent,
    BrokerRefused,
    BrokerSilent,
    CertificateRefused,
    LineBroken,
    LoginRefused,
    ProtocolRefused,
    SyncTrouble,
    TakenOver,
    TlsMismatch,
)
from edge_agent.sync.settings import Line

V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
HANDSHAKE_S = 5.0
_LOGIN = frozenset({"Not authorized", "Bad user name or password", "Banned", "Bad authentication method"})


class _Socket(ssl.SSLSocket):
    """Closed when its handshake fails: paho would leave it open, one more at every attempt."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(HANDSHAKE_S)
        try:
            super().do_handshake(block)
        except OSError as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise ssl.SSLError(0, "nothing answered the TLS greeting") from error
            raise


class Connection:
    """A line to the broker.

    Parameters
    ----------
    will : status the broker publishes for us when the line breaks. None makes a probe: it only asks for the version,
        without name, login or will.
    on_message : called on the network thread with (topic, payload).
    on_end : called on the network thread when the line is gone; must not block.
    """

    def __init__(
        self,
        settings: Line,
        version: MQTTProtocolVersion,
        *,
        will: bytes | None,
        on_message: Callable[[str, bytes], None] = lambda _topic, _payload: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.version, self._settings = version, settings
        self._on_message, self._on_end = on_message, on_end
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._trouble: SyncTrouble | None = None
        self.receive_maximum = 65535
        self._is_probe = will is None
        self._client = self._made(will)

    @property
    def alive(self) -> bool:
        """Whether messages can be sent."""
        return self._ready.is_set() and not self._ended.is_set() and self._client.socket() is not None

    @property
    def trouble(self) -> SyncTrouble:
        """Why the line ended."""
        return self._trouble or LineBroken("the line to the broker broke", broker=self._where)

    @property
    def congested(self) -> bool:
        """Whether bytes wait to be taken by the network."""
        return self._client.want_write()

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def open(self) -> None:
        """Connect, log in and subscribe; returns when messages can flow both ways.

        Raises
        ------
        SyncTrouble : one of its kinds, by cause.
        """
        settings = self._settings
        options: dict[str, Any] = {}
        if self._is_probe:
            options = {"clean_start": True}
        elif self.version is V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's is untyped
            properties.SessionExpiryInterval = settings.session_expiry_s
            properties.ReceiveMaximum = 20
            options = {"clean_start": False, "properties": properties}
        try:
            self._client.connect(settings.host, settings.port, settings.keepalive_s, **options)
        except (OSError, ValueError) as error:
            raise self._named(error) from error
        self._client.loop_start()
        waited = settings.connect_timeout_s
        if not self._ready.wait(waited) or self._ended.is_set():
            trouble = self._trouble
            self.close()
            raise trouble or BrokerSilent("the broker took the connection and said nothing", broker=self._where)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, expiry_s: int = 0) -> bool:
        """Hand a message over; False when it cannot be sent now."""
        if not self.alive:
            return False
        properties = None
        if expiry_s and self.version is V5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's is untyped
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """End the line; with `farewell` (topic, payload), after the broker has taken that retained message."""
        if farewell is not None and self.alive:
            info = self._client.publish(*farewell, qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(2.0)
        self._ended.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _made(self, will: bytes | None) -> mqtt.Client:
        settings = self._settings
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id="" if self._is_probe else f"{settings.site}.{settings.device}",
            clean_session=False if self.version is V311 else None,
            protocol=self.version,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(2 * settings.window + 4)
        client.max_queued_messages_set(8 * settings.window + 16)
        client.connect_timeout = settings.connect_timeout_s
        if settings.tls:
            client.tls_set_context(self._tls())
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_subscribe, client.on_message = self._subscribed, self._arrived
        if will is None:
            return client
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        properties = None
        if self.version is V5:
            properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's is untyped
            properties.WillDelayInterval = settings.will_delay_s
        topic = up(settings.site, settings.device, Channel.STATUS)
        client.will_set(topic, will, qos=1, retain=True, properties=properties)
        return client

    def _tls(self) -> ssl.SSLContext:
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.ca_file)
            context.sslsocket_class = _Socket
            if settings.client_cert is not None:
                context.load_cert_chain(settings.client_cert, settings.client_key)
        except (OSError, ssl.SSLError) as error:
            raise CertificateRefused("a certificate file cannot be used", why=str(error)) from error
        return context

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._trouble = self._refused(code)
            self._ready.set()
            self._ended.set()
            return
        if self._is_probe:
            self._ready.set()
            return
        self.receive_maximum = getattr(properties, "ReceiveMaximum", 65535)
        client.subscribe(everything_down(self._settings.site, self._settings.device), qos=1)

    def _subscribed(
        self, _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: object
    ) -> None:
        if any(code.is_failure for code in codes):
            self._trouble = LoginRefused("the broker does not let this device listen", device=self._settings.device)
            self._ended.set()
        self._ready.set()

    def _disconnected(
        self, _client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if self._trouble is None and str(code) == "Session taken over":
            self._trouble = TakenOver("another client runs as this device", device=self._settings.device)
        elif self._trouble is None and not self._ready.is_set():
            self._trouble = BrokerSilent(
                "the broker closed the connection without an answer", broker=self._where, tls=self._settings.tls
            )
        self._ended.set()
        self._ready.set()
        self._on_end()

    def _arrived(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._on_message(message.topic, bytes(message.payload))

    def _refused(self, code: ReasonCode) -> SyncTrouble:
        reason = str(code)
        if reason == "Unsupported protocol version":
            return ProtocolRefused("the broker does not speak this MQTT", version=self.version.name)
        if reason in _LOGIN:
            return LoginRefused("the broker refused the login", username=self._settings.username, reason=reason)
        return BrokerRefused("the broker refused the connection", broker=self._where, reason=reason)

    def _named(self, error: Exception) -> SyncTrouble:
        where = self._where
        if isinstance(error, ssl.SSLCertVerificationError):
            return CertificateRefused("the broker's certificate is not trusted", broker=where, why=error.verify_message)
        if isinstance(error, ssl.SSLError):
            return TlsMismatch(
                "the broker does not speak TLS as we do", broker=where, why=getattr(error, "reason", None) or str(error)
            )
        if isinstance(error, ConnectionRefusedError):
            return BrokerAbsent("nobody listens at the broker's address", broker=where)
        if isinstance(error, socket.gaierror):
            return BrokerAbsent("the broker's name is not known", broker=where)
        if isinstance(error, TimeoutError):
            return BrokerAbsent("the broker does not answer", broker=where)
        if self._settings.tls and isinstance(error, ConnectionResetError):
            return TlsMismatch("the broker closed the connection on our TLS greeting", broker=where)
        return BrokerAbsent("the broker cannot be reached", broker=where, why=str(error))


def find_version(settings: Line) -> MQTTProtocolVersion:
    """Ask the broker which MQTT it speaks.

    It is asked with the barest greeting, as a broker that knows only 3.1.1 can misread anything more: one of them
    then waits for bytes that never come, and afterwards publishes the will.

    Raises
    ------
    SyncTrouble : there is nobody to ask.
    """
    probe = Connection(settings, V5, will=None)
    try:
        probe.open()
    except (ProtocolRefused, BrokerSilent):
        return V311
    except (LoginRefused, BrokerRefused):
        return V5
    probe.close()
    return V5
