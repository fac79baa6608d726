"""The container file says what the code takes: it cannot be built here, so its text is held against the program."""

import json
import re
from pathlib import Path

from test_wheel import HOUSE

from cloud_service.cli import parser
from cloud_service.settings import CloudSettings, load_settings, require_safe_listener

TEXT = (HOUSE / "Containerfile").read_text(encoding="utf-8")
LINES = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()


def said(word):
    """What each line of this instruction says, of both stages."""
    return [line.removeprefix(f"{word} ") for line in LINES if line.startswith(f"{word} ")]


def environment():
    return dict(pair.split("=", 1) for line in said("ENV") for pair in line.split())


def settings(monkeypatch) -> CloudSettings:
    monkeypatch.setenv("STATE_DIRECTORY", environment()["STATE_DIRECTORY"])
    return load_settings(None, environment())


def test_it_copies_what_a_wheel_is_made_of():
    copied = {name for line in said("COPY") if "--from" not in line for name in line.split()[:-1]}
    assert {name for name in copied if not (HOUSE / name).exists()} == set()
    needed = {"biosignal", "edge_agent", "cloud_service", "export", "models"}
    assert needed | {"pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"} <= copied
    assert "requirements/base.txt" in copied
    assert "--require-hashes -r requirements/base.txt" in TEXT


def test_its_python_is_slim_and_one_that_the_package_takes():
    bases = {line.split()[0] for line in said("FROM")}
    (base,) = bases
    found = re.fullmatch(r"docker\.io/library/python:3\.(\d+)-slim-bookworm", base)
    assert found
    lowest, beyond = re.search(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (HOUSE / "pyproject.toml").read_text()
    ).groups()
    assert int(lowest) <= int(found[1]) < int(beyond)


def test_it_runs_as_a_user_without_rights_whose_state_is_a_volume(monkeypatch):
    (user,), (volume,) = said("USER"), said("VOLUME")
    assert user not in ("root", "0")
    assert re.search(rf"useradd --system --uid [1-9]\d+ .* {user}\b", " ".join(said("RUN")))
    assert settings(monkeypatch).state_dir == Path(volume)
    assert LINES.index(f"USER {user}") < LINES.index(f"ENTRYPOINT {said('ENTRYPOINT')[0]}")


def test_it_listens_with_tls_on_the_ports_that_it_names(monkeypatch):
    made = settings(monkeypatch)
    assert said("EXPOSE") == [f"{made.http.port} {made.broker.port}"]
    assert (made.http.host, made.broker.host, made.broker.clinic_host) == ("0.0.0.0", "0.0.0.0", "127.0.0.1")
    require_safe_listener(made.http.host, tls=made.http.tls)
    assert made.broker.tls
    assert made.http.tls_cert is not None
    assert made.state_dir in made.http.tls_cert.parents


def test_no_secret_is_in_it():
    named = " ".join([*environment(), *said("ARG"), *said("COPY")])
    assert not re.search(r"password|secret|token|\.pem|\.key|\.env\b", named, re.IGNORECASE)


def test_its_command_is_one_of_the_program():
    (entry,), (command,) = map(json.loads, said("ENTRYPOINT")), map(json.loads, said("CMD"))
    assert entry == ["cloud-service"]
    assert parser().parse_args(command).with_broker
