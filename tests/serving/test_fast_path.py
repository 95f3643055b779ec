"""Requests on kept connections, which a worker reads and answers without gunicorn's parser."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from threading import Thread

import psutil
import pytest

from .test_serving import CREATE, GET_EXPERIMENT, connect, get, head, keep_connection, receive_all


def answers(client, count):
    """The next answers of a connection as (status, body)."""
    received = b""
    found = []
    while len(found) < count:
        top, end, rest = received.partition(b"\r\n\r\n")
        length = (
            int(dict(line.split(b": ", 1) for line in top.split(b"\r\n")[1:])[b"Content-Length"])
            if end
            else 0
        )
        if end and len(rest) >= length:
            found.append((int(top.split()[1]), json.loads(rest[:length])))
            received = rest[length:]
        else:
            part = client.recv(1 << 20)
            assert part, received
            received += part
    return found


def kept(server):
    """A socket that has had one answer, so that its next request is a short one's."""
    context = connect(server)
    client = context.__enter__()
    client.sendall(head("GET", GET_EXPERIMENT))
    answers(client, 1)
    return closing(client)


def create(name):
    return json.dumps({"name": name}).encode()


def test_a_body_may_come_in_a_packet_of_its_own_and_in_many(shared_server):
    body = create("in pieces")
    request = head("POST", CREATE, "Content-Type: application/json", f"Content-Length: {len(body)}") + body
    with kept(shared_server) as client:
        for place in range(0, len(request), 7):
            client.sendall(request[place : place + 7])
            time.sleep(0.002)
        assert answers(client, 1)[0][0] == 200
        in_two = create("in two")
        client.sendall(
            head("POST", CREATE, "Content-Type: application/json", f"Content-Length: {len(in_two)}")
        )
        time.sleep(0.05)
        client.sendall(in_two)
        assert answers(client, 1)[0][0] == 200


def test_requests_in_one_packet_are_answered_in_order(shared_server):
    with kept(shared_server) as client:
        client.sendall(head("GET", GET_EXPERIMENT) + head("GET", GET_EXPERIMENT.replace("=0", "=77")) * 2)
        assert [status for status, _ in answers(client, 3)] == [200, 404, 404]


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 3", "Content-Length: 4"),
        ("Content-Length: +3",),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length : 3",),
        ("X_y: 1", "Bad Name: 2"),
        ("Host: other",),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_as_on_a_new_connection(shared_server, lines):
    sent = head("POST", CREATE, "Content-Type: application/json", *lines) + b"{}\n"
    with connect(shared_server) as client:
        client.sendall(sent)
        first = client.recv(65536).partition(b" ")[2][:3]
    with kept(shared_server) as client:
        client.sendall(sent)
        assert client.recv(65536).partition(b" ")[2][:3] == first
        assert first.startswith((b"4", b"5"))


def test_a_head_that_comes_again_begins_another_request(shared_server):
    """What is remembered of a head is what was sent, not what became of it: this path is tidied."""
    with kept(shared_server) as client:
        found = []
        for name in ("again 1", "again 2", "again 1", "again 3", "again 2"):
            body = create(name)
            lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            client.sendall(head("POST", f"/{CREATE}", *lines) + body)
            client.sendall(head("POST", CREATE, *lines) + body)
            found += answers(client, 2)
    assert [status for status, _ in found] == [200, 400, 200, 400, 400, 400, 200, 400, 400, 400]
    assert len({body["experiment_id"] for status, body in found if status == 200}) == 3


def test_files_and_messages_take_turns_on_a_connection(shared_server):
    path = "/api/2.0/mlflow-artifacts/artifacts/turns"
    with kept(shared_server) as client:
        for number in range(20):
            client.sendall(head("PUT", f"{path}/{number}", "Content-Length: 4096") + bytes(4096))
            assert answers(client, 1) == [(200, {})]
            if number % 2:
                client.sendall(head("GET", GET_EXPERIMENT))
                assert answers(client, 1)[0][1]["experiment"]["experiment_id"] == "0"
            if number % 5 == 0:
                time.sleep(0.05)  # longer than a thread stays for the next file
        client.sendall(head("GET", path.removesuffix("/turns") + "?path=turns"))
        assert len(answers(client, 1)[0][1]["files"]) == 20


def test_the_last_request_of_a_connection_ends_it(shared_server):
    with kept(shared_server) as client:
        client.sendall(head("GET", GET_EXPERIMENT, "Connection: close"))
        assert b"200 OK" in receive_all(client)


def test_a_client_that_reads_slowly_gets_all_and_delays_nobody(serve):
    server = serve("--workers", "1")
    with kept(server) as client, closing(keep_connection(server)) as other:
        tags = [{"key": f"t{number}", "value": "x" * 8000} for number in range(100)]
        made = json.loads(post(other, "runs/create", {"experiment_id": "0", "tags": tags}))
        run = made["run"]["info"]["run_id"]
        for _ in range(20):  # 16 MB, more than any socket's buffer
            client.sendall(head("GET", f"/api/2.0/mlflow/runs/get?run_id={run}"))
            began = time.monotonic()
            assert "experiment" in get(server, GET_EXPERIMENT)
            assert time.monotonic() - began < 2
        read = answers(client, 20)
        assert {len(body["run"]["data"]["tags"]) for _, body in read} == {len(made["run"]["data"]["tags"])}


def post(connection, path, body):
    connection.request(
        "POST", f"/api/2.0/mlflow/{path}", json.dumps(body), {"Content-Type": "application/json"}
    )
    return connection.getresponse().read()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_write_that_has_to_wait_keeps_no_read_waiting(serve, store_uri):
    server = serve("--workers", "1")
    holder = sqlite3.connect(store_uri.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
    with (
        closing(holder),
        closing(keep_connection(server)) as writer,
        closing(keep_connection(server)) as reader,
    ):
        writer.request("GET", GET_EXPERIMENT)
        assert writer.getresponse().read()
        holder.execute("BEGIN IMMEDIATE")
        written = []
        waiting = Thread(
            target=lambda: written.append(json.loads(post(writer, "experiments/create", {"name": "late"})))
        )
        waiting.start()
        time.sleep(0.3)
        began = time.monotonic()
        reader.request("GET", GET_EXPERIMENT)
        assert reader.getresponse().status == 200
        assert time.monotonic() - began < 2
        assert not written
        holder.execute("ROLLBACK")
        waiting.join(timeout=20)
        assert written[0]["experiment_id"]


@pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)
@pytest.mark.parametrize("affine", [True, False])
def test_the_threads_that_answer_share_a_processor_and_the_main_thread_has_all(serve, affine):
    server = serve("--workers", "1", *([] if affine else ["--no-cpu-affinity"]))
    with closing(keep_connection(server)) as client:
        client.request("GET", GET_EXPERIMENT)
        assert client.getresponse().read()
        (worker,) = psutil.Process(server.pid).children()
        numbers = {thread.id: len(os.sched_getaffinity(thread.id)) for thread in worker.threads()}
    assert numbers.pop(worker.pid) > 1
    assert (1 in numbers.values()) is affine
