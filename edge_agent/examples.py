"""Examples of the verbs, as `--help` shows them: they work as they stand, but for the names of files and ports."""

PROGRAM = "edge-agent"

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("run --config /etc/bedside/edge.toml", "as the unit does"),
        ("run --set source.kind=replay --set source.record=excerpt", "the built-in excerpt, in real time"),
    ),
    "replay": (
        ("replay excerpt", "the real ECG that comes with the program"),
        ("replay mitdb/208 --truth", "a record below EDGE_DATA_DIR or from PhysioNet, scored by its annotations"),
        ("replay night.edf --lead EKG --from 1:00:00 --to 1:30:00", "half an hour of one lead"),
        ("replay 'svdb/*' --truth --jobs 2", "all records of a set, a line each"),
        ("replay log.csv --fs 250", "a log that does not say its rate"),
        ("replay log.csv --time-column 2 --json", "events as JSON lines"),
        ("replay mitdb/100 --out annotations", "write annotations/100.bds"),
    ),
    "report": (
        ("report mitdb/203 --truth --pdf report.pdf", "all of a recording on pages, beside its annotations"),
        ("report night.edf --lead EKG --json", "the same in numbers"),
    ),
    "classify": (
        ("classify ptbxl/records100/00000/00001_lr", "what ten seconds of twelve leads show, with probabilities"),
        (
            "classify ecg.edf --from 0:30 --to 0:40 --json",
            "ten seconds of a longer recording, as JSON lines",
        ),
        (
            "classify ptbxl/records100/00000/00001_lr --pdf ecg.pdf --why MI",
            "twelve leads on paper, and what spoke for an infarction",
        ),
    ),
    "convert": (
        ("convert mitdb/100 100.edf", "a WFDB record with its annotations as EDF+"),
        ("convert night.edf report/night --anonymise --from 1:00:00 --to 1:10:00", "ten minutes for a bug report"),
        ("convert log.csv log.edf --fs 250", "a log as EDF+"),
    ),
    "datasets": (
        ("datasets", "the sets whose records are known by name"),
        ("datasets sleep-edfx", "all that is known of one"),
    ),
    "synthesize": (
        ("synthesize", "list the scenarios"),
        ("synthesize adult --out patient --seed 7", "a WFDB record with its truth"),
    ),
    "doctor": (("doctor --config /etc/bedside/edge.toml", "check this installation and these settings"),),
    "check-config": (("check-config /etc/bedside/edge.toml --set source.speed=2", "settings as they would be"),),
    "sources": (("sources", "what can be read here"),),
    "decode": (
        ("decode --protocol cyton capture.bytes", "samples, gaps and counters of an OpenBCI Cyton"),
        ("decode --protocol text --fs 250 serial.log", "numbers that a sketch printed"),
        ("decode --protocol bitalino --sensors EMG,ECG capture.bytes --json", "the samples as JSON"),
    ),
    "identify": (("identify /dev/serial/by-id/usb-FTDI --probe", "listen, then ask which board it is"),),
    "record": (("record /dev/ttyUSB0 --protocol healthypi4 --out report --seconds 60", "a minute, for a bug report"),),
    "calibrate": (("calibrate capture.bytes --protocol olimex --pulse-mv 1", "the scale of a board"),),
    "emulate": (("emulate --protocol cyton --record excerpt --link /tmp/board", "a board where none is"),),
    "completion": (
        ("completion bash", "for ~/.local/share/bash-completion/completions/edge-agent"),
        ("completion fish", "for ~/.config/fish/completions/edge-agent.fish"),
    ),
    "bundle": (("bundle", "verify the newest model of every task"),),
    "ask": (
        ("ask last 'What does this mean?' --state-dir /var/lib/bedside", "about the finding stored last"),
        ("ask last --template compare --state-dir /var/lib/bedside", "beside the one of its kind before it"),
        ("ask - 'What is QTc?'", "in general"),
    ),
    "events": (("events --state-dir /var/lib/bedside --kind finding", "what was found, as JSON lines"),),
}


def shown_examples(verb: str) -> str:
    """The examples of a verb as text below its help; empty where it has none."""
    examples = EXAMPLES.get(verb, ())
    if not examples:
        return ""
    width = max(len(command) for command, _ in examples)
    rows = [f"  {PROGRAM} {command:{width}}  {what}" for command, what in examples]
    return "\n".join(["examples:", *rows])
