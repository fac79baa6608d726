"""Where samples come from: recordings of many formats, the embedded excerpt, serial boards, plug-ins.

A new source is one file and one line in `KINDS`; from another package it is a plug-in (`edge_agent.sources.plugin`).
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from biosignal.errors import BadInput
from edge_agent.operate.clock import Clock
from edge_agent.sources.plugin import open_plugin, plugin_names
from edge_agent.sources.port import Source
from edge_agent.sources.settings import SourceSettings

log = logging.getLogger(__name__)


class _Logged:
    """Says in the log what is fetched."""

    def say(self, sentence: str) -> None:
        """Log a sentence."""
        log.info("sources.download", extra={"facts": {"what": sentence}})

    def at(self, name: str, done: int, whole: int | None) -> None:
        """Log nothing: a file's progress is no event."""

    def end(self) -> None:
        """Log nothing."""


def _replay(settings: SourceSettings, clock: Clock) -> Source:
    from edge_agent.sources.choosing import with_beating_leads
    from edge_agent.sources.paced import Paced
    from edge_agent.sources.resolve import Places, ReadAs, resolve

    places = Places(
        data_dir=settings.data_dir,
        cache_dir=settings.cache_dir,
        index_url=settings.physionet_url,
        telling=_Logged(),
    )
    read_as = ReadAs.of_options(settings.options, fs_hz=settings.fs_hz or None)
    source = with_beating_leads(resolve(settings.record, places, read_as=read_as))
    for note in source.recording_facts().notes:
        log.warning("sources.record.note", extra={"facts": {"record": settings.record, "note": note}})
    return Paced(
        source,
        speed=settings.speed or None,
        loop_speed=settings.loop_speed,
        clock=clock,
        passes=settings.passes or None,
        block_s=settings.block_s,
    )


def _serial(settings: SourceSettings, clock: Clock) -> Source:
    from edge_agent.sources.serial_board import SerialBoard
    from edge_agent.sources.serial_settings import board_of

    return SerialBoard(board_of(settings), clock=clock)


def _serial_text(settings: SourceSettings, clock: Clock) -> Source:
    return _serial(replace(settings, protocol="text"), clock)


KINDS: dict[str, Callable[[SourceSettings, Clock], Source]] = {
    "replay": _replay,
    "serial": _serial,
    "serial-text": _serial_text,
}


def open_source(settings: SourceSettings, clock: Clock) -> Source:
    """Make the source the settings name.

    Raises
    ------
    BadInput : no such kind, or what it needs is missing or unreadable.
    PluginBroken : the kind is a plug-in that does not load.
    """
    check_kind(settings)
    if settings.kind not in KINDS:
        return open_plugin(settings, clock)
    return KINDS[settings.kind](settings, clock)


def check_kind(settings: SourceSettings) -> None:
    """Refuse a kind of source that does not exist.

    Raises
    ------
    BadInput : no such kind.
    """
    if settings.kind not in KINDS and settings.kind not in (plugins := plugin_names()):
        raise BadInput(
            "unknown kind of source",
            kind=settings.kind,
            remedy=f"set source.kind to {' or '.join([*KINDS, *plugins])}, or install the plug-in that brings it",
        )
