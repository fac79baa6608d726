"""The first half of `make demo-check`: an ECG once round the whole circle, read from the parts' own stores."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from demo.bad_models import damage, next_version, read_bundle, with_version, with_wrong_answers
from demo.clinic_api import ClinicApi
from demo.house import DEVICE, House
from demo.parts import DemoFailed, Part
from demo.stores import PASS_SAMPLES, ClinicStore, DeviceStore, latest
from demo.truth import score

T = TypeVar("T")
TASK = "ecg-beats"
COUNTED_BY = "ecg-rhythm"
"""The task whose minutes say how much was read."""
REVIEWED = 12
FUSION = "F"


class Check:
    """The steps of the circle, each of which must happen."""

    def __init__(self, house: House, database_url: str) -> None:
        self.house = house
        self.device_store = DeviceStore(house.device_state)
        self.clinic_store = ClinicStore(database_url)
        self.api = ClinicApi(house.http_port)
        self.device: Part | None = None
        self.facts: dict[str, Any] = {}

    def turn(self) -> None:
        """Go round once."""
        with step("start broker, clinic and device"):
            login = self.house.start_clinic()
            self.api.log_in(login.name, login.password)
            self.device = self.house.start_device(
                {
                    "source": {"record": "excerpt", "speed": 0, "passes": 0, "loop_speed": 20.0},
                    "updates": {"trial.windows": 20},
                }
            )
        with step("replay the recording once"):
            recording = self._pass_one()
            self.facts |= self._figures(recording)
        with step("see it at the clinic"):
            self._at_the_clinic(recording)
        with step("review"):
            self.facts["relabelled"] = self._review(recording)
        with step("learn, gate and release"):
            before, after = self.learn(TASK)
        with step("switch the device to the new model"):
            self.facts |= {"model_before": before, "model_after": self.wait_for_report(after, ("switched",))["bundle"]}
        with step("refuse a model altered after it was signed"):
            self.facts["tampered_model_refused"] = self._offer_tampered(after)
        with step("refuse a signed model that fails its self-test"):
            self.facts["bad_model_rolled_back"] = self._offer_bad(after)
        with step("stop, with nothing left to send"):
            self.stop()
            self.facts |= self._accounts(recording)

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _pass_one(self) -> str:
        def done() -> str | None:
            self.alive()
            if not (self.house.device_state / "events.db").exists():
                return None
            opened = self.device_store.bodies("recording.opened")
            if not opened:
                return None
            is_over = min(len(self._minutes("marks", TASK)), len(self._minutes("series", COUNTED_BY))) >= 5
            return str(opened[-1]["id"]) if is_over else None

        return self.wait_for(done, 60, "the first pass over the excerpt")

    def _minutes(self, kind: str, task: str) -> list[dict[str, Any]]:
        """The minutes of the first pass that a task has settled: packed marks, or quantities over time."""
        bodies = self.device_store.bodies(kind)
        return [body for body in bodies if body["task"] == task and body["end"] <= PASS_SAMPLES]

    def _figures(self, recording: str) -> dict[str, Any]:
        beats = [
            (sample, body["labels"][label])
            for body in self.device_store.bodies("marks")
            if body["recording"] == recording and body["task"] == TASK
            for sample, label in zip(body["starts"], body["label"], strict=True)
            if sample < PASS_SAMPLES
        ]
        findings = self._first_pass("finding", "onset")
        losses = [body for body in self.device_store.bodies("loss") if body["start"] < PASS_SAMPLES and body["length"]]
        return {
            "record": "excerpt",
            "samples_read": sum(body["end"] - body["start"] for body in self._minutes("series", COUNTED_BY))
            - sum(loss["length"] for loss in losses),
            "gaps": len(losses),
            "beats": len(beats),
            **score(beats),
            "findings": len(findings),
            "alarms": len(self._first_pass("alarm", "at")),
        }

    def _first_pass(self, kind: str, where: str) -> dict[str, dict[str, Any]]:
        first = {
            body["id"] for body in self.device_store.bodies(kind) if body["rev"] == 0 and body[where] < PASS_SAMPLES
        }
        return {id_: body for id_, body in latest(self.device_store.bodies(kind)).items() if id_ in first}

    def _at_the_clinic(self, recording: str) -> None:
        wanted = set(self._first_pass("finding", "onset"))

        def shown() -> bool | None:
            self.alive()
            return wanted <= set(latest(self.clinic_store.bodies("finding"))) or None

        self.wait_for(shown, 60, "the findings of the first pass at the clinic")
        devices = self.api.get("/devices")["devices"]
        if [device["name"] for device in devices] != [DEVICE] or not devices[0]["online"]:
            raise DemoFailed(f"the clinic does not list {DEVICE} as online: {devices}")
        page = self.api.get("/findings", device=DEVICE)["findings"]
        if not page or not any(finding["explanation"] for finding in page):
            raise DemoFailed("the clinic shows no finding with its explanation")

    def _review(self, recording: str) -> int:
        """Confirm beats, and relabel the one the model was least sure of to its second choice.

        What the model wavers to call a fusion beat is left alone: the gates hold few of them, and rightly refuse what
        is taught by a false one.
        """
        reviewed: list[tuple[float, str, dict[str, Any]]] = []
        for finding in self._first_pass("finding", "onset").values():
            detail = self.api.get(f"/findings/{finding['id']}")
            for mark in detail["evidence"]["marks"]:
                is_classified = mark["outcome"] and mark["outcome"]["type"] == "Prediction"
                if (
                    is_in_sight(detail, mark)
                    and is_classified
                    and FUSION not in choices(mark)
                    and len(reviewed) < REVIEWED
                ):
                    reviewed.append((max(p for _, p in mark["outcome"]["scores"]), finding["id"], mark))
        if not reviewed:
            raise DemoFailed("no finding has a classified beat to review")
        reviewed.sort(key=lambda one: (one[0], one[1], one[2]["start"]))
        doubtful = reviewed[0][2]
        for _, about, mark in reviewed:
            word = {"verdict": "confirm"}
            if mark is doubtful:
                word = {"verdict": "relabel", "label": choices(mark)[1]}
            named = {name: mark[name] for name in ("task", "kind", "start")}
            self.api.post(f"/findings/{about}/reviews", {**named, "model_seen": True, **word})
        in_force = [
            review
            for about in {about for _, about, _ in reviewed}
            for review in self.api.get(f"/findings/{about}/reviews")["reviews"]
        ]
        return sum(review["verdict"] == "relabel" for review in in_force)

    def learn(self, task: str) -> tuple[str, str]:
        """Fit the model of a task anew, hold it to its gates and release it; give the bundles before and after."""
        job = self.api.post("/learning/jobs", {"task": task})

        def ended_job() -> dict[str, Any] | None:
            self.alive()
            now: dict[str, Any] = self.api.get(f"/learning/jobs/{job['id']}")
            return now if now["state"] not in ("queued", "running") else None

        ended = self.wait_for(ended_job, 90, "the learning job")
        if ended["state"] != "gated" or not ended["passed"]:
            raise DemoFailed(f"the candidate did not pass its gates: {ended['state']}, {ended['reason']}")
        self.api.post(f"/learning/candidates/{job['id']}/release", {})
        return str(ended["parent"]), str(ended["bundle"])

    def _offer_tampered(self, released: str) -> bool:
        name, version = released.split("/")
        offered = next_version(version)
        target = self._release(
            with_version(self._released_files(released), offered), "demo: to be altered after signing"
        )
        damage(Path(target["file"]))
        self.api.post(f"/learning/releases/{name}/{offered}/announce", {})
        report = self.wait_for_report(f"{name}/{offered}", ("refused",))
        self.house.run_clinic_verb("release", "withdraw", target["target"])
        return report["step"] == "refused" and self._runs() == released

    def _offer_bad(self, released: str) -> bool:
        name, version = released.split("/")
        offered = next_version(version, 2)
        self._release(with_wrong_answers(self._released_files(released), offered), "demo: its self-test must fail")
        self.api.post(f"/learning/releases/{name}/{offered}/announce", {})
        report = self.wait_for_report(f"{name}/{offered}", ("refused", "rolled-back"))
        return report["step"] in ("refused", "rolled-back") and self._runs() == released

    def stop(self) -> None:
        """Stop the device, which must end by itself."""
        assert self.device is not None
        if self.device.stop(within_s=40 * self.house.patience):
            raise DemoFailed(f"the device ended with code {self.device.process.returncode}: {self.device.last_words()}")
        self.house.parts.remove(self.device)

    def _accounts(self, recording: str) -> dict[str, Any]:
        left = self.left()
        findings = latest(self.clinic_store.bodies("finding"))
        first = self._first_pass("finding", "onset")
        texts = latest(self.device_store.bodies("explanation")).values()
        reports = self.device_store.bodies("model.report")
        closed = [body for body in self.device_store.bodies("recording.closed") if body["recording"] == recording]
        at_clinic = {id_ for id_, body in findings.items() if id_ in first and body["rev"] == first[id_]["rev"]}
        return {
            "samples_after_pass_1": closed[-1]["end"] - PASS_SAMPLES,
            "explanations": {
                "llm": sum(text["made_by"] == "llm" for text in texts),
                "template": sum(text["made_by"] == "template" for text in texts),
                "refused": sum(text["refused"] for text in texts),
            },
            **left,
            "cloud_findings": len(at_clinic),
            "windows_missed_at_switch": sum(report["windows_missed"] for report in reports),
        }

    def left(self) -> dict[str, int]:
        """Count what waits at a device that has stopped, and what the clinic holds twice."""
        self.wait_for(lambda: self.device_store.keys() <= set(self.clinic_store.keys()) or None, 30, "the last events")
        keys = self.clinic_store.keys()
        findings = latest(self.clinic_store.bodies("finding"))
        named = [(f["recording"], f["stream"], f["kind"], tuple(f["leads"]), f["onset"]) for f in findings.values()]
        stray = set(keys) - self.device_store.keys()
        if stray:
            raise DemoFailed(f"the clinic holds {len(stray)} events the device does not")
        return {
            "outbox_left": self.device_store.outbox() + self.device_store.rejected(),
            "duplicates": len(keys) - len(set(keys)) + len(named) - len(set(named)),
        }

    # ---- looking -------------------------------------------------------------------------------------------------

    def wait_for(self, look: Callable[[], T | None], within_s: float, what: str) -> T:
        """Look until there is something, as long as this machine is given."""
        return wait_for(look, within_s * self.house.patience, what)

    def _release(self, bundle: bytes, reason: str) -> dict[str, Any]:
        file = self.house.state / "offered.bundle"
        file.write_bytes(bundle)
        lines = self.house.run_clinic_verb("release", "add", str(file), "--unchecked", reason)
        return next(line for line in lines if line["type"] == "release")

    def _released_files(self, released: str) -> dict[str, bytes]:
        lines = self.house.run_clinic_verb("release", "list")
        target = next(line for line in lines if line.get("target") == f"{released}.bundle")
        found = list((self.house.clinic_state).rglob(f"*{target['sha256']}*"))
        if not found:
            raise DemoFailed(f"the released file of {released} is not below {self.house.clinic_state}")
        return read_bundle(found[0])

    def wait_for_report(self, bundle: str, steps: tuple[str, ...]) -> dict[str, Any]:
        """Wait for what the device says of a bundle; raises `DemoFailed` where it is another step than these."""

        def reported() -> dict[str, Any] | None:
            self.alive()
            for report in self.api.get("/model-reports", device=DEVICE)["reports"]:
                if report["bundle"] == bundle and report["step"] in (*steps, "refused", "rolled-back"):
                    return dict(report)
            return None

        report = self.wait_for(reported, 60, f"the device's word on {bundle}")
        if report["step"] not in steps:
            raise DemoFailed(f"the device {report['step']} {bundle}: {report['reason']}")
        return report

    def _runs(self) -> str:
        tasks = self.api.get(f"/devices/{DEVICE}")["tasks"]
        return next(str(one["bundle"]) for one in tasks if one["task"] == TASK)

    def alive(self) -> None:
        """Raise `DemoFailed` where a part has ended."""
        for part in self.house.parts:
            if not part.is_alive:
                raise DemoFailed(f"{part.name} ended with code {part.process.returncode}: {part.last_words()}")


def is_in_sight(finding: dict[str, Any], mark: dict[str, Any]) -> bool:
    """Whether a strip of the finding shows the mark: only then can anything be said of it."""
    at_s = mark["start"] / finding["evidence"]["fs_hz"]
    return any(
        one["lead"] in mark["leads"]
        and one["start"] / one["fs_hz"] <= at_s < (one["start"] + len(one["samples"])) / one["fs_hz"]
        for one in finding["strips"]
    )


def choices(mark: dict[str, Any]) -> tuple[str, str]:
    """The two classes that the model gave most to."""
    scores: list[tuple[str, float]] = sorted(mark["outcome"]["scores"], key=lambda pair: -pair[1])
    return scores[0][0], scores[1][0]


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Name a step of the circle while it runs, and in its failure."""
    began = time.monotonic()
    print(f"- {what} ", end="", file=sys.stderr, flush=True)
    try:
        yield
    except DemoFailed as error:
        print("FAILED", file=sys.stderr, flush=True)
        raise DemoFailed(f"step {what!r}: {error}", advice=error.advice) from error
    print(f"({time.monotonic() - began:.1f} s)", file=sys.stderr, flush=True)


def wait_for(look: Callable[[], T | None], within_s: float, what: str) -> T:
    """Look until there is something.

    Raises
    ------
    DemoFailed : it did not come in time.
    """
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(0.2)
    raise DemoFailed(f"waited {within_s:.0f} s in vain for {what}")
