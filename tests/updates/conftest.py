import pytest

from cloud_service.learning.repository import Repository
from edge_agent.updates.settings import UpdatesSettings
from edge_agent.updates.tuf_client import UpdateClient
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
    def make(*, clock_is_sure=lambda: True, now=None, trusted_root=None, state_dir=tmp_path / "device", **changed):
        settings = UpdatesSettings(**{"url": server.url, "timeout_s": 2.0, "reserve_bytes": 0, **changed})
        state_dir.mkdir(exist_ok=True)
        return UpdateClient(
            settings,
            state_dir=state_dir,
            trusted_root=repository.trusted_root() if trusted_root is None else trusted_root,
            clock_is_sure=clock_is_sure,
            **({"now": now} if now else {}),
        )

    return make
