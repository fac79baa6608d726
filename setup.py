"""Ships the released model bundles with the package; all else stands in `pyproject.toml`."""

from pathlib import Path

from setuptools import setup

BUNDLES = sorted(folder.parent for folder in Path("models").glob("*/*/manifest.json"))

setup(data_files=[(f"share/bedside/{folder}", [str(file) for file in sorted(folder.iterdir())]) for folder in BUNDLES])
