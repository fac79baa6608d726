"""Webhooks: signed, in the order of each device, at least once, and only to where they may go. Real servers answer."""

import hashlib
import hmac
import ipaddress
import json
import shutil
import socket
import time
from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryDirectory

import pytest
from cloud_running import Running, wait_for
from cloud_ward import alarm, finding, message, status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from biosignal.errors import BadInput
from biosignal.events import AlarmState, Priority
from cloud_service.cli import main
from cloud_service.clinic.own_alarms import OwnAlarms
from cloud_service.database.clinic_tables import EscalationRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import open_database
from cloud_service.database.webhook_tables import DeliveryRow, WebhookRow
from cloud_service.errors import SettingsWrong
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings, WebhookSettings
from cloud_service.webhooks import line
from cloud_service.webhooks.errors import AddressRefused, NotTaken
from cloud_service.webhooks.hooks import Wanted, Webhooks
from cloud_service.webhooks.receiver import check_address, networks, post, receiver_of
from cloud_service.webhooks.sender import WebhookSender
from tests.brokers import make_authority
from tests.cloud.test_own_alarms import presence, silent
from tests.http_receiver import listening

HERE = ("127.0.0.1",)
RULES = WebhookSettings(allow=HERE, limit_s=5.0, tries=4, retry_max_s=8.0)


class Post:
    """Webhooks of a database, and a sender whose clock is set by hand."""

    def __init__(self, database, rules=RULES):
        self.database, self.rules, self.late_s = database, rules, 0.0
        self.hooks = Webhooks(database, rules)
        self.begin()

    def begin(self):
        """Start, or start again."""
        self.sender = WebhookSender(self.database, self.rules, now=self.now, spread=lambda: 1.0)

    def now(self):
        return utc_now() + timedelta(seconds=self.late_s)

    def add(self, url, name="pager", **filters):
        return self.hooks.add(Wanted(name=name, url=url, **filters), by="test")

    def turn(self, after_s=0.0):
        """Look once, and serve everything that is due."""
        self.late_s += after_s
        for hook in self.sender.look():
            self.sender.serve(hook)

    def say(self, *events):
        commit(self.database, [message(one, device=one.device) for one in events])

    @property
    def rows(self):
        with self.database.read() as session:
            return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.number)))

    @property
    def states(self):
        return [(row.state, row.tries) for row in self.rows]


@pytest.fixture
def mail(database):
    return Post(database)


def test_what_a_device_says_is_sent_signed_and_can_be_checked(mail):
    with listening() as server:
        made = mail.add(server.url)
        about = finding()
        mail.say(about, alarm(about))
        mail.turn()
        assert [(one["topic"], one["kind"], one["label"]) for one in server.bodies] == [
            ("finding", "v-run", "run of ventricular beats"),
            ("alarm", "v-run", "run of ventricular beats"),
        ]
        assert server.bodies[1]["state"] == "active"
        headers, body = server.got[0]
        wanted = hmac.new(
            made.secret.encode(), f"{headers['Bedside-Timestamp']}.".encode() + body, hashlib.sha256
        ).hexdigest()
        assert headers["Bedside-Signature"] == f"v1={wanted}"
        assert abs(int(headers["Bedside-Timestamp"]) - time.time()) < 60
        assert len({headers["Bedside-Delivery"] for headers, _ in server.got}) == 2
        assert all("subject" not in body.decode() for _, body in server.got)
    assert mail.states == [("delivered", 1), ("delivered", 1)]


def test_what_was_before_a_webhook_is_not_sent_and_nothing_twice(mail):
    mail.say(finding())
    with listening() as server:
        mail.add(server.url)
        mail.turn()
        mail.say(finding(onset=9000))
        for _ in range(3):
            mail.turn(after_s=61)
            mail.begin()
        assert [one["onset"] for one in server.bodies] == [9000]


@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ({}, 4),
        ({"topics": ["alarm"]}, 1),
        ({"devices": ["bed-2"]}, 1),
        ({"kinds": ["v-run"]}, 3),
        ({"priorities": ["high"]}, 0),
        ({"topics": ["finding"], "devices": ["bed-1"], "kinds": ["couplet"]}, 1),
    ],
)
def test_only_what_was_asked_for_is_sent(mail, filters, sent):
    with listening() as server:
        mail.add(server.url, **filters)
        mail.say(finding(), alarm(finding()), finding(device="bed-2"), finding(onset=5000, kind="couplet"))
        mail.turn()
        assert len(server.got) == sent


def test_a_bed_that_is_lost_and_back_and_who_was_told_are_sent(mail):
    with listening() as server:
        mail.add(server.url)
        own = OwnAlarms(mail.database)
        own.hold(silent("bed-1"))
        mail.turn()
        own.hold([])
        step = {"alarm": "a", "episode": 0, "step": 0, "device": "bed-1", "kind": "v-run", "priority": "high"}
        with mail.database.write() as session:
            session.add(EscalationRow(**step, turn="person", person="anna", pages=1, since=utc_now(), at=utc_now()))
        mail.turn()
        (told,) = (one for one in server.bodies if one["topic"] == "escalation")
        assert (told["alarm"], told["person"], told["turn"]) == ("a", "anna", "person")
        devices = [one for one in server.bodies if one["topic"] == "device"]
        assert [(one["topic"], one["device"], one["state"]) for one in devices] == [
            ("device", "bed-1", "lost"),
            ("device", "bed-1", "back"),
        ]


@pytest.mark.parametrize(("answer", "why"), [(500, "it answered 500"), (302, "not sent on"), (204, "")])
def test_anything_but_yes_is_tried_again_later(mail, answer, why):
    with listening(answer, 200) as server:
        mail.add(server.url)
        mail.say(finding())
        mail.turn()
        if answer == 204:
            assert mail.states == [("delivered", 1)]
            return
        assert mail.states == [("waiting", 1)]
        assert why in mail.rows[0].why
        mail.turn()
        assert server.got == []
        mail.turn(after_s=1.1)
        assert mail.states == [("delivered", 2)]


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_server_that_never_comes_to_an_end_is_cut(mail, answer):
    mail.rules = replace(RULES, limit_s=0.3)
    mail.begin()
    with listening(answer) as server:
        mail.add(server.url)
        mail.say(finding())
        began_s = time.monotonic()
        mail.turn()
        assert time.monotonic() - began_s < 15
        assert "no answer within 0.3 s" in mail.rows[0].why


def test_one_device_waits_for_its_first_message_and_no_other_does(mail):
    with listening(500, 200) as server:
        mail.add(server.url)
        mail.say(finding(), finding(onset=5000), finding(device="bed-2"))
        mail.turn()
        assert [(one["device"], one["onset"]) for one in server.bodies] == [("bed-2", 1000)]
        mail.turn(after_s=1.1)
        assert [(one["device"], one["onset"]) for one in server.bodies[1:]] == [("bed-1", 1000), ("bed-1", 5000)]


def test_after_so_many_tries_it_is_given_up_said_and_taken_up_again_by_a_person(mail):
    with listening(503) as server:
        mail.add(server.url)
        mail.say(finding())
        waits = []
        for _ in range(RULES.tries):
            mail.turn(after_s=10)
            waits.append((mail.rows[0].next_try - mail.now()).total_seconds())
        assert [round(one) for one in waits[:3]] == [1, 2, 4]
        assert mail.states == [("dead", RULES.tries)]
        (state,) = mail.hooks.states()
        assert (state.dead, state.waiting) == (1, 0)
        assert "503" in state.why
        server.answers[:] = [200]
        mail.turn(after_s=1000)
        assert server.got == []
        assert mail.hooks.resend("pager", by="test") == 1
        mail.turn()
        assert len(server.got) == 1
    assert mail.states == [("delivered", 1)]
    assert line.wait_s(60, RULES) == 8.0


def test_with_too_many_waiting_the_newest_are_given_up_and_say_so(mail, monkeypatch):
    monkeypatch.setattr(line, "MOST_WAITING", 2)
    with listening(500) as server:
        mail.add(server.url)
        mail.say(*(finding(onset=1000 * n) for n in range(1, 5)))
        mail.turn()
        assert [state for state, _ in mail.states] == ["waiting", "waiting", "dead", "dead"]
        assert "messages wait" in mail.rows[-1].why


def test_an_end_is_an_end_and_a_test_is_sent(mail):
    with listening() as server:
        mail.add(server.url)
        mail.hooks.test("pager", by="anna")
        mail.turn()
        assert [(one["topic"], one["by"]) for one in server.bodies] == [("test", "anna")]
        mail.hooks.end("pager", by="anna")
        mail.say(finding())
        mail.turn()
        assert len(server.got) == 1
        with pytest.raises(BadInput):
            mail.hooks.test("pager", by="anna")
        with pytest.raises(BadInput):
            mail.add(server.url)  # a name is given once


def test_what_was_delivered_is_let_go_of_in_time_and_sent_no_second_time(mail):
    with listening() as server:
        mail.add(server.url)
        mail.say(finding())
        mail.turn()
        with mail.database.write() as session:
            line.remove_old(session, mail.now() + timedelta(days=1))
        assert mail.rows == []
        mail.turn(after_s=8 * 86400)
        assert len(server.got) == 1


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(("bed-1", "bed-2"))),
        st.tuples(st.just("answer"), st.sampled_from((200, 500, 302))),
        st.tuples(st.just("wait"), st.sampled_from((0, 2, 10))),
        st.tuples(st.just("killed"), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_whatever_fails_each_message_comes_at_least_once_and_in_the_order_of_its_device(migrated, acts):
    with TemporaryDirectory() as folder, listening() as server:
        shutil.copy(migrated, f"{folder}/clinic.db")
        database = open_database(f"sqlite:///{folder}/clinic.db")
        mail = Post(database, replace(RULES, tries=1000))
        mail.add(server.url)
        said = {"bed-1": [], "bed-2": []}
        for act, value in acts:
            if act == "say":
                said[value].append(1000 * (1 + len(said[value])))
                mail.say(finding(device=value, onset=said[value][-1]))
            elif act == "answer":
                server.answers[:] = [value]
            elif act == "killed":  # behind the answer, before it was noted
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr("cloud_service.webhooks.sender.note_delivered", killed)
                    try:
                        mail.turn()
                    except KeyboardInterrupt:
                        mail.begin()
            mail.turn(after_s=value if act == "wait" else 0)
        server.answers[:] = [200]
        for _ in range(3):
            mail.turn(after_s=20)
        for device, onsets in said.items():
            came = [one["onset"] for one in server.bodies if one["device"] == device]
            assert list(dict.fromkeys(came)) == onsets
            assert came == sorted(came)
        database.close()


def killed(*_):
    raise KeyboardInterrupt


# ---- where messages may go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1",
    ],
)  # fmt: skip
def test_an_address_inside_is_refused_unless_it_is_named(address):
    with pytest.raises(AddressRefused):
        check_address(ipaddress.ip_address(address), is_tls=True, allow=())


def test_public_addresses_are_for_https_alone_and_those_inside_are_named():
    check_address(ipaddress.ip_address("93.184.216.34"), is_tls=True, allow=())
    check_address(ipaddress.ip_address("10.1.2.3"), is_tls=True, allow=networks(("10.1.2.0/24",)))
    for address in ("93.184.216.34", "10.1.2.3"):
        with pytest.raises(AddressRefused):
            check_address(ipaddress.ip_address(address), is_tls=False, allow=networks(("10.1.2.0/24",)))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "example.org", "https://", "https://user:pw@example.org/", "https://example.org/#x",
        "https://[::1", "https://example.org:99999/", "http://10.0.0.1/", "https://ex\nample.org/", "file:///etc/passwd",
        "https://127.0.0.1/", "https://" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_address_for_a_webhook_is_refused_when_it_is_made(url, mail):
    with pytest.raises(AddressRefused):
        receiver_of(url, ())
    mail.rules = WebhookSettings()
    with pytest.raises(BadInput):
        Webhooks(mail.database, WebhookSettings()).add(Wanted(name="x", url=url), by="test")


@settings(max_examples=100, deadline=None)
@given(url=st.text(max_size=60) | st.text(max_size=30).map(lambda text: f"https://{text}"))
def test_any_text_is_an_address_or_refused(url):
    try:
        receiver_of(url, ())
    except AddressRefused:
        return
    assert url.lower().startswith("http")


def test_a_name_that_leads_inside_is_refused_when_it_is_asked_for_and_nothing_is_sent(mail, monkeypatch):
    with listening() as server:
        made = mail.add(f"https://harmless.example:{server.port}/")
        inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr("cloud_service.webhooks.receiver.socket.getaddrinfo", lambda *_, **__: inside)
        with pytest.raises(AddressRefused):
            post(receiver_of(made.url, ()), b"{}", {}, WebhookSettings())
        assert server.got == []


def test_https_needs_a_certificate_that_somebody_known_has_signed(tmp_path):
    authority, certificate, key = make_authority(tmp_path, "receivers")
    with listening(tls=(certificate, key)) as server:
        receiver = receiver_of(server.url, HERE)
        with pytest.raises(NotTaken, match=r"(?i)certificate"):
            post(receiver, b"{}", {}, RULES)
        post(receiver, b"{}", {"X": "1"}, replace(RULES, ca_file=authority))
        assert len(server.got) == 1


def test_nobody_who_listens_is_said():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        with pytest.raises(NotTaken, match="refused"):
            post(receiver_of(url, HERE), b"{}", {}, RULES)


def test_a_network_that_cannot_be_read_is_refused_with_the_settings():
    with pytest.raises(SettingsWrong, match=r"webhooks\.allow"):
        WebhookSettings(allow=("here",))


# ---- the running clinic ------------------------------------------------------------------------------------------


def test_a_running_clinic_sends_what_comes_in_and_a_receiver_that_hangs_holds_up_no_other(fresh):
    config = CloudSettings(
        state_dir=fresh,
        http=HttpSettings(port=0),
        mqtt=MqttSettings(enabled=False),
        webhooks=replace(RULES, limit_s=60.0),
    )
    with listening("hang") as deaf, listening() as server, Running(config) as running:
        with running.logged_in("engineer") as client:
            for name, url in (("deaf", deaf.url), ("pager", server.url)):
                made = client.post("/api/v1/webhooks", json={"name": name, "url": url, "topics": ["alarm"]})
                assert made.status_code == 201
            note(running.clinic.database, [presence(status())])
            about = replace(finding(), priority=Priority.HIGH)
            commit(
                running.clinic.database, [message(alarm(about)), message(alarm(about, rev=1, state=AlarmState.LATCHED))]
            )
            wait_for(lambda: len(server.got) == 2, 30)
            assert [one["state"] for one in server.bodies] == ["active", "latched"]
            listed = lambda: client.get("/api/v1/webhooks").json()["webhooks"]  # noqa: E731
            wait_for(lambda: listed()[0]["waiting"] == 0, 30)  # that it came is noted a moment later
            pager, silent_one = listed()
            assert (pager["name"], pager["waiting"], pager["dead"]) == ("pager", 0, 0)
            assert silent_one["waiting"] == 2
            assert "secret" not in pager
            sent = client.get("/api/v1/webhooks/pager/deliveries", params={"state": "delivered"}).json()["deliveries"]
            assert [json.loads(one["body"])["state"] for one in sent] == ["latched", "active"]
            assert client.post("/api/v1/webhooks/pager/end").status_code == 204
            refused = client.post("/api/v1/webhooks", json={"name": "x", "url": "http://10.0.0.1/"})
            assert refused.status_code == 400
            assert "plain http" in refused.json()["detail"] or "inside" in refused.json()["detail"]
        deaf._freed.set()


def test_webhooks_are_made_and_ended_from_the_command_line(fresh, capsys):
    def verb(*arguments):
        code = main(["webhook", *arguments, "--state-dir", str(fresh), "--json"])
        return code, [json.loads(one) for one in capsys.readouterr().out.splitlines()]

    code, said = verb("add", "pager", "https://example.org/x", "--topic", "alarm", "--priority", "high")
    assert code == 0
    assert len(said[0]["secret"]) > 30
    assert verb("test", "pager")[0] == 0
    code, said = verb("list")
    assert (said[0]["name"], said[0]["waiting"]) == ("pager", 1)
    assert verb("resend", "pager")[1][0]["messages"] == 0
    assert verb("end", "pager")[0] == 0
    assert verb("end", "pager")[0] == 2
    assert verb("add", "other", "http://10.0.0.1/")[0] == 2
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    with database.read() as session:
        (row,) = session.scalars(select(WebhookRow))
        assert (row.topics, row.priorities, row.made_by) == (["alarm"], ["high"], "command line")
    database.close()
