"""What is old goes by the policy that was set, counted; what is open, reviewed or not named by it stays."""

from datetime import timedelta

import pytest
from cloud_running import wait_for
from cloud_ward import (
    alarm,
    explanation,
    finding,
    inputs,
    mark,
    marks_of,
    message,
    pack,
    recording,
    series,
    strip,
)
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from biosignal.events import AlarmState, FindingState
from cloud_service.access import audit
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.clinic import retention
from cloud_service.clinic.retention import Retention
from cloud_service.database.clinic_tables import AuditRow, FeedbackRow, ReviewRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import (
    AlarmRow,
    EventRow,
    ExplanationRow,
    FindingRow,
    InputsRow,
    MarkPackRow,
    MarkRow,
    SeriesRow,
    StripRow,
)
from cloud_service.ingest.commit import commit
from cloud_service.settings import AccessSettings, DatabaseSettings

EVERYTHING = DatabaseSettings(keep_series_days=1, keep_strips_days=1, keep_findings_days=1)
TABLES = (FindingRow, AlarmRow, ExplanationRow, StripRow, MarkRow, InputsRow, SeriesRow, MarkPackRow)


def over(onset, **more):
    return finding(onset=onset, rev=1, state=FindingState.CLOSED, **more)


def whole(about, state=AlarmState.RESOLVED):
    """A finding with all that rests on it."""
    return [
        *marks_of(about),
        about,
        strip(about, f"strip-{about.onset}"),
        explanation(about),
        alarm(about, state=state),
    ]


def take_in(database, *events):
    assert commit(database, [message(event) for event in events]).refused == 0


def age(database, days):
    """Let everything that is there have arrived so long ago."""
    with database.write() as session:
        for table in (EventRow, FindingRow):
            session.execute(update(table).values(received=utc_now() - timedelta(days=days)))


def review(database, about, start):
    which = {"finding": about.id, "finding_rev": 1, "task": "ecg-beats", "kind": "beat", "leads": ["MLII"]}
    said = {"verdict": "confirm", "label": "V", "model_label": "V", "model_seen": False, "reviewer": "ann"}
    with database.write() as session:
        session.add(ReviewRow(**which, **said, start=start, at=utc_now()))


def holds(database, table):
    with database.read() as session:
        return sorted(session.scalars(select(table.id)))


def kinds(database):
    with database.read() as session:
        return sorted(session.scalars(select(EventRow.kind)))


def round_of(database, settings=EVERYTHING, **more):
    return Retention(database, settings, pause_s=0, **more).round()


@pytest.fixture
def ann(database):
    People(database, AccessSettings(), demo=False).add(name="ann", role=Role.REVIEWER, by="test")


def test_nothing_goes_unless_it_is_set_and_nothing_before_its_time(database):
    take_in(database, recording(), *whole(over(1000)), series(), pack(), series(start=21600))
    before = kinds(database)
    age(database, 4000)
    assert not Retention(database, DatabaseSettings()).is_on
    assert round_of(database, DatabaseSettings()) == {}
    assert round_of(database, DatabaseSettings(keep_series_days=4001, keep_findings_days=4001)) == {}
    assert kinds(database) == before


def test_what_is_old_goes_with_all_that_rests_on_it_and_is_counted(database):
    take_in(database, recording(), *whole(over(1000)), series(), pack(), strip(over(5000), "stray"))
    age(database, 2)
    fresh = [*whole(over(9000)), series(start=21600)]
    take_in(database, *fresh)
    part = Retention(database, EVERYTHING, pause_s=0)
    gone = part.round()
    assert gone == {"finding": 1, "alarm": 1, "explanation": 1, "strip": 2, "mark": 2, "series": 1, "marks": 1}
    assert part.removed == gone
    assert part.round() == {}
    assert holds(database, FindingRow) == [over(9000).id]
    assert [len(holds(database, table)) for table in TABLES] == [1, 1, 1, 1, 2, 1, 1, 0]
    assert kinds(database) == sorted(
        ["recording.opened", "inputs", "mark", "mark", "finding", "strip", "explanation", "alarm", "series"]
    )
    with database.read() as session:
        entry = session.scalars(select(AuditRow)).one()
        assert (entry.actor, entry.action) == ("retention", "retention.remove")
        assert audit.verify(session).entries == 1


def test_each_kind_has_a_time_of_its_own(database):
    take_in(database, recording(), *whole(over(1000)), series(), pack(), series(start=21600))
    age(database, 2)
    assert round_of(database, DatabaseSettings(keep_strips_days=1)) == {"strip": 1}
    assert round_of(database, DatabaseSettings(keep_series_days=1)) == {"series": 1, "marks": 1}  # the newest row stays
    assert round_of(database, DatabaseSettings(keep_findings_days=1))["finding"] == 1


def test_what_is_open_or_alarms_stays(database):
    opened = finding(onset=1000)
    alarming = [
        whole(over(2000 + n), state)[-4:] for n, state in enumerate(AlarmState) if state is not AlarmState.RESOLVED
    ]
    take_in(database, recording(), *whole(opened), *(event for one in alarming for event in one), series())
    age(database, 2)
    kept = holds(database, FindingRow)
    assert round_of(database) == {"strip": len(alarming)}  # of findings that are over
    assert holds(database, FindingRow) == kept
    assert holds(database, StripRow) == ["strip-1000"]


def test_what_models_learn_from_stays(database, ann):
    """The reviewed finding, its strip, the marks it names or that were reviewed, and what the classifier saw."""
    reviewed, other = over(1000), over(1200)  # both name the mark at 1200
    extra = mark(7777, seen=inputs(b"\1\0\0\0").id)
    take_in(database, recording(), *whole(reviewed), *whole(other), extra, inputs(b"\1\0\0\0"), series())
    review(database, reviewed, 1000)
    review(database, reviewed, 7777)
    age(database, 2)
    gone = round_of(database)
    assert (gone["finding"], gone["mark"], gone["inputs"], gone["strip"]) == (1, 1, 0, 1)
    assert holds(database, FindingRow) == [reviewed.id]
    with database.read() as session:
        assert sorted(session.scalars(select(MarkRow.start))) == [1000, 1200, 7777]
    assert len(holds(database, InputsRow)) == 2
    assert holds(database, StripRow) == ["strip-1000"]


def test_many_go_in_steps_between_which_others_write(database, monkeypatch):
    monkeypatch.setattr(retention, "STEP_EVENTS", 3)
    monkeypatch.setattr(retention, "STEP_FINDINGS", 2)
    take_in(
        database,
        recording(),
        *(series(start=n) for n in range(10)),
        *(one for n in range(7) for one in whole(over(n * 1000))),
    )
    age(database, 2)
    take_in(database, series(start=99))
    gone = round_of(database)
    assert (gone["series"], gone["finding"], gone["strip"]) == (10, 7, 7)
    assert kinds(database) == ["recording.opened", "series"]


def test_the_newest_event_stays_so_that_its_number_is_never_given_again(database):
    take_in(database, recording(), series(), series(start=21600))
    age(database, 2)
    with database.read() as session:
        newest = max(session.scalars(select(EventRow.row)))
    assert round_of(database) == {"series": 1}
    take_in(database, series(start=99))
    with database.read() as session:
        assert max(session.scalars(select(EventRow.row))) == newest + 1


def test_what_was_removed_is_counted_though_the_database_then_fails(database, monkeypatch):
    take_in(database, recording(), *whole(over(1000)), series(), pack(), series(start=21600))
    age(database, 2)
    part = Retention(database, EVERYTHING, pause_s=0)

    def away(*_):
        raise OperationalError("SELECT 1", {}, Exception("away"))

    monkeypatch.setattr(part, "_recordings", away)
    with pytest.raises(OperationalError):
        part.round()
    assert part.removed == {"series": 1, "marks": 1, "strip": 1}


def test_the_part_works_by_itself_and_ends_when_asked(database, monkeypatch):
    monkeypatch.setattr(retention, "LOOK_S", 0.01)
    take_in(database, recording(), *whole(over(1000)), series(), pack(), series(start=21600))
    age(database, 2)
    part = Retention(database, EVERYTHING, pause_s=0)
    part.start()
    wait_for(lambda: part.removed["finding"] == 1, 120)
    assert part.loop.why_still() == ""
    part.stop()
    assert part.loop.why_still() != ""


def test_a_finding_whose_text_somebody_spoke_of_stays(database, ann):
    spoken_of, other = over(1000), over(9000)
    take_in(database, recording(), *whole(spoken_of), *whole(other))
    said = {"kind": spoken_of.kind, "text": "A run.", "says": "agree", "words": "", "note": "", "reader": "ann"}
    with database.write() as session:
        session.add(FeedbackRow(finding=spoken_of.id, finding_rev=1, **said, at=utc_now()))
    age(database, 100)
    round_of(database)
    assert holds(database, FindingRow) == [spoken_of.id]
