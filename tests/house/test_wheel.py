"""The package as somebody installs it who never sees the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

HOUSE = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def run(*command, **how):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, **how).stdout


def test_an_installed_wheel_finds_its_models_without_the_checkout(tmp_path):
    copy = tmp_path / "copy"
    parts = ("biosignal", "edge_agent", "cloud_service", "export", "models")
    for part in parts:
        shutil.copytree(HOUSE / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(HOUSE / file, copy / file)
    run(*PIP, "wheel", str(copy), "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    elsewhere = tmp_path / "elsewhere"
    venv.create(elsewhere)
    (site,) = elsewhere.glob("lib/python*/site-packages")
    (site / "what-it-needs.pth").write_text(sysconfig.get_path("purelib"))
    python = elsewhere / "bin" / "python"
    run(*PIP, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("BEDSIDE", "PYTHON"))}
    asked = ("replay", "excerpt", "--to", "0:20", "--json")
    said = run(str(elsewhere / "bin" / "edge-agent"), *asked, cwd=tmp_path, env=bare)
    newest = max((HOUSE / "models" / "ecg-beats").iterdir()).name
    assert json.loads(said.splitlines()[-1])["bundle"] == f"ecg-beats/{newest}"
    shown = "from cloud_service.learning.settings import LearningSettings; print(LearningSettings().models_dir)"
    assert run(str(python), "-c", shown, cwd=tmp_path, env=bare).strip() == str(elsewhere / "share/bedside/models")
