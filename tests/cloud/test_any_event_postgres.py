"""Whatever a device sends, no page breaks on PostgreSQL either, and no connection to it outlives the application."""

import pytest
from cloud_running import Running, add_each_role, wait_for
from cloud_ward import message
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text
from test_any_event import DOCUMENTS, WARD, broken, changed

from biosignal.wire.envelope import KINDS
from cloud_service.ingest.commit import commit
from cloud_service.settings import CloudSettings, DatabaseSettings, HttpSettings, MqttSettings
from tests.postgres import empty_database

pytestmark = pytest.mark.postgres


def settings_of(state, url):
    state.mkdir()
    add_each_role(url)
    return CloudSettings(
        state_dir=state,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(enabled=False),
        database=DatabaseSettings(url=url),
    )


@pytest.fixture(scope="module")
def clinic(postgres, tmp_path_factory):
    made = settings_of(tmp_path_factory.mktemp("any") / "state", empty_database(postgres))
    with Running(made) as running, running.logged_in("admin") as client:
        commit(running.clinic.database, [message(one) for one in WARD])
        yield running.app, client


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=1, deadline=None)
@given(data=st.data())
def test_no_event_of_a_device_breaks_a_page_on_postgres(clinic, kind, data):
    app, client = clinic
    mine = [one for one in DOCUMENTS if one["kind"] == kind]
    batch = data.draw(st.lists(st.sampled_from(mine).flatmap(changed), min_size=3, max_size=8))
    done = commit(app.state.clinic.database, batch)
    assert done.new + done.known + done.refused == len(batch)
    assert broken(app, client) == {}


def connections(url):
    """How many connections others hold to the database at a URL."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        found = connection.execute(text(sql)).scalar_one()
    engine.dispose()
    return found


def test_no_connection_is_left_open_when_the_application_has_ended(postgres, tmp_path):
    url = empty_database(postgres)
    with Running(settings_of(tmp_path / "state", url)) as running, running.logged_in("admin") as client:
        commit(running.clinic.database, [message(one) for one in WARD])
        assert client.get("/api/v1/devices").status_code == 200
        assert connections(url) > 0
    # A server takes note of a goodbye a moment after it was said; the application is still here and could hold on.
    wait_for(lambda: connections(url) == 0)
