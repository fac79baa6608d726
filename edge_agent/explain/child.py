"""The language model's own process: JSON lines in on stdin, JSON lines out on stdout.

Started as ``python -I child.py --model FILE`` (or ``python -m edge_agent.explain.child``) by an interpreter that has
llama-cpp-python; imports nothing of ours, so that interpreter needs nothing of ours. It puts itself last in every
queue: nice 19, one thread, a cap on its memory, first to die when memory is short.

First line out: ``{"ready": true, "model": name, "sha256": digest}`` or ``{"ready": false, "reason": text}``.
Then per line in ``{"id": 1, "prompt": text, "grammar": gbnf, "max_tokens": 400, "seed": 1}`` one line out
``{"id": 1, "text": text}`` or ``{"id": 1, "error": text}``. End of input ends it.
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
    parser.add_argument("--memory-mb", type=int, default=1024)
    options = parser.parse_args(arguments)
    out = _take_stdout()
    step_back(options.memory_mb)
    try:
        model = _load(options.model)
        sha256 = file_sha256(options.model)
    except Exception as error:  # noqa: BLE001 - process border: whatever failed must reach the parent as a reason
        _say(out, {"ready": False, "reason": f"{type(error).__name__}: {error}"})
        return 1
    _say(out, {"ready": True, "model": options.model.name, "sha256": sha256})
    for line in sys.stdin:
        _say(out, _answer(model, line))
    return 0


def step_back(memory_mb: int) -> None:
    """Be the least important process of the machine, with a cap on memory."""
    os.nice(19)
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


def _load(path: Path) -> Any:
    from llama_cpp import Llama

    return Llama(str(path), n_ctx=CONTEXT_TOKENS, n_threads=1, n_threads_batch=1, verbose=False)


def _answer(model: Any, line: str) -> dict[str, object]:
    request: dict[str, Any] = {}
    try:
        request = json.loads(line)
        return {"id": request["id"], "text": _generate(model, request)}
    except Exception as error:  # noqa: BLE001 - process border: one bad request must not end the process
        return {"id": request.get("id"), "error": f"{type(error).__name__}: {error}"}


def _generate(model: Any, request: dict[str, Any]) -> str:
    from llama_cpp import LlamaGrammar

    answer = model.create_chat_completion(
        messages=[{"role": "user", "content": request["prompt"]}],
        grammar=LlamaGrammar.from_string(request["grammar"], verbose=False),
        max_tokens=request["max_tokens"],
        temperature=0.7,
        seed=request["seed"],
    )
    return str(answer["choices"][0]["message"]["content"])


if __name__ == "__main__":
    sys.exit(main())
