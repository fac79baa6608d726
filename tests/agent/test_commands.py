"""What the clinic orders: done, or refused with its reason, and every command comes back."""

import threading
import time

import pytest

from biosignal.events import AlarmEvent, AlarmState, Command, Recording, RecordingClosed, SubjectAssigned
from biosignal.model.bundle import open_bundle
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from edge_agent.sources.settings import SourceSettings
from tests import bundles
from tests.agent.conftest import until

PLACE = ("recording", "start_s", "end_s")
REAL_TIME = SourceSettings(speed=1.0, passes=0)


def command(name, **arguments):
    return Command(
        id=f"{name}-{time.monotonic_ns()}",
        name=name,
        issuer="dr-a",
        expires_utc="2999-01-01T00:00:00.000Z",
        arguments=tuple(arguments.items()),
    )


def rhythm(agent):
    """The limits of the rhythm in force."""
    return agent.analysis.limits_of(TASKS["ecg-rhythm"])


def beats(agent):
    return sum(agent.analysis.counts.marks.values())


def bodies(agent, kind):
    return [envelope.body for envelope in agent.events.events(kind, limit=100_000)]


def test_acknowledge_is_an_event_of_the_device_by_who_asked(make_agent):
    agent = make_agent()
    alarm = until(lambda: next((a for a in agent.analysis.alarms if a.state is AlarmState.LATCHED), None))
    answer = agent.command(command("acknowledge", alarm=alarm.id))
    assert (answer.outcome, answer.name) == ("done", "acknowledge")
    changed = until(lambda: [one for one in bodies(agent, "alarm") if one.id == alarm.id and one.by == "dr-a"])
    assert changed[-1].state in (AlarmState.ACKNOWLEDGED, AlarmState.RESOLVED)
    assert agent.command(command("acknowledge", alarm="no-such-alarm")).outcome == "refused"
    lacking = agent.command(command("acknowledge"))
    assert (lacking.outcome, "lacks an argument" in lacking.reason) == ("refused", True)


def test_pause_audio_silences_what_sounds_and_refuses_nonsense(make_agent):
    agent = make_agent(source=REAL_TIME)
    agent.analysis.set_trouble("source-lost", "the lead is loose")
    assert agent.command(command("pause-audio", seconds="30")).outcome == "done"
    paused = until(lambda: [one for one in bodies(agent, "alarm") if one.state is AlarmState.AUDIO_PAUSED])
    assert paused[0].by == "dr-a"
    for nonsense in ("-1", "soon", "nan", "inf"):
        assert agent.command(command("pause-audio", seconds=nonsense)).outcome == "refused"


def test_limits_are_set_and_unknown_ones_and_wrong_values_refused(make_agent):
    agent = make_agent(source=REAL_TIME)
    assert agent.command(command("set-limits", tachycardia_per_min="140", vt_beats="5")).outcome == "done"
    assert (rhythm(agent).tachycardia_per_min, rhythm(agent).vt_beats) == (140.0, 5)
    unknown = agent.command(command("set-limits", tachycardia="3"))
    assert unknown.outcome == "refused"
    assert "unknown=['tachycardia'], known=['tachycardia_per_min'," in unknown.reason
    for wrong in (
        {"bradycardia_per_min": "200"},
        {"vt_beats": "5.5"},
        {"vt_beats": "nan"},
        {"pause_s": "long"},
        {},
    ):
        assert agent.command(command("set-limits", **wrong)).outcome == "refused", wrong
    assert rhythm(agent).tachycardia_per_min == 140.0


def test_watch_is_done_and_what_nobody_knows_or_offers_is_refused(make_agent):
    agent = make_agent(source=REAL_TIME)
    assert agent.command(command("watch")).outcome == "done"
    assert agent.command(command("self-destruct")).outcome == "refused"
    assert agent.command(command("new-model", task="ecg-beats")).outcome == "refused"
    again = command("watch")
    assert agent.command(again) == agent.command(again)


def test_stored_waves_are_sent_where_there_are_any_and_refused_where_there_are_none(make_agent):
    agent = make_agent(source=SourceSettings(passes=0))
    recording = until(lambda: agent.analysis.now.recording)
    until(lambda: agent.waves.counts().chunks > 0)
    there = agent.command(command("fetch-waves", recording=recording, start_s="0", end_s="10"))
    assert (there.outcome, agent.waves.waiting > 0) == ("done", True)
    for elsewhere in (("another", "0", "10"), (recording, "900000", "900060")):
        nothing = agent.command(command("fetch-waves", **dict(zip(PLACE, elsewhere, strict=True))))
        assert (nothing.outcome, "holds nothing of this stretch" in nothing.reason) == ("refused", True)


def test_a_new_subject_gets_a_recording_of_its_own_counted_from_zero(make_agent):
    agent = make_agent(source=SourceSettings(speed=20.0, passes=0))
    until(lambda: agent.analysis.now.sample > 3600)
    before = agent.analysis.recording
    assert agent.command(command("assign-subject", subject="p-17")).outcome == "done"
    after = agent.analysis.now
    assert after.recording != before.id
    until(lambda: agent.analysis.now.sample > 3600)
    agent.stop()

    first, second = (body for body in _stored_after(agent, "recording.opened") if isinstance(body, Recording))
    assert (second.previous, second.subject, first.subject) == (first.id, "p-17", None)
    closed = {
        one.recording: one for one in _stored_after(agent, "recording.closed") if isinstance(one, RecordingClosed)
    }
    assert "p-17" in closed[first.id].reason
    assigned = [one for one in _stored_after(agent, "subject.assigned") if isinstance(one, SubjectAssigned)]
    assert [(one.recording, one.subject, one.at) for one in assigned] == [(second.id, "p-17", 0)]
    # Every sample belongs to one of the two, and the second counts from 0.
    assert closed[first.id].end + closed[second.id].end == agent.analysis.counts.samples
    assert 3600 < closed[second.id].end < agent.analysis.counts.samples
    assert agent.command(command("assign-subject", subject="p-18")).outcome == "refused"


def _stored_after(agent, kind):
    from edge_agent.store.reading import open_reader

    reader = open_reader(agent.events.path)
    try:
        return [envelope.body for envelope in reader.events(kind, limit=100_000)]
    finally:
        reader.close()


def test_commands_status_and_switches_under_a_replay_at_full_speed_never_hang(make_agent):
    agent = make_agent()
    until(lambda: beats(agent) > 10)
    done, slowest, failures = {"n": 0}, [0.0], []
    ending = threading.Event()

    def busy(work):
        while not ending.is_set():
            began_s = time.monotonic()
            try:
                work()
            except Exception as error:  # noqa: BLE001 - border of the thread: the test looks at it
                failures.append(error)
                return
            slowest[0] = max(slowest[0], time.monotonic() - began_s)
            done["n"] += 1
            time.sleep(0.005)

    backends = [OnnxCpuBackend(open_bundle(bundles.bundle_files(version=f"1.0.{n}"))) for n in range(2)]
    turns = iter(range(10**9))
    works = [
        lambda: agent.status(),
        lambda: agent.tend(),
        lambda: agent.command(command("set-limits", tachycardia_per_min="130")),
        lambda: agent.command(
            command("acknowledge", alarm=agent.analysis.alarms[0].id if agent.analysis.alarms else "")
        ),
        lambda: agent.command(command("pause-audio", seconds="1")),
        lambda: (agent.command(command("assign-subject", subject="p")), time.sleep(0.5)),
        lambda: (agent.analysis.switch("ecg-beats", backends[next(turns) % 2], "stress"), time.sleep(0.05)),
    ]
    threads = [threading.Thread(target=busy, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    samples = agent.analysis.counts.samples
    time.sleep(4.0)
    ending.set()
    for thread in threads:
        thread.join(15.0)
    assert not [thread for thread in threads if thread.is_alive()]
    assert not failures
    assert done["n"] > 100
    assert slowest[0] < 5.0
    assert agent.analysis.counts.samples > samples
    assert next(turns) > 3
    until(lambda: agent.keeper.idle or agent.keeper.counts.events > 0)
    agent.stop()
    for one in backends:
        one.close()
    alarms = [body for body in _stored_after(agent, "alarm") if isinstance(body, AlarmEvent)]
    revs = {}
    for alarm in alarms:
        assert alarm.rev == revs.get(alarm.id, -1) + 1
        revs[alarm.id] = alarm.rev


def test_a_switch_waits_for_the_first_beat_and_misses_none(make_agent):
    agent = make_agent(source=SourceSettings(speed=10.0, passes=0))
    until(lambda: beats(agent) > 2)
    backend = OnnxCpuBackend(open_bundle(bundles.bundle_files(version="1.0.7")))
    answered = agent.analysis.switch("ecg-beats", backend, "a test")
    assert answered.missed == 0
    assert answered.at > 0
    agent.stop()
    backend.close()


@pytest.fixture(autouse=True)
def no_line(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
