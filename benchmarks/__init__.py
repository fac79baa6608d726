"""Speed and memory, measured on the machine at hand and set against what was promised. ``python -m benchmarks``."""
