"""One peer's QRS detector over recordings that lie in files: what the peers' own environment runs, a process a peer.

``python -m benchmarks.peer_runner MANIFEST`` writes what was found of each recording into the file named for it, one
after the other, so that what is done stays done; ``--about`` prints which peers are installed here. Of this project it
imports nothing, as the peers' environment lacks what the project needs.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Lead = NDArray[np.float64]
"""One whole lead in mV, shape (sample,), without missing samples."""
Finder = Callable[[Lead, float], Iterable[Any]]
"""Gives the samples of the QRS complexes of a lead at that rate in Hz."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """Another detector.

    Parameters
    ----------
    package : the distribution it comes in, whose version is told.
    call : how it is called, in its own words; a result of another call is not used again.
    load : imports it and gives what is timed.
    """

    package: str
    call: str
    load: Callable[[], Finder]


def _sleepecg() -> Finder:
    from sleepecg import detect_heartbeats

    return lambda lead, fs_hz: detect_heartbeats(lead, fs_hz)


def _xqrs() -> Finder:
    from wfdb.processing import xqrs_detect

    return lambda lead, fs_hz: xqrs_detect(lead, fs_hz, verbose=False)


def _gqrs() -> Finder:
    from wfdb.processing import gqrs_detect

    return lambda lead, fs_hz: gqrs_detect(sig=lead, fs=fs_hz, adc_gain=200, adc_zero=0)


def _neurokit2() -> Finder:
    import neurokit2

    def find(lead: Lead, fs_hz: float) -> Iterable[Any]:
        cleaned = neurokit2.ecg_clean(lead, sampling_rate=int(fs_hz))
        found: Iterable[Any] = neurokit2.ecg_peaks(cleaned, sampling_rate=int(fs_hz))[1]["ECG_R_Peaks"]
        return found

    return find


def _fast_qrs_detector() -> Finder:
    from fast_qrs_detector import qrs_detector

    return lambda lead, fs_hz: qrs_detector(lead, int(fs_hz))


def _openecg() -> Finder:
    from openecg import detect_qrs

    return lambda lead, fs_hz: detect_qrs(lead, int(fs_hz))


_CODEC_HZ = 500
_CODEC_WINDOW, _CODEC_STRIDE = 10 * _CODEC_HZ, 6 * _CODEC_HZ
_CODEC_QRS = (2, 4)
"""Of its classes: QRS and paced QRS."""


def _openecg_codec() -> Finder:
    import onnxruntime
    from openecg import encode_stream
    from openecg.deploy import OnnxCodec
    from scipy.signal import resample_poly

    codec = OnnxCodec()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as everything else here; its own session would take every core
    codec._sess = onnxruntime.InferenceSession(codec.path, options, providers=["CPUExecutionProvider"])

    def find(lead: Lead, fs_hz: float) -> Iterable[Any]:
        resampled = resample_poly(lead, _CODEC_HZ, int(fs_hz))
        # Its windows are joined wrongly where the last one is not a whole stride behind the one before.
        short = -(max(len(resampled), _CODEC_WINDOW) - _CODEC_WINDOW) % _CODEC_STRIDE
        frame = encode_stream(np.pad(resampled, (0, short), mode="edge"), fs=_CODEC_HZ, model=codec).frame
        at = _largest(resampled, np.isin(frame[: len(resampled)], _CODEC_QRS))
        return np.round(at * fs_hz / _CODEC_HZ)

    return find


def _largest(lead: Lead, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Give where, in each stretch, the lead is farthest from its median around: a stretch has no R peak of its own."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    around = _CODEC_HZ // 5
    return np.array(
        [
            start + int(np.argmax(np.abs(lead[start:end] - np.median(lead[max(0, start - around) : end + around]))))
            for start, end in edges.reshape(-1, 2)
        ],
        np.int64,
    )


PEERS: dict[str, Peer] = {
    "sleepecg": Peer(package="sleepecg", call="detect_heartbeats(lead, fs)", load=_sleepecg),
    "wfdb xqrs": Peer(package="wfdb", call="processing.xqrs_detect(lead, fs)", load=_xqrs),
    "wfdb gqrs": Peer(
        package="wfdb", call="processing.gqrs_detect(sig=lead, fs=fs, adc_gain=200, adc_zero=0)", load=_gqrs
    ),
    "neurokit2": Peer(package="neurokit2", call="ecg_peaks(ecg_clean(lead, fs), fs)", load=_neurokit2),
    "fast-qrs-detector": Peer(package="fast-qrs-detector", call="qrs_detector(lead, fs)", load=_fast_qrs_detector),
    "openecg, detect_qrs": Peer(package="openecg", call="detect_qrs(lead, fs)", load=_openecg),
    "openecg, codec_v6": Peer(
        package="openecg",
        call="encode_stream(lead at 500 Hz, 500, model=OnnxCodec()), the largest deflection of each QRS",
        load=_openecg_codec,
    ),
}


def about() -> dict[str, str]:
    """Give the version of each peer that is installed in this environment; nothing is imported."""
    there = {}
    for name, peer in PEERS.items():
        try:
            there[name] = metadata.version(peer.package)
        except metadata.PackageNotFoundError:
            continue
    return there


def run(manifest: dict[str, Any]) -> None:
    """Let one peer find the beats of each recording of a manifest.

    Parameters
    ----------
    manifest : `peer`; `work`, for each recording `lead`, a file of NumPy's with float64 in mV, `fs_hz`, `times`, how
        often it is run, of which the fastest is told, `into`, the file to write, and `mark`, which comes back.
    """
    find = PEERS[manifest["peer"]].load()
    for one in manifest["work"]:
        lead = np.load(one["lead"])
        told: dict[str, Any] = {"mark": one["mark"], "samples": [], "cpu_s": None, "error": ""}
        try:
            runs = [_timed(find, lead, one["fs_hz"]) for _ in range(one["times"])]
            told["samples"] = sorted({int(at) for at in runs[0][0] if 0 <= at < len(lead)})
            told["cpu_s"] = min(cpu_s for _, cpu_s in runs)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is a result: it found nothing
            told["error"] = f"{type(error).__name__}: {error}"
        into = Path(one["into"])
        whole = into.with_suffix(".part")
        whole.write_text(json.dumps(told), encoding="utf-8")
        whole.replace(into)


def _timed(find: Finder, lead: Lead, fs_hz: float) -> tuple[list[Any], float]:
    began_s = time.process_time()
    found = list(find(lead, fs_hz))
    return found, time.process_time() - began_s


if __name__ == "__main__":
    if sys.argv[1] == "--about":
        print(json.dumps(about()))
    else:
        run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
