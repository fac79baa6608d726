"""A model channel whose bytes somebody has changed on their way, and what a device keeps to whatever they are."""

import json
import shutil
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.errors import BedsideError

TARGET = "ecg-beats/1.0.1.bundle"
DATA = bytes(range(256)) * 40
NAMES = ["root.json", "timestamp.json", "snapshot.json", "targets.json", ".bundle"]
MOST_KEPT = 4 << 20
LONGEST_S = 60.0
"""Far above what a busy machine needs for five small files, far below a fetch that hangs: `fetch_s` is 20 s here."""
ODD = [
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    1e308,
    "",
    "\0",
    "\ud800",
    "9999-99-99T99:99:99Z",
    "../../x",
    [],
    {},
    [[]],
    {"": {}},
]
DEEP = b"[" * 100_000


def _flipped(body, share, bit):
    place = min(int(share * len(body)), len(body) - 1)
    return body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]


def _replaced(body, steps, value):
    """Put `value` somewhere into a JSON document; of what is none, the first half is given."""
    try:
        document = json.loads(body)
    except ValueError:
        return body[: len(body) // 2]
    place = document
    for step in steps[:-1]:
        inner = [one for one in (place.values() if isinstance(place, dict) else place) if isinstance(one, (dict, list))]
        if not [one for one in inner if one]:
            break
        place = [one for one in inner if one][step % len([one for one in inner if one])]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    place[keys[steps[-1] % len(keys)]] = value
    return json.dumps(document).encode()


SHARE = st.floats(0, 1)
BENDS = st.one_of(
    st.tuples(SHARE, st.integers(0, 7)).map(lambda at: lambda body: _flipped(body, *at)),
    SHARE.map(lambda share: lambda body: body[: int(share * len(body))]),
    st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.sampled_from(ODD)).map(
        lambda at: lambda body: _replaced(body, *at)
    ),
    st.sampled_from([b"", b"null", b"{}", b"[]", DEEP, b'{"signed": ' + b"9" * 5000 + b"}", b"\xff\xfe{}"]).map(
        lambda whole: lambda _body: whole
    ),
    st.integers(1, 1 << 20).map(lambda more: lambda body: body + b" " * more),
    st.binary(max_size=300).map(lambda whole: lambda _body: whole),
)


def try_channel(repository, server, make_client, folder, examples):
    """Fetch over a bent channel and then over a straight one; gives how each bent fetch ended, by name."""
    repository.add_target(TARGET, DATA, {})
    metadata = repository.root / "metadata"
    ends = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(name=st.sampled_from(NAMES), bend=BENDS)
    def refused_or_right(name, bend):
        device = folder / "device"
        shutil.rmtree(device, ignore_errors=True)
        client = make_client(state_dir=device, fetch_s=20.0)
        if name == "root.json":  # a device asks for the next one, which there is not
            shutil.copy(metadata / "1.root.json", metadata / "2.root.json")
        server.bend = lambda path, body: bend(body) if path.endswith(name) else body
        began_s = time.monotonic()
        try:
            assert client.fetch(TARGET) == DATA
            ends.append("right")
        except BedsideError as error:
            ends.append(type(error).__name__)
        finally:
            (metadata / "2.root.json").unlink(missing_ok=True)
        assert time.monotonic() - began_s < LONGEST_S
        kept = [path for path in device.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in kept) < MOST_KEPT
        assert not [path for path in kept if path.suffix == ".bundle"]
        server.bend = lambda _path, body: body
        assert client.fetch(TARGET) == DATA

    refused_or_right()
    return ends
