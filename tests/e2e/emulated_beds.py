"""Beds that speak to a running clinic as devices do, over its broker: status and live waves, without a daemon each."""

import dataclasses
import ssl
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from running_ward import SITE, Ward

from biosignal.wire.topics import Channel, up
from tests.recorded_bed import Bed, excerpt, play

STEP_S = 0.5


class EmulatedBeds:
    """So many beds with one lead each, the same recording over and over, each a little further on than the last."""

    def __init__(self, ward: Ward, count: int) -> None:
        bed = play("emulated", excerpt(60))
        self._beds = [dataclasses.replace(bed, name=f"emulated-{n + 1}", site=SITE, alarms={}) for n in range(count)]
        self._clients = [self._connected(ward, one) for one in self._beds]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "EmulatedBeds":  # noqa: PYI034  # Self is not there before Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    def _connected(self, ward: Ward, bed: Bed) -> mqtt.Client:
        made = ward.post("/devices", name=bed.name, site=SITE)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=bed.name)
        client.username_pw_set(made["username"], made["password"])
        client.tls_set_context(ssl.create_default_context(cafile=ward.broker["ca_file"]))
        client.connect("127.0.0.1", int(ward.broker["port"]))
        client.loop_start()
        return client

    def _go_on(self) -> None:
        step = 0
        while not self._ended.wait(STEP_S):
            for number, (bed, client) in enumerate(zip(self._beds, self._clients, strict=True)):
                turn, at = divmod(step, int(bed.signals.seconds / STEP_S))
                passed_s = turn * int(bed.signals.seconds / STEP_S) * STEP_S
                for frame in bed.frames(at * STEP_S, (at + 1) * STEP_S, passed_s=passed_s):
                    client.publish(up(SITE, bed.name, Channel.WAVE), frame)
                if (step + number) % 3 == 0:
                    client.publish(*bed.status_message(passed_s + at * STEP_S), qos=1)
            step += 1
