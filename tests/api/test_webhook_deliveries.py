"""Webhook deliveries as the background of a server process makes them, and our own endpoints on them."""

from __future__ import annotations

import threading
import time

import pytest

from tests.databases import statements_of
from tests.receiver import ALLOW_LOOPBACK, Receiver, receiver
from trackway.client_compat.errors import Unavailable
from trackway.server.jobs import runner as background
from trackway.storage import jobs
from trackway.storage.webhooks import outbox

WEBHOOKS = "/api/2.0/mlflow/webhooks"
OURS = "/api/3.0/trackway/webhooks"
MADE = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
DATA = {"name": "iris", "tags": {}, "description": None}


pytestmark = pytest.mark.environment(**ALLOW_LOOPBACK)


@pytest.fixture
def hook():
    with receiver() as listening:
        yield listening


@pytest.fixture
def start_worker(api, monkeypatch):
    """Start what a server process does beside its requests; retries come at once."""
    monkeypatch.setattr(background, "delay_s", lambda attempts: 0.01)
    monkeypatch.setattr("trackway.server.jobs.webhooks.delay_s", lambda attempts: 0.01)
    started = []

    def start():
        runner = background.make_runner(api.application.extensions["trackway"])
        runner.stand_by()
        started.append(runner)
        return runner

    yield start
    for runner in started:
        runner.stop()


@pytest.fixture
def worker(start_worker):
    start_worker()


def create(api, url, **more):
    body = {"name": "hook", "url": url, "events": [MADE], **more}
    return api.post(WEBHOOKS, json=body).json["webhook"]


def emit(api, event: str = "registered_model.created") -> None:
    database = api.application.extensions["trackway"].database
    database.run(lambda tx: outbox.emit(tx, event, DATA), write=True)


def sent(api, webhook, count: int = 1, state: str = "DELIVERED"):
    """The webhook's deliveries, once so many are in the state."""
    deadline = time.monotonic() + 20
    while True:
        found = api.get(f"{OURS}/{webhook['webhook_id']}/deliveries").json.get("deliveries", [])
        if len([delivery for delivery in found if delivery["state"] == state]) >= count:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_an_event_is_delivered_and_the_record_shows_it(api, worker, hook: Receiver):
    webhook = create(api, hook.url)
    emit(api)
    [delivery] = sent(api, webhook)
    [attempt] = delivery.pop("attempts")
    assert delivery == {
        "delivery_id": hook.received[0].headers["x-mlflow-delivery-id"],
        "webhook_id": webhook["webhook_id"],
        "event": MADE,
        "state": "DELIVERED",
        "creation_timestamp": delivery["creation_timestamp"],
        "body": hook.received[0].body.decode(),
    }
    assert {**attempt, "timestamp": 0, "duration_ms": 0} == {
        "timestamp": 0,
        "duration_ms": 0,
        "response_status": 200,
        "response_body": "thanks",
    }


def test_passing_faults_are_tried_again_and_lasting_ones_are_not(api, worker, hook: Receiver):
    webhook = create(api, hook.url)
    hook.answers = [429, 500, 503, 200, 404]
    emit(api)
    [delivery] = sent(api, webhook)
    assert [attempt["response_status"] for attempt in delivery["attempts"]] == [429, 500, 503, 200]
    emit(api)
    failed = sent(api, webhook, state="FAILED")[0]
    assert [attempt["response_status"] for attempt in failed["attempts"]] == [404]


@pytest.mark.environment(MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES="2")
def test_attempts_have_an_end(api, worker, hook: Receiver):
    webhook = create(api, hook.url)
    hook.answers = [503] * 9
    emit(api)
    [delivery] = sent(api, webhook, state="FAILED")
    assert len(delivery["attempts"]) == len(hook.received) == 3


def test_a_replay_sends_the_same_again(api, worker, hook: Receiver):
    webhook = create(api, hook.url)
    hook.answers = [404]
    emit(api)
    [failed] = sent(api, webhook, state="FAILED")
    path = f"{OURS}/{webhook['webhook_id']}/deliveries/{failed['delivery_id']}/replay"
    assert api.post(path, json={}).json["delivery"]["state"] == "PENDING"
    [delivery] = sent(api, webhook)
    assert [attempt["response_status"] for attempt in delivery["attempts"]] == [404, 200]
    first, second = hook.received
    assert first.body == second.body
    assert first.headers["x-mlflow-delivery-id"] == second.headers["x-mlflow-delivery-id"]


def test_deliveries_can_be_asked_for_by_state_and_in_pages(api, hook: Receiver):
    webhook = create(api, hook.url)
    for _ in range(3):
        emit(api)
    path = f"{OURS}/{webhook['webhook_id']}/deliveries"
    first = api.get(path, query_string={"state": "PENDING", "max_results": 2}).json
    rest = api.get(
        path, query_string={"state": "PENDING", "max_results": 2, "page_token": first["next_page_token"]}
    ).json
    assert (len(first["deliveries"]), len(rest["deliveries"])) == (2, 1)
    assert api.get(path, query_string={"state": "FAILED"}).json == {}
    wrong = api.get(path, query_string={"state": "LOST"})
    assert wrong.status_code == 400
    assert "PENDING, DELIVERED, FAILED, CANCELLED" in wrong.json["message"]
    assert api.get(f"{OURS}/nothing/deliveries").status_code == 404


def test_a_slow_receiver_keeps_no_other_waiting(api, worker, hook: Receiver):
    release = threading.Event()
    hook.on_request = lambda: release.wait(10) and None
    slow = create(api, hook.url)
    for _ in range(20):  # more than are sent at once
        emit(api)
    hook.wait_for(5)
    with receiver() as quick:
        other = create(api, quick.url, events=[{"entity": "PROMPT", "action": "CREATED"}])
        emit(api, "prompt.created")
        sent(api, other)
    assert len(hook.received) == 5
    release.set()
    sent(api, slow, 20)


def test_an_idle_worker_asks_the_database_next_to_nothing(api, worker):
    database = api.application.extensions["trackway"].database
    statements = statements_of(database)
    time.sleep(1)
    assert len([statement for statement in statements if "jobs" in statement]) <= 1


@pytest.mark.environment(TRACKWAY_JOB_LEASE_SECONDS="2")
def test_a_delivery_that_takes_long_stays_with_its_worker(api, start_worker, hook: Receiver):
    start_worker()
    start_worker()
    hook.on_request = lambda: time.sleep(3)
    webhook = create(api, hook.url)
    emit(api)
    sent(api, webhook)
    assert len(hook.received) == 1


def test_the_log_says_why_background_work_waits(start_worker, caplog, monkeypatch):
    def away(*_):
        error = Unavailable("away")
        error.add_note("no route to the database's host")
        raise error

    monkeypatch.setattr(jobs, "next_due", away)
    start_worker()
    deadline = time.monotonic() + 20
    while "no route to the database's host" not in caplog.text:
        assert time.monotonic() < deadline, caplog.text
        time.sleep(0.02)


def loops():
    return [thread for thread in threading.enumerate() if thread.name == "trackway-jobs"]


def test_a_process_without_the_leader_lock_starts_with_its_first_job(
    api, start_worker, hook: Receiver, monkeypatch
):
    monkeypatch.setattr(api.application.extensions["trackway"].leader_lock, "acquire", lambda: False)
    before = loops()
    start_worker()
    assert loops() == before
    webhook = create(api, hook.url)
    emit(api)
    sent(api, webhook)


@pytest.mark.environment(TRACKWAY_JOB_POLL_SECONDS="0.1")
def test_a_process_starts_when_it_gets_the_leader_lock(api, start_worker, hook: Receiver, monkeypatch):
    leader_lock = api.application.extensions["trackway"].leader_lock
    webhook = create(api, hook.url)
    emit(api)  # as if left by a process that was killed
    monkeypatch.setattr(leader_lock, "acquire", lambda: False)
    before = loops()
    runner = start_worker()
    time.sleep(0.2)
    runner.check_leadership()
    assert loops() == before
    monkeypatch.setattr(leader_lock, "acquire", lambda: True)
    time.sleep(0.2)
    runner.check_leadership()
    sent(api, webhook)


@pytest.mark.environment(TRACKWAY_JOB_POLL_SECONDS="0.1")
def test_a_worker_outlives_faults_of_the_database(api, start_worker, hook: Receiver, monkeypatch):
    faults = [Unavailable("away"), RuntimeError("odd")]
    next_due = jobs.next_due

    def fail_at_first(*more):
        if faults:
            raise faults.pop()
        return next_due(*more)

    monkeypatch.setattr(jobs, "next_due", fail_at_first)
    start_worker()
    webhook = create(api, hook.url)
    emit(api)
    sent(api, webhook)
    assert faults == []


def test_a_worker_ends_also_when_it_cannot_give_back_what_it_has_in_hand(
    api, start_worker, hook: Receiver, monkeypatch
):
    def fail(*_):
        raise Unavailable("away")

    began, goes_on = threading.Event(), threading.Event()
    hook.on_request = lambda: (began.set(), goes_on.wait(10))
    runner = start_worker()
    webhook = create(api, hook.url)
    emit(api)
    assert began.wait(10)
    with monkeypatch.context() as away:
        away.setattr(jobs, "release", fail)
        runner.stop(timeout_s=0.1)
    goes_on.set()
    sent(api, webhook)


def test_a_fault_of_our_own_puts_a_delivery_off_and_loses_it_not(api, worker, hook: Receiver, monkeypatch):
    from trackway.server.jobs import webhooks as sending

    faults = [RuntimeError("odd")]
    send = sending.send

    def fail_at_first(*more):
        if faults:
            raise faults.pop()
        return send(*more)

    monkeypatch.setattr(sending, "send", fail_at_first)
    webhook = create(api, hook.url)
    emit(api)
    [delivery] = sent(api, webhook)
    assert [attempt.get("response_status") for attempt in delivery["attempts"]] == [None, 200]
