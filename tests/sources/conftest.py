import os
import sys
import threading
import time

import pytest


@pytest.fixture(scope="session")
def lsl(tmp_path_factory):
    """The pylsl package, kept to this machine."""
    if "pylsl" not in sys.modules:
        config = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
        config.write_text("[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n[log]\nlevel = -3\n")
        os.environ["LSLAPICFG"] = str(config)
    return pytest.importorskip("pylsl", reason="pylsl is not installed", exc_type=ImportError)


class Outlet:
    """A sender of two channels at 250 Hz, in chunks of 10 with true time stamps; the n-th sample is (n, -n)."""

    def __init__(self, library, name):
        info = library.StreamInfo(name, "ECG", 2, 250.0, "float32", f"bedside-test-{name}")
        channels = info.desc().append_child("channels")
        for label, unit in (("II", "millivolts"), ("EEG", "uV")):
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
        self._outlet = library.StreamOutlet(info)
        self._library = library
        self._began_s = library.local_clock()
        self.name = name
        self.sent = 0
        self.skip = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.01):
            while self._began_s + self.sent / 250 < self._library.local_clock():
                chunk = [[float(n), float(-n)] for n in range(self.sent, self.sent + 10)]
                self.sent += 10
                if self.skip:
                    self.skip -= 10
                else:
                    self._outlet.push_chunk(chunk, self._began_s + (self.sent - 1) / 250)

    def close(self):
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def outlet(lsl):
    made = Outlet(lsl, f"heart-{os.getpid()}-{time.monotonic_ns()}")
    yield made
    made.close()
