"""Kills at seeded random moments, and what was seen meanwhile."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from fault_house import PATIENCE_S, House, listens, wait_for

TARGETS = ("agent", "broker", "clinic")
LAST_PASS_S = 600.0
VOLLEY = 6
"""Most kills that follow each other before all three have worked again."""


@dataclass
class Seen:
    """What a storm did, and what was seen before each kill."""

    moments: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    starting: Counter[str] = field(default_factory=Counter)
    """Of those, how many met a program before it was up again."""
    committed: set[tuple[str, int]] = field(default_factory=set)
    resent: float = 0
    duplicates: float = 0
    seconds: float = 0.0


class Storm:
    """Kills one program of a house, sometimes two at once, and starts it again.

    The kills come in volleys. The first of each lies within `within_s` after all three have done something again, so
    that a slow machine has as much to lose as a fast one. The others, none to five, each lie within `within_s` after
    the one before, whatever is going on: programs also die while they start.
    """

    def __init__(
        self, house: House, *, moments: int, seed: int, within_s: float, longest_s: float = float("inf")
    ) -> None:
        self._house = house
        self._chance = random.Random(seed)
        self._moments = moments
        self._within_s = within_s
        self._longest_s = longest_s
        self.seen = Seen()

    def run(self) -> Seen:
        """Kill so many times, or until the time is over, then let everything come to rest."""
        began_s = time.monotonic()
        while self.seen.moments < self._moments and time.monotonic() - began_s < self._longest_s:
            self._wait_for_work()
            for _ in range(min(self._chance.randint(1, VOLLEY), self._moments - self.seen.moments)):
                self._tend_for(self._chance.uniform(0.0, self._within_s))
                self._strike()
                self.seen.moments += 1
        self._come_to_rest()
        self.seen.seconds = time.monotonic() - began_s
        return self.seen

    def _wait_for_work(self) -> None:
        """Wait until the clinic has taken in an event that the daemon stored after this moment."""
        last = self._house.last_event()
        wait_for(lambda: self._tend_and(self._house.clinic_has_newer_than(last)), PATIENCE_S, "events reach the clinic")

    def _strike(self) -> None:
        number = 2 if self._chance.random() < 0.15 else 1
        targets = self._chance.sample(TARGETS, number)
        self._note(targets)
        for name in targets:
            self.seen.starting[name] += self._house.programs[name].is_alive and not self._house.is_up(name)
            self._kill(name)
            self.seen.kills[name] += 1
        self._check_receipts()
        if self._chance.random() < 0.5:
            time.sleep(self._chance.uniform(0.0, 1.0))
        for name in targets:
            program = self._house.programs[name]
            if not program.is_alive:
                program.start()

    def _kill(self, name: str) -> None:
        program = self._house.programs[name]
        # The broker is a program and its child: both die, or one of them does and the other has to notice.
        way = self._chance.choice(("all", "alone", "children")) if name == "broker" else "all"
        if way == "alone":
            program.kill_alone()
        elif way == "children":
            program.kill_children()
        else:
            program.kill()

    def _note(self, targets: list[str]) -> None:
        """What is committed now must be there at the end; counters die with their process."""
        if "agent" in targets:
            self.seen.committed |= self._house.device_keys()
            self.seen.resent += self._house.agent_counts().get("bedside_events_resent_total", 0)
        if "clinic" in targets:
            self._note_clinic()

    def _note_clinic(self) -> None:
        counts = self._house.clinic_counts()
        self.seen.duplicates += counts.get('bedside_ingest_events_total{result="known"}', 0)

    def _check_receipts(self) -> None:
        """At every moment, what the device has a receipt for is committed at the clinic."""
        confirmed = self._house.confirmed_keys()
        assert confirmed <= self._house.clinic_keys(), "a receipt went out before the commit"

    def _tend_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            for program in self._house.programs.values():
                program.tend()
            time.sleep(min(0.1, left_s))

    def _come_to_rest(self) -> None:
        """Stop the replay, then run one finite pass: the daemon ends by itself when everything is received."""
        house = self._house
        self._tend_for(2.0)
        wait_for(lambda: self._tend_and(listens(house.mqtt_port)), PATIENCE_S, "the broker is back")
        wait_for(lambda: self._tend_and(listens(house.http_port)), PATIENCE_S, "the clinic is back")
        # Asked to stop while it still starts, it would end by the signal and not by its own account.
        wait_for(lambda: self._tend_and(house.is_up("agent")), PATIENCE_S, "the daemon is up")
        self.seen.committed |= house.device_keys()
        assert house.agent.stop(PATIENCE_S) == 0, house.agent.last_words()
        house.agent.start("--set", "source.passes=1", "--set", "source.speed=0")
        assert house.agent.wait(LAST_PASS_S) == 0, house.agent.last_words()
        self._note_clinic()
        for program in (house.clinic, house.broker):
            assert program.stop(PATIENCE_S) == 0, program.last_words()

    def _tend_and(self, answer: bool) -> bool:
        for program in self._house.programs.values():
            program.tend()
        return answer
