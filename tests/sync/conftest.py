"""Brokers for the tests of sync."""

import pytest

from tests.brokers import RunningBroker, mosquitto


@pytest.fixture(scope="module", params=["amqtt", "mosquitto"])
def kind(request):
    """Name a kind of broker that is installed."""
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    return request.param


@pytest.fixture(scope="module")
def broker(kind, tmp_path_factory):
    """Start one broker for all tests that leave it alone; each uses a site of its own."""
    running = RunningBroker(kind, tmp_path_factory.mktemp(kind))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def make_broker(kind, tmp_path):
    """Give a maker of brokers that a test may kill; what is left is killed at the end."""
    made = []

    def make(**options):
        running = RunningBroker(kind, tmp_path, **options)
        made.append(running)
        return running

    yield make
    for running in made:
        running.kill()
