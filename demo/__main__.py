"""``python -m demo run | check | llm``: what `make demo`, `make demo-check` and `make llm` call."""

import argparse
import signal
import sys
from pathlib import Path

from demo import language_model, rounds, run
from demo.parts import DemoFailed


def main() -> int:
    """Run one verb; 0 done, 1 failed, 2 usage."""
    parser = argparse.ArgumentParser(prog="python -m demo", allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    live = verbs.add_parser("run", help="broker, clinic and daemon until Ctrl-C")
    live.add_argument("--record", default="excerpt")
    live.add_argument("--speed", type=float, default=1.0)
    live.add_argument("--state", type=Path, default=Path(".demo"))
    live.add_argument("--port", type=int, default=8080, help="of the dashboard; the next free one is taken")
    once = verbs.add_parser("check", help="once round the whole circle, headless")
    once.add_argument("--broker", choices=("embedded", "mosquitto"), default="embedded")
    once.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    once.add_argument(
        "--limit",
        type=float,
        default=rounds.LIMIT_S,
        metavar="SECONDS",
        help="for the ECG and again for the EEG, 1 or more (default %(default)g); every step is given its share",
    )
    once.add_argument("--words", action="store_true", help="go round with better words, from a suggestion to a text")
    once.add_argument("--keep", action="store_true", help="leave the state folder for a look")
    verbs.add_parser("llm", help="build and install the language model")
    options = parser.parse_args()
    if options.verb == "check" and not options.limit >= 1:
        once.error(f"--limit is 1 second or more, not {options.limit:g}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.verb == "run":
            return run.run(record=options.record, speed=options.speed, state=options.state.resolve(), port=options.port)
        if options.verb == "check":
            return rounds.check(
                broker=options.broker,
                database=options.database,
                keep=options.keep,
                limit_s=options.limit,
                words=options.words,
            )
        return language_model.install()
    except DemoFailed as error:
        print(f"{error}\nTry: {error.advice}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
