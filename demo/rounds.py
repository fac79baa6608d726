"""`make demo-check`: an ECG and an EEG, or words, once round the whole circle; the last line is one JSON object."""

import functools
import json
import math
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from demo.check import Check
from demo.eeg_check import NightCheck, missing
from demo.house import House
from demo.parts import DemoFailed
from demo.postgres import Postgres
from demo.words_check import WordsCheck, missing_of_words

LIMIT_S = 175.0  # on a machine as it stands beside a bed; a slower one is given more, and each step its share of it


def check(*, broker: str, database: str, keep: bool, limit_s: float = LIMIT_S, words: bool = False) -> int:
    """Go round the circle with an ECG and then with an EEG, or with `words`, each within `limit_s`; 0 when all went."""
    began = time.monotonic()
    signal.signal(signal.SIGALRM, functools.partial(_too_late, limit_s))
    signal.alarm(math.ceil(limit_s))
    state = Path(tempfile.mkdtemp(prefix="bedside-check-"))
    postgres = Postgres() if database == "postgresql" else None
    ok = False
    try:
        if postgres is not None:
            postgres.start()
        url = postgres.url if postgres is not None else ""
        house = House(state, broker=broker, database_url=url, patience=max(1.0, limit_s / LIMIT_S))
        round_ = Check(house, url or f"sqlite:///{house.clinic_state / 'clinic.db'}")
        try:
            if words:
                round_.facts = WordsCheck(round_).turn()
            else:
                round_.turn()
                signal.alarm(math.ceil(limit_s))
                round_.facts["eeg"] = NightCheck(round_).turn()
        finally:
            house.stop()
        round_.facts |= {
            "broker": house.broker_name,
            "database": database,
            "seconds": round(time.monotonic() - began, 1),
        }
        ok = _as_it_must(missing_of_words(round_.facts)) if words else _is_whole(round_.facts)
        print(json.dumps(round_.facts), flush=True)
    finally:
        signal.alarm(0)
        if postgres is not None:
            postgres.stop()
        if ok and not keep:
            shutil.rmtree(state, ignore_errors=True)
        else:
            print(f"state and logs are in {state}", file=sys.stderr)
    return 0 if ok else 1


def _is_whole(facts: dict[str, Any]) -> bool:
    wanted = {
        "outbox_left": 0,
        "duplicates": 0,
        "cloud_findings": facts["findings"],
        "windows_missed_at_switch": 0,
        "tampered_model_refused": True,
        "bad_model_rolled_back": True,
    }
    wrong = {name: facts[name] for name, value in wanted.items() if facts[name] != value}
    wrong |= {f"eeg {name}": value for name, value in missing(facts["eeg"]).items()}
    if facts["model_after"] == facts["model_before"] or not facts["findings"] or not facts["relabelled"]:
        wrong["model_after"] = facts["model_after"]
    return _as_it_must(wrong)


def _as_it_must(wrong: dict[str, Any]) -> bool:
    if wrong:
        print(f"these are not as they must be: {wrong}", file=sys.stderr)
    return not wrong


def _too_late(limit_s: float, *_: object) -> None:
    advice = f"on a slow machine give it more: make demo-check DEMO_CHECK='--limit {2 * limit_s:.0f}'"
    raise DemoFailed(f"the circle took longer than {limit_s:.0f} s", advice=advice)
