"""The embedded broker's process: ``python -m cloud_service.broker.child CONFIG.json``.

Writes one line of JSON when it listens, and ends when its standard input closes: with the parent, however it dies.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from cloud_service.access.door import DoorLimits
from cloud_service.broker.embedded import AMQTT_NAMES, GuardedBroker

AT_ONCE = 1000
GRACE_S = 10
"""How much longer than its keep-alive a client may be silent; amqtt alone gives none, and a ping takes its time."""


def broker_config(settings: dict[str, Any]) -> dict[str, Any]:
    """amqtt's configuration. No other plugin is loaded, so there is no ``$SYS`` and nobody is anonymous."""
    tls = {}
    if settings["certificate"]:
        tls = {"ssl": True, "certfile": settings["certificate"], "keyfile": settings["key"]}
    return {
        "listeners": {
            AMQTT_NAMES[name]: {"type": "tcp", "bind": bind, "max_connections": AT_ONCE, **tls}
            for name, bind in settings["listeners"].items()
        },
        "timeout_disconnect_delay": GRACE_S,
        "plugins": {
            "cloud_service.broker.plugins.KnownClients": {},
            "cloud_service.broker.plugins.OwnTopics": {"accounts": settings["accounts"]},
        },
    }


async def serve(settings: dict[str, Any]) -> None:
    """Run until standard input ends."""
    limits = DoorLimits(at_once=AT_ONCE, per_address=settings["per_address"])
    broker = GuardedBroker(broker_config(settings), accounts=Path(settings["accounts"]), limits=limits)
    await broker.start()
    sys.stdout.write(json.dumps({"listening": True}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await broker.shutdown()


def main() -> int:
    """Start with the configuration file that the argument names."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
