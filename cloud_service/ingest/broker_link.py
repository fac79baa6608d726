"""The clinic's connection to the broker: MQTT 5 where there is one, 3.1.1 else; always coming back."""

import contextlib
import logging
import random
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from biosignal.errors import BadInput
from biosignal.events import Command, Receipt
from biosignal.wire.envelope import encode_message
from biosignal.wire.topics import Channel, all_devices, down
from cloud_service.errors import SettingsWrong
from cloud_service.pulse import Loop
from cloud_service.settings import MqttSettings

log = logging.getLogger("bedside.broker_link")
CONNECT_WAIT_S = 5.0
PUBLISH_WAIT_S = 3.0
LONGEST_WAIT_S = 3.0
"""Between two attempts: a broker that is there again is found in a few seconds, and the beds with it."""
KEEPALIVE_S = 4
"""A broker that has answered nothing for twice as long is gone."""
STILL_AFTER_S = 30.0
OnMessage = Callable[[str, bytes, bool], None]


class BrokerLink:
    """Subscribes to what devices send and publishes what is sent to them. Callbacks run in the network thread."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        on_event: OnMessage | None = None,
        on_status: OnMessage | None = None,
        on_wave: OnMessage | None = None,
        on_stored: OnMessage | None = None,
    ) -> None:
        self._settings = settings
        wanted = (
            (Channel.EVENT, on_event, 1),
            (Channel.STATUS, on_status, 1),
            (Channel.WAVE, on_wave, 0),
            (Channel.STORED, on_stored, 1),
        )
        self._wanted = tuple((channel, call, qos) for channel, call, qos in wanted if call is not None)
        self._client: mqtt.Client | None = None
        self._up = threading.Event()
        self._unanswered: set[int] = set()
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self.loop = Loop("broker link", self._run, limit_s=STILL_AFTER_S)
        self._context = _tls(settings)
        self.why_down = "not started"
        self._down_since: float | None = time.monotonic()
        self._up_since: float | None = None
        self.reconnects = 0

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and what devices send reaches us."""
        return self._up.is_set()

    @property
    def down_s(self) -> float:
        """For how long the broker has been away, in seconds of the steady clock; 0 while it is there."""
        since = self._down_since
        return time.monotonic() - since if since is not None else 0.0

    @property
    def up_s(self) -> float:
        """For how long the broker has been there, in seconds of the steady clock; 0 while it is away."""
        since = self._up_since
        return time.monotonic() - since if since is not None else 0.0

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self.loop.start()

    def stop(self) -> None:
        """Disconnect and end."""
        self._stopping.set()
        self._ended.set()
        self.loop.join()

    def wait_until_up(self, timeout_s: float) -> bool:
        """Wait for the broker; returns whether it is there."""
        return self._up.wait(timeout_s)

    def send_receipt(self, site: str, device: str, receipt: Receipt) -> None:
        """Send a device what is committed. A receipt that is lost costs one repetition and no more."""
        client = self._client
        if client is not None and self.connected:
            client.publish(down(site, device, Channel.RECEIPT), encode_message(receipt), qos=1)

    def send_command(self, site: str, device: str, command: Command) -> bool:
        """Send a command; returns whether the broker took it."""
        client = self._client
        if client is None or not self.connected:
            return False
        sent = client.publish(down(site, device, Channel.COMMAND), encode_message(command), qos=1)
        with contextlib.suppress(ValueError, RuntimeError):
            sent.wait_for_publish(PUBLISH_WAIT_S)
            return sent.is_published()
        return False

    def _run(self) -> None:
        versions = [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311]
        wait_s = 0.5
        while not self._stopping.is_set():
            for version in list(versions):
                self.loop.beat()
                if self._serve_safely(version):
                    versions.sort(key=lambda one, good=version: one is not good)  # type: ignore[misc]  # the one that worked first
                    wait_s = 0.5
                    break
            self._stopping.wait(random.uniform(0.05, wait_s))
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _serve_safely(self, version: MQTTProtocolVersion) -> bool:
        try:
            return self._serve(version)
        except Exception as error:  # the border of the thread: without it the line would never come back
            log.exception("broker_link.failed")
            self._down(f"{type(error).__name__}: {error}")
            return False

    def _serve(self, version: MQTTProtocolVersion) -> bool:
        """Connect and stay until the line drops; returns whether the broker had accepted us."""
        if self._stopping.is_set():
            return True
        client = self._make(version)
        self._ended.clear()
        try:
            client.connect(self._settings.host, self._settings.port, keepalive=KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._down(f"{type(error).__name__}: {error}")
            return False
        self._client = client
        client.loop_start()
        accepted = self._wait_accepted()
        while accepted and not self._ended.wait(1.0):
            self.loop.beat()
        self._up.clear()
        client.disconnect()
        client.loop_stop()
        self._client = None
        return accepted

    def _wait_accepted(self) -> bool:
        step_s = 0.02
        for _ in range(int(CONNECT_WAIT_S / step_s)):
            if self._up.wait(step_s):
                return True
            if self._ended.is_set():
                return False
        self._down("the broker did not answer")
        return False

    def _make(self, version: MQTTProtocolVersion) -> mqtt.Client:
        name = f"{self._settings.username}:{secrets.token_hex(6)}"
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=version, reconnect_on_failure=False)
        client.username_pw_set(self._settings.username, self._settings.password)
        if self._context is not None:
            client.tls_set_context(self._context)
        client.max_queued_messages_set(10_000)
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_disconnect = self._on_disconnect
        for channel, call, _ in self._wanted:
            client.message_callback_add(all_devices(channel), _adapter(call))
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._down(f"the broker refused us: {reason}")
            self._ended.set()
            return
        shares = client.protocol == MQTTProtocolVersion.MQTTv5 and (
            getattr(properties, "SharedSubscriptionAvailable", 1) == 1
        )
        self._unanswered = set()
        for channel, _, qos in self._wanted:
            # what is stored is shared out: every process needs the live waves, and $share gives no kept status
            group = self._settings.group if shares and channel in (Channel.EVENT, Channel.STORED) else None
            code, mid = client.subscribe(all_devices(channel, group=group or None), qos=qos)
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
                self._ended.set()
                return
            self._unanswered.add(mid)

    def _on_subscribe(self, client: mqtt.Client, _data: Any, mid: int, codes: list[Any], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            self._down(f"the broker does not let us listen: {codes[0]}")
            self._ended.set()
            return
        self._unanswered.discard(mid)
        if self._unanswered:
            return
        # what is sent to us before the broker has answered the last of our subscriptions does not reach us
        self.why_down = ""
        self.reconnects += 1
        self._down_since, self._up_since = None, time.monotonic()
        self._up.set()
        log.info("broker_link.connected", extra={"mqtt": int(client.protocol)})

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._stopping.is_set():
            self._down(self.why_down or f"disconnected: {reason}")
        self._ended.set()

    def _down(self, why: str) -> None:
        self._up.clear()
        self._down_since, self._up_since = self._down_since or time.monotonic(), None
        if why != self.why_down:
            log.warning("broker_link.down", extra={"why": why, "host": self._settings.host})
        self.why_down = why


def _adapter(call: OnMessage) -> Callable[[mqtt.Client, Any, mqtt.MQTTMessage], None]:
    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            call(message.topic, bytes(message.payload), bool(message.retain))
        except BadInput:
            pass  # a device name of foreign letters: nothing of ours, and no reason to stop
        except Exception:  # the border of a message: what it brings about must not end the network thread
            log.exception("broker_link.message.failed", extra={"topic": message.topic})

    return on_message


def _tls(settings: MqttSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsWrong("mqtt.ca_file cannot be read", file=str(settings.ca_file), why=str(error)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
