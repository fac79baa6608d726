import pytest

from cloud_service.learning.repository import Repository
from edge_agent.updates.tuf_client import UpdateClient, UpdateSettings
from tests.updates.repository_server import serving


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "repository")
    made.init()
    return made


@pytest.fixture
def server(repository):
    with serving(repository) as running:
        yield running


@pytest.fixture
def make_client(tmp_path, server, repository):
    def make(*, clock_is_sure=lambda: True, now=None, **changed):
        settings = UpdateSettings(
            **{
                "state_dir": tmp_path / "device",
                "base_url": server.url,
                "trusted_root": repository.trusted_root(),
                "timeout_s": 2.0,
                "reserve_bytes": 0,
                **changed,
            }
        )
        settings.state_dir.mkdir(exist_ok=True)
        return UpdateClient(settings, clock_is_sure=clock_is_sure, **({"now": now} if now else {}))

    return make
