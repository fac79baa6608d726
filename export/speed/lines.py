"""The deployment table of a bundle as Markdown."""

from typing import Any

from export.speed.measure import BATCHES

HEAD = (
    "form",
    "runs on",
    "kB",
    "ms, batch 1",
    "ms, batch 64",
    "times faster, 1 / 64",
    "macro AUC",
    "AUC lost",
    "probability moved, most / mean",
)


def speed_lines(figures: dict[str, Any]) -> list[str]:
    """Write the table, and below it which rows were not measured and why."""
    measured = [row for row in figures["rows"] if "ms" in row]
    missing = [row for row in figures["rows"] if "why" in row]
    left = [f"Not measured: {row['form']} on {row['runtime']}: {row['why']}." for row in missing]
    return [
        _machine(figures),
        "",
        f"| {' | '.join(HEAD)} |",
        "|" + "---|" * len(HEAD),
        *(f"| {' | '.join(_cells(row))} |" for row in measured),
        *([""] if left else []),
        *left,
    ]


def _machine(figures: dict[str, Any]) -> str:
    machine = figures["machine"]
    torch = f", torch {machine['torch']}" if machine["torch"] else ""
    on = f"{figures['bundle']} on {machine['processor']}, one thread of {machine['cores']} cores"
    scored = f"; area and probabilities: {figures['scored']} records of fold 9" if figures["scored"] else ""
    return f"{on}, load {machine['load'][0]:g}; ONNX Runtime {machine['onnxruntime']}{torch}{scored}."


def _cells(row: dict[str, Any]) -> list[str]:
    one, many = (row["ms"][str(size)] for size in BATCHES)
    faster = " / ".join(f"{row['times_faster'][str(size)]:.2f}" for size in BATCHES)
    cost = ["", "", ""]
    if "macro_auc" in row:
        apart = f"{row['most_apart']:.4f} / {row['mean_apart']:.5f}"
        cost = [f"{row['macro_auc']:.4f}", f"{row['auc_loss']:+.5f}", apart]
    size = f"{row['size_bytes'] / 1000:.0f}"
    return [row["form"], row["runtime"], size, f"{one:.2f}", f"{many:.1f}", faster, *cost]
