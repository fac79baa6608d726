import time
from dataclasses import replace

import pytest

from edge_agent.agent.agent import Agent
from edge_agent.explain.settings import ExplainSettings
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.operate.settings import DeviceSettings, OperateSettings, Settings
from edge_agent.sources.settings import SourceSettings
from edge_agent.sync.settings import SyncSettings
from tests import bundles


def until(condition, *, within_s=20.0):
    """Wait for something to become true; what it was."""
    end_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def settings(tmp_path):
    """Settings of a daemon that replays the excerpt as fast as it can, over and over, without a broker."""
    folder = tmp_path / "models" / "ecg-beats" / "1.0.0"
    folder.mkdir(parents=True)
    for name, content in bundles.bundle_files().items():
        (folder / name).write_bytes(content)
    return Settings(
        device=DeviceSettings(name="bed-1", state_dir=tmp_path / "state"),
        source=SourceSettings(speed=0.0, passes=0),
        inference=InferenceSettings(models_dir=tmp_path / "models", tensorrt=TensorRtSettings(enabled=False)),
        explain=ExplainSettings(language_model=False),
        sync=SyncSettings(enabled=False),
        operate=OperateSettings(metrics_port=0, status_s=0.2, stop_s=2.0),
    )


@pytest.fixture
def make_agent(settings):
    """Agents that are stopped at the end of the test: `make_agent(source=SourceSettings(...), clock=...)`."""
    made = []

    def make(*, clock=None, start=True, **changed):
        agent = Agent(replace(settings, **changed), clock=clock)
        made.append(agent)
        if start:
            agent.start()
        return agent

    yield make
    for agent in made:
        if agent.running:
            agent.stop()
