"""Webhooks over HTTP: the JSON of MLflow's endpoints and of our own, and the background that delivers."""

from __future__ import annotations

import threading
import time

import pytest
import sqlalchemy as sa

from tests.receiver import ALLOW_LOOPBACK, Receiver, receiver
from trackway.server import jobs as background
from trackway.storage import outbox
from trackway.storage.vault import KEY_VARIABLE

WEBHOOKS = "/api/2.0/mlflow/webhooks"
OURS = "/api/3.0/trackway/webhooks"
MADE = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
# An address, so that no name has to be looked up.
SOMEWHERE = "https://8.8.8.8/hook"
DATA = {"name": "iris", "tags": {}, "description": None}
KEY = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE="


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def hook(monkeypatch):
    for name, value in ALLOW_LOOPBACK.items():
        monkeypatch.setenv(name, value)
    with receiver() as listening:
        yield listening


@pytest.fixture
def worker(api, monkeypatch):
    """What a server process does beside its requests."""
    monkeypatch.setattr(background, "delay_s", lambda attempts: 0.01)
    monkeypatch.setattr("trackway.server.jobs.webhooks.delay_s", lambda attempts: 0.01)
    runner = background.start(api.application.extensions["trackway"])
    yield runner
    runner.stop()


def create(api, **more):
    body = {"name": "hook", "url": SOMEWHERE, "events": [MADE], **more}
    answer = api.post(WEBHOOKS, json=body)
    assert answer.status_code == 200, answer.json
    return answer.json["webhook"]


def refused(answer) -> str:
    assert answer.status_code == 400, answer.json
    assert answer.json["error_code"] in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
    return answer.json["message"]


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


# ---- MLflow's endpoints


def test_a_webhook_from_its_making_to_its_end(api):
    made = create(api, description="news", secret="s3cret")
    assert made == {
        "webhook_id": made["webhook_id"],
        "name": "hook",
        "description": "news",
        "url": SOMEWHERE,
        "events": [MADE],
        "status": "ACTIVE",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
    }
    path = f"{WEBHOOKS}/{made['webhook_id']}"
    assert api.get(path).json == {"webhook": made}
    assert api.get(WEBHOOKS).json == {"webhooks": [made]}
    changed = api.patch(path, json={"name": "other", "status": "DISABLED"}).json["webhook"]
    assert changed == {**made, **changed, "description": "news"}
    assert (changed["name"], changed["status"], changed["events"]) == ("other", "DISABLED", [MADE])
    assert api.delete(path).json == {}
    assert api.get(WEBHOOKS).json == {}
    gone = api.get(path)
    assert (gone.status_code, gone.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert gone.json["message"] == f"Webhook with ID {made['webhook_id']} not found."


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "ä", "a" * 64, "a\n"])
def test_names_that_mlflow_refuses(api, name):
    message = refused(api.post(WEBHOOKS, json={"name": name, "url": SOMEWHERE, "events": [MADE]}))
    assert message.startswith(f"Webhook name {name!r} is invalid." if name else "Missing value for required")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("  ", "Webhook URL cannot be empty or just whitespace: '  '"),
        ("http://8.8.8.8", "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."),
        ("https://", "Webhook URL must include a hostname: 'https://'"),
        ("https://[::1", "Invalid webhook URL 'https://[::1'"),
        (
            "https://localhost/x",
            "Webhook URL must not resolve to a non-public IP address. 'localhost' resolves to ",
        ),
        ("https://169.254.169.254/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://no-such-name.invalid/", "Cannot resolve Webhook URL hostname 'no-such-name.invalid'"),
    ],
)
def test_urls_that_mlflow_refuses(api, url, says):
    webhook = create(api)
    for answer in (
        api.post(WEBHOOKS, json={"name": "hook", "url": url, "events": [MADE]}),
        api.patch(f"{WEBHOOKS}/{webhook['webhook_id']}", json={"url": url}),
    ):
        assert refused(answer).startswith(says)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([], "Webhook events must be a non-empty list of WebhookEvent objects: []."),
        (
            [{"entity": "REGISTERED_MODEL", "action": "DELETED"}],
            "Invalid action 'deleted' for entity 'registered_model'. Valid actions are: ['created']",
        ),
    ],
)
def test_events_that_mlflow_refuses(api, events, says):
    assert refused(api.post(WEBHOOKS, json={"name": "hook", "url": SOMEWHERE, "events": events})) == says


def test_a_secret_needs_a_key_that_all_servers_share(api, dialect, monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE)
    body = {"name": "hook", "url": SOMEWHERE, "events": [MADE], "secret": "s3cret"}
    answer = api.post(WEBHOOKS, json=body)
    if dialect == "sqlite":  # one host: the key is a file of its own
        assert answer.status_code == 200
    else:
        assert refused(answer).startswith("The server has no key to encrypt secrets with. Set MLFLOW_WEBHOOK")
    create(api)


def test_listing_in_pages_has_bounds(api):
    for number in range(3):
        create(api, name=f"hook{number}")
    first = api.get(WEBHOOKS, query_string={"max_results": 2}).json
    rest = api.get(WEBHOOKS, query_string={"max_results": 2, "page_token": first["next_page_token"]}).json
    assert [w["name"] for w in first["webhooks"] + rest["webhooks"]] == ["hook2", "hook1", "hook0"]
    for wrong in (-1, 1001):
        message = refused(api.get(WEBHOOKS, query_string={"max_results": wrong}))
        assert message == "max_results must be between 1 and 1000."


def test_a_test_is_sent_at_once_and_told(api, hook: Receiver):
    webhook = create(api, url=hook.url)
    hook.answers = [200, 500, 302]
    results = [api.post(f"{WEBHOOKS}/{webhook['webhook_id']}/test", json={}).json["result"] for _ in range(3)]
    assert results == [
        {"success": True, "response_status": 200, "response_body": "thanks"},
        {"success": False, "response_status": 500, "response_body": "thanks"},
        {
            "success": False,
            "response_status": 302,
            "response_body": "thanks",
            "error_message": "Failed to test webhook: "
            "The receiver answered with a redirect (302), which is not followed.",
        },
    ]
    assert [delivery["state"] for delivery in sent(api, webhook)] == ["FAILED", "FAILED", "DELIVERED"]


def test_a_test_does_not_go_where_webhooks_may_not(api, hook: Receiver, monkeypatch):
    webhook = create(api, url=hook.url)
    monkeypatch.delenv("TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES")
    result = api.post(f"{WEBHOOKS}/{webhook['webhook_id']}/test", json={}).json["result"]
    assert (result["success"], hook.received) == (False, [])
    assert "must not resolve to a non-public IP address" in result["error_message"]


def test_an_audit_row_tells_of_each_change(api):
    webhook = create(api)
    api.patch(f"{WEBHOOKS}/{webhook['webhook_id']}", json={"name": "other"})
    api.delete(f"{WEBHOOKS}/{webhook['webhook_id']}")
    database = api.application.extensions["trackway"].database
    with database.begin(write=False) as tx:
        rows = tx.execute(
            sa.text("SELECT action, target FROM audit WHERE action LIKE '%Webhook' ORDER BY id")
        )
        done = [tuple(row) for row in rows]
    target = f"webhook:{webhook['webhook_id']}"
    assert done == [("CreateWebhook", target), ("UpdateWebhook", target), ("DeleteWebhook", target)]


# ---- delivery


def test_an_event_is_delivered_and_the_record_shows_it(api, worker, hook: Receiver):
    webhook = create(api, url=hook.url)
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
    webhook = create(api, url=hook.url)
    hook.answers = [429, 500, 503, 200, 404]
    emit(api)
    [delivery] = sent(api, webhook)
    assert [attempt["response_status"] for attempt in delivery["attempts"]] == [429, 500, 503, 200]
    emit(api)
    failed = sent(api, webhook, state="FAILED")[0]
    assert [attempt["response_status"] for attempt in failed["attempts"]] == [404]


def test_attempts_have_an_end(api, worker, hook: Receiver, monkeypatch):
    monkeypatch.setenv("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "2")
    webhook = create(api, url=hook.url)
    hook.answers = [503] * 9
    emit(api)
    [delivery] = sent(api, webhook, state="FAILED")
    assert len(delivery["attempts"]) == len(hook.received) == 3


def test_a_replay_sends_the_same_again(api, worker, hook: Receiver):
    webhook = create(api, url=hook.url, secret="s3cret")
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
    webhook = create(api, url=hook.url)
    for _ in range(3):
        emit(api)
    path = f"{OURS}/{webhook['webhook_id']}/deliveries"
    first = api.get(path, query_string={"state": "PENDING", "max_results": 2}).json
    rest = api.get(
        path, query_string={"state": "PENDING", "max_results": 2, "page_token": first["next_page_token"]}
    ).json
    assert (len(first["deliveries"]), len(rest["deliveries"])) == (2, 1)
    assert api.get(path, query_string={"state": "FAILED"}).json == {}
    assert "PENDING, DELIVERED, FAILED, CANCELLED" in refused(api.get(path, query_string={"state": "LOST"}))
    assert api.get(f"{OURS}/nothing/deliveries").status_code == 404


def test_a_slow_receiver_keeps_no_other_waiting(api, worker, hook: Receiver):
    release = threading.Event()
    hook.on_request = lambda: release.wait(10) and None
    slow = create(api, url=hook.url)
    for _ in range(20):  # more than are sent at once
        emit(api)
    hook.wait_for(5)
    with receiver() as quick:
        other = create(api, url=quick.url, events=[{"entity": "PROMPT", "action": "CREATED"}])
        emit(api, "prompt.created")
        sent(api, other)
    assert len(hook.received) == 5
    release.set()
    sent(api, slow, 20)


def test_an_idle_worker_asks_the_database_next_to_nothing(api, worker):
    database = api.application.extensions["trackway"].database
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    time.sleep(1)
    assert len([statement for statement in statements if "jobs" in statement]) <= 1
