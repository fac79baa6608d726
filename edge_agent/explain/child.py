"""The language model's own process: JSON lines in on stdin, JSON lines out on stdout.

Started as ``python -I child.py --model FILE`` (or ``python -m edge_agent.explain.child``) by an interpreter that has
llama-cpp-python; imports nothing of ours, so that interpreter needs nothing of ours. It puts itself last in every
queue: nice 19, one thread, a cap on its memory, first to die when memory is short.

First line out: ``{"ready": true, "model": name, "sha256": digest, "adapter": digest or "", "refused": reason}`` or
``{"ready": false, "reason": text}``. An adapter that is not there, is not the one expected, or does not fit the model
is refused with its reason, and the model answers without it.
Then per line in ``{"id": 1, "prompt": text, "grammar": gbnf, "max_tokens": 400, "seed": 1}`` one line out
``{"id": 1, "text": text, "asked_tokens": 120, "tokens": 80}`` or ``{"id": 1, "error": text}``; an empty grammar leaves
the words free. End of input ends it.
"""

import argparse
import hashlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import IO, Any

CONTEXT_TOKENS = 2048


def main(arguments: list[str] | None = None) -> int:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(prog="child", description="language model for explanations, over pipes")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sha256", default="", help="what the model's file must hash to; empty: anything")
    parser.add_argument("--adapter", type=Path, help="GGUF adapter to lay over the model")
    parser.add_argument("--adapter-sha256", default="", help="what the adapter's file must hash to")
    parser.add_argument("--memory-mb", type=int, default=1024)
    parser.add_argument("--nice", type=int, default=19, help="steps back in the queue for the processor")
    options = parser.parse_args(arguments)
    out = _take_stdout()
    step_back(options.memory_mb, options.nice)
    try:
        sha256 = _checked(options.model, options.sha256)
        adapter, refused = _adapter(options)
        model, refused = _load(options.model, adapter, refused)
    except Exception as error:  # noqa: BLE001 - process border: whatever failed must reach the parent as a reason
        _say(out, {"ready": False, "reason": f"{type(error).__name__}: {error}"})
        return 1
    used = "" if refused or adapter is None else options.adapter_sha256
    _say(out, {"ready": True, "model": options.model.name, "sha256": sha256, "adapter": used, "refused": refused})
    for line in sys.stdin:
        _say(out, _answer(model, line))
    return 0


def step_back(memory_mb: int, nice: int = 19) -> None:
    """Be the least important process of the machine, with a cap on memory."""
    os.nice(nice)
    limit = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError as error:  # a machine without it still has the other three
        sys.stderr.write(f"oom_score_adj not set: {error}\n")


def file_sha256(path: Path) -> str:
    """Hash a file without holding it in memory."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _take_stdout() -> IO[str]:
    # A library that prints would break the protocol: it prints to stderr from here on.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _say(out: IO[str], message: dict[str, object]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _checked(path: Path, expected: str) -> str:
    sha256 = file_sha256(path)
    if expected and sha256 != expected:
        raise ValueError(f"{path.name} is not the file that was expected: its SHA-256 begins {sha256[:12]}")
    return sha256


def _adapter(options: argparse.Namespace) -> tuple[Path | None, str]:
    """Give the adapter where it is the one expected; else none, and why."""
    if options.adapter is None:
        return None, ""
    try:
        _checked(options.adapter, options.adapter_sha256)
    except (OSError, ValueError) as error:
        return None, str(error)
    return options.adapter, ""


def _load(path: Path, adapter: Path | None, refused: str) -> tuple[Any, str]:
    """Load the model with its adapter; without it, and why, where the adapter does not fit."""
    from llama_cpp import Llama

    how = {"n_ctx": CONTEXT_TOKENS, "n_threads": 1, "n_threads_batch": 1, "verbose": False}
    if adapter is not None:
        try:
            return _with_adapter(Llama(str(path), lora_path=str(adapter), **how)), ""
        except Exception as error:  # noqa: BLE001 - whatever an adapter's file holds, the model goes on without it
            refused = f"{adapter.name} does not fit the model: {error}"
    return Llama(str(path), **how), refused


def _with_adapter(model: Any) -> Any:
    # llama-cpp-python 0.3 keeps the null pointer it is given for a bad adapter, and crashes when it is first asked.
    if not getattr(model, "_lora_adapter", True):
        model.close()  # before it is loaded again: two would not fit under the cap
        raise ValueError("llama.cpp cannot read it")
    return model


def _answer(model: Any, line: str) -> dict[str, object]:
    request: dict[str, Any] = {}
    try:
        request = json.loads(line)
        return {"id": request["id"], **_generate(model, request)}
    except Exception as error:  # noqa: BLE001 - process border: one bad request must not end the process
        return {"id": request.get("id"), "error": f"{type(error).__name__}: {error}"}


def _generate(model: Any, request: dict[str, Any]) -> dict[str, object]:
    from llama_cpp import LlamaGrammar

    grammar = request["grammar"]
    answer = model.create_chat_completion(
        messages=[{"role": "user", "content": request["prompt"]}],
        grammar=LlamaGrammar.from_string(grammar, verbose=False) if grammar else None,
        max_tokens=request["max_tokens"],
        temperature=0.7,
        seed=request["seed"],
    )
    used = answer["usage"]
    return {
        "text": str(answer["choices"][0]["message"]["content"]),
        "asked_tokens": used["prompt_tokens"],
        "tokens": used["completion_tokens"],
    }


if __name__ == "__main__":
    sys.exit(main())
