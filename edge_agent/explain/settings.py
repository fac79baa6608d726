"""What can be set about texts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from biosignal.settings import Above, AtLeast


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainSettings:
    """The language model and its limits. Without it the template text is all there is, and it is enough.

    Parameters
    ----------
    language_model : whether a language model may re-word texts at all.
    python : interpreter that has llama-cpp-python; absent: this one.
    model_path : GGUF file; absent: what `make llm` installed.
    memory_mb : address space the child may use.
    deadline_s : for one finding, with all attempts.
    start_s : for the child to load its model.
    attempts : texts asked for before the template stays.
    queue : findings that may wait; the oldest is dropped and counted.
    restarts_per_minute : after that many starts within a minute the language model rests.
    rest_s : how long it rests before it is tried again.
    command : the whole command of the child instead of ours (another decoder with the same protocol); none: ours.
    """

    language_model: bool = True
    python: str | None = None
    model_path: Path | None = None
    memory_mb: Annotated[int, Above(0)] = 700
    deadline_s: Annotated[float, Above(0)] = 10.0
    start_s: Annotated[float, Above(0)] = 30.0
    attempts: Annotated[int, AtLeast(1)] = 2
    queue: Annotated[int, AtLeast(1)] = 8
    restarts_per_minute: Annotated[int, AtLeast(1)] = 5
    rest_s: Annotated[float, AtLeast(0)] = 600.0
    command: tuple[str, ...] = ()
