import shutil
from types import SimpleNamespace

import pytest
from broker_clients import KINDS
from cloud_running import Running, make_clinic_of_each_role
from cloud_ward import SITE

from cloud_service.access.devices import add_device
from cloud_service.broker.accounts import clinic_password, write_accounts
from cloud_service.broker.process import start_broker
from cloud_service.database.connection import open_database
from cloud_service.settings import BrokerSettings, CloudSettings, HttpSettings, MqttSettings


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    file = tmp_path_factory.mktemp("template") / "clinic.db"
    make_clinic_of_each_role(file)
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


@pytest.fixture(scope="module", params=KINDS)
def place(request, tmp_path_factory):
    """A broker of each kind that is installed, with the accounts of two beds and of the clinic."""
    state = tmp_path_factory.mktemp("broker")
    database = open_database(f"sqlite:///{state / 'clinic.db'}")
    beds = {name: add_device(database, name=name, site=SITE, by="test").password for name in ("bed-1", "bed-2")}
    write_accounts(database, state)
    database.close()
    broker = start_broker(BrokerSettings(port=0), state, kind=request.param)
    yield SimpleNamespace(state=state, broker=broker, beds=beds, clinic=clinic_password(state))
    broker.stop()
    assert not broker.is_alive()
