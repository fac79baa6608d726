"""Options and brokers of the fault tests."""

import pytest

from tests.brokers import mosquitto


def pytest_addoption(parser):
    group = parser.getgroup("fault")
    group.addoption(
        "--kills", type=int, default=200, help="random moments of the long run, all brokers together (default 200)"
    )
    group.addoption("--fault-seed", type=int, default=6, help="seed of the long run's moments")


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=pytest.mark.fault)])
def broker_kind(request):
    """Name a kind of broker that is installed; the short runs take the embedded one."""
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    return request.param


@pytest.fixture
def moments(request, broker_kind):
    """This broker's share of the long run's moments: the kinds that are installed divide them."""
    whole = request.config.getoption("--kills", 200)
    if mosquitto() is None:
        return whole
    return whole // 2 if broker_kind == "mosquitto" else whole - whole // 2
