"""Brokers for the tests of sync, and the clinic's side of the line."""

import pytest

from tests.brokers import RunningBroker, mosquitto


@pytest.fixture(params=["amqtt", "mosquitto"])
def make_broker(request, tmp_path):
    """Give a maker of brokers of each kind; what it made is killed at the end."""
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    made = []

    def make(**options):
        broker = RunningBroker(request.param, tmp_path, **options)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.kill()
