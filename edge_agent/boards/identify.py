"""``edge-agent identify``: which board is on a port."""

import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from typing import Any, TextIO

from biosignal.errors import BadInput
from edge_agent.operate.clock import HostClock
from edge_agent.sources.board_commands import Step
from edge_agent.sources.identify import LISTEN_S, Candidate, identify
from edge_agent.sources.known_boards import PROBES, KnownBoard, likely_board
from edge_agent.sources.ports_here import serial_ports
from edge_agent.sources.serial_line import GOOD_LATENCY_MS, SerialLine, latency_ms

BAUDS = (115_200, 57_600, 9_600)
BOOT_S = 2.5  # an Arduino that restarts when the port opens is silent for so long


class PortUnusable(BadInput):
    """A port cannot be opened."""

    remedy = "`edge-agent sources` lists the ports and what is wrong with them; end the program that holds this one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a port says: its likely board, the speed at which something was made out, and what that is."""

    board: KnownBoard | None
    baud: int
    received: int
    candidates: tuple[Candidate, ...]
    latency_ms: int | None
    probed: str = ""
    answer: bytes = b""


def identify_port(port: str, *, probe: str | None, seconds: float = LISTEN_S) -> Heard:
    """Listen at each usual speed until something is made out; ask only what `probe` names, ``auto`` by the USB id.

    Raises
    ------
    PortUnusable : the port cannot be opened.
    BadInput : nothing is known of the port, so that nothing may be asked.
    """
    board = next(
        (
            likely_board(each.usb_id, f"{each.description} {each.path}")
            for each in serial_ports()
            if port in (each.path, each.device)
        ),
        likely_board(None, port),
    )
    asked = _probe_of(board, probe) if probe is not None else ""
    heard = Heard(board=board, baud=BAUDS[0], received=0, candidates=(), latency_ms=latency_ms(port))
    for baud in BAUDS:
        data, took_s = _listen(port, baud, seconds)
        found = identify(data, seconds=took_s, likely=board.protocols if board else ())
        heard = replace(heard, baud=baud, received=heard.received + len(data), candidates=tuple(found))
        if found or not data:
            break
    if asked and not heard.candidates:
        heard = replace(heard, probed=asked, answer=_ask(port, asked))
    return heard


def _probe_of(board: KnownBoard | None, probe: str) -> str:
    if probe != "auto":
        return probe
    likely = [name for name in PROBES if board is not None and name in board.protocols]
    if not likely:
        raise BadInput(
            "nothing is known of this port, and the same byte means different things to different boards",
            remedy=f"name the board: `--probe {'`, `--probe '.join(PROBES)}`, or none of them to only listen",
        )
    return likely[0]


def _line(port: str, baud: int) -> SerialLine:
    try:
        return SerialLine(port, baud, clock=HostClock(), closed=threading.Event())
    except OSError as error:
        raise PortUnusable("the port cannot be opened", port=port, why=str(error)[:200]) from error


def _listen(port: str, baud: int, seconds: float) -> tuple[bytes, float]:
    """Bytes that came, and how long after the first of them was listened."""
    line = _line(port, baud)
    data, first_s = b"", None
    opened_s = time.monotonic()
    try:
        while True:
            now_s = time.monotonic()
            if first_s is None and now_s - opened_s > max(seconds, BOOT_S):
                return data, 0.0
            if first_s is not None and now_s - first_s >= seconds:
                return data, now_s - first_s
            came = line.read()
            if came and first_s is None:
                # What lay in the buffer came at once and says nothing about the rate.
                first_s, came = time.monotonic(), b""
            data += came
    except OSError as error:
        raise PortUnusable("the port went away", port=port, why=str(error)[:200]) from error
    finally:
        line.close()


def _ask(port: str, family: str) -> bytes:
    probe = PROBES[family]
    line = _line(port, BAUDS[0])
    try:
        step = Step(send=probe.send, until=probe.expect, wait_s=probe.wait_s, settle_s=0.1, name="answer")
        return line.say((step,))["answer"]
    except OSError as error:
        raise PortUnusable("the port went away", port=port, why=str(error)[:200]) from error
    finally:
        line.close()


def print_heard(port: str, heard: Heard, *, as_json: bool, stdout: TextIO) -> int:
    """Print what was heard; 0 where a board was made out, 1 where not."""
    answered = bool(heard.probed) and PROBES[heard.probed].expect in heard.answer
    if as_json:
        for candidate in heard.candidates:
            print(json.dumps({"type": "candidate", **asdict(candidate)}), file=stdout)
        summary: dict[str, Any] = {
            "type": "summary",
            "port": port,
            "board": heard.board.name if heard.board else None,
            "baud": heard.baud,
            "bytes": heard.received,
            "protocol": heard.candidates[0].protocol if heard.candidates else None,
            "latency_ms": heard.latency_ms,
        }
        if heard.probed:
            summary |= {"probed": heard.probed, "answered": answered, "answer": heard.answer.hex()}
        print(json.dumps(summary), file=stdout)
        return 0 if heard.candidates or answered else 1
    print(f"port      {port}" + (f": {heard.board.name}, by its USB id or name" if heard.board else ""), file=stdout)
    print(f"heard     {heard.received} bytes, last at {heard.baud} baud", file=stdout)
    for candidate in heard.candidates:
        print(f"protocol  {candidate.protocol}, {candidate.confidence:.0%} sure", file=stdout)
        for key in candidate.keys:
            print(f"          - {key}", file=stdout)
    if heard.latency_ms is not None and heard.latency_ms > GOOD_LATENCY_MS:
        print(f"bridge    holds bytes back for {heard.latency_ms} ms: install systemd/70-bedside.rules", file=stdout)
    if heard.probed:
        what = "answers as it should" if answered else "gives no answer that fits"
        print(f"asked     as {heard.probed}: it {what} ({heard.answer[:60]!r})", file=stdout)
    if not heard.candidates and not answered:
        silent = "silent: a Cyton, a BITalino and a Shimmer3 wait for a command (`--probe`)"
        print(f"protocol  none made out{'' if heard.received else '; ' + silent}", file=stdout)
    return 0 if heard.candidates or answered else 1
