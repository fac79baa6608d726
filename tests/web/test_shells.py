"""What the service gives to a browser, before any script has run."""

import hashlib
import html
import json
import re
import threading
import time
from pathlib import Path

import httpx
import pytest

import cloud_service.web
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import finding_kinds
from cloud_service.access.roles import Role
from cloud_service.app import create_app
from cloud_service.serving import listen, make_server, url_of
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings
from cloud_service.web.words import page_words
from tests.sleepy_task import SLEEPY

PASSWORD = "correct horse battery"
STATIC = Path(cloud_service.web.__file__).parent / "static"
PAGES = (
    "/", "/central", "/patients", "/findings", "/alarms", "/ask", "/review", "/classify", "/words", "/models",
    "/operations", "/people",
)  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Address of the application on a real server, with an account for every role."""
    folder = tmp_path_factory.mktemp("clinic")
    settings = CloudSettings(state_dir=folder, mqtt=MqttSettings(enabled=False), http=HttpSettings(port=0))
    app = create_app(settings)
    for role in Role:
        app.state.clinic.people.add(name=f"a-{role.value}", role=role, password=PASSWORD, by="test")
    with listen(settings.http) as listener:
        server = make_server(app, settings.http, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield url_of(settings.http, listener)
        server.should_exit = True
        thread.join()


@pytest.fixture
def visitor(service):
    with httpx.Client(base_url=service, timeout=10) as client:
        yield client


@pytest.fixture
def as_role(visitor):
    def log_in(role):
        visitor.post("/api/v1/login", json={"name": f"a-{role}", "password": PASSWORD}).raise_for_status()
        return visitor

    return log_in


@pytest.mark.parametrize(
    "path", [*PAGES, "/devices/bed-1", "/devices/bed-1/eeg", "/devices/bed-1/recordings/r", "/findings/f-1"]
)
def test_a_stranger_is_sent_to_the_login_whatever_the_page(visitor, path):
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("viewer", {"/review", "/classify", "/words", "/models", "/operations", "/people"}),
        ("reviewer", {"/models", "/operations", "/people"}),
        ("engineer", {"/people"}),
        ("admin", set()),
    ],
)
def test_a_role_sees_the_pages_it_may_and_links_to_no_other(as_role, role, refused):
    client = as_role(role)
    assert {path for path in PAGES if client.get(path).status_code == 403} == refused
    shown = set(re.findall(r'<li><a href="([^"]+)"', client.get("/").text))
    assert shown == set(PAGES) - refused


@pytest.mark.parametrize("path", [*PAGES, "/account", "/login", "/devices/nobody"])
def test_every_page_says_what_it_is_and_carries_nothing_inline(as_role, visitor, path):
    client = visitor if path == "/login" else as_role("admin")
    answer = client.get(path)
    assert "Research software, not a medical device." in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", answer.text)
    for source in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
        assert client.get(source).status_code == 200


def test_what_does_not_exist_is_said_in_words(as_role):
    answer = as_role("viewer").get("/devices/no%3Cb%3Ebody")
    assert answer.status_code == 404
    assert "nothing here by the name no&lt;b&gt;body" in answer.text


def _words(client):
    written = re.search(r'data-words="([^"]*)"', client.get("/").text)
    return json.loads(html.unescape(written.group(1)))


def test_pages_know_every_kind_of_finding(as_role):
    assert _words(as_role("viewer"))["kinds"].keys() == finding_kinds().keys()


def test_a_task_that_is_added_while_the_service_runs_is_in_the_words_of_the_next_page(as_role, monkeypatch):
    client = as_role("viewer")
    assert SLEEPY.name not in _words(client)["tasks"]
    monkeypatch.setitem(TASKS, SLEEPY.name, SLEEPY)
    words = _words(client)
    assert words["tasks"][SLEEPY.name]["review"]["labels"][0] == {"name": "awake", "meaning": "eyes open", "key": "a"}
    assert words["kinds"]["dozing"]["task"] == SLEEPY.name
    assert words["quantities"]["swing"] == {"unit": "uV", "decimals": 0, "label": "swing of the EEG"}


def _literals(text):
    """Strings and bare keys of a script, comments left out."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    strings = [one for found in re.findall(r'"([^"\n]*)"|`([^`]*)`', text) for one in found if one]
    return {*strings, *re.findall(r"\b(\w+):", text)}


@pytest.mark.parametrize("script", sorted((STATIC / "js").glob("*.js")), ids=lambda path: path.name)
def test_no_script_names_a_task_a_kind_of_mark_or_finding_or_a_label(script):
    words = page_words()
    tasks = {name for name in words["tasks"] if "-" in name}
    kinds = {name for name in words["kinds"] if "-" in name}
    labels = {one["name"] for task in words["tasks"].values() for one in (task["review"] or {"labels": []})["labels"]}
    assert _literals(script.read_text(encoding="utf-8")) & (tasks | kinds | labels) == set()


def test_every_line_of_the_presenters_names_a_kind_of_mark_that_some_task_declares():
    words = page_words()
    declared = {f"{task}/{kind}" for task, one in words["tasks"].items() for kind in one["marks"]}
    assert set(words["presenters"]) <= declared
    ways = (STATIC / "js" / "presenters.js").read_text(encoding="utf-8")
    assert all(f"  {way}: {{" in ways for way in words["presenters"].values())


def test_static_files_are_revalidated_and_nothing_else_can_be_read(visitor):
    first = visitor.get("/static/bedside.css")
    assert first.headers["content-type"].startswith("text/css")
    assert first.headers["cache-control"] == "no-cache"
    again = visitor.get("/static/bedside.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    for path in ("../pages.py", "%2e%2e/pages.py", "js", "nothing.js"):
        assert visitor.get(f"/static/{path}").status_code == 404


def test_modules_import_only_files_that_are_there():
    for module in (STATIC / "js").glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8")):
            assert (STATIC / "js" / name).is_file(), f"{module.name} imports {name}"


def test_vendored_files_are_the_ones_their_note_names():
    folder = STATIC / "vendor" / "uplot"
    noted = dict(re.findall(r"\| (\S+) \| ([0-9a-f]{64}) \|", (folder / "README.md").read_text(encoding="utf-8")))
    there = {path.name for path in folder.iterdir()} - {"README.md"}
    assert set(noted) == there
    for name, sha256 in noted.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
