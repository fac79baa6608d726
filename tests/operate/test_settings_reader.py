"""The reader of settings that both programs share: whatever is given, it is read, or refused with its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.settings import SECRET, Above, AtLeast, OneOf, Reader, SettingsRefused, Within, shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    gain: Annotated[float, Above(0)] = 1.5
    word: Annotated[str, OneOf(("low", "high"))] = "low"
    names: tuple[str, ...] = ("a", "b")
    pauses_s: tuple[float, ...] = (0.5,)
    key: Annotated[str | None, SECRET] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    port: Annotated[int, Within(0, 65_535, "a port")] = 1
    on: bool = True
    count: Annotated[int, AtLeast(0)] = 3
    text: str = "plain"
    folder: PurePosixPath | None = None
    inner: Inner = field(default_factory=Inner)
    words: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Inner] = field(default_factory=lambda: {"left": Inner(), "right-side": Inner()})

    def __post_init__(self) -> None:
        if self.count == self.port:
            raise BadInput("count and port differ", count=self.count, remedy="change one of them")


READER = Reader(
    tree=Tree,
    prefix="TRY_",
    make={PurePosixPath: PurePosixPath},
    sections={"parts": {"left": Inner, "right-side": Inner}},
)
KEYS = READER.keys()
ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
INNERS = st.builds(
    Inner,
    gain=st.floats(min_value=1e-6, max_value=1e9),
    word=st.sampled_from(["low", "high"]),
    names=st.lists(TEXT, max_size=3).map(tuple),
    pauses_s=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
)
TREES = st.builds(
    Tree,
    port=st.integers(0, 65_535),
    on=st.booleans(),
    count=st.integers(70_000, 10**12),
    text=TEXT,
    folder=st.none() | st.sampled_from(["/a", "b/c d", 'quote"d']).map(PurePosixPath),
    inner=INNERS,
    words=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), TEXT, max_size=3),
    parts=INNERS.map(lambda inner: {"left": inner, "right-side": inner}),
)


def refusal(text: str | None = None, *, otherwise: str, **given) -> str:
    """Why what is given is refused; `otherwise` where it is read."""
    try:
        READER.read(text, **given)
    except SettingsRefused as refused:
        return str(refused)
    return otherwise


@ON_A_BUSY_MACHINE
@given(TREES)
def test_what_is_shown_is_read_back_as_it_was(tree):
    text = "\n".join(f"{path} = {value}" for path, value in shown(tree))
    assert READER.read(text) == tree


@ON_A_BUSY_MACHINE
@given(st.sampled_from([*KEYS, "inner", "parts.left", "nothing", "words.any"]), JSON)
def test_any_value_of_any_flag_is_read_or_refused(path, value):
    assert f"flag for {path}" in refusal(flags={path: value}, otherwise=f"flag for {path}")


@ON_A_BUSY_MACHINE
@given(st.sampled_from(KEYS), TEXT)
def test_any_text_of_any_variable_is_read_or_refused_by_its_name(path, text):
    variable = "TRY_" + path.upper().replace(".", "__").replace("-", "_")
    assert variable in refusal(environment={variable: text}, otherwise=variable)


@ON_A_BUSY_MACHINE
@given(st.text(max_size=80))
def test_any_file_is_read_or_refused(text):
    assert "x.toml" in refusal(text, file="x.toml", otherwise="x.toml")


@ON_A_BUSY_MACHINE
@given(st.integers(0, 20), st.sampled_from(["inner.gain", "parts.right-side.gain", "port"]))
def test_a_wrong_value_is_named_by_its_line_however_far_down(blank, path):
    text = "\n" * blank + f"{path} = 'x'\n"
    with pytest.raises(SettingsRefused, match=rf"^x\.toml:{blank + 1}: {path} must be"):
        READER.read(text, file="x.toml")


def test_what_a_section_refuses_is_said_with_its_own_remedy_and_place():
    with pytest.raises(SettingsRefused) as refused:
        READER.read("port = 7\ncount = 7\n", file="x.toml")
    assert str(refused.value).startswith("x.toml:2: ")
    assert refused.value.advice == "change one of them"


def test_secrets_are_masked_in_what_is_shown_and_in_refusals():
    rows = dict(shown(READER.read("[parts.left]\nkey = 'hunter2'\n")))
    assert json.loads(rows["parts.left.key"]) == "********"
    with pytest.raises(SettingsRefused) as refused:
        READER.read("[inner]\nkey = 31415\n", file="x.toml")
    assert "31415" not in str(refused.value)


def test_a_variable_without_its_section_counts_only_where_the_program_says_so():
    assert READER.read(environment={"TRY_ON": "no", "OTHER": "1"}).on is False
    careful = Reader(tree=Tree, prefix="TRY_", needs_section=True)
    assert careful.read(environment={"TRY_ON": "no", "TRY_HOME": "1"}).on is True
    with pytest.raises(SettingsRefused, match="TRY_HOME"):
        READER.read(environment={"TRY_HOME": "1"})
