"""`make llm` keeps the wheels it built: a second install builds nothing and asks nobody."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from demo.language_model import install_into, key
from demo.parts import DemoFailed


def wheel(folder: Path, name: str, needs: str = "") -> None:
    """Write a wheel by hand, as a package index would give it."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-1.0.dist-info"
    required = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{required}")
        file.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{about}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder in the place of the package index, where the model needs what nobody has."""
    folder = tmp_path / "index"
    wheel(folder, "tiny_runtime", needs="tiny_part")
    wheel(folder, "tiny_part")
    wheel(folder, "tiny_model", needs="nobody_has_this")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def python_of(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    return str(folder / "bin" / "python")


def test_a_second_install_needs_no_index(index, tmp_path):
    named = {"runtime": "tiny-runtime>=0.5", "model": "tiny-model==1.0"}
    install_into(python_of(tmp_path / "first"), tmp_path / "cache", **named)
    for file in index.iterdir():
        file.unlink()
    second = python_of(tmp_path / "second")
    install_into(second, tmp_path / "cache", **named)
    imported = "import tiny_runtime, tiny_part, tiny_model"
    assert subprocess.run([second, "-c", imported], check=False, timeout=60).returncode == 0


def test_a_build_that_failed_leaves_no_cache(index, tmp_path):
    with pytest.raises(DemoFailed):
        install_into(sys.executable, tmp_path / "cache", runtime="tiny-runtime", model="tiny-absent")
    assert list((tmp_path / "cache").iterdir()) == []


def test_wheels_of_other_versions_or_flags_are_others(monkeypatch):
    first = key("a>=1", "b==1")
    assert key("a>=2", "b==1") != first != key("a>=1", "b==2")
    monkeypatch.setattr("demo.language_model._flags", lambda: "-DGGML_NATIVE=ON")
    assert key("a>=1", "b==1") != first
