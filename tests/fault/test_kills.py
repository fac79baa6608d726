"""kill -9 of daemon, broker and clinic at random moments: nothing that was committed is lost, doubled or invented."""

import pytest
from fault_house import House
from fault_judge import judge
from fault_storm import Storm


def run(folder, *, broker, moments, seed, within_s, speed):
    house = House(folder, broker=broker, speed=speed)
    try:
        house.start()
        seen = Storm(house, moments=moments, seed=seed, within_s=within_s).run()
        verdict = judge(house)
        assert seen.committed <= house.device_keys(), "the device lost what it had committed"
        assert not house.agent.unasked, house.agent.unasked
        assert not house.clinic.unasked, house.clinic.unasked
    finally:
        house.close()
    kills = ", ".join(f"{name} {number}" for name, number in sorted(seen.kills.items()))
    print(
        f"\nfault run ({broker}): {seen.moments} moments, killed {kills}; {verdict.recordings} recordings, "
        f"{verdict.events} events, {verdict.findings} findings, {seen.resent:.0f} resent, "
        f"{seen.duplicates:.0f} duplicates taken in once, {verdict.most_wave_lost_s:.1f} s of wave lost at most, "
        f"broker restarted {len(house.broker.unasked)} times by itself, {seen.seconds:.0f} s"
    )
    return seen, verdict


@pytest.mark.broker
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled_when_parts_are_killed(tmp_path):
    seen, verdict = run(tmp_path, broker="embedded", moments=6, seed=1, within_s=2.0, speed=20)
    assert seen.kills.total() >= 6
    assert verdict.findings > 10


@pytest.mark.fault
@pytest.mark.reliability("kills", "at-risk")
@pytest.mark.broker
@pytest.mark.timeout(3600)
def test_nothing_is_lost_or_doubled_in_a_long_storm(tmp_path, broker_kind, moments, request, capsys, reliability):
    seed = request.config.getoption("--fault-seed", 6)
    with capsys.disabled():
        seen, verdict = run(tmp_path, broker=broker_kind, moments=moments, seed=seed, within_s=2.5, speed=20)
    assert seen.moments == moments
    assert verdict.recordings > moments // 6
    reliability.note("kills", broker=broker_kind, moments=moments, lost=0, doubled=0, events=verdict.events)
    reliability.note("at-risk", broker=broker_kind, wave_lost_s=verdict.most_wave_lost_s, events_lost=0)
