"""What PyPI knows to be wrong with pinned packages, by pip-audit; and whether it knows anything at all.

pip-audit passes over what the index has nothing about. An index that carries no advisories would thus find every
package in order, so a release that is known to be vulnerable is asked about first.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KNOWN_BAD = "jinja2==3.1.2\n"
"""Has had advisories since January 2024. It is only asked about; the one we install is newer."""
LIMIT_S = 300.0


class Unknown(Exception):
    """Whether there are vulnerabilities could not be found out; the text says why."""


def known_vulnerabilities(requirements: Sequence[Path]) -> list[str]:
    """Give a line for each advisory on a package of these files.

    Raises
    ------
    Unknown : the index cannot be reached, has no advisories, or does not know one of the packages.
    """
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "known-bad.txt"
        control.write_text(KNOWN_BAD, encoding="utf-8")
        if not _advisories(_audit([control], "--no-deps")):
            raise Unknown(f"the index has no advisory on {KNOWN_BAD.strip()}, which is known to be vulnerable")
    packages = _audit(requirements, "--require-hashes")
    missing = [one["name"] for one in packages if "skip_reason" in one]
    found = _advisories(packages)
    if missing and not found:
        raise Unknown(f"the index does not know {', '.join(missing)}")
    return found


def _audit(files: Sequence[Path], *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner=off", "--format=json", *options]
    for file in files:
        command += ["--requirement", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Unknown(f"pip-audit was not done after {LIMIT_S:.0f} s") from None
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise Unknown((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    return packages


def _advisories(packages: list[dict[str, Any]]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {one['id']}, fixed in {' or '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
