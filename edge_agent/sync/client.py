"""The line to the clinic: sends what the store holds until the clinic says it has it, and takes commands.

Correctness rests on (id, rev) and receipts alone. The broker's acknowledgement, its sessions and its retain flag are
not believed: what is unanswered is sent again, what arrives twice is done once.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from paho.mqtt.enums import MQTTProtocolVersion

from biosignal.errors import BadInput, BedsideError
from biosignal.events import Command, CommandAnswer, Receipt, Status
from biosignal.wire.envelope import decode_message, encode_message
from biosignal.wire.packet import MOST_BYTES, join
from biosignal.wire.topics import Channel, down, parse, up
from edge_agent.pulse import Pulse
from edge_agent.sync.commands import CommandDesk, utc_now
from edge_agent.sync.connection import V5, Connection, find_version
from edge_agent.sync.flight import Flight, full_jitter
from edge_agent.sync.herald import Herald
from edge_agent.sync.outdated import FIRST_S, REASONS, OutdatedClinic
from edge_agent.sync.port import (
    RECORDINGS,
    URGENT,
    BrokerSilent,
    ClinicOutdated,
    ClinicSilent,
    LineBroken,
    Outbox,
    ProtocolRefused,
    Row,
    SyncCounters,
    SyncState,
    SyncTrouble,
    WaveQueue,
)
from edge_agent.sync.settings import Line, SyncSettings
from edge_agent.sync.stored import StoredWaves
from edge_agent.sync.turns import Ask, Turns

log = logging.getLogger(__name__)
_POLL_S = 0.2
_FEW = 4
"""So many fresh rows go each for itself, as a message of one is read first at the clinic."""
LIMIT_S = 4.0
"""One round of sending takes milliseconds."""
GRACE_S = 6.0
"""It may wait for the store, at most as long as a commit takes."""
PATIENCE_S = 15.0
"""So much longer than its own time-outs an attempt to connect may take: a name server is waited for, too."""
_WAVES_HELD = 64


class SyncClient:
    """Sends the outbox, the status and, while watched, live waves; receives receipts and commands.

    Parameters
    ----------
    store : the outbox; its rows leave only on the clinic's receipt.
    on_command : carries a command out and says what became of it; called on a thread of its own, one at a time, once
        per command id.
    status : how the device is, now; must return at once.
    waves : the stored waves that wait for the clinic; none go where it is absent.
    ask_again_s : how soon a clinic of an older version is asked again; later each time.
    chance : randomness of the waits. now : UTC for the expiry of commands; all else runs on the monotonic clock.
    """

    def __init__(
        self,
        settings: SyncSettings,
        store: Outbox,
        on_command: Callable[[Command], CommandAnswer],
        status: Callable[[], Status],
        *,
        site: str,
        device: str,
        waves: WaveQueue | None = None,
        chance: random.Random | None = None,
        ask_again_s: float = FIRST_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = line = Line.of(settings, site=site, device=device)
        self._store, self._status = store, status
        self._chance = chance or random.Random()
        self._desk = CommandDesk(store, device, on_command, on_answer=self._answered, now=now)
        self._flight = Flight(
            window=settings.window,
            timeout_s=settings.resend_s,
            first_s=settings.backoff_first_s,
            most_s=settings.longest_retry_s,
            chance=self._chance,
        )
        self._stored = self._queue_of(waves)
        self._turns = Turns()
        self._look_again = False
        self._silence: ClinicSilent | None = None
        self._outdated = OutdatedClinic(few=max(1, settings.window // 2), first_s=ask_again_s)
        self.counters = SyncCounters()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._waves: deque[tuple[float, bytes]] = deque()
        self._watched_until = float("-inf")
        self._line: Connection | None = None
        self._version: MQTTProtocolVersion | None = None
        self._failures = 0
        self._state = SyncState(
            connected=False, sentence="not started", cause=None, since_s=time.monotonic(), remedy=None
        )
        self.pulse = Pulse("sync", LIMIT_S, GRACE_S)
        self._herald = Herald(lambda: self._line, self._status_now, every_s=settings.status_every_s)
        self._thread = threading.Thread(target=self._work, name="sync", daemon=True)
        self._event_topic = up(line.site, line.device, Channel.EVENT)
        self._wave_topic = up(line.site, line.device, Channel.WAVE)
        self._stored_topic = up(line.site, line.device, Channel.STORED)
        self._status_topic = up(line.site, line.device, Channel.STATUS)

    def _queue_of(self, waves: WaveQueue | None) -> StoredWaves | None:
        if waves is None:
            return None
        patience, first_s, most_s = self._settings.resend_s, self._settings.backoff_first_s, self._most_s
        return StoredWaves(waves, timeout_s=patience, first_s=first_s, most_s=most_s, chance=self._chance)

    # -- for the agent

    def start(self) -> None:
        """Begin; returns at once, whether there is a broker or not."""
        self._desk.start()
        self._herald.start()
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye and end the threads; what is not received stays in the store."""
        self._stop.set()
        self._wake.set()
        self._herald.stop()
        self._desk.stop()
        self._thread.join(10.0)

    def nudge(self) -> None:
        """Say that the outbox has something new: it is sent now and not at the next look."""
        self._wake.set()

    def look_again(self) -> None:
        """Say that rows came back into the outbox at old places."""
        self._look_again = True
        self._wake.set()

    def send_status(self) -> None:
        """Say that the status has changed: it is sent now and not at its next time."""
        self._herald.send_now()

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        """The pulses of its threads."""
        return self.pulse, self._herald.pulse, self._desk.pulse

    def publish_wave(self, frame: bytes) -> bool:
        """Send a live waveform frame if somebody watches; False when nobody does or there is no line."""
        if not (self.watched and self.connected):
            return False
        with self._lock:
            if len(self._waves) >= _WAVES_HELD:
                self._waves.popleft()
                self.counters.waves_dropped += 1
            self._waves.append((time.monotonic(), frame))
        self._wake.set()
        return True

    @property
    def connected(self) -> bool:
        """Whether there is a line to the broker."""
        line = self._line
        return line is not None and line.alive

    @property
    def watched(self) -> bool:
        """Whether somebody watches live: a "watch" command was carried out within the lease."""
        return time.monotonic() < self._watched_until

    @property
    def clinic_outdated(self) -> str | None:
        """Why the clinic cannot read what this device sends, in a sentence; None when it can, or nobody knows yet."""
        reason = self._outdated.reason
        return None if reason is None else f"the clinic is of an older version than this device: it says {reason!r}"

    def state(self) -> SyncState:
        """Return how the line is, since when, why, and what to do."""
        state, outdated, silence = self._state, self.clinic_outdated, self._silence
        if not state.connected:
            return state
        trouble: type[SyncTrouble]
        if silence is not None:
            sentence, trouble = "the clinic does not answer", ClinicSilent
        elif outdated is not None:
            sentence, trouble = outdated, ClinicOutdated
        else:
            return state
        return replace(
            state, sentence=f"{state.sentence}, but {sentence}", cause=trouble.__name__, remedy=trouble.remedy
        )

    # -- the sending thread

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._serve(self._opened())
            except SyncTrouble as trouble:
                self._troubled(trouble)
                if isinstance(trouble, (ProtocolRefused, BrokerSilent)):
                    self._version = None  # another broker, perhaps: ask it again
            except Exception as error:  # thread border: whatever broke, the line must come back
                log.exception("sync.line.failed")
                self._troubled(LineBroken("the line failed in itself", why=repr(error)))
            self._end()
            if not self._stop.is_set():
                self._failures += 1
                wait_s = full_jitter(self._failures, self._settings.backoff_first_s, self._most_s, self._chance)
                self.pulse.beat(wait_s + LIMIT_S)
                self._stop.wait(wait_s)
        self._set_state(connected=False, sentence="stopped")
        self.pulse.rest()

    @property
    def _most_s(self) -> float:
        return self._settings.longest_retry_s

    def _opened(self) -> Connection:
        self.pulse.beat(2 * self._settings.connect_timeout_s + PATIENCE_S)
        self._version = self._version or find_version(self._settings)
        self.pulse.beat(2 * self._settings.connect_timeout_s + PATIENCE_S)
        offline = encode_message(self._offline())
        line = Connection(self._settings, self._version, will=offline, on_message=self._arrived, on_end=self._wake.set)
        line.open()
        return line

    def _serve(self, line: Connection) -> None:
        opened_s = time.monotonic()
        with self._lock:
            self._flight.window = min(self._settings.window, max(1, line.receive_maximum // 2))
            self._flight.start_again(opened_s)
            self._outdated.note_connected()
        if self._stored is not None:
            self._stored.start_again()
        self._turns.start_again(self._store.last_waiting())
        self._line = line
        self.counters.connections += 1
        version = "MQTT 5" if line.version is V5 else "MQTT 3.1.1"
        self._set_state(
            connected=True, sentence=f"connected to {self._settings.host}:{self._settings.port} with {version}"
        )
        self._herald.send_now()
        while line.alive and not self._stop.is_set():
            self.pulse.beat()
            now_s = time.monotonic()
            if now_s - opened_s > self._most_s:
                self._failures = 0
            self._check_answers(now_s)
            if not self._send(line):
                self._wake.wait(_POLL_S)
                self._wake.clear()
        if not self._stop.is_set():
            raise line.trouble

    def _end(self) -> None:
        """End the line there was; with a farewell where we leave on purpose."""
        line, self._line = self._line, None
        if line is None:
            return
        self.pulse.beat()
        try:
            if self._stop.is_set():
                line.close((self._status_topic, encode_message(self._offline())))
            else:
                line.close()
        except Exception:  # thread border: what cannot be ended in order must not keep the next line from being made
            log.exception("sync.line.failed")

    def _status_now(self) -> tuple[str, bytes]:
        return self._status_topic, encode_message(self._status())

    def _offline(self) -> Status:
        """What is said of us when we are gone: nothing that was measured holds then."""
        return replace(self._status(), online=False, readings=())

    def _check_answers(self, now_s: float) -> None:
        """Give up a line on which nothing is receipted: behind it may be a session that the broker has lost."""
        with self._lock:
            silent_s, rows = self._flight.silent_s(now_s), len(self._flight)
        if silent_s < self._settings.silent_s:
            return
        silence = ClinicSilent("the clinic does not answer", rows=rows, silent_s=round(silent_s))
        if self._silence is None:
            log.warning("sync.clinic.silent", extra={"facts": {"rows": rows, "remedy": silence.advice}})
        self._silence = silence
        raise silence

    def _send(self, line: Connection) -> bool:
        """Send one round: what is fresh, then one packet of the backlog; True when something went out."""
        try:
            self._ask_again()
            if self._look_again:
                self._look_again = False
                self._turns.look_again(self._store.last_waiting())
            sent = self._send_overdue(line, is_urgent=True)
            sent = self._send_fresh(line) or sent
            self._send_waves(line)
            sent = self._send_overdue(line, is_urgent=False) or self._send_backlog(line) or sent
            return sent or self._send_stored(line)
        except BedsideError:
            self.counters.store_failures += 1
            return False

    def _ask_again(self) -> None:
        """Queue a few of the rows that an outdated clinic rejected, or many once it takes them."""
        now_s = time.monotonic()
        with self._lock:
            limit = self._outdated.rows_to_ask(now_s)
        if not limit:
            return
        rows = self._store.retry_rejected(containing=REASONS, limit=limit)
        with self._lock:
            self._outdated.note_asked((row.id, row.rev) for row in rows)
            for row in rows:
                self._flight.note_queued(row, now_s)

    def _send_overdue(self, line: Connection, *, is_urgent: bool) -> bool:
        with self._lock:
            due = self._flight.due(time.monotonic(), is_urgent=is_urgent)
        together: list[Row] = []
        went = False
        for key, is_alone in due:
            row = self._store.waiting(*key)
            if row is None:
                with self._lock:
                    self._flight.forget(key)
            elif is_alone:
                went = self._publish(line, [row], is_urgent=is_urgent, again=True) > 0 or went
            else:
                together.append(row)
        return self._publish(line, together, is_urgent=is_urgent, again=True) > 0 or went

    def _send_fresh(self, line: Connection) -> bool:
        went = False
        fresh = (self._turns.fresh(lane) for lane in (RECORDINGS, URGENT))
        for ask in chain(self._turns.asks(RECORDINGS), fresh):
            with self._lock:
                places = self._flight.places_for_new(time.monotonic(), is_urgent=True)
            went = self._send_from(line, ask, places, is_urgent=True) or went
        return went

    def _send_backlog(self, line: Connection) -> bool:
        """Send one packet, of the lane whose turn it is; what is fresh in a later lane goes before what is old."""
        with self._lock:
            places = self._flight.places_for_new(time.monotonic(), is_urgent=False)
            packet = self._flight.packet
        if places < (packet + 1) // 2:
            return False  # receipts of others will come, and many small packets cost more than a few large ones
        for lane in self._turns.lanes():
            for ask in self._turns.asks(lane):
                if self._send_from(line, ask, min(places, packet), is_urgent=False):
                    self._turns.note_turn(lane)
                    return True
        return False

    def _send_from(self, line: Connection, ask: Ask, places: int, *, is_urgent: bool) -> bool:
        if not places:
            return False
        rows = self._store.outbox(places, ask.lane, after=ask.after, until=ask.until, newest=ask.newest)
        with self._lock:
            new = [row for row in rows if (row.id, row.rev) not in self._flight]
        went = self._publish(line, new, is_urgent=is_urgent)
        taken = rows if went == len(new) else rows[: rows.index(new[went])]
        self._turns.note_taken(ask, [row.n for row in taken], is_all=len(taken) == len(rows) < places)
        return went > 0

    def _publish(self, line: Connection, rows: Sequence[Row], *, is_urgent: bool, again: bool = False) -> int:
        """Hand rows over, packed where that may be; returns how many of them, from the first, the line took."""
        went = 0
        most = 1 if is_urgent and len(rows) <= _FEW else self._flight.packet
        for packet in _packets(rows, most):
            with self._lock:
                # Noted before it goes, as its receipt may be here before the next line runs.
                now_s = time.monotonic()
                for row in packet:
                    self._flight.note_sent(row, now_s, is_urgent=is_urgent)
            if not line.publish(self._event_topic, join(row.payload for row in packet)):
                break
            went += len(packet)
        if again:
            self.counters.resent += went
        else:
            self.counters.sent += went
        return went

    def _send_waves(self, line: Connection) -> None:
        while not line.congested:
            with self._lock:
                if not self._waves:
                    return
                taken_s, frame = self._waves.popleft()
            fresh = time.monotonic() - taken_s <= self._settings.wave_age_s
            if fresh and line.publish(
                self._wave_topic, frame, qos=0, expiry_s=max(1, round(self._settings.wave_age_s))
            ):
                self.counters.waves_sent += 1
            else:
                self.counters.waves_dropped += 1

    def _send_stored(self, line: Connection) -> bool:
        """Send stored waves where nothing else waits or is on its way, so that they never hold up an event."""
        with self._lock:
            is_quiet = self._flight.is_quiet(time.monotonic())
        if self._stored is None or not is_quiet:
            return False
        went = 0
        for chunk in self._stored.due(time.monotonic()):
            # Noted before it goes, as its receipt may be here before the next line runs.
            self._stored.note_sent(chunk, time.monotonic())
            if not line.publish(self._stored_topic, chunk.frame):
                break
            went += 1
        self.counters.stored_sent += went
        return went > 0

    def _troubled(self, trouble: SyncTrouble) -> None:
        cause = type(trouble).__name__
        if self._state.connected or self._state.cause != cause:
            self._set_state(connected=False, sentence=str(trouble), cause=cause, remedy=trouble.advice)

    def _set_state(
        self, *, connected: bool, sentence: str, cause: str | None = None, remedy: str | None = None
    ) -> None:
        self._state = SyncState(
            connected=connected, sentence=sentence, cause=cause, since_s=time.monotonic(), remedy=remedy
        )

    # -- the network thread

    def _arrived(self, topic: str, payload: bytes) -> None:
        try:
            self._take(topic, payload)
        except Exception:  # border of the network thread: a message that we stumble over must not end the line
            log.exception("sync.message.failed")
            self.counters.unreadable += 1

    def _take(self, topic: str, payload: bytes) -> None:
        try:
            channel = parse(topic).channel
            # A broker was seen to deliver what was not subscribed: another device's commands are not ours.
            if channel not in (Channel.RECEIPT, Channel.COMMAND) or topic != down(
                self._settings.site, self._settings.device, channel
            ):
                raise BadInput("nothing for this device", topic=topic)
            message = decode_message(channel.value, payload)
        except BadInput:
            self.counters.unreadable += 1
            return
        if isinstance(message, Receipt):
            self._received(message)
        elif isinstance(message, Command) and not self._desk.submit(message):
            self.counters.commands_dropped += 1

    def _received(self, receipt: Receipt) -> None:
        self.counters.receipts += 1
        try:
            self._take_stored(receipt)
            self.counters.confirmed += self._store.confirm(receipt.committed)
            self.counters.rejected += self._store.reject(receipt.rejected)
        except BedsideError:
            # The rows stay and are sent again; the clinic answers again.
            self.counters.store_failures += 1
            return
        self._failures = 0
        if self._silence is not None:
            self._silence = None
            log.info("sync.clinic.answers")
        done = [*receipt.committed, *((id_, rev) for id_, rev, _ in receipt.rejected)]
        with self._lock:
            self._flight.note_receipt(done, time.monotonic())
            self._flight.packet = max(1, min(self._settings.packet, receipt.packet))
        self._note_version(receipt)
        self._wake.set()

    def _take_stored(self, receipt: Receipt) -> None:
        if self._stored is None:
            return
        received, refused = self._stored.take(receipt)
        self.counters.stored_received += received
        self.counters.stored_refused += refused

    def _note_version(self, receipt: Receipt) -> None:
        before = self._outdated.reason
        with self._lock:
            self._outdated.note_receipt(receipt.committed, receipt.rejected, time.monotonic())
        after = self._outdated.reason
        if before is None and after is not None:
            log.warning("sync.clinic.outdated", extra={"facts": {"why": after, "remedy": ClinicOutdated.remedy}})
        elif before is not None and after is None:
            log.info("sync.clinic.updated")

    # -- the commands' thread

    def _answered(self, answer: CommandAnswer) -> None:
        self.counters.commands += 1
        if answer.name == "watch" and answer.outcome == "done":
            self._watched_until = time.monotonic() + self._settings.watch_lease_s
        self._wake.set()


def _packets(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """Cut rows into packets of at most so many, and so many bytes."""
    packet: list[Row] = []
    length = 0
    for row in rows:
        if packet and (len(packet) == most or length + len(row.payload) > MOST_BYTES):
            yield packet
            packet, length = [], 0
        packet.append(row)
        length += len(row.payload)
    if packet:
        yield packet
