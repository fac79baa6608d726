"""The rule of signal quality: poor signal and a lead that is off."""

from rhythm_cases import check_revisions, facts, last, second

from biosignal.events import Finding, Mark, QualityLevel
from biosignal.tasks import TASKS
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.signal_quality.limits import QualityLimits
from biosignal.tasks.signal_quality.rule import SignalRule


def watched_signal(seconds: list[Mark]) -> list[Finding]:
    """What the signal rule says of seconds of one lead."""
    quality = TASKS["signal-quality"]
    log = FindingLog(facts(), task=quality.name, kinds=quality.findings, quantities=quality.quantities)
    rule = SignalRule(log, QualityLimits())
    for one in seconds:
        log.clock = one.decided_at
        rule.on_second(one)
    rule.on_break()
    return log.drain()


def test_technical_findings_have_hysteresis():
    level = {True: QualityLevel.REJECTED, False: QualityLevel.USABLE}
    bad = "..xx..xxxx..x...." + "x" * 3 + "." * 10
    seconds = [second(index, level[letter == "x"], "noise") for index, letter in enumerate(bad)]
    findings = watched_signal(seconds)
    check_revisions(findings)
    assert [(f.kind, f.onset) for f in last(findings)] == [("poor-signal", 6 * 250)]
    assert last(findings)[0].end == 20 * 250


def test_lead_off_takes_over_from_noise():
    seconds = [second(index, QualityLevel.REJECTED, "noise" if index < 5 else "lead-off") for index in range(12)]
    assert [finding.kind for finding in last(watched_signal(seconds))] == ["poor-signal", "lead-off"]
