"""What fetches signed models for a device: nothing at all where the settings name no repository.

TUF, with what it checks signatures by, costs 16 MB of memory: it is imported when the first model is fetched.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from biosignal.errors import BadInput
from edge_agent.updates.settings import UpdatesSettings

if TYPE_CHECKING:
    from edge_agent.updates.tuf_client import UpdateClient

log = logging.getLogger(__name__)
Fetch = Callable[[str], bytes]
"""Gives the bytes of a signed target."""


def fetch_by(settings: UpdatesSettings, state_dir: Path) -> Fetch:
    """Make what fetches the bytes of a signed target, or says why this device takes none."""
    if not settings.enabled or settings.url is None or settings.root is None:
        return _refusing("set updates.url and updates.root")
    try:
        root = settings.root.read_bytes()
    except OSError as error:
        why = f"the trusted root {settings.root} cannot be read: {error.strerror}"
        log.warning("updates.root.unreadable", extra={"facts": {"why": why}})
        return _refusing(f"{why}; correct updates.root and start again")
    return _Fetching(settings, state_dir, root)


def _refusing(remedy: str) -> Fetch:
    def refuse(_target: str) -> bytes:
        raise BadInput("this device takes no model updates", remedy=remedy)

    return refuse


class _Fetching:
    """Makes the client with the first target; called from the one thread that updates."""

    def __init__(self, settings: UpdatesSettings, state_dir: Path, root: bytes) -> None:
        self._settings, self._state_dir, self._root = settings, state_dir, root
        self._client: UpdateClient | None = None

    def __call__(self, target: str) -> bytes:
        if self._client is None:
            from edge_agent.updates.tuf_client import UpdateClient

            self._client = UpdateClient(self._settings, state_dir=self._state_dir, trusted_root=self._root)
        return self._client.fetch(target)
