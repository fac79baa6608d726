"""`make demo`: everything on this machine, live, until Ctrl-C."""

import sys
import time
from pathlib import Path

from demo.house import House
from demo.language_model import is_installed


def run(*, record: str, speed: float, state: Path, port: int) -> int:
    """Start the parts, say where to look, and stay."""
    house = House(state, port=port)
    try:
        login = house.start_clinic()
        settings = {"source": {"record": record, "speed": speed, "passes": 0}}
        house.start_device(settings)
        _say(house, login.name, login.password, record, speed)
        _stay(house)
    except KeyboardInterrupt:
        pass
    finally:
        print("\nstopping ...", file=sys.stderr, flush=True)
        house.stop()
    print(f"Stopped. What was recorded is in {house.state}; `make demo` goes on with it.", file=sys.stderr)
    return 0


def _say(house: House, name: str, password: str, record: str, speed: float) -> None:
    texts = (
        "texts are re-worded by the local language model"
        if is_installed()
        else "texts from templates (`make llm` adds the language model)"
    )
    print(
        f"""
  Bedside: research software, not a medical device.

  dashboard   {house.url}
  login       {name}
  password    {password}

  device      {house.device_state.name}, replaying {record} at {speed:g}x
  broker      {house.broker_name}, TLS, port {house.broker_port}
  explainer   {texts}
  logs        {house.state / "log"}

  Ctrl-C stops everything.
""",
        flush=True,
    )


def _stay(house: House) -> None:
    while True:
        for part in house.parts:
            if not part.is_alive:
                code = part.process.returncode
                raise SystemExit(f"{part.name} ended with code {code}: {part.last_words()}\nTry: read {part.log}")
        time.sleep(0.5)
