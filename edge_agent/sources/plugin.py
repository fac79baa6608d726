"""Sources from other packages: the entry-point group ``bedside.sources``.

An entry point names a factory ``(SourceSettings, Clock) -> Source``. Installed plug-ins are listed without loading
any; only the one that ``source.kind`` names is imported, so a broken plug-in harms nobody who does not use it.
"""

from importlib.metadata import EntryPoint, entry_points

from biosignal.errors import BadInput
from edge_agent.operate.clock import Clock
from edge_agent.sources.port import Source
from edge_agent.sources.settings import SourceSettings

GROUP = "bedside.sources"
_METHODS = ("recording_facts", "open", "read", "close", "health")


class PluginBroken(BadInput):
    """A plug-in is installed and cannot be used."""

    remedy = "install what the message names, or ask whoever wrote the plug-in"


def plugin_names() -> tuple[str, ...]:
    """Names of the plug-ins that are installed, in order."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def open_plugin(settings: SourceSettings, clock: Clock) -> Source:
    """Load the plug-in that ``source.kind`` names and make its source.

    Raises
    ------
    PluginBroken : it is missing, there are two of that name, it does not load, or what it makes is no source.
    BadInput : what the plug-in itself says about its settings.
    """
    point = _the_one(settings.kind)
    try:
        factory = point.load()
    except Exception as error:  # the border to code of others: whatever it is, it must be named
        raise PluginBroken(
            "the plug-in does not load", plugin=settings.kind, entry=point.value, why=f"{type(error).__name__}: {error}"
        ) from error
    if not callable(factory):
        raise PluginBroken("the plug-in's entry point is no factory", plugin=settings.kind, entry=point.value)
    try:
        source = factory(settings, clock)
    except BadInput:
        raise
    except Exception as error:  # as above
        raise PluginBroken(
            "the plug-in cannot make its source", plugin=settings.kind, why=f"{type(error).__name__}: {error}"
        ) from error
    missing = [name for name in _METHODS if not callable(getattr(source, name, None))]
    if missing:
        raise PluginBroken("what the plug-in makes is no source", plugin=settings.kind, lacks=missing)
    made: Source = source
    return made


def _the_one(name: str) -> EntryPoint:
    # The same distribution may be found twice on the path; that is one plug-in.
    found = {point.value: point for point in entry_points(group=GROUP) if point.name == name}
    if not found:
        raise PluginBroken("no such plug-in is installed", plugin=name, installed=plugin_names())
    if len(found) > 1:
        raise PluginBroken(
            "two plug-ins have this name", plugin=name, entries=sorted(found), remedy="uninstall one of them"
        )
    return next(iter(found.values()))
