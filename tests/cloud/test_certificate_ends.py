"""A month before a certificate of the clinic ends, the pages, the log, the health and the command line say so."""

import datetime as dt
import logging

import pytest
from cloud_running import Running, wait_for

from cloud_service.access import certificates as authority
from cloud_service.access.certificate_ends import LOOK_S, CertificateWatch, certificate_files, end_of
from cloud_service.access.errors import CertificateUnreadable
from cloud_service.cli import main
from cloud_service.database.columns import utc_now
from cloud_service.settings import BrokerSettings, CloudSettings, HttpSettings, MqttSettings


@pytest.fixture
def made(monkeypatch):
    """Make certificates in a folder that end in so many days."""

    def make(folder, days):
        monkeypatch.setattr(authority, "SKEW", dt.timedelta(days=9))
        monkeypatch.setattr(authority, "VALID", dt.timedelta(days=days))
        return authority.ensure_certificates(folder)

    return make


def test_each_certificate_in_use_is_named_once_by_all_that_it_is_for(tmp_path, made):
    files = made(tmp_path / "certificates", 20)
    shared = CloudSettings(
        state_dir=tmp_path, http=HttpSettings(tls_cert=files.certificate), mqtt=MqttSettings(ca_file=files.ca)
    )
    assert certificate_files(shared) == {
        "the pages and the broker": files.certificate,
        "the clinic's authority and the broker's authority (mqtt.ca_file)": files.ca,
    }
    alone = CloudSettings(state_dir=tmp_path, broker=BrokerSettings(tls=False))
    assert certificate_files(alone) == {}
    other = BrokerSettings(tls_cert=files.certificate, tls_key=files.key)
    assert list(certificate_files(CloudSettings(state_dir=tmp_path / "else", broker=other))) == ["the broker"]


def test_of_a_file_with_several_the_first_end_counts_and_a_file_without_is_refused(tmp_path, made):
    near, far = made(tmp_path / "near", 5).ca, made(tmp_path / "far", 90).ca
    far.write_bytes(far.read_bytes() + near.read_bytes())
    assert (end_of("x", far).ends - utc_now()).days < 6
    far.write_text("hello")
    with pytest.raises(CertificateUnreadable):
        end_of("x", far)


def test_it_is_looked_at_once_an_hour_and_one_that_was_renewed_is_seen(tmp_path, made):
    now = [0.0]
    settings = CloudSettings(state_dir=tmp_path)
    files = made(tmp_path / "certificates", 29)
    watch = CertificateWatch(settings, clock=lambda: now[0])
    assert [one.split(" ends on ")[0] for one in watch.soon()] == [
        "that of the broker",
        "that of the clinic's authority",
    ]
    renewed = made(tmp_path / "new", 31)
    for old, new in ((files.ca, renewed.ca), (files.certificate, renewed.certificate)):
        old.write_bytes(new.read_bytes())
    assert len(watch.soon()) == 2
    now[0] = LOOK_S
    assert watch.soon() == ()
    files.ca.write_text("hello")
    now[0] += LOOK_S
    assert [one.name for one in watch.ends] == ["the broker"]


def test_one_that_ends_soon_is_an_alarm_stands_in_the_health_and_stops_nothing(fresh, made, caplog):
    made(fresh / "certificates", 10)
    settings = CloudSettings(state_dir=fresh, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with caplog.at_level(logging.WARNING), Running(settings) as running:
        wait_for(lambda: running.clinic.lookout.alarms.standing)
        with running.logged_in("viewer") as client:
            health = client.get("/healthz").raise_for_status().json()
            (alarm,) = client.get("/api/v1/alarms").raise_for_status().json()["alarms"]
            metrics = client.get("/metrics").text
    assert (health["ok"], [one["ends_soon"] for one in health["certificates"]]) == (True, [True, True])
    assert (alarm["kind"], alarm["priority"]) == ("clinic-certificate-ending", "low")
    assert 'bedside_certificate_end_seconds{certificate="the broker"}' in metrics
    assert any("that of the broker ends on" in record.why for record in caplog.records if hasattr(record, "why"))


@pytest.mark.parametrize(("days", "code"), [(90, 0), (10, 1), (-1, 1)])
def test_the_command_line_lists_them_and_fails_where_one_is_to_be_renewed(tmp_path, made, capsys, days, code):
    made(tmp_path / "certificates", days)
    assert main(["certificates", "--state-dir", str(tmp_path)]) == code
    said = capsys.readouterr()
    assert "the clinic's authority" in said.out
    assert ("have to be renewed" in said.err) is (code == 1)
    assert ("ended on" in said.err) is (days < 0)
