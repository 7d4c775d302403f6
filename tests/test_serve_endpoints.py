"""Endpoints, sockets and events, on a little application of their own."""

import asyncio
import gc
import http.client
import json
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct
from starlette.applications import Starlette

from gocnn.errors import UserError
from gocnn.serve import jobs as job_module
from gocnn.serve.endpoints import events, get, post, socket
from gocnn.serve.failures import Refusal
from gocnn.serve.jobs import Job, Jobs
from gocnn.serve.streams import Socket
from tests.serving import Client, serving


class Asked(Struct):
    name: str
    kind: Literal["long", "short"] = "short"
    top: Annotated[int, Meta(ge=1, le=362)] = 5


class Said(Struct):
    name: str
    top: int
    kind: str


class Started(Struct):
    job: str


class Add(Struct, tag="add"):
    id: int
    values: list[int]


class Sum(Struct, tag="sum"):
    id: int
    total: int


class Tick(Struct, tag="tick"):
    number: int


def say(asked: Asked) -> Said:
    """Says what it was asked."""
    if asked.name == "bad":
        raise UserError("bad is not good; say another")
    if asked.name == "full":
        raise Refusal(503, "it is full; come again")
    if asked.name == "worse":
        raise ZeroDivisionError("by nothing")
    return Said(asked.name, asked.top, asked.kind)


async def length(asked: Asked, data: bytes) -> Said:
    """How long it is."""
    return Said(asked.name, len(data), asked.kind)


async def adding(client: Socket[Add]) -> None:
    """Adds numbers."""
    async for message in client:
        await client.send(Sum(message.id, sum(message.values)))


async def ticks() -> AsyncIterator[Tick]:
    """Three ticks."""
    for number in range(3):
        await asyncio.sleep(0.01)
        yield Tick(number)


async def broken() -> AsyncIterator[Tick]:
    """A tick, then none."""
    yield Tick(0)
    raise UserError("no more ticks; wind the clock")


def count(job: Job, until: int) -> None:
    for number in range(until):
        job.found.append(number)
        job.report(Tick(number))
        time.sleep(0.01)


def fail(job: Job) -> None:
    raise UserError("it is no record; give another")


@pytest.fixture(scope="module")
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture(scope="module")
def client(jobs: Jobs) -> Iterator[Client]:
    def start(kind: str) -> Started:
        """Begins a job."""
        work = fail if kind == "fail" else partial(count, until=int(kind))
        return Started(jobs.start("counting", work).id)

    class Kind(Struct):
        kind: str

    def begin(asked: Kind) -> Started:
        """Begins a job."""
        return start(asked.kind)

    begin.__annotations__["asked"] = Kind
    routes = [
        get("/api/say/{name}", say),
        post("/api/say", say),
        post("/api/length/{name}", length, most=1000),
        post("/api/count", begin),
        socket("/api/adding", adding, receives=(Add,), sends=(Sum,)),
        events("/api/ticks", ticks),
        events("/api/broken", broken),
        *jobs.routes("/api/jobs"),
    ]
    with serving(app=Starlette(routes=routes)) as found:
        yield found


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", {"name": "x", "top": 5, "kind": "short"}),
        ("?top=7&kind=long", {"name": "x", "top": 7, "kind": "long"}),
    ],
)
def test_a_message_in_an_address(client: Client, query: str, said: object) -> None:
    answer = client.get(f"/api/say/x{query}")
    assert (answer.status, answer.json()) == (200, said)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?top=many", ["top", "a whole number"]),
        ("?top=0", ["top", ">= 1"]),
        ("?top=400", ["top", "<= 362"]),
        ("?kind=middle", ["kind", "long, short", "middle"]),
        ("?topp=3", ["topp", "is top meant?"]),
        ("?else=3", ["else", "no such field"]),
    ],
)
def test_a_bad_address(client: Client, query: str, words: list[str]) -> None:
    answer = client.get(f"/api/say/x{query}")
    assert answer.status == 400
    assert list(answer.json()) == ["error"]
    assert all(word in answer.json()["error"] for word in words), answer.json()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ["JSON object"]),
        (b"[1]", ["JSON object"]),
        (b"\xff\xfe", ["JSON object"]),
        (b'{"name": "x"', ["JSON object"]),
        (b'{"name": NaN}', ["JSON object"]),
        (b"[" * 100_000, ["JSON object"]),
        (b'{"name": ' + b"[" * 100_000, ["JSON object"]),
        (b"{}", ["name", "missing"]),
        (b'{"name": 1}', ["name", "a text"]),
        (b'{"name": "x", "top": "7"}', ["top", "a whole number"]),
        (b'{"name": "x", "top": 1e999}', ["JSON object"]),
        (b'{"name": "\\ud800"}', ["JSON object"]),
        (b'{"name": "x", "kind": "middle"}', ["kind", "long, short"]),
        (b'{"name": "x", "nam": "y"}', ["nam", "is name meant?"]),
    ],
)
def test_a_bad_body(client: Client, body: bytes, words: list[str]) -> None:
    answer = client.post("/api/say", body)
    assert answer.status == 400
    assert all(word in answer.json()["error"] for word in words), answer.json()


def test_failures_have_a_status_and_a_sentence(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, status, word in (
        ("bad", 400, "bad is not"),
        ("full", 503, "come again"),
        ("worse", 500, "terminal"),
    ):
        answer = client.get(f"/api/say/{name}")
        assert (answer.status, word in answer.json()["error"]) == (status, True)
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "GET /api/say/worse" in told
    assert "ZeroDivisionError: by nothing" in told
    assert "Traceback" not in told


def test_bytes_are_taken_up_to_their_limit(client: Client) -> None:
    assert client.post("/api/length/x", b"\x00" * 1000).json()["top"] == 1000
    answer = client.post("/api/length/x", b"\x00" * 1001)
    assert (answer.status, "1000 bytes" in answer.json()["error"]) == (413, True)


def test_a_body_whose_length_is_not_said_is_read_no_further_than_its_limit(client: Client) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"\x00" * 100

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("POST", "/api/length/x", pieces(), encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 413
    assert "error" in json.loads(response.read())


def test_a_socket_answers_and_goes_on_after_bad_messages(client: Client) -> None:
    with client.socket("/api/adding") as mine, client.socket("/api/adding") as other:
        for sent, words in (
            ("nonsense", ["JSON object"]),
            ("x" * (3 << 20), ["larger than 1 MB"]),
            ('{"type": "subtract", "id": 4}', ["add"]),
            ('{"type": ["add"]}', ["add"]),
            ('{"type": "add", "values": [1]}', ["id", "missing"]),
            ('{"type": "add", "id": 4, "values": ["1"]}', ["values", "a whole number"]),
            ('{"type": "add", "id": 4, "value": [1]}', ["is values meant?"]),
        ):
            mine.send(sent)
            said = json.loads(mine.recv(10))
            assert said["type"] == "error"
            assert said["id"] == (4 if '"id": 4' in sent else None)
            assert all(word in said["error"] for word in words), said
        mine.send('{"type": "add", "id": 5, "values": [1, 2]}')
        assert json.loads(mine.recv(10)) == {"type": "sum", "id": 5, "total": 3}
        mine.send(b'{"type": "add", "id": 6, "values": []}')
        assert json.loads(mine.recv(10)) == {"type": "sum", "id": 6, "total": 0}
        other.send('{"type": "add", "id": 7, "values": [9]}')
        assert json.loads(other.recv(10)) == {"type": "sum", "id": 7, "total": 9}


def test_events_come_and_end(client: Client) -> None:
    assert list(client.events("/api/ticks")) == [
        ("tick", {"type": "tick", "number": n}) for n in range(3)
    ]


def test_events_that_fail_say_so(client: Client) -> None:
    (first, _), (name, said) = client.events("/api/broken")
    assert (first, name) == ("tick", "error")
    assert "wind the clock" in said["error"]


def test_a_job_tells_how_far_it_is_and_is_done(client: Client, jobs: Jobs) -> None:
    name = client.post("/api/count", {"kind": "5"}).json()["job"]
    said = list(client.events(f"/api/jobs/{name}/events"))
    assert said[-1][0] == "done"
    numbers = [value["number"] for kind, value in said if kind == "tick"]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 4
    assert jobs.get(name).found == list(range(5))
    # who comes late is told the same
    assert [kind for kind, _ in client.events(f"/api/jobs/{name}/events")] == ["tick", "done"]
    client.ask("DELETE", f"/api/jobs/{name}")
    assert client.get(f"/api/jobs/{name}/events").body.count(b"event: error") == 1


def test_a_job_that_fails_says_why(client: Client) -> None:
    name = client.post("/api/count", {"kind": "fail"}).json()["job"]
    assert list(client.events(f"/api/jobs/{name}/events")) == [
        ("error", {"type": "error", "error": "it is no record; give another"})
    ]


def test_a_job_that_nobody_listens_to_ends(
    client: Client, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = client.post("/api/count", {"kind": "100000"}).json()["job"]
    job = jobs.get(name)
    heard = client.events(f"/api/jobs/{name}/events")
    assert next(heard)[0] == "tick"
    monkeypatch.setattr(job_module, "ABANDONED", 0.2)  # only now: a busy machine may listen late
    time.sleep(0.5)
    assert job.state == "working"
    heard.close()
    for _ in range(1000):
        if job.over:
            break
        time.sleep(0.01)
    assert job.state == "cancelled"


def test_too_many_jobs_are_refused_and_old_ones_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, go = Jobs(), threading.Event()
    monkeypatch.setattr(job_module, "MOST_WAITING", 2)
    monkeypatch.setattr(job_module, "MOST_KEPT", 3)
    started = [
        jobs.start("waiting", lambda job: (go.wait(30), None)[1])
        for _ in range(job_module.MOST_AT_WORK)
    ]
    while any(job.state != "working" for job in started):
        time.sleep(0.01)
    started += [jobs.start("waiting", lambda job: None) for _ in range(2)]
    with pytest.raises(Refusal, match="try again later") as refused:
        jobs.start("waiting", lambda job: None)
    assert refused.value.status == 503
    go.set()
    while not all(job.over for job in started):
        time.sleep(0.01)
    last = jobs.start("waiting", lambda job: None)
    assert jobs.get(last.id) is last
    with pytest.raises(Refusal, match="no such job") as refused:
        jobs.get(started[0].id)
    assert refused.value.status == 404


def test_a_job_that_is_over_keeps_nothing_that_it_was_given() -> None:
    """Neither one that is done nor one that is cancelled before it begins."""

    class File:
        """What was sent."""

    def wait(data: File, job: Job) -> None:
        go.wait(30)

    jobs, go = Jobs(), threading.Event()
    given = [File() for _ in range(job_module.MOST_AT_WORK + 1)]
    left = [weakref.ref(each) for each in given]
    started = [jobs.start("x", partial(wait, each)) for each in given]
    del given
    started[-1].cancel()
    go.set()
    for _ in range(1000):
        gc.collect()
        if all(job.over for job in started) and not any(each() for each in left):
            break
        time.sleep(0.01)
    assert [each() for each in left] == [None] * len(left)
    assert all(jobs.get(job.id) is job for job in started)


def test_what_jobs_keep_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "MOST_BYTES", 100)
    jobs = Jobs()
    started = []
    for _ in range(4):
        started.append(jobs.start("keeping", lambda job: job.keep("x", 40)))
        while not started[-1].over:
            time.sleep(0.01)
    assert jobs.get(started[-1].id).bytes == 40
    kept = [job.id for job in started if job.id in jobs._jobs]
    assert kept == [job.id for job in started[2:]]
    alone = jobs.start("keeping", lambda job: job.keep("x", 1000))  # more than may be kept
    while not alone.over:
        time.sleep(0.01)
    assert jobs.get(alone.id) is alone
    with pytest.raises(Refusal, match="no such job"):
        jobs.get(started[-1].id)
