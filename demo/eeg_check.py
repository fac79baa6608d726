"""The second half of `make demo-check`: a night of EEG round the same circle, with whatever tasks read it."""

from typing import Any

from demo.check import Check, choices, is_in_sight, step
from demo.house import DEVICE
from demo.stores import latest
from demo.truth import NIGHT, NIGHT_FS_HZ, NIGHT_SAMPLES, seizure_found_s

SETTINGS: dict[str, dict[str, Any]] = {
    "source": {"record": NIGHT, "speed": 0, "passes": 0, "loop_speed": 10.0},
    "updates": {"trial.windows": 4},
}
REVIEWED = 12
EEG = "eeg"


class NightCheck:
    """The steps of the circle that an EEG takes, on the clinic and with the device of the check before it."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.api = check.api
        self.recording = ""
        self.reviewed: dict[str, int] = {}
        self.facts: dict[str, Any] = {"record": NIGHT}

    def turn(self) -> dict[str, Any]:
        """Go round once; give what was seen."""
        with step("replay a night of EEG once"):
            self.check.device = self.check.house.start_device(SETTINGS)
            self.recording = self._pass_one()
        with step("see the night at the clinic"):
            self.facts |= self._at_the_clinic()
        with step("review the night"):
            self.facts |= self._review()
        with step("learn from the night, and switch the device"):
            self.facts["models"] = {task: self._learn(task) for task in self._taught()}
        with step("stop, with nothing of the night left to send"):
            self.check.stop()
            self.facts |= self.check.left()
        return self.facts

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _pass_one(self) -> str:
        def begun() -> str | None:
            self.check.alive()
            opened = self.check.device_store.bodies("recording.opened")
            return next((str(one["id"]) for one in opened if one["fs_hz"] == NIGHT_FS_HZ), None)

        recording = self.check.wait_for(begun, 30, "the recording of the night")

        def ended() -> bool | None:
            self.check.alive()
            losses = self.check.device_store.bodies("loss")
            return any(one["recording"] == recording and one["start"] >= NIGHT_SAMPLES for one in losses) or None

        self.check.wait_for(ended, 90, "the first pass over the night")
        return recording

    def _mine(self, kind: str, where: str) -> list[dict[str, Any]]:
        """Bodies of the first pass."""
        bodies = self.check.device_store.bodies(kind)
        return [one for one in bodies if one["recording"] == self.recording and one[where] < NIGHT_SAMPLES]

    def _findings(self) -> dict[str, dict[str, Any]]:
        return latest(self._mine("finding", "onset"))

    def _at_the_clinic(self) -> dict[str, Any]:
        packs, series, findings = self._mine("marks", "start"), self._mine("series", "start"), self._findings()
        wanted = {(body["id"], body.get("rev", 0)) for body in (*packs, *series)}
        wanted |= {(id_, body["rev"]) for id_, body in findings.items()}
        arrived = self.check.clinic_store.keys
        self.check.wait_for(lambda: wanted <= set(arrived()) or None, 60, "the first pass at the clinic")
        leads = [one for one in self.api.get(f"/devices/{DEVICE}")["leads"] if one["kind"] == EEG]
        views = self.api.get("/eeg-views", lead=[one["name"] for one in leads])["views"]
        listed = self.api.get("/findings", device=DEVICE, recording=self.recording, limit=200)["findings"]
        course = self.api.get(f"/devices/{DEVICE}/recordings/{self.recording}")
        tracks = self.api.get(f"/devices/{DEVICE}/recordings/{self.recording}/marks", end=NIGHT_SAMPLES)["marks"]
        return {
            "eeg_leads": len(leads),
            "montages": [one["name"] for one in views],
            "tasks": sorted(self._readers({one["name"] for one in leads})),
            "series": _counted((one["task"], len(one["columns"])) for one in course["series"]),
            "marks": _counted((one["task"], len(one["starts"])) for one in tracks),
            "findings": len(findings),
            "cloud_findings": sum(one["id"] in findings for one in listed),
            "explained": sum(bool(one["explanation"]) for one in listed if one["id"] in findings),
            "alarms": len({one["id"] for one in self._mine("alarm", "at")}),
            "seizure_found_s": seizure_found_s(findings.values()),
        }

    def _readers(self, leads: set[str]) -> set[str]:
        tasks = self.api.get(f"/devices/{DEVICE}")["tasks"]
        return {one["task"] for one in tasks if leads & set(one["leads"])}

    def _review(self) -> dict[str, Any]:
        """Say by their declared labels what marks of the night were; the one least sure of is relabelled."""
        words = self.api.words()["tasks"]
        doubtful: tuple[float, str, dict[str, Any]] | None = None
        for finding in self._findings():
            detail = self.api.get(f"/findings/{finding}")
            for mark in detail["evidence"]["marks"]:
                unit = words.get(mark["task"], {}).get("review")
                if unit is None or unit["mark"] != mark["kind"] or not is_in_sight(detail, mark):
                    continue
                if self.reviewed.get(mark["task"], 0) >= REVIEWED:
                    continue
                self._say(finding, mark, unit, None)
                self.reviewed[mark["task"]] = self.reviewed.get(mark["task"], 0) + 1
                sure = _sureness(mark)
                if doubtful is None or sure < doubtful[0]:
                    doubtful = (sure, finding, mark)
        if doubtful is not None:
            _, finding, mark = doubtful
            self._say(finding, mark, words[mark["task"]]["review"], _second(mark))
        return {"reviewed": self.reviewed, "relabelled": int(doubtful is not None)}

    def _say(self, finding: str, mark: dict[str, Any], unit: dict[str, Any], label: str | None) -> None:
        named = {name: mark[name] for name in ("task", "kind", "leads", "start")}
        known = [one["name"] for one in unit["labels"]]
        said = (mark["outcome"] or {}).get("label")
        others = [one for one in known if one not in (said, unit["cannot_tell"])]
        word: dict[str, Any] = {"verdict": "confirm"}
        if label is not None or said not in known:
            word = {"verdict": "relabel", "label": label if label in known else others[0]}
        self.api.post(f"/findings/{finding}/reviews", {**named, "model_seen": True, **word})

    def _taught(self) -> list[str]:
        """Tasks that were reviewed and whose model can be fitted anew."""
        return [one["task"] for one in self.api.get("/learning/tasks")["tasks"] if one["task"] in self.reviewed]

    def _learn(self, task: str) -> dict[str, str]:
        before, after = self.check.learn(task)
        report = self.check.wait_for_report(after, ("switched",))
        return {"before": before, "after": str(report["bundle"])}


def missing(facts: dict[str, Any]) -> dict[str, Any]:
    """What did not happen as it must, by its name; nothing where the night went round."""
    wanted = {
        "cloud_findings": facts["findings"],
        "explained": facts["findings"],
        "relabelled": int(bool(facts["reviewed"])),
        "outbox_left": 0,
        "duplicates": 0,
    }
    wrong = {name: facts[name] for name, value in wanted.items() if facts[name] != value}
    if len(facts["montages"]) < 2:
        wrong["montages"] = facts["montages"]
    wrong |= {name: facts[name] for name in ("series", "marks", "reviewed") if not facts[name]}
    if facts["seizure_found_s"] is None:
        wrong["seizure_found_s"] = None
    wrong |= {f"model of {task}": one for task, one in facts["models"].items() if one["before"] == one["after"]}
    return wrong


def _counted(pairs: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in pairs:
        counts[name] = counts.get(name, 0) + count
    return counts


def _sureness(mark: dict[str, Any]) -> float:
    return max((p for _, p in (mark["outcome"] or {}).get("scores") or []), default=1.0)


def _second(mark: dict[str, Any]) -> str | None:
    scores = (mark["outcome"] or {}).get("scores") or []
    return choices(mark)[1] if len(scores) > 1 else None
