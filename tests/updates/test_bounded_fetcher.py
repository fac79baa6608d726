"""The end of a request comes whatever the connection does meanwhile."""

import socket

import pytest

from edge_agent.updates.bounded_fetcher import BoundedFetcher, Refused, _End
from edge_agent.updates.settings import UpdatesSettings


def test_a_fetch_whose_time_is_over_asks_for_nothing_more(monkeypatch):
    fetcher = BoundedFetcher(UpdatesSettings(url="http://127.0.0.1:1/updates/"))
    monkeypatch.setattr(fetcher, "_until", 0.0)
    with pytest.raises(Refused, match="the fetch took too long"):
        list(fetcher.fetch("http://127.0.0.1:1/updates/metadata/1.root.json"))


def test_a_connection_that_is_made_after_the_end_is_cut_at_once():
    end = _End(60.0)
    end._cut()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)
        end.of(ours)
        assert theirs.recv(1) == b""
    end.close()


def test_an_end_without_a_connection_hurts_nobody():
    end = _End(60.0)
    end._cut()
    assert end.came
    end.close()
    end.close()
