"""`make demo-check WORDS=1`: better words from a nurse's suggestion to a device's texts, and back again."""

from typing import Any

from demo.check import Check, step
from demo.clinic_api import ClinicApi
from demo.house import DEVICE
from demo.parts import DemoFailed
from demo.stores import latest

KIND = "trigeminy"
BETTER = "In trigeminy every third beat starts in the ventricles."
WORSE = "In trigeminy every second beat starts in the ventricles."
"""Said of the same kind; the second says something else and must be refused."""
PREVIEWS = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "source": {"record": "excerpt", "speed": 0, "passes": 0, "loop_speed": 20.0},
    "updates": {"trial.texts": 3},
}
PASSWORD = "demo: a password that nobody else has"  # noqa: S105  # of accounts that end with the check


class WordsCheck:
    """The steps that words take, on a clinic and with a device of their own."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.facts: dict[str, Any] = {"kind": KIND, "words": BETTER}

    def turn(self) -> dict[str, Any]:
        """Go round once; give what was seen."""
        with step("start broker, clinic and device"):
            login = self.check.house.start_clinic()
            self.check.api.log_in(login.name, login.password)
            people = {role: self._person(role) for role in ("viewer", "reviewer", "engineer")}
            self.check.device = self.check.house.start_device(SETTINGS)
        with step("suggest better words for a finding"):
            row, worse = self._suggest(people["viewer"])
        with step("have a second person approve them, and nobody else"):
            self.facts |= self._approve(people, row, worse)
        with step("hold them against the gates and release them"):
            self.facts["bundle"] = self._release(people["engineer"])
        with step("hear the device say them"):
            self.facts |= self._heard(str(self.facts["bundle"]))
        with step("keep them when their trial is over"):
            self.check.wait_for_report(str(self.facts["bundle"]), ("switched",))
        with step("withdraw them, and hear the vetted words again"):
            self.facts |= self._withdraw(people, row)
        with step("stop, with nothing left to send"):
            self.check.stop()
            self.facts |= self.check.left()
            self.facts["unapproved_said"] = sum(WORSE in text["text"] for text in self._texts())
        return self.facts

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _person(self, role: str) -> ClinicApi:
        name = f"demo-{role}"
        self.check.api.post("/users", {"name": name, "role": role, "password": PASSWORD})
        person = ClinicApi(self.check.house.http_port)
        person.log_in(name, PASSWORD)
        return person

    def _suggest(self, nurse: ClinicApi) -> tuple[int, int]:
        def explained() -> dict[str, Any] | None:
            self.check.alive()
            listed = nurse.get("/findings", device=DEVICE, kind=KIND)["findings"]
            return next((dict(one) for one in listed if one["explanation"]), None)

        about = self.check.wait_for(explained, 60, f"a finding of {KIND} with its text")
        text = nurse.get(f"/findings/{about['id']}")["explained"]["text"]
        given = {"text": text, "finding": about["id"], "says": "better-words"}
        rows = [nurse.post("/feedback", {**given, "words": words})["row"] for words in (BETTER, WORSE)]
        return rows[0], rows[1]

    def _approve(self, people: dict[str, ClinicApi], row: int, worse: int) -> dict[str, Any]:
        def shown() -> dict[int, dict[str, Any]] | None:
            self.check.alive()
            listed = {one["row"]: one for one in people["reviewer"].get("/words")["suggestions"]}
            return listed if len(listed[row]["previews"]) == PREVIEWS else None

        listed = self.check.wait_for(shown, 60, "three findings to preview the words on")
        if listed[row]["pattern"] is None or listed[worse]["pattern"] is not None:
            raise DemoFailed(f"the suggestions are not read as they must be: {listed}")
        seen = {"pattern": listed[row]["pattern"]}
        own = _is_refused(people["viewer"], f"/words/{row}/approve", seen)
        people["reviewer"].post(f"/words/{row}/approve", seen)
        return {
            "own_words_refused": own,
            "worse_refused": _is_refused(people["reviewer"], f"/words/{worse}/approve", {"pattern": WORSE}),
            "why": listed[worse]["why"],
            "previews": len(listed[row]["previews"]),
        }

    def _release(self, engineer: ClinicApi) -> str:
        job = engineer.post("/learning/words")

        def ended_job() -> dict[str, Any] | None:
            self.check.alive()
            now: dict[str, Any] = engineer.get(f"/learning/jobs/{job['id']}")
            return now if now["state"] not in ("queued", "running") else None

        ended = self.check.wait_for(ended_job, 60, "the candidate of the words")
        if ended["state"] != "gated" or not ended["passed"]:
            raise DemoFailed(f"the words did not pass their gates: {ended['state']}, {ended['reason']}")
        engineer.post(f"/learning/candidates/{job['id']}/release", {})
        return str(ended["bundle"])

    def _heard(self, bundle: str) -> dict[str, Any]:
        self.check.wait_for_report(bundle, ("trial", "switched"))

        def said() -> dict[str, Any] | None:
            self.check.alive()
            return next((text for text in self._texts() if BETTER in text["text"] and bundle in text["checked"]), None)

        text = self.check.wait_for(said, 60, "a text of the device in the approved words")
        about = text["finding"]

        def shown() -> bool | None:
            return BETTER in self.check.api.get(f"/findings/{about}")["explained"]["text"] or None

        self.check.wait_for(shown, 60, "that text at the clinic")
        before = [one for one in self._texts() if bundle not in one["checked"]]
        return {"said_before_release": sum(BETTER in one["text"] for one in before), "checked": text["checked"]}

    def _withdraw(self, people: dict[str, ClinicApi], row: int) -> dict[str, Any]:
        people["reviewer"].post(f"/words/{row}/withdraw")
        bundle = self._release(people["engineer"])
        self.check.wait_for_report(bundle, ("trial", "switched"))

        def said_otherwise() -> dict[str, Any] | None:
            self.check.alive()
            mine = [text for text in self._texts() if bundle in text["checked"] and KIND in text["text"]]
            return mine[-1] if mine else None

        text = self.check.wait_for(said_otherwise, 60, f"a text in {bundle}")
        return {"after_withdrawal": bundle, "said_after_withdrawal": BETTER in text["text"]}

    def _texts(self) -> list[dict[str, Any]]:
        return list(latest(self.check.device_store.bodies("explanation")).values())


def _is_refused(person: ClinicApi, path: str, body: dict[str, Any]) -> bool:
    try:
        person.post(path, body)
    except DemoFailed:
        return True
    return False


def missing_of_words(facts: dict[str, Any]) -> dict[str, Any]:
    """What did not happen as it must, by its name; nothing where the words went round."""
    wanted = {
        "own_words_refused": True,
        "worse_refused": True,
        "previews": PREVIEWS,
        "said_before_release": 0,
        "said_after_withdrawal": False,
        "unapproved_said": 0,
        "outbox_left": 0,
        "duplicates": 0,
    }
    return {name: facts[name] for name, value in wanted.items() if facts[name] != value}
