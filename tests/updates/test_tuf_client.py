"""What the device refuses to take from the clinic's repository, and that it takes what is right."""

import errno
import ipaddress
import json
import os
import shutil
import ssl
import time
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tuf.api import exceptions

from biosignal.errors import BadInput
from cloud_service.learning.repository import AlreadyReleased, Repository, RepositorySettings, RepositoryUnusable
from edge_agent.updates.errors import (
    ClockUnsure,
    DiskFull,
    MetadataExpired,
    RepositoryRolledBack,
    SignatureWrong,
    TargetDamaged,
    TargetUnknown,
    TooLarge,
    Unreachable,
)
from edge_agent.updates.settings import UpdatesSettings
from tests.updates.repository_server import serving

TARGET = "ecg-beats/1.0.1.bundle"
DATA = os.urandom(100_000)


def flip_one_byte(body):
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def test_a_signed_target_arrives_as_it_was_signed(tmp_path, repository, make_client):
    repository.add_target(TARGET, DATA, {"by": "engineer"})
    client = make_client()
    assert client.fetch(TARGET) == DATA
    repository.add_target("ecg-beats/1.0.2.bundle", b"second", {})
    assert client.fetch("ecg-beats/1.0.2.bundle") == b"second"
    assert not any(path.suffix == ".bundle" for path in (tmp_path / "device" / "incoming").iterdir())


def test_one_byte_flipped_in_a_target_is_refused(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    server.bend = lambda path, body: flip_one_byte(body) if path.endswith(".bundle") else body
    with pytest.raises(TargetDamaged):
        make_client().fetch(TARGET)


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_altered_metadata_is_refused(role, repository, server, make_client):
    repository.add_target(TARGET, DATA, {})

    def bend(path, body):
        if not path.endswith(f"{role}.json"):
            return body
        document = json.loads(body)
        document["signed"]["expires"] = "2099-01-01T00:00:00Z"
        return json.dumps(document).encode()

    server.bend = bend
    with pytest.raises((SignatureWrong, TargetDamaged, TooLarge)) as refused:
        make_client().fetch(TARGET)
    assert role != "timestamp" or refused.type is SignatureWrong


def test_a_repository_signed_with_other_keys_is_refused(tmp_path, repository, make_client):
    stranger = Repository(tmp_path / "stranger")
    stranger.init()
    stranger.add_target(TARGET, DATA, {})
    with serving(stranger) as other, pytest.raises(SignatureWrong):
        make_client(url=other.url).fetch(TARGET)


def test_a_repository_that_went_back_is_refused(tmp_path, repository, make_client):
    repository.add_target(TARGET, DATA, {})
    old = tmp_path / "old"
    shutil.copytree(repository.root, old)
    repository.add_target("ecg-beats/1.0.2.bundle", b"newer", {})
    make_client().fetch("ecg-beats/1.0.2.bundle")
    with serving(Repository(old)) as rolled_back, pytest.raises(RepositoryRolledBack):
        make_client(url=rolled_back.url).fetch(TARGET)


def test_signatures_that_are_too_old_are_refused(tmp_path, make_client):
    long_ago = Repository(tmp_path / "frozen", now=lambda: datetime.now(timezone.utc) - timedelta(days=3))
    long_ago.init()
    long_ago.add_target(TARGET, DATA, {})
    settings = {"trusted_root": long_ago.trusted_root()}
    with serving(long_ago) as frozen:
        with pytest.raises(MetadataExpired):
            make_client(url=frozen.url, **settings).fetch(TARGET)
        assert Repository(long_ago.root).keep_fresh()
        assert make_client(url=frozen.url, **settings).fetch(TARGET) == DATA


def test_a_clock_known_to_be_unsure_is_the_reason_given(repository, make_client):
    repository.add_target(TARGET, DATA, {})
    with pytest.raises(ClockUnsure):
        make_client(clock_is_sure=lambda: False).fetch(TARGET)


def test_a_clock_that_fell_behind_the_last_update_is_noticed(repository, make_client):
    repository.add_target(TARGET, DATA, {})
    assert make_client().fetch(TARGET) == DATA
    a_year_ago = datetime.now(timezone.utc) - timedelta(days=365)
    with pytest.raises(ClockUnsure):
        make_client(now=lambda: a_year_ago).fetch(TARGET)
    assert make_client().fetch(TARGET) == DATA


def test_a_truncated_download_is_unreachable_not_damaged(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    server.cut = ".bundle"
    with pytest.raises(Unreachable):
        make_client().fetch(TARGET)
    server.cut = None
    assert make_client().fetch(TARGET) == DATA


@pytest.mark.parametrize("what", [".bundle", "timestamp.json", "root.json"])
def test_endless_data_is_cut_off(what, repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    if what == "root.json":
        (repository.root / "metadata" / "2.root.json").write_bytes(b"{}")
    server.endless = what
    with pytest.raises(TooLarge):
        make_client().fetch(TARGET)


@pytest.mark.parametrize("drip_from", ["head", "body", "endless"])
@pytest.mark.parametrize("what", ["timestamp.json", ".bundle"])
def test_an_answer_that_drips_is_cut_off_in_time(what, drip_from, repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    server.drip, server.drip_from = what, drip_from
    began = time.monotonic()
    with pytest.raises(Unreachable, match="took too long"):
        make_client(download_s=0.6).fetch(TARGET)
    assert time.monotonic() - began < 3.0


def test_an_answer_that_drips_through_tls_is_cut_off_in_time(tmp_path, repository, make_client, tls):
    repository.add_target(TARGET, DATA, {})
    with serving(repository, tls=tls) as secure:
        secure.drip = ".bundle"
        began = time.monotonic()
        with pytest.raises(Unreachable, match="took too long"):
            make_client(url=secure.url, ca_file=tmp_path / "ca.pem", download_s=0.8).fetch(TARGET)
        assert time.monotonic() - began < 3.0


def test_many_files_that_each_come_in_time_are_cut_off_together(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    server.before_answer = lambda: time.sleep(0.4)
    with pytest.raises(Unreachable, match="the fetch took too long"):
        make_client(fetch_s=1.0).fetch(TARGET)
    assert len(server.asked) < 5
    server.before_answer = lambda: None
    assert make_client(fetch_s=10.0).fetch(TARGET) == DATA


def test_a_bundle_over_the_limit_is_not_downloaded(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    with pytest.raises(TooLarge):
        make_client(max_bundle_bytes=1000).fetch(TARGET)
    assert not any(path.endswith(".bundle") for path in server.asked)


def test_a_full_disk_defers_the_download(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    with pytest.raises(DiskFull):
        make_client(reserve_bytes=1 << 60).fetch(TARGET)
    assert not any(path.endswith(".bundle") for path in server.asked)


def test_an_unwritable_state_directory_is_named(tmp_path, repository, make_client):
    repository.add_target(TARGET, DATA, {})
    client = make_client()
    (tmp_path / "device" / "tuf").write_text("a file where a folder should be")
    with pytest.raises(DiskFull):
        client.fetch(TARGET)


@pytest.mark.parametrize(
    ("error", "named"),
    [(OSError(errno.ENOSPC, "full"), DiskFull), (exceptions.DownloadError("cut"), Unreachable)],
)
def test_a_download_that_breaks_off_is_named_by_its_cause(error, named, repository, make_client, monkeypatch):
    repository.add_target(TARGET, DATA, {})

    def broken(*_):
        raise error

    client = make_client()
    monkeypatch.setattr(client, "_download", broken)
    with pytest.raises(named):
        client.fetch(TARGET)


def test_what_an_interrupted_fetch_left_behind_is_cleared_away(tmp_path, repository, make_client):
    repository.add_target(TARGET, DATA, {})
    client = make_client()
    folder = tmp_path / "device" / "tuf"
    folder.mkdir()
    (folder / "tmp123").write_bytes(b"half")
    assert client.fetch(TARGET) == DATA
    assert not list(folder.glob("tmp*"))


def test_a_target_nobody_released_is_unknown(make_client):
    with pytest.raises(TargetUnknown):
        make_client().fetch(TARGET)


def test_nobody_listening_is_unreachable(make_client):
    with pytest.raises(Unreachable):
        make_client(url="http://127.0.0.1:1/updates/").fetch(TARGET)


@pytest.fixture
def tls(tmp_path):
    """A server context with a certificate of its own, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clinic")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context


def test_https_needs_a_certificate_that_the_ca_file_vouches_for(tmp_path, repository, make_client, tls):
    repository.add_target(TARGET, DATA, {})
    with serving(repository, tls=tls) as secure:
        assert make_client(url=secure.url, ca_file=tmp_path / "ca.pem").fetch(TARGET) == DATA
        with pytest.raises(Unreachable, match="certificate"):
            make_client(url=secure.url).fetch(TARGET)


def test_a_server_error_is_unreachable(repository, server, make_client):
    repository.add_target(TARGET, DATA, {})
    (repository.root / "metadata" / "timestamp.json").unlink()
    with pytest.raises(Unreachable):
        make_client().fetch(TARGET)


def test_garbage_as_trusted_root_is_a_wrong_signature(make_client):
    with pytest.raises(SignatureWrong):
        make_client(trusted_root=b"not json").fetch(TARGET)


def test_the_address_must_be_http():
    with pytest.raises(BadInput):
        UpdatesSettings(url="file:///etc")


def test_a_withdrawn_target_is_not_fetched_any_more(repository, make_client):
    repository.add_target(TARGET, DATA, {})
    assert repository.withdraw_target(TARGET)
    with pytest.raises(TargetUnknown):
        make_client().fetch(TARGET)


def test_what_was_released_is_never_replaced(repository):
    first = repository.add_target(TARGET, DATA, {"by": "a"})
    assert repository.add_target(TARGET, DATA, {"by": "b"}) == first
    with pytest.raises(AlreadyReleased):
        repository.add_target(TARGET, b"other", {})


@pytest.mark.parametrize(
    "path", ["../x/1.bundle", "ecg-beats/../1.bundle", "/ecg-beats/1.bundle", "ecg-beats/1.zip", "a"]
)
def test_a_target_cannot_lie_elsewhere(path, repository):
    with pytest.raises(BadInput):
        repository.add_target(path, b"x", {})


@pytest.mark.parametrize("name", ["../keys/root-1.pem", "..%2fkeys", "root-1.pem", "0.root.json", "1.root.json/", ""])
def test_only_metadata_is_served_as_metadata(name, repository):
    assert repository.metadata_file(name) is None
    assert repository.target_file(name) is None


def test_keys_are_private(repository):
    keys = repository.root / "keys"
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in keys.iterdir()} == {0o600}


def test_two_of_three_root_keys_sign_and_the_root_renews(tmp_path, make_client):
    settings = RepositorySettings(root_keys=3, root_threshold=2)
    clock = [datetime.now(timezone.utc) - timedelta(days=200)]
    shared = Repository(tmp_path / "shared", settings, now=lambda: clock[0])
    shared.init()
    trusted = shared.trusted_root()
    clock[0] = datetime.now(timezone.utc)
    assert shared.keep_fresh()
    assert (shared.root / "metadata" / "2.root.json").is_file()
    shared.add_target(TARGET, DATA, {})
    with serving(shared) as served:
        assert make_client(url=served.url, trusted_root=trusted).fetch(TARGET) == DATA


def test_an_offline_root_key_is_not_needed_to_release(tmp_path, repository, make_client):
    (repository.root / "keys" / "root-1.pem").unlink()
    repository.add_target(TARGET, DATA, {})
    assert not repository.keep_fresh()
    assert make_client().fetch(TARGET) == DATA


def test_a_missing_key_is_named(repository):
    (repository.root / "keys" / "targets.pem").unlink()
    with pytest.raises(RepositoryUnusable):
        repository.add_target(TARGET, DATA, {})


def test_more_signatures_than_keys_cannot_be_asked_for():
    with pytest.raises(BadInput):
        RepositorySettings(root_keys=1, root_threshold=2)
