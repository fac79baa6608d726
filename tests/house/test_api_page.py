"""The page on the API says what the clinic serves, and its examples run."""

import os
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest

from cloud_service.access.devices import add_device
from cloud_service.access.roles import Role
from cloud_service.access.tokens import SCOPES
from cloud_service.ingest.commit import commit
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings
from tests.cloud.cloud_running import Running, make_clinic_of_each_role
from tests.cloud.cloud_ward import finding, marks_of, message, recording
from tests.cloud.test_route_matrix import ROUTES
from tests.cloud.test_wave_archive import kept
from tests.house.api_page import PAGE, described, page

EXAMPLES = re.compile(r"<!-- example -->\n\n```sh\n(.*?)```", re.DOTALL)


def test_the_page_is_what_the_clinic_says_of_itself():
    wrong = "docs/api.md is not what is served: write it with `python -m tests.house.api_page`"
    assert PAGE.read_text(encoding="utf-8") == page(), wrong


def test_every_route_of_the_api_is_on_it_with_who_may():
    text = PAGE.read_text(encoding="utf-8")
    served = {(method.upper(), path) for path, methods in described()["paths"].items() for method in methods}
    routes = [one for one in served & set(ROUTES) if one[1].startswith("/api/v1")]
    assert len(routes) > 90
    for method, path in routes:
        (role,) = re.findall(
            rf"^\*\*{method}\*\* `{re.escape(path.removeprefix('/api/v1'))}`: (\w+)", text, re.MULTILINE
        )
        needed = ROUTES[method, path][0]
        assert role == ("anybody" if needed is None else needed.value)


def test_every_scope_is_explained():
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [role.value for role in SCOPES]


@pytest.fixture
def clinic(tmp_path):
    """A clinic with a bed that has a finding and some waves, and a token of a reviewer."""
    make_clinic_of_each_role(tmp_path / "clinic.db")
    settings = CloudSettings(state_dir=tmp_path, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(settings) as running:
        add_device(running.clinic.database, name="bed-1", site="ward", by="test")
        about = finding()
        commit(running.clinic.database, [message(one) for one in (recording(), *marks_of(about), about)])
        waves = np.arange(3600)
        running.clinic.archive.store("bed-1", [kept(0, waves, lead="MLII", fs_hz=360.0)])
        yield running, running.clinic.tokens.add(name="api", role=Role.REVIEWER, days=1, by="engineer").token


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_its_examples_run_as_they_stand(clinic, tmp_path):
    running, token = clinic
    folder = tmp_path / "typed"
    folder.mkdir()
    script = "set -e\n" + "\necho\n".join(EXAMPLES.findall(PAGE.read_text(encoding="utf-8")))
    environment = {**os.environ, "CLINIC": running.url, "TOKEN": token}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"token.api"' in done.stdout
    assert '"verdict":"true"' in done.stdout
    assert "event: now" in done.stdout
    assert '"resourceType"' in (folder / "finding.json").read_text(encoding="utf-8")
    assert any(name.endswith(".hea") for name in zipfile.ZipFile(folder / "excerpt.zip").namelist())
