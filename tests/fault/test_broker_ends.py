"""A broker that outlives the program that started it would keep the port from the next."""

import pytest
from fault_house import listens, wait_for
from fault_program import Program

from tests.brokers import free_port, mosquitto


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_a_broker_ends_when_its_program_is_killed(tmp_path, kind):
    if kind == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    state = ["--state-dir", str(tmp_path / "clinic"), "--json"]
    program = Program(
        "broker", ["cloud-service", "broker", "--kind", kind, "--broker-port", str(port), *state], tmp_path
    )
    try:
        program.start()
        wait_for(lambda: listens(port), 60, "the broker listens")
        program.kill_alone()
        wait_for(lambda: not listens(port), 30, "the port is free again")
        program.start()
        wait_for(lambda: listens(port), 60, "the next one listens")
        assert program.is_alive
    finally:
        program.kill()
