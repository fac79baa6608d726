"""The long fuzz runs of what comes over HTTP: requests at the clinic, and the model channel at a device."""

import pytest

from cloud_service.learning.repository import Repository
from edge_agent.updates.settings import UpdatesSettings
from edge_agent.updates.tuf_client import UpdateClient
from tests.cloud.any_request import clinic_with_something_in_it, try_route
from tests.cloud.cloud_running import make_clinic_of_each_role
from tests.cloud.test_route_matrix import ROUTES
from tests.updates.bent_channel import try_channel
from tests.updates.repository_server import serving

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]
MANY = 300


@pytest.fixture(scope="module")
def something(tmp_path_factory):
    template = tmp_path_factory.mktemp("template") / "clinic.db"
    make_clinic_of_each_role(template)
    with clinic_with_something_in_it(template, tmp_path_factory.mktemp("request-fuzz")) as ward:
        yield ward


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_300_requests_that_no_page_sends_are_answered(something, method, path):
    statuses = try_route(something, method, path, ROUTES[method, path][0], MANY)
    print(f"{method} {path}: {len(statuses)} requests, {sorted(set(statuses))}")


def test_2000_fetches_over_a_bent_channel_are_refused_or_right(tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.init()

    def make_client(*, state_dir, **changed):
        state_dir.mkdir(exist_ok=True)
        settings = UpdatesSettings(url=server.url, timeout_s=2.0, reserve_bytes=0, **changed)
        return UpdateClient(settings, state_dir=state_dir, trusted_root=repository.trusted_root())

    with serving(repository) as server:
        ends = try_channel(repository, server, make_client, tmp_path, 2000)
    print({end: ends.count(end) for end in sorted(set(ends))})
