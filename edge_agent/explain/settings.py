"""What can be set about texts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from biosignal.errors import BadInput
from biosignal.settings import Above, AtLeast


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainSettings:
    """The language model and its limits. Without it the template text is all there is, and it is enough.

    Parameters
    ----------
    language_model : whether a language model may re-word texts at all.
    python : interpreter that has llama-cpp-python; absent: this one.
    model_path : GGUF file; absent: what `make llm` installed.
    model_sha256 : what that file must hash to; empty: anything.
    adapter_path : GGUF adapter to lay over the model; absent: none.
    adapter_sha256 : what the adapter must hash to; needed where there is one.
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
    model_sha256: str = ""
    adapter_path: Path | None = None
    adapter_sha256: str = ""
    memory_mb: Annotated[int, Above(0)] = 700
    deadline_s: Annotated[float, Above(0)] = 10.0
    start_s: Annotated[float, Above(0)] = 30.0
    attempts: Annotated[int, AtLeast(1)] = 2
    queue: Annotated[int, AtLeast(1)] = 8
    restarts_per_minute: Annotated[int, AtLeast(1)] = 5
    rest_s: Annotated[float, AtLeast(0)] = 600.0
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse hashes that are none, and an adapter without one.

        Raises
        ------
        BadInput : see there.
        """
        for name in ("model_sha256", "adapter_sha256"):
            if not re.fullmatch(r"(?:[0-9a-f]{64})?", getattr(self, name)):
                raise BadInput(f"explain.{name} is no SHA-256", remedy="write it as sha256sum does: 64 hex digits")
        if self.adapter_path is not None and not self.adapter_sha256:
            raise BadInput(
                "an adapter is checked by its hash, and none is given",
                file=str(self.adapter_path),
                remedy="set explain.adapter_sha256 to what sha256sum says of the file",
            )
