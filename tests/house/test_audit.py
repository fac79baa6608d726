"""The list of parts names all there is, and an index that knows nothing is never taken for one that finds nothing."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit.sbom import bill_of_materials

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"name": "jinja2", "version": "3.1.6", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "GHSA-1", "fix_versions": ["3.1.3"]}]}
ABSENT = {"name": "numpy", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def parts():
    return bill_of_materials(ROOT)["components"]


def test_every_pinned_package_is_in_the_list_of_parts(parts):
    lines = (ROOT / "requirements" / "base.txt").read_text().splitlines()
    pinned = [line.split()[0].partition("==")[::2] for line in lines if not line.startswith((" ", "#"))]
    listed = [(part["name"], part["version"]) for part in parts if part.get("purl", "").startswith("pkg:pypi/")]
    assert listed == pinned
    assert len(pinned) > 50
    conditions = [one["value"] for part in parts for one in part.get("properties", ())]
    assert len(conditions) == sum(" ; " in line for line in lines)


def test_every_shipped_model_is_in_the_list_of_parts_by_the_hash_of_its_manifest(parts):
    listed = {(one["name"], one["version"]): one["hashes"] for one in parts if one["type"] == "machine-learning-model"}
    bundles = [path for path in (ROOT / "models").glob("*/*") if path.is_dir()]
    assert bundles
    assert set(listed) == {(path.parent.name, path.name) for path in bundles}
    for path in bundles:
        digest = hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
        assert listed[path.parent.name, path.name] == [{"alg": "SHA-256", "content": digest}]


def test_vendored_files_are_those_that_their_page_names(parts):
    page = (ROOT / "cloud_service/web/static/vendor/uplot/README.md").read_text()
    (uplot,) = [one for one in parts if one.get("purl", "").startswith("pkg:npm/")]
    assert (uplot["name"], uplot["version"]) == ("uPlot", page.split()[2])
    assert len(uplot["components"]) == 3
    for file in uplot["components"]:
        assert f"| {file['name']} | {file['hashes'][0]['content']} |" in page


def test_no_two_parts_go_by_the_same_reference(parts):
    references = [part["bom-ref"] for part in parts]
    assert len(set(references)) == len(references)


@pytest.fixture
def audit_with(tmp_path):
    """`python -m audit vulnerabilities` beside a pip-audit that answers what it is given, first for the known bad."""

    def run(first, second):
        (tmp_path / "pip_audit.py").write_text(
            f"import sys\nprint({first!r} if sys.argv[-1].endswith('known-bad.txt') else {second!r})\n"
        )
        return subprocess.run(
            [sys.executable, "-m", "audit", "vulnerabilities", "requirements/base.txt"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def said(*packages):
    return json.dumps({"dependencies": packages})


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("no network", "", "nothing is known either way"),
        (said(GOOD), said(GOOD), "has no advisory on jinja2==3.1.2"),
        (said(BAD), said(GOOD, ABSENT), "does not know numpy"),
    ],
)
def test_an_index_that_does_not_answer_or_knows_nothing_is_a_skip_that_says_so(audit_with, first, second, why):
    done = audit_with(first, second)
    assert done.returncode == 0
    assert done.stdout.startswith("SKIPPED")
    assert why in done.stdout


def test_an_advisory_fails_the_audit_with_its_name_and_what_to_install(audit_with):
    done = audit_with(said(BAD), said(BAD, ABSENT))
    assert done.returncode == 1
    assert "jinja2 3.1.2: GHSA-1, fixed in 3.1.3" in done.stderr


def test_no_advisory_passes_where_the_index_knows_of_some(audit_with):
    done = audit_with(said(BAD), said(GOOD))
    assert (done.returncode, done.stdout.startswith("0 known")) == (0, True)
