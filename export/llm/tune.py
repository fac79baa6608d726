"""Low-rank adaptation (Hu 2021, doi:10.48550/arXiv.2106.09685) of a GGUF model by the pairs of a corpus.

The model is read dequantised, as `transformers` gives it; the loss is taken on the text alone, not on what was asked.
The same seed, corpus, model, libraries and number of steps give the same adapter on the same kind of processor. The
rate stays as it is once it has risen, so a run that was ended early is the beginning of a longer one, and can be had
again.
"""

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from export.llm.corpus import Corpus, read_corpus
from export.llm.model_file import file_sha256
from export.llm.pair import Pair, Part

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
TUNING = "tuning.json"
LIBRARIES = ("torch", "transformers", "peft", "gguf")
QUICK_STEPS = 2
_RISING = 4
_SHOWN_EVERY = 5


class TuningMissing(BadInput):
    """Tuning needs libraries that are not installed."""

    remedy = "install them: python -m pip install 'bedside[tune]'"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """How an adapter is trained.

    Parameters
    ----------
    steps : of the optimiser, each over `batch` pairs; the rate rises over the first four.
    minutes : end after so many with the steps that were done; None: after all of them.
    rank, scale : of the adaptation; the product of its two matrices counts `scale` / `rank`.
    precision : what the frozen weights are held in; ``float32`` where the processor has no bfloat16 of its own.
    held : held-out pairs whose loss is taken before and after.
    """

    seed: int = 0
    steps: int = 240
    minutes: float | None = None
    batch: int = 4
    rate: float = 5e-4
    rank: int = 16
    scale: int = 32
    precision: str = "bfloat16"
    held: int = 12
    threads: int = 1


def tune(model: Path, corpus_folder: Path, out: Path, tuning: Tuning) -> dict[str, Any]:
    """Train, and write the adapter as `peft` does, with what made it beside it; progress goes to stderr.

    Raises
    ------
    TuningMissing : a library is not there.
    NoCorpus : the corpus cannot be read.
    BadInput : the model cannot.
    """
    corpus = read_corpus(corpus_folder)
    sha256 = file_sha256(model)
    torch = _libraries()
    torch.manual_seed(tuning.seed)
    torch.set_num_threads(tuning.threads)
    torch.use_deterministic_algorithms(mode=True)
    learner = _Learner(model, tuning)
    held = _every(corpus.of(Part.HELD), tuning.held)
    began_s, before = time.monotonic(), learner.loss_of(held)
    losses = learner.train(batches_of(corpus, tuning))
    seconds = time.monotonic() - began_s
    learner.save(out)
    figures = {
        "model": {"name": model.name, "sha256": sha256},
        "corpus": {name: corpus.manifest[name] for name in ("version", "seed", "knowledge", "sha256")},
        "tuning": asdict(tuning),
        "libraries": {name: version(name) for name in LIBRARIES},
        "steps": len(losses),
        "tokens": learner.tokens,
        "seconds": round(seconds, 1),
        "tokens_per_s": round(learner.tokens / seconds, 1),
        "loss": {"first": losses[0], "last": losses[-1], "held_before": before, "held_after": learner.loss_of(held)},
    }
    (out / TUNING).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


class _Learner:
    """The model with an adapter on it; only the adapter learns."""

    def __init__(self, model: Path, tuning: Tuning) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM, AutoTokenizer

        where = {"pretrained_model_name_or_path": str(model.parent), "gguf_file": model.name, "local_files_only": True}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(**where)
            whole = AutoModelForCausalLM.from_pretrained(**where, dtype=getattr(torch, tuning.precision))
        except (OSError, ValueError, KeyError) as error:
            raise BadInput("the model cannot be read", file=str(model), reason=str(error)[:200]) from error
        wanted = LoraConfig(
            r=tuning.rank,
            lora_alpha=tuning.scale,
            target_modules=list(TARGETS),
            task_type="CAUSAL_LM",
        )
        self._model: Any = get_peft_model(whole, wanted)
        self._tuning = tuning
        self.tokens = 0

    def train(self, batches: Sequence[Sequence[Pair]]) -> list[float]:
        """Take a step for each batch; give the mean loss of each."""
        import torch

        learning = [one for one in self._model.parameters() if one.requires_grad]
        optimiser = torch.optim.AdamW(learning, lr=self._tuning.rate, weight_decay=0.0)
        pace = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / _RISING))
        losses: list[float] = []
        ends_s = float("inf") if self._tuning.minutes is None else time.monotonic() + 60.0 * self._tuning.minutes
        self._model.train()
        for number, batch in enumerate(batches, 1):
            losses.append(self._step(batch))
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            pace.step()
            if number % _SHOWN_EVERY == 0 or number == len(batches):
                print(f"{number} of {len(batches)}: loss {losses[-1]:.4f}", file=sys.stderr, flush=True)
            if time.monotonic() > ends_s:
                break
        return [round(loss, 4) for loss in losses]

    def loss_of(self, pairs: Sequence[Pair]) -> float:
        """Give the mean loss of pairs, a token of a text; nothing is learned."""
        import torch

        self._model.eval()
        with torch.no_grad():
            return round(sum(float(self._loss(pair)) for pair in pairs) / len(pairs), 4)

    def save(self, out: Path) -> None:
        """Write the adapter as `peft` does."""
        self._model.save_pretrained(str(out))

    def _step(self, batch: Sequence[Pair]) -> float:
        total = 0.0
        for pair in batch:
            loss = self._loss(pair) / len(batch)
            loss.backward()
            total += float(loss.detach())
        return total

    def _loss(self, pair: Pair) -> Any:
        import torch

        asked, answered = self._ids(pair)
        ids = torch.tensor([asked + answered])
        wanted = ids.clone()
        wanted[:, : len(asked)] = -100  # by torch's convention no loss is taken there
        if self._model.training:
            self.tokens += ids.shape[1]
        return self._model(input_ids=ids, labels=wanted).loss

    def _ids(self, pair: Pair) -> tuple[list[int], list[int]]:
        said = [{"role": "user", "content": pair.prompt}]
        asked = self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        return self._tokenizer(asked).input_ids, self._tokenizer(pair.text + self._tokenizer.eos_token).input_ids


def _libraries() -> Any:
    try:
        import gguf  # noqa: F401  # `transformers` reads the model by it
        import peft  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        raise TuningMissing("a library that tuning needs is not installed", module=error.name) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return torch


def batches_of(corpus: Corpus, tuning: Tuning) -> list[list[Pair]]:
    """Draw as many batches as there are steps: all pairs in a drawn order, and again in another."""
    dice, pairs = random.Random(tuning.seed), corpus.of(Part.TRAINS)
    needed = tuning.steps * tuning.batch
    drawn: list[Pair] = []
    while len(drawn) < needed:
        drawn += dice.sample(pairs, len(pairs))
    return [drawn[start : start + tuning.batch] for start in range(0, needed, tuning.batch)]


def _every(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Take `count` pairs, evenly spread."""
    step = max(1, len(pairs) // count)
    return list(pairs[::step][:count])
