import shutil
from types import SimpleNamespace

import pytest
from cloud_running import PASSWORD, Running

from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.database.connection import open_database
from cloud_service.settings import AccessSettings, CloudSettings, HttpSettings, MqttSettings


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    file = tmp_path_factory.mktemp("template") / "clinic.db"
    database = open_database(f"sqlite:///{file}")
    people = People(database, AccessSettings(), demo=False)
    for role in Role:
        people.add(name=role.value, role=role, password=PASSWORD, by="test")
    database.close()
    return file


@pytest.fixture
def database(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield database
    database.close()


@pytest.fixture
def fresh(migrated, tmp_path):
    """A state folder whose database is migrated and knows one person of each role."""
    state = tmp_path / "state"
    state.mkdir()
    shutil.copy(migrated, state / "clinic.db")
    return state


@pytest.fixture
def ward(fresh):
    """The clinic without a broker, with one person of each role."""
    settings = CloudSettings(state_dir=fresh, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(settings) as running:
        yield SimpleNamespace(
            running=running,
            clinic=running.clinic,
            database=running.clinic.database,
            client=running.client,
            as_role=running.logged_in,
        )
