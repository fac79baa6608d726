"""The checks of `edge-agent doctor`, each a function of the settings; a new one is a line in `CHECKS`."""

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from biosignal.errors import BedsideError
from biosignal.tasks.lookup import models, quantity
from edge_agent.explain.ladder import adapter_in_settings, start_of, too_little_free
from edge_agent.explain.settings import ExplainSettings
from edge_agent.operate.broker_probe import probe_broker
from edge_agent.operate.certificates import WARN_S, Held, held
from edge_agent.operate.clock import Clock, utc_text
from edge_agent.operate.doctor import Check, Checking, fail, ok, warn
from edge_agent.operate.settings import Settings
from edge_agent.operate.status_file import AgentStatus, is_running, read_status

BUILT_UTC_S = 1_735_689_600.0  # 2025-01-01: no device ran this program before
FAR_UTC_S = 4_102_444_800.0  # 2100-01-01
STATUS_OLD_S = 60.0


def state_dir(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Can the daemon write where it keeps its state?"""
    folder = settings.device.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            os.fsync(file.fileno())
    except OSError as error:
        yield fail(
            "state folder",
            f"{folder} cannot be written: {error.strerror}",
            f"give it to the user that runs the daemon (here uid {os.getuid()}), or set device.state_dir",
        )
        return
    yield ok("state folder", str(folder))
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    reserve_mb = settings.store.free_reserve_mb
    if free_mb < reserve_mb:
        yield fail(
            "disk space",
            f"{free_mb} MB free, {reserve_mb} MB are kept free for findings",
            "free space on that disk, or lower store.waveform_budget_mb; waves are dropped first, findings never",
        )
    elif free_mb < reserve_mb + settings.store.waveform_budget_mb:
        yield warn(
            "disk space",
            f"{free_mb} MB free, less than store.waveform_budget_mb + store.free_reserve_mb",
            "lower store.waveform_budget_mb or free space: the oldest waves go earlier than set",
        )
    else:
        yield ok("disk space", f"{free_mb} MB free")


def store(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Are the databases whole?"""
    if not _may_look(settings.device.state_dir):
        yield warn("store", *_not_permitted(settings.device.state_dir))
        return
    for name in ("events.db", "waveforms.db"):
        path = settings.device.state_dir / name
        if not path.exists():
            yield ok(name, "not there yet: the daemon makes it")
            continue
        trouble = _sqlite_trouble(path)
        if trouble is None:
            yield ok(name, f"whole, {path.stat().st_size // 1000} kB")
        else:
            remedy = "start the daemon: it sets the file aside, salvages its good rows and raises an alarm"
            yield fail(name, trouble, remedy, since_utc_s=path.stat().st_mtime)
    aside = sorted(settings.device.state_dir.glob("*.damaged-*"))
    if aside:
        names = ", ".join(path.name for path in aside)
        since = aside[-1].stat().st_mtime
        yield warn("set aside", names, "keep them until someone looked at them, then remove them", since_utc_s=since)


def _sqlite_trouble(path: Path) -> str | None:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as database:
            answer = database.execute("pragma quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return str(error)
    return None if answer == "ok" else str(answer)


def host_clock(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Is the wall clock plausible? Samples do not depend on it; certificates and times on screen do."""
    utc_s = clock.utc_s()
    if not BUILT_UTC_S < utc_s < FAR_UTC_S:
        yield fail("clock", f"the host says {utc_text(utc_s)}", "set the time (`timedatectl set-ntp true`)")
    elif Path("/run/systemd/timesync").is_dir() and not Path("/run/systemd/timesync/synchronized").exists():
        yield warn("clock", f"{utc_text(utc_s)}, not synchronised", "check the network or the NTP server")
    else:
        yield ok("clock", utc_text(utc_s))


def broker(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Does the broker take us?"""
    if not settings.sync.enabled:
        yield ok("broker", "not used (sync.enabled = false)")
        return
    trouble = probe_broker(settings)
    where = f"{settings.sync.host}:{settings.sync.port}"
    yield ok("broker", f"{where} takes the login") if trouble is None else fail("broker", *trouble)


def sounder(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Is there a program that signals alarms at the bed, and may it be run?"""
    command = settings.alarms.signal_command
    if not command:
        yield ok("sounder", "none (alarms.signal_command): alarms are heard on pages of the clinic alone")
    elif shutil.which(command[0]) is None:
        remedy = "correct alarms.signal_command, and make the program executable for the user of the daemon"
        yield fail("sounder", f"{command[0]} is not there or may not be run", remedy)
    else:
        yield ok("sounder", " ".join(command))


def certificates(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Can the certificates be read, and how long are they good?"""
    yield from (_certificate(one, clock.utc_s()) for one in held(settings))


def _certificate(one: Held, now_s: float) -> Check:
    if one.why_not:
        return fail(one.name, f"{one.path}: {one.why_not}", f"put a PEM certificate there, or correct {one.name}")
    begins, ends = utc_text(one.begins_s), utc_text(one.ends_s)
    if now_s < one.begins_s:
        return fail(one.name, f"not valid before {begins}", "check the clock, or issue it anew")
    if now_s > one.ends_s:
        return fail(one.name, f"ran out at {ends}", "issue a new one and put it there", since_utc_s=one.ends_s)
    if one.ends_s - now_s < WARN_S:
        return warn(one.name, f"runs out at {ends}", "issue a new one in time")
    return ok(one.name, f"good until {ends}")


def source(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Is there something to read from?"""
    from edge_agent.sources import KINDS, check_kind, open_source

    try:
        check_kind(settings.source)
        if settings.source.kind == "replay":
            facts = open_source(settings.source, clock).recording_facts()
            yield ok("source", f"{facts.name}: {', '.join(lead.name for lead in facts.leads)} at {facts.fs_hz:g} Hz")
        elif settings.source.kind not in KINDS:
            open_source(settings.source, clock)
            yield ok("source", f"the plug-in {settings.source.kind} loads")
        else:
            open_source(settings.source, clock)
            yield _port(settings)
            yield from _bridge(settings)
    except BedsideError as error:
        yield fail("source", str(error), error.advice)


def _port(settings: Settings) -> Check:
    path = Path(settings.source.port)
    if not path.exists():
        return fail("source", f"{path} is not there", "plug the board in; `edge-agent sources` lists what is there")
    if not os.access(path, os.R_OK | os.W_OK):
        return fail("source", f"{path}: no permission", "add the user to the group dialout and log in again")
    if path.name.startswith(("ttyUSB", "ttyACM")) and path.parent == Path("/dev"):
        return warn("source", f"{path} may get another number", "set source.port to its name in /dev/serial/by-id/")
    return ok("source", str(path))


def _bridge(settings: Settings) -> Iterator[Check]:
    """An FTDI bridge that gathers bytes makes samples come in lumps, and short counters ambiguous."""
    from edge_agent.sources.serial_line import GOOD_LATENCY_MS, latency_ms

    held_ms = latency_ms(settings.source.port)
    if held_ms is None:
        return
    if held_ms > GOOD_LATENCY_MS:
        cause = f"the USB bridge holds bytes back for {held_ms} ms, so that losses are counted less surely"
        yield warn("bridge", cause, "install systemd/70-bedside.rules and plug the board in again")
    else:
        yield ok("bridge", f"latency {held_ms} ms")


def backends(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Which rungs of the ladder can serve here, and why not."""
    if find_spec("onnxruntime") is None:
        yield fail(
            "onnx-cpu", "onnxruntime is not installed", "`pip install onnxruntime`; without it only rules remain"
        )
    else:
        yield ok("onnx-cpu", "onnxruntime is installed")
    if not settings.inference.tensorrt.enabled:
        yield ok("tensorrt", "not used (inference.tensorrt.enabled = false)")
        return
    yield ok("tensorrt", _tensorrt(settings))


def _tensorrt(settings: Settings) -> str:
    """Ask the very process that would serve: what TensorRT it has, or why none."""
    from biosignal.model.backend import BackendFailed
    from edge_agent.inference.trt_backend import probe_tensorrt

    try:
        facts = probe_tensorrt(settings.inference.tensorrt)
    except BackendFailed as refused:
        return f"not available: {refused}; models run on the CPU"
    return f"{facts['flavour']} {facts['tensorrt']} on {facts['gpu']}, driver {facts['driver']}"


def bundle(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Is each task's model what its manifest and its task say, and does it give its golden outputs here?"""
    for task in models():
        yield _bundle_of(task, settings)


def _bundle_of(task: str, settings: Settings) -> Check:
    from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle, models_dir

    folder, name = settings.inference.models_dir, f"model {task}"
    try:
        found = find_bundle(task, folder=folder, version=settings.inference.versions.get(task))
        if found is None:
            remedy = f"set inference.models_dir or BEDSIDE_MODELS_DIR to the folder that holds {task}/"
            return fail(name, f"no bundle of {task} in {models_dir(folder)}", remedy)
        opened = load_bundle(found)
        cpu_backend(opened).close()
    except BedsideError as error:
        return fail(name, str(error), error.advice)
    return ok(name, f"{opened.identity}, sha256 {opened.digest[:16]}, golden outputs reproduced")


def words(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Has every kind of finding its vetted sentences?"""
    from biosignal.wording.knowledge import broken_words

    broken = broken_words()
    if broken:
        remedy = "reinstall the package; until then such findings are explained by label and numbers"
        yield warn("words", "; ".join(broken), remedy)
    else:
        yield ok("words", "every kind of finding has its sentences")


def explainer(settings: Settings, clock: Clock) -> Iterator[Check]:
    """Who writes the texts?"""
    if not settings.explain.language_model:
        yield ok("explainer", "template texts (explain.language_model = false)")
    elif settings.explain.python is None and find_spec("llama_cpp") is None:
        yield ok("explainer", "template texts; the language model is not installed (`make llm` installs it)")
    elif settings.explain.model_path is not None and not settings.explain.model_path.is_file():
        yield fail("explainer", f"no model at {settings.explain.model_path}", "correct explain.model_path")
    elif why := _why_template(settings.explain):
        yield warn("explainer", f"template texts; {why}", "give the model more memory, or set a smaller one")
    elif settings.explain.adapter_path is not None and not settings.explain.adapter_path.is_file():
        yield warn("explainer", f"no adapter at {settings.explain.adapter_path}", "correct explain.adapter_path")
    else:
        yield ok("explainer", "the language model is installed")


def _why_template(explain: ExplainSettings) -> str:
    adapter = adapter_in_settings(explain)
    return start_of(explain, adapter).off or too_little_free(explain, adapter)


def agent(settings: Settings, clock: Clock) -> Iterator[Check]:
    """What does the running daemon say of itself?"""
    if not _may_look(settings.device.state_dir):
        yield warn("daemon", *_not_permitted(settings.device.state_dir))
        return
    status = read_status(settings.device.state_dir)
    if status is None or not is_running(status):
        since = None if status is None else status.written_utc_s
        yield warn("daemon", "not running", f"`systemctl start edge-agent`, or `{_run_words()}`", since_utc_s=since)
        return
    age_s = clock.utc_s() - status.written_utc_s
    if abs(age_s) > STATUS_OLD_S:
        cause = f"process {status.pid} last wrote its status {age_s:.0f} s ago"
        yield fail("daemon", cause, "restart it, and keep its log", since_utc_s=status.written_utc_s)
        return
    yield ok("daemon", f"process {status.pid}, version {status.version}, up since {utc_text(status.started_utc_s)}")
    if status.source_state != "streaming":
        cause = f"{status.source_state}: {status.source_reason or 'no reason given'}"
        yield fail("signal", cause, "check the cable, the board and source.port", since_utc_s=status.source_since_utc_s)
    for loop in status.loops:
        since_utc_s = status.written_utc_s - loop.age_s
        if loop.stands:
            cause = f"{loop.name} has hung for {loop.age_s + age_s:.0f} s, longer than {loop.stands_after_s:g} s"
            remedy = "keep the log; where the monitoring rests on it, the daemon is started again by itself"
            yield fail("hangs", cause, remedy, since_utc_s=since_utc_s)
        elif loop.is_late:
            cause = f"{loop.name} last got on {loop.age_s + age_s:.0f} s ago, longer than {loop.limit_s:g} s"
            yield warn(
                "late", cause, "look at the card or disk if it comes again: writes are slow", since_utc_s=since_utc_s
            )
    yield from _sounder_at_work(status)
    yield from _readings(status, clock.utc_s())
    if settings.sync.enabled and not status.connected:
        cause = f"not connected: {status.connection_reason or 'no reason given'}; {status.outbox} events wait"
        yield warn("line", cause, "nothing is lost; see `broker` above", since_utc_s=status.connected_since_utc_s)
    if status.rejected:
        yield warn("rejected", f"the clinic rejected {status.rejected} events", "look at them on the clinic's side")
    for model in status.models:
        served = f"{model.bundle or 'no model'} on {model.rung}"
        yield ok(f"model of {model.task}", f"{served}: {model.reason}" if model.reason else served)
    for lead in status.leads:
        yield ok("leads", lead)


def _may_look(folder: Path) -> bool:
    return not os.path.lexists(folder) or os.access(folder, os.R_OK | os.X_OK)


def _not_permitted(folder: Path) -> tuple[str, str]:
    return (
        f"not known: uid {os.getuid()} may not look into {folder}",
        "run doctor as root, or as the user that the daemon runs as",
    )


def _sounder_at_work(status: AgentStatus) -> Iterator[Check]:
    if status.sounder_reason:
        remedy = "run the program of alarms.signal_command by hand, as the user of the daemon: `PROGRAM high high`"
        yield fail("sounder at work", status.sounder_reason, remedy)


def _readings(status: AgentStatus, now_s: float) -> Iterator[Check]:
    """The numbers that hold now, each with how much longer; what holds no longer is not shown."""
    for one in status.readings:
        left_s = one.valid_until_utc_s - now_s
        if not 0 < left_s <= one.valid_until_utc_s - status.written_utc_s:
            continue
        known = quantity(one.quantity)
        decimals, unit = (known.decimals, known.unit) if known is not None else (2, "")
        shown = one.label if one.value is None else f"{one.value:.{decimals}f} {unit}".rstrip()
        yield ok("reading", f"{one.quantity} of {', '.join(one.leads)}: {shown}, for {left_s:.1f} s more")


def _run_words() -> str:
    return f"{Path(sys.argv[0]).name} run" if Path(sys.argv[0]).name.startswith("edge-agent") else "edge-agent run"


CHECKS: dict[str, Checking] = {
    "state folder": state_dir,
    "store": store,
    "clock": host_clock,
    "source": source,
    "backends": backends,
    "models": bundle,
    "explainer": explainer,
    "words": words,
    "sounder": sounder,
    "certificates": certificates,
    "broker": broker,
    "daemon": agent,
}
