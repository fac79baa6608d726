"""Logging in and connecting under attack: what an attacker sends costs little, and nobody else feels it."""

import concurrent.futures
import contextlib
import socket
import threading
import time

import anyio
import httpx
import psutil
import pytest
from cloud_running import PASSWORD, Running, wait_for
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_service.access.bodies import LARGEST_BODY, BodyLimit
from cloud_service.access.door import Door, DoorLimits, group_of
from cloud_service.access.errors import Busy, LoginFailed, TooManyFailures
from cloud_service.access.limits import AttemptLimit, Turns
from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.http_line import PatientFor
from cloud_service.settings import AccessSettings, CloudSettings, HttpSettings, MqttSettings


def test_guessing_is_stopped_and_tells_how_long(ward):
    with ward.client() as client:
        guess = {"name": "admin", "password": "guess"}
        codes = [client.post("/api/v1/login", json=guess).status_code for _ in range(7)]
        assert codes == [401] * 5 + [429] * 2
        right = client.post("/api/v1/login", json={"name": "admin", "password": PASSWORD})
        assert right.status_code == 429
        assert int(right.headers["retry-after"]) > 200
        assert client.post("/api/v1/login", json={"name": "viewer", "password": PASSWORD}).status_code == 200


@pytest.fixture
def people(database):
    people = People(database, AccessSettings(), demo=False)
    people.add(name="ann", role=Role.VIEWER, password=PASSWORD, by="test")
    return people


def test_whoever_guesses_shuts_out_nobody_elsewhere(people):
    for number in range(4):
        with pytest.raises(LoginFailed):
            people.log_in(name="ann", password=f"guess {number}", address="192.0.2.1")
    people.log_in(name="ann", password=PASSWORD, address="192.0.2.1")  # forgets the guesses
    for number in range(5):
        with pytest.raises(LoginFailed):
            people.log_in(name="ann", password=f"guess {number}", address="192.0.2.1")
    with pytest.raises(TooManyFailures):
        people.log_in(name="ann", password=PASSWORD, address="192.0.2.1")
    assert people.log_in(name="ann", password=PASSWORD, address="192.0.2.2").login.name == "ann"
    with pytest.raises(TooManyFailures):
        people.log_in(name="ann", password=PASSWORD, address="192.0.2.1")


@pytest.mark.parametrize("name", ["", "a b", "\x00", "\ud800", "x" * 65, "ann\n"])
def test_what_is_no_name_is_nobody(people, name):
    with pytest.raises(LoginFailed):
        people.log_in(name=name, password="\ud800", address="here")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.booleans()), max_size=60))
@settings(deadline=None)
def test_no_window_ever_holds_more_attempts_than_allowed(tries):
    limit, now, taken = AttemptLimit(3, 20.0), 0.0, {"a": [], "b": []}
    for key, later, fails in tries:
        now += later
        wait_s = limit.take(key, now)
        recent = [at for at in taken[key] if at > now - 20.0]
        assert (wait_s == 0) is (len(recent) < 3)
        if wait_s == 0 and fails:
            taken[key].append(now)
        elif wait_s == 0:
            limit.give_back(key)
        else:
            assert wait_s == recent[-3] + 20.0 - now


def test_the_limit_never_grows_without_end():
    limit = AttemptLimit(2, 10.0)
    for number in range(30_000):
        limit.take(str(number), 20.0)
    assert len(limit._attempts) <= 10_000


def test_two_are_looked_at_together_a_few_wait_and_the_rest_come_again():
    most, now, busy = [0], [0], [0]

    def work():
        now[0] += 1
        most[0] = max(most[0], now[0])
        time.sleep(0.02)
        now[0] -= 1

    async def one(turns):
        try:
            await turns.run(work)
        except Busy:
            busy[0] += 1

    async def run():
        turns = Turns(at_once=2, waiting=5)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one, turns)

    anyio.run(run)
    assert most[0] <= 2
    assert busy[0] == 13


def test_sixty_guesses_at_once_cost_little_and_nobody_else_waits(ward):
    own = psutil.Process()
    before, peak, slowest = own.memory_info().rss, [0], [0.0]
    over = threading.Event()

    def watch():
        while not over.wait(0.005):
            peak[0] = max(peak[0], own.memory_info().rss)

    def work(client):
        while not over.is_set():
            began = time.monotonic()
            client.get("/api/v1/devices").raise_for_status()
            slowest[0] = max(slowest[0], time.monotonic() - began)

    def guess(number):
        with ward.client() as client:
            # another name each time: the account's own limit would stop them sooner
            answer = client.post("/api/v1/login", json={"name": f"n{number}", "password": "guess"}, timeout=60)
            return answer.status_code

    with ward.as_role("viewer") as other, concurrent.futures.ThreadPoolExecutor(62) as pool:
        watching, working = pool.submit(watch), pool.submit(work, other)
        codes = list(pool.map(guess, range(60)))
        over.set()
        watching.result()
        working.result()
    assert set(codes) <= {401, 429, 503}
    assert codes.count(401) <= AccessSettings().address_failures
    assert (peak[0] - before) < 300 << 20, "two hashes take 128 MiB"
    assert slowest[0] < 3.0


def test_no_answer_repeats_what_was_sent(ward):
    secret = "s3cret-that-nobody-may-see"
    bodies = [
        {"name": secret},
        {"name": ["x", secret], "password": secret},
        {"name": "a" * 65 + secret, "password": secret},
        secret,
        [secret],
        {secret: secret},
    ]
    with ward.client() as client:
        for body in bodies:
            answer = client.post("/api/v1/login", json=body)
            assert answer.status_code == 422
            assert secret not in answer.text
            assert answer.json()["detail"][0]["msg"]
        broken = client.post("/api/v1/login", content=b'{"name": "' + secret.encode())
        assert broken.status_code == 422
        assert secret not in broken.text
    with ward.as_role("admin") as admin:
        answer = admin.post("/api/v1/users", json={"name": secret, "role": secret})
        assert (answer.status_code, secret in answer.text) == (422, False)


def chunks(count):
    yield b'{"name": "'
    for _ in range(count):
        yield b"x" * 1024


@pytest.mark.parametrize("path", ["/api/v1/login", "/api/v1/devices", "/nothing", "/"])
def test_a_large_body_is_refused_before_it_is_read(ward, path):
    with ward.client() as client:
        announced = client.post(path, content=b"x" * (LARGEST_BODY + 1))
        assert announced.status_code == 413
        assert announced.json()["try"]
        assert "content-security-policy" in announced.headers
    with socket.create_connection(address_of(ward.running), 5) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n".encode())
        assert b" 413 " in line.recv(1000)
    with ward.client() as client, contextlib.suppress(httpx.WriteError):  # it may hang up while we still send
        assert client.post(path, content=chunks(4000)).status_code == 413


NUL = b"\\u0000"
"""As JSON writes the character that no text has."""


@example([NUL], None)
@example([NUL[:3], NUL[3:]], None)
@given(st.lists(st.binary(max_size=40), max_size=8), st.none() | st.integers(0, 200))
def test_the_application_hears_whole_bodies_within_the_limit_only(parts, announced):
    heard, answered = [], []

    async def app(_scope, receive, _send):
        heard.append((await receive())["body"])

    async def run():
        queue = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        queue.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive():
            return queue.pop(0)

        async def send(message):
            answered.append(message)

        headers = [] if announced is None else [(b"content-length", str(announced).encode())]
        await BodyLimit(app, largest=100)(
            {"type": "http", "path": "/", "query_string": b"", "headers": headers}, receive, send
        )

    anyio.run(run)
    whole = b"".join(parts)
    if len(whole) > 100 or (announced or 0) > 100:
        assert heard == []
        assert answered[0]["status"] == 413
    elif NUL in whole:
        assert heard == []
        assert answered[0]["status"] == 400
    else:
        assert heard == [whole]


def address_of(running):
    url = httpx.URL(running.url)
    return url.host, url.port


@pytest.fixture
def short_of_patience(fresh, monkeypatch):
    monkeypatch.setattr(PatientFor, "head_s", 1.0)
    monkeypatch.setattr(PatientFor, "body_s", 1.0)
    made = CloudSettings(state_dir=fresh, http=HttpSettings(port=0), mqtt=MqttSettings(enabled=False))
    with Running(made) as running:
        yield running


HALF = [
    b"",
    b"GET",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n",
]


@pytest.mark.parametrize("sent", HALF)
def test_a_request_that_does_not_come_to_its_end_is_dropped(short_of_patience, sent):
    with socket.create_connection(address_of(short_of_patience), 5) as line:
        line.sendall(sent)
        until, began = time.monotonic() + 8, time.monotonic()
        line.settimeout(0.2)
        while time.monotonic() < until:  # a byte now and then must not help
            try:
                line.sendall(b"x")
                if line.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began < 5


def test_a_head_without_end_is_refused(ward):
    with socket.create_connection(address_of(ward.running), 5) as line:
        with contextlib.suppress(OSError):
            line.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 100_000)
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b""))
    with ward.client() as client:
        assert client.get("/healthz").status_code == 200


def test_1100_half_open_requests_hurt_nobody(ward):
    where = address_of(ward.running)
    with contextlib.ExitStack() as lines:
        for number in range(1100):  # of eleven addresses, so that no one address is stopped by its own bound
            line = socket.create_connection(where, 10, source_address=(f"127.0.1.{number % 11}", 0))
            lines.callback(line.close)
            with contextlib.suppress(OSError):  # those that wait longest are cut
                line.sendall(b"GET /api/v1/devices HTTP/1.1\r\nHost:")
        with ward.as_role("viewer") as client:
            began = time.monotonic()
            for _ in range(20):
                assert client.get("/api/v1/devices").status_code == 200
            assert time.monotonic() - began < 5
        assert ward.running.door.inside < 400


def test_one_address_has_only_its_share(fresh):
    made = HttpSettings(port=0, connections_per_address=10)
    with (
        Running(CloudSettings(state_dir=fresh, http=made, mqtt=MqttSettings(enabled=False))) as running,
        contextlib.ExitStack() as lines,
    ):
        for _ in range(40):
            lines.enter_context(socket.create_connection(address_of(running), 5, source_address=("127.0.0.9", 0)))
        wait_for(lambda: running.door.refused == 30)
        with running.logged_in("viewer") as client:
            assert client.get("/api/v1/me").status_code == 200
        lines.close()
        wait_for(lambda: running.door.inside == 0)


@given(st.lists(st.tuples(st.sampled_from(["open", "close", "prove"]), st.integers(0, 11)), max_size=40))
@settings(max_examples=25, deadline=None)
def test_a_door_never_holds_more_than_it_may(acts):
    limits = DoorLimits(at_once=6, per_address=3, waiting=4)
    with Door("127.0.0.1", 0, limits) as door, contextlib.ExitStack() as clients:
        door.listen(20)
        door.setblocking(False)
        inside = []
        for act, number in acts:
            if act == "open":
                source = (f"127.0.0.{2 + number % 4}", 0)
                clients.enter_context(socket.create_connection(door.getsockname(), 2, source_address=source))
                with contextlib.suppress(BlockingIOError):
                    inside.append(door.accept())
            elif inside:
                guest, peer = inside[number % len(inside)]
                if act == "prove":
                    door.proved(peer)
                else:
                    inside.pop(number % len(inside))
                    guest.close()
            assert door.inside == len(inside) <= limits.at_once
            assert len(door._waiting) <= limits.waiting
            assert max(door._of_address.values(), default=0) <= limits.per_address
            assert sum(door._of_address.values()) == len(inside)
        for guest, _ in inside:
            guest.close()
        assert (door.inside, door._waiting, dict(door._of_address)) == (0, {}, {})


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("?", "?"),
    ],
)
def test_one_machine_counts_as_one_address(address, group):
    assert group_of(address) == group


def test_a_person_who_is_shut_out_hears_no_more_of_the_feed(ward, monkeypatch):
    monkeypatch.setattr("cloud_service.clinic.feed.CHECK_LOGIN_S", 0.3)
    with ward.as_role("viewer") as client, client.stream("GET", "/api/v1/feed") as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry")
        over = threading.Event()

        def go_on():
            row = 0
            while not over.wait(0.05):  # never silent for as long as the look at the login takes
                row += 1
                ward.clinic.feed._publish({"row": row, "kind": "finding", "id": str(row)})

        talking = threading.Thread(target=go_on)
        talking.start()
        try:
            ward.clinic.people.disable("viewer", by="test")
            for _ in lines:
                pass  # until it ends
            assert client.get("/api/v1/me").status_code == 401
        finally:
            over.set()
            talking.join()
