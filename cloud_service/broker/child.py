"""The embedded broker's process: ``python -m cloud_service.broker.child CONFIG.json``.

Writes one line of JSON when it listens, and ends when its standard input closes: with the parent, however it dies.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from amqtt.broker import Broker


def broker_config(settings: dict[str, Any]) -> dict[str, Any]:
    """amqtt's configuration. No other plugin is loaded, so there is no ``$SYS`` and nobody is anonymous."""
    listener = {"type": "tcp", "bind": settings["bind"], "max_connections": 1000}
    if settings["certificate"]:
        listener |= {"ssl": True, "certfile": settings["certificate"], "keyfile": settings["key"]}
    ours = {"accounts": settings["accounts"]}
    return {
        "listeners": {"default": listener},
        "plugins": {
            "cloud_service.broker.plugins.KnownClients": ours,
            "cloud_service.broker.plugins.OwnTopics": ours,
        },
    }


async def serve(settings: dict[str, Any]) -> None:
    """Run until standard input ends."""
    broker = Broker(broker_config(settings))
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
