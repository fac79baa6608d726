"""A daemon says when the first of its certificates ends, and raises an alarm a month before."""

import datetime as dt

import pytest

from cloud_service.access import certificates as authority
from edge_agent.operate.certificates import LOOK_S, Certificates
from edge_agent.operate.clock import HostClock
from edge_agent.operate.settings import Settings
from edge_agent.sources.settings import SourceSettings
from edge_agent.sync.settings import SyncSettings
from tests.agent.conftest import until

DAY = dt.timedelta(days=1)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A file with a certificate that ends in so many days."""

    def make(days):
        monkeypatch.setattr(authority, "VALID", days * DAY)
        return authority.ensure_certificates(tmp_path / f"of-{days}").ca

    return make


class Clock(HostClock):
    """The host's clock, moved on by so many seconds."""

    moved_s = 0.0

    def utc_s(self):
        return super().utc_s() + self.moved_s

    def monotonic_s(self):
        return super().monotonic_s() + self.moved_s


def with_ca(file, **other):
    return Settings(sync=SyncSettings(ca_file=file, **other))


def test_the_first_end_is_told_and_nothing_is_wrong_until_a_month_before(made):
    clock = Clock()
    certificates = Certificates(with_ca(made(40), client_cert=made(60), client_key=made(60)), clock)
    certificates.look()
    in_s = certificates.ends_utc_s - clock.utc_s()
    assert abs(in_s - 40 * 86_400) < 60
    assert certificates.trouble is None
    clock.moved_s = 11 * 86_400.0
    certificates.look()
    assert certificates.trouble.startswith("sync.ca_file ends at ")
    assert "client_cert" not in certificates.trouble


def test_it_is_looked_at_once_an_hour_and_one_that_is_renewed_is_seen(made):
    clock, file = Clock(), made(5)
    certificates = Certificates(with_ca(file), clock)
    certificates.look()
    file.write_bytes(made(300).read_bytes())
    certificates.look()
    assert certificates.trouble is not None
    clock.moved_s = LOOK_S
    certificates.look()
    assert certificates.trouble is None


def test_what_is_no_certificate_is_left_to_the_line(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    certificates = Certificates(with_ca(tmp_path / "ca.pem"), Clock())
    certificates.look()
    assert (certificates.ends_utc_s, certificates.trouble) == (None, None)


def test_a_daemon_whose_certificate_ends_soon_raises_an_alarm_and_says_what_it_has(made, make_agent):
    file = made(5)
    agent = make_agent(source=SourceSettings(speed=1.0, passes=0), sync=SyncSettings(enabled=False, ca_file=file))
    until(lambda: "certificate-ending" in {one.kind for one in agent.status().alarms})
    status = agent.status()
    assert abs(status.certificate_ends_utc_s - agent.clock.utc_s() - 5 * 86_400) < 3600
    assert status.disk_free_mb > 0
