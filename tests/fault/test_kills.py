"""kill -9 of daemon, broker and clinic at random moments: nothing that was committed is lost, doubled or invented."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_house import House
from fault_judge import judge
from fault_storm import Storm

from tests.brokers import mosquitto
from tests.postgres import empty_database, initdb

ENOUGH = 1_000
"""Moments that the table of reliability asks for, over all brokers and databases."""


def run(folder, *, broker, moments, seed, within_s, speed, database_url="", longest_s=float("inf")):
    house = House(folder, broker=broker, speed=speed, database_url=database_url)
    try:
        house.start()
        seen = Storm(house, moments=moments, seed=seed, within_s=within_s, longest_s=longest_s).run()
        verdict = judge(house)
        assert seen.committed <= house.device_keys(), "the device lost what it had committed"
        assert not house.agent.unasked, house.agent.unasked
        assert not house.clinic.unasked, house.clinic.unasked
    finally:
        house.close()
    return seen, verdict


def told(where, seen, verdict):
    """Say what a storm came to."""
    kills = ", ".join(
        f"{name} {number} ({seen.starting[name]} while it started)" for name, number in sorted(seen.kills.items())
    )
    return (
        f"\nfault run ({where}): {seen.moments} moments, killed {kills}; {verdict.recordings} recordings, "
        f"{verdict.events} events, {verdict.findings} findings, {seen.resent:.0f} resent, "
        f"{seen.duplicates:.0f} duplicates taken in once, {verdict.most_wave_lost_s:.1f} s of wave lost at most, "
        f"{seen.seconds:.0f} s"
    )


@pytest.mark.broker
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_when_parts_are_killed(tmp_path):
    seen, verdict = run(tmp_path, broker="embedded", moments=6, seed=1, within_s=2.0, speed=20)
    print(told("embedded", seen, verdict))
    assert seen.kills.total() >= 6
    assert verdict.findings > 10


@pytest.fixture
def places(request):
    """Which broker and which database go together, of those that are installed; a database by its URL."""
    brokers = ["embedded", *(["mosquitto"] if mosquitto() else [])]
    found = [(broker, "") for broker in brokers]
    if initdb():
        server = request.getfixturevalue("postgres")
        found += [(broker, empty_database(server)) for broker in brokers]
    return found


@pytest.mark.fault
@pytest.mark.reliability("kills", "at-risk")
@pytest.mark.broker
@pytest.mark.timeout(4 * 3600)
def test_nothing_is_lost_or_doubled_in_a_long_storm(tmp_path, places, request, capsys, reliability):
    """All storms at a time: most of a storm is waiting until a program is up again."""
    whole, seed = request.config.getoption("--kills", 200), request.config.getoption("--fault-seed", 6)

    def storm(number, broker, url):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        moments = whole // len(places) + (number < whole % len(places))
        return run(
            folder,
            broker=broker,
            moments=moments,
            seed=seed + number,
            within_s=2.5,
            speed=20,
            database_url=url,
            longest_s=60 * request.config.getoption("--kill-minutes", float("inf")),
        )

    with ThreadPoolExecutor(len(places)) as pool:
        storms = [(place, pool.submit(storm, number, *place)) for number, place in enumerate(places)]
    done = 0
    for (broker, url), future in storms:
        if future.exception() is not None:
            continue
        seen, verdict = future.result()
        where = f"{broker} and {'PostgreSQL' if url else 'SQLite'}"
        with capsys.disabled():
            print(told(where, seen, verdict))
        done += seen.moments
        assert verdict.recordings > seen.moments // 10
        starting = seen.starting.total()
        reliability.note(
            "kills", over=where, moments=seen.moments, starting=starting, lost=0, doubled=0, events=verdict.events
        )
        reliability.note("at-risk", over=where, wave_lost_s=verdict.most_wave_lost_s, alarms_lost=0)
    for _, future in storms:
        future.result()  # raises what a storm found, behind the figures of those that held
    if done < ENOUGH:
        reliability.note("kills", moments_in_all=done, of=f"{ENOUGH:,}: too few")
