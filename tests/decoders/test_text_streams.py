"""Lines of one shape are one stream; what is printed between them, in whatever spelling, is no sample of it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sources.decoders import make_decoder
from edge_agent.sources.decoders.port import BoardSettings
from edge_agent.sources.decoders.text_line import heading_of, parsed
from tests.decoders.streams import decoded, losses_of, shown, values_of

# How a sketch may print sample `n`; each gives one column that holds `n`, beside times and counters.
SPELLINGS = {
    "plain": lambda n: f"{n}",
    "decimals": lambda n: f"{n}.00",
    "exponent": lambda n: f"{n:.6e}",
    "volts": lambda n: f"{n} V",
    "glued-unit": lambda n: f"{n}mV",
    "label": lambda n: f"ecg:{n}",
    "label-blank": lambda n: f"ECG: {n}",
    "label-equals": lambda n: f"ecg = {n}",
    "label-unit": lambda n: f"ecg: {n} mV",
    "word": lambda n: f"ECG {n}",
    "json": lambda n: json.dumps({"t": n * 4, "ecg": n}),
    "json-time-last": lambda n: json.dumps({"ecg": n, "t": n * 4}),
    "json-nested": lambda n: json.dumps({"seq": n, "data": {"ecg": n, "state": "ok"}}),
    "teleplot": lambda n: f">ecg:{n}",
    "teleplot-stamp": lambda n: f">ecg:{1627551892437 + n * 4}:{n}§mV|g",
    "tuple": lambda n: f"({n},)",
    "list": lambda n: f"[{n}]",
    "dollar": lambda n: f"${n};",
    "serial-studio": lambda n: f"/*{n}*/",
    "hexadecimal": lambda n: hex(n),
    "esp-idf": lambda n: f"I ({n * 4}) ECG: {n}",
    "esp-idf-coloured": lambda n: f"\x1b[0;32mI ({n * 4}) ECG: {n}\x1b[0m",
    "zephyr": lambda n: f"[00:00:{n * 0.004:06.3f},000] <inf> ecg: {n}",
    "level": lambda n: f"[INFO] ecg={n}",
    "iso-stamp": lambda n: f"2023-01-02T10:00:{n % 60:02d}.250Z,{n}",
    "clock-stamp": lambda n: f"10:00:{n % 60:02d}.250 {n}",
    "clock-comma": lambda n: f"10:00:{n % 60:02d},{n}",
    "quoted": lambda n: f'"{n}"',
    "json-text": lambda n: json.dumps({"ecg": str(n)}),
    "python-dict": lambda n: str({"t": n * 4, "ecg": n}),
    "arduino-stamp": lambda n: f"10:00:00.{n % 1000:03d} -> {n}",
    "status": lambda n: f"{n},OK" if n % 9 else f"{n},NOISE",
    "decimal-comma": lambda n: f"{n // 10};{n},0",
    "millis": lambda n: f"{n * 4},{n}",
    "micros-wrap": lambda n: f"{(4294960000 + n * 4000) % 2**32},{n}",
    "byte-counter": lambda n: f"{n % 256},{n}",
    "nibble-counter": lambda n: f"{n % 16}\t{n}",
    "millis-16-bit": lambda n: f"{(65000 + n * 4) % 65536} {n}",
}
OTHERS = ["BPM: 74", "Temp=36.6", "battery 87 %", '{"bpm": 74}', ">bpm:74", "74 bpm", "1, 2, 3, 4"]
WORDS = ["Battery low", "ets Jun  8 2016 boot", "Initializing sensor ...", "WiFi connected!", "*** BEAT ***"]


def lines(spelling, count, first=300, between=()):
    texts = []
    for n in range(first, first + count):
        texts.append(SPELLINGS[spelling](n))
        if between and n % 17 == 16:
            texts.append(between[n // 17 % len(between)])
    return ("\n" + "\n".join(texts) + "\n").encode()


def taken(octets, cuts=(), **given_by_hand):
    decoder = make_decoder("text", BoardSettings(**given_by_hand))
    return decoder, decoded(decoder, octets, cuts)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_its_numbers(spelling):
    decoder, items = taken(lines(spelling, 400))
    values = values_of(items)
    assert values[-1 if spelling != "json-time-last" else 0].tolist() == list(range(300, 700))
    assert losses_of(items) == []
    assert decoder.facts.notes == ()


@pytest.mark.parametrize("other", [*OTHERS, *WORDS])
@pytest.mark.parametrize("spelling", ["plain", "label", "volts", "json", "teleplot", "millis"])
def test_what_is_printed_between_is_no_sample(spelling, other):
    decoder, items = taken(lines(spelling, 400, between=[other]))
    assert values_of(items)[-1].tolist() == list(range(300, 700))
    assert losses_of(items) == []
    assert decoder.counters.aside >= 20
    assert "not read" in decoder.facts.notes[0]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\r\r\n"])
def test_lines_may_end_as_they_like_and_however_they_are_cut(end):
    octets = lines("plain", 60).replace(b"\n", end.encode())
    for cuts in ((), range(0, len(octets), 3), range(len(octets))):
        decoder, items = taken(octets, list(cuts))
        assert values_of(items).tolist() == [list(range(300, 360))]
        assert decoder.counters.frame_bytes + decoder.counters.bytes_skipped == len(octets)


def test_of_two_streams_the_one_named_as_an_ecg_is_read():
    text = "\n" + "".join(f">resp:{n % 7}\n>ecg:{n}\n" for n in range(100))
    decoder, items = taken(text.encode())
    assert [lead.name for lead in decoder.facts.channels] == ["ecg"]
    assert values_of(items).tolist() == [list(range(100))]


def test_boot_text_names_no_lead():
    octets = b"\nboot\nSensor ready\nInitializing, please wait\n" + b"".join(b"%d\n" % (n % 90) for n in range(60))
    decoder, items = taken(octets)
    assert [lead.name for lead in decoder.facts.channels] == ["ECG"]
    assert values_of(items).shape == (1, 60)


def test_a_heading_behind_boot_text_names_the_columns():
    octets = b"\nrst:0x1 (POWERON_RESET)\nready\nmillis,ECG,GSR\n" + b"".join(
        b"%d,%d,5\n" % (n * 4, n % 9) for n in range(60)
    )
    decoder, _ = taken(octets)
    assert [lead.name for lead in decoder.facts.channels] == ["ECG", "GSR"]
    assert decoder.facts.fs_hz == 250


@pytest.mark.parametrize("word", ["!", "LO", "Leads off!", "lead off", "electrodes are disconnected", "nan"])
def test_words_for_leads_off_are_invalid_samples(word):
    octets = ("\n" + "".join(f"{word if 20 <= n < 25 else n}\n" for n in range(60))).encode()
    decoder, items = taken(octets)
    assert np.flatnonzero(np.isnan(values_of(items)[0])).tolist() == list(range(20, 25))
    assert decoder.counters.leads_off == 5


def test_one_column_may_be_off_alone():
    octets = ("\n" + "".join(f"{n},{'!' if n == 30 else 7}\n" for n in (n * n % 101 for n in range(60)))).encode()
    _, items = taken(octets)
    assert not np.isnan(values_of(items)[0]).any()


@pytest.mark.parametrize("turn", [16, 100, 256, 4096, 65536])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_counter_wraps_at_its_width_and_shows_what_is_lost_across_it(turn, lost):
    numbers = [n for n in range(2 * turn + 40) if not turn - 1 <= n < turn - 1 + lost]
    octets = ("\nn,ecg\n" + "".join(f"{n % turn},{n % 37}\n" for n in numbers)).encode()
    _, items = taken(octets)
    assert [(loss.count, loss.certain) for loss in losses_of(items)] == ([(lost, True)] if lost else [])


def test_a_width_seen_twice_is_a_width():
    octets = ("\nn,ecg\n" + "".join(f"{n % 201},{n % 37}\n" for n in range(1000))).encode()
    _, items = taken(octets)
    assert [(loss.count, loss.certain) for loss in losses_of(items)] == [(0, False)]


@pytest.mark.parametrize(
    "octets", [b"boot", b"x", b"12:30:45", b"{", b"{}", b'{"a":"b"}', b"ecg:", b"1x2", b"\xff\xfe", b"1,,x"]
)
def test_what_is_no_sample_is_none(octets):
    assert parsed(octets, len(octets)) is None


@pytest.mark.parametrize("octets", [b"ready", b"Initializing ECG", b"a b c", b"!", b"1,2", b"", b"rst:0x1 (POWERON)"])
def test_what_is_no_heading_is_none(octets):
    assert heading_of(octets) == ()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_damaged_line_costs_one_sample(data):
    spelling = data.draw(st.sampled_from(sorted(SPELLINGS)))
    between = data.draw(st.lists(st.sampled_from([*OTHERS, *WORDS]), max_size=3))
    parts = lines(spelling, 200, between=between).split(b"\n")
    at = data.draw(st.integers(30, len(parts) - 30))
    broken = bytearray(parts[at])
    place = data.draw(st.integers(0, len(broken) - 1))
    broken[place] = data.draw(st.sampled_from(b"?\xff~^"))
    parts[at] = bytes(broken)
    octets = b"\n".join(parts)
    _, items = taken(octets)
    found = values_of(items)[-1 if spelling != "json-time-last" else 0]
    truth = np.arange(300, 500)
    # A line may be damaged so that it looks like words, and words so that they look like a damaged line.
    assert len(found) in (199, 200, 201)
    assert np.isin(truth, found).sum() >= 199
    assert np.isin(found[np.isfinite(found)], truth).all() or np.count_nonzero(~np.isin(found, truth)) <= 1


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cutting_a_line_of_many_streams_does_not_matter(data):
    spelling = data.draw(st.sampled_from(sorted(SPELLINGS)))
    between = data.draw(st.lists(st.sampled_from([*OTHERS, *WORDS, "!", "\xff"]), max_size=3))
    octets = lines(spelling, 60, between=between)
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=12))
    whole, parts = taken(octets), taken(octets, cuts)
    assert shown(whole[1]) == shown(parts[1])
    assert whole[0].facts == parts[0].facts
    assert whole[0].counters == parts[0].counters
    assert whole[0].counters.frame_bytes + whole[0].counters.bytes_skipped == len(octets)


@pytest.mark.parametrize("octets", [b"1e99", b"ecg: 1e99", b'{"ecg": 1e300}', b"1e99,5"])
def test_a_number_beyond_all_signals_is_no_sample(octets):
    row = parsed(octets, len(octets))
    assert row is None or np.isnan(row.values[0])


@pytest.mark.parametrize(
    "words",
    [
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
        b"ets Jul 29 2019 12:21:46",
        b"rst:0x10 (RTCWDT_RTC_RESET)",
    ],
)
def test_what_a_gps_or_a_board_that_starts_anew_prints_takes_no_place_of_a_sample(words):
    rows = [str(487 + n % 90).encode() for n in range(60)]
    rows[30:30] = [words]
    _, items = taken(b"".join(row + b"\r\n" for row in rows))
    assert values_of(items).tolist() == [[487 + n % 90 for n in range(60)]]
