"""What fetches models says why it fetches none, and never keeps a device from starting."""

import pytest

from biosignal.errors import BadInput
from edge_agent.updates.fetching import fetch_by
from edge_agent.updates.settings import UpdatesSettings

URL = "http://127.0.0.1:9/updates"


def test_a_device_without_a_repository_takes_no_updates(tmp_path):
    with pytest.raises(BadInput, match="takes no model updates") as refused:
        fetch_by(UpdatesSettings(), tmp_path)("ecg-beats/9.0.0.bundle")
    assert "updates.url" in refused.value.advice


def test_a_trusted_root_that_cannot_be_read_is_named(tmp_path):
    settings = UpdatesSettings(enabled=True, url=URL, root=tmp_path / "root.json")
    with pytest.raises(BadInput, match="takes no model updates") as refused:
        fetch_by(settings, tmp_path)("ecg-beats/9.0.0.bundle")
    assert "root.json cannot be read" in refused.value.advice
