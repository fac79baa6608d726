"""One connection to the broker with the daemon's own credentials, to find what keeps it from connecting."""

import socket
import ssl
import threading
from typing import Any

from edge_agent.operate.settings import Settings
from edge_agent.sync.settings import SyncSettings

TIMEOUT_S = 5.0
Trouble = tuple[str, str]


def probe_broker(settings: Settings) -> Trouble | None:
    """Connect, log in, leave; None where that works, else the cause and what to do."""
    sync = settings.sync
    where = f"{sync.host}:{sync.port}"
    from paho.mqtt import client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    # Another id than the daemon's: a broker throws out the older of two clients of one id.
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"{settings.device.name}-doctor", protocol=mqtt.MQTTv311
    )
    client.connect_timeout = TIMEOUT_S
    answered = threading.Event()
    answer: list[str] = []

    def on_connect(client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        answer.append("" if not reason.is_failure else str(reason))
        answered.set()

    client.on_connect = on_connect
    if sync.username:
        client.username_pw_set(sync.username, sync.password)
    try:
        if sync.tls:
            client.tls_set_context(_shake_hands(sync))
        client.connect(sync.host, sync.port, keepalive=10)
        client.loop_start()
        try:
            answered.wait(TIMEOUT_S)
        finally:
            client.disconnect()
            client.loop_stop()
    except ssl.SSLCertVerificationError as error:
        return f"{where}: its certificate is not trusted: {error.verify_message}", "set sync.ca_file to the clinic's CA"
    except ssl.SSLError as error:
        return f"{where}: TLS failed: {error.reason}", "check sync.tls, sync.port and the certificates"
    except OSError as error:
        return f"{where} cannot be reached: {error}", "check sync.host and sync.port, the network, and the broker"
    if not answered.is_set():
        return f"{where} does not answer as a broker", "check sync.port and sync.tls: a TLS port needs sync.tls = true"
    if answer[0]:
        return f"{where} refuses the login: {answer[0]}", "check sync.username and sync.password on both sides"
    return None


def _shake_hands(sync: SyncSettings) -> ssl.SSLContext:
    """Try TLS alone first: the MQTT client leaves its socket open where the certificate is refused."""
    context = ssl.create_default_context(cafile=str(sync.ca_file) if sync.ca_file else None)
    if sync.client_cert and sync.client_key:
        context.load_cert_chain(sync.client_cert, sync.client_key)
    with socket.create_connection((sync.host, sync.port), timeout=TIMEOUT_S) as plain:
        context.wrap_socket(plain, server_hostname=sync.host).close()
    return context
