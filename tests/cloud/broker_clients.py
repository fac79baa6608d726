"""The kinds of brokers, and clients that note what happens to them."""

import secrets
import shutil
import ssl

import paho.mqtt.client as mqtt
import pytest
from cloud_running import wait_for
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
KINDS = [
    "embedded",
    pytest.param("mosquitto", marks=pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")),
]


class Client:
    """A paho client that notes what it is sent; MQTT 3.1.1, which both brokers speak."""

    def __init__(self, place, name, password, *, client_id=None, will=None, clean=True, port=None):
        made = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or f"{name}:{secrets.token_hex(3)}",
            protocol=MQTTProtocolVersion.MQTTv311,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        made.username_pw_set(name, password)
        made.tls_set_context(ssl.create_default_context(cafile=str(place.broker.ca_file)))
        if will:
            made.will_set(will, b"{}", qos=1)
        self.got, self.codes, self.granted = [], [], []
        made.on_message = lambda _c, _d, message: self.got.append((message.topic, message.payload))
        made.on_connect = lambda _c, _d, _f, reason, _p: self.codes.append(reason.is_failure)
        made.on_subscribe = lambda _c, _d, _m, reasons, _p: self.granted.append([one.value for one in reasons])
        made.on_disconnect = lambda *_: self.codes.append(True)
        self._client = made
        made.connect("127.0.0.1", port or (place.broker.clinic_port if name == "clinic" else place.broker.port))
        made.loop_start()
        wait_for(lambda: self.codes)

    @property
    def is_in(self):
        return self.codes[0] is False

    def subscribe(self, topic):
        before = len(self.granted)
        self._client.subscribe(topic, qos=1)
        wait_for(lambda: len(self.granted) > before)
        return self.granted[-1]

    def publish(self, topic, data=b"{}", *, retain=False):
        self._client.publish(topic, data, qos=1, retain=retain).wait_for_publish(5)

    def cut(self):
        """Lose the line without a DISCONNECT."""
        self._client._sock_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()
