"""Options of one kind of source, written ``name=value``."""

from biosignal.errors import BadInput


def parse_options(options: tuple[str, ...], *, allowed: tuple[str, ...]) -> dict[str, str]:
    """Take options apart.

    Raises
    ------
    BadInput : one is not ``name=value``, comes twice, or is not among those `allowed`.
    """
    given: dict[str, str] = {}
    for text in options:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in allowed or name in given:
            raise BadInput(
                "no such option of this source, or given twice" if equals else "an option reads name=value",
                option=text,
                remedy=f"source.options knows {', '.join(allowed) or 'none here'}",
            )
        given[name] = value
    return given
