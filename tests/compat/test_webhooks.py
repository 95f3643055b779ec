"""The unchanged MLflow client's webhooks, and receivers that check signatures with MLflow's own code."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from mlflow import MlflowClient
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.webhooks import constants
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import EVENT_TO_PAYLOAD_CLASS, get_example_payload_for_event

from tests.databases import Databases
from tests.receiver import ALLOW_LOOPBACK, Received, Receiver, receiver
from tests.services import MlflowServer, TrackwayServer
from trackway.client_compat import webhook_rules
from trackway.storage.database import Database
from trackway.storage.webhooks import outbox

from .conversation import Ask, compare

WEBHOOKS = "/api/2.0/mlflow/webhooks"
MADE = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
SECRET = "s3cret ✓"
KEY = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE="
ENVIRONMENT = {
    **ALLOW_LOOPBACK,
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": KEY,
    # A second after a kill a job is free again.
    "TRACKWAY_JOB_LEASE_SECONDS": "1",
}


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def server(
    databases: Databases, dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrackwayServer]:
    with databases.fresh(dialect) as uri:
        server = TrackwayServer(tmp_path_factory.mktemp("webhooks"), uri, environment=ENVIRONMENT)
        server.start()
        yield server
        server.kill()


class _MlflowWithWebhooks(MlflowServer):
    """MLflow's own server, allowed to send to our receivers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._environment |= {
            **ENVIRONMENT,
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            # It remembers for a minute who asked for an event; ours knows at once.
            "MLFLOW_WEBHOOK_CACHE_TTL": "0",
        }


@pytest.fixture(scope="session")
def mlflow_with_webhooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = _MlflowWithWebhooks(tmp_path_factory.mktemp("mlflow-webhooks"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def client(server: TrackwayServer) -> Iterator[MlflowClient]:
    if not server.is_alive():
        server.start()
    client = MlflowClient(server.url)
    yield client
    for webhook in client.list_webhooks():
        client.delete_webhook(webhook.webhook_id)


def deliveries(server: TrackwayServer, webhook_id: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{server.url}/api/3.0/trackway/webhooks/{webhook_id}/deliveries", timeout=20)
    return answer.json().get("deliveries", [])


def emit(server: TrackwayServer, event: str, data: dict[str, Any]) -> None:
    """An event as a change of the registry leaves it, but in another process than the servers."""
    database = Database(server.store_uri)
    database.run(lambda tx: outbox.emit(tx, event, data), write=True)
    database.dispose()


def is_signed(request: Received) -> bool:
    """As MLflow's documentation tells receivers to check."""
    expected = _generate_hmac_signature(
        SECRET,
        request.headers[constants.WEBHOOK_DELIVERY_ID_HEADER.lower()],
        request.headers[constants.WEBHOOK_TIMESTAMP_HEADER.lower()],
        request.body.decode(),
    )
    return request.headers[constants.WEBHOOK_SIGNATURE_HEADER.lower()] == expected


# ---- the client's methods


def test_the_clients_methods(client: MlflowClient) -> None:
    made = client.create_webhook("hook", "https://8.8.8.8/x", ["model_version.created"], "news", SECRET)
    assert (made.name, made.url, made.description) == ("hook", "https://8.8.8.8/x", "news")
    assert (made.events, made.status.value) == ([WebhookEvent.from_str("model_version.created")], "ACTIVE")
    assert client.get_webhook(made.webhook_id).to_proto() == made.to_proto()
    assert [w.webhook_id for w in client.list_webhooks(max_results=1)] == [made.webhook_id]
    changed = client.update_webhook(
        made.webhook_id, name="other", events=["prompt.created", "prompt_tag.set"], status="DISABLED"
    )
    assert (changed.name, changed.url, changed.status.value) == ("other", made.url, "DISABLED")
    assert sorted(map(str, changed.events)) == ["prompt.created", "prompt_tag.set"]
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match=f"Webhook with ID {made.webhook_id} not found"):
        client.get_webhook(made.webhook_id)


@pytest.mark.parametrize("event", sorted(webhook_rules.EXAMPLES))
def test_a_test_sends_mlflows_example_signed_as_mlflow_signs(
    client: MlflowClient, hook: Receiver, event: str
) -> None:
    webhook = client.create_webhook("hook", hook.url, [event], secret=SECRET)
    result = client.test_webhook(webhook.webhook_id, event)
    assert (result.success, result.response_status, result.response_body) == (True, 200, "thanks")
    [request] = hook.received
    assert is_signed(request)
    assert request.headers["content-type"] == "application/json"
    entity, _, action = event.partition(".")
    body = request.json
    assert body.pop("timestamp").endswith("+00:00")
    example = get_example_payload_for_event(WebhookEvent.from_str(event))  # type: ignore[arg-type]
    assert body == {"entity": entity, "action": action, "data": example}
    assert list(request.json) == ["entity", "action", "timestamp", "data"]


def test_we_know_the_events_that_mlflow_knows() -> None:
    theirs = {
        f"{entity.value}.{a.value}" for entity, actions in VALID_ENTITY_ACTIONS.items() for a in actions
    }
    assert set(webhook_rules.EXAMPLES) == theirs
    assert len(EVENT_TO_PAYLOAD_CLASS) == len(theirs)


def test_without_a_secret_nothing_is_signed(client: MlflowClient, hook: Receiver) -> None:
    webhook = client.create_webhook("hook", hook.url, ["prompt.created"])
    assert client.test_webhook(webhook.webhook_id).success
    assert "x-mlflow-signature" not in hook.received[0].headers


def test_a_receiver_that_fails_is_told_to_the_client(client: MlflowClient, hook: Receiver) -> None:
    webhook = client.create_webhook("hook", hook.url, ["prompt.created"])
    hook.answers = [500]
    result = client.test_webhook(webhook.webhook_id)
    assert (result.success, result.response_status, result.error_message) == (False, 500, None)


# ---- what the registry tells


def change_everything(client: MlflowClient, name: str) -> None:
    """Each change that MLflow tells of, and some that it does not."""
    client.create_registered_model(name, {"team": "vision"}, "flowers")
    client.set_registered_model_tag(name, "key", "value")
    client.create_model_version(name, "s3://bucket/model", tags={"k": "v"}, description="first")
    client.create_model_version(name, "s3://bucket/model")
    client.set_model_version_tag(name, "1", "key", "value")
    client.delete_model_version_tag(name, "1", "key")
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    client.delete_registered_model_alias(name, "champion")
    client.delete_registered_model_alias(name, "champion")
    client.update_model_version(name, "2", "second")
    client.delete_model_version(name, "2")
    client.rename_registered_model(name, f"{name}-renamed")
    client.delete_registered_model(f"{name}-renamed")
    prompt = f"{name}-prompt"
    client.register_prompt(prompt, "Hello {{name}}!", commit_message="first", tags={"k": "v"})
    client.register_prompt(prompt, [{"role": "user", "content": "Hi {{name}}"}])
    client.set_prompt_tag(prompt, "key", "value")
    client.delete_prompt_tag(prompt, "key")
    client.set_prompt_version_tag(prompt, "1", "key", "value")
    client.delete_prompt_version_tag(prompt, "1", "key")
    client.set_prompt_alias(prompt, "champion", 1)
    client.delete_prompt_alias(prompt, "champion")


def what_is_told(url: str, hook: Receiver, name: str) -> list[str]:
    """Each event with its data, in no order, once nothing more comes."""
    client = MlflowClient(url, url)
    events = [event for event in webhook_rules.EXAMPLES if event != "budget_policy.exceeded"]
    webhook = client.create_webhook("hook", hook.url, events, secret=SECRET)  # type: ignore[arg-type]
    change_everything(client, name)
    hook.wait_until(lambda: set(hook.events) == set(events))
    hook.wait_until_quiet()
    client.delete_webhook(webhook.webhook_id)
    assert all(map(is_signed, hook.received))
    bodies = [dict(request.json, timestamp="") for request in hook.received]
    return sorted(json.dumps(body, sort_keys=True) for body in bodies)


@pytest.mark.slow
@pytest.mark.xdist_group("mlflow_server")
def test_the_same_changes_are_told_as_by_mlflows_server(
    server: TrackwayServer, mlflow_with_webhooks: MlflowServer
) -> None:
    name = f"iris-{uuid.uuid4().hex}"
    with receiver() as ours, receiver() as theirs:
        told = what_is_told(server.url, ours, name)
        assert told == what_is_told(mlflow_with_webhooks.url, theirs, name)


# ---- delivery outlives the server


@pytest.mark.slow
def test_a_server_killed_during_delivery_loses_nothing(
    client: MlflowClient, server: TrackwayServer, hook: Receiver
) -> None:
    webhook = client.create_webhook("hook", hook.url, ["prompt.created"], secret=SECRET)
    release = threading.Event()
    hook.on_request = lambda: release.wait(30) and None
    for number in range(3):
        emit(server, "prompt.created", {"name": f"prompt {number}", "tags": {}, "description": None})
    hook.wait_for(1)
    server.kill()
    release.set()
    server.start()
    wait_until_delivered(server, webhook.webhook_id, 3)
    assert {request.json["data"]["name"] for request in hook.received} == {"prompt 0", "prompt 1", "prompt 2"}
    assert all(map(is_signed, hook.received))
    attempts = [delivery["attempts"] for delivery in deliveries(server, webhook.webhook_id)]
    assert [each[-1]["response_status"] for each in attempts] == [200, 200, 200]
    lost = [attempt for each in attempts for attempt in each[:-1]]
    assert 1 <= len(lost) <= 3
    assert {attempt["error_message"] for attempt in lost} == {
        "The outcome is not known: the server ended during this attempt."
    }


@pytest.mark.slow
def test_a_server_that_is_stopped_finishes_what_it_sends(
    client: MlflowClient, server: TrackwayServer, hook: Receiver
) -> None:
    webhook = client.create_webhook("hook", hook.url, ["prompt.created"])
    release = threading.Event()
    hook.on_request = lambda: release.wait(30) and None
    emit(server, "prompt.created", {"name": "prompt", "tags": {}, "description": None})
    hook.wait_for(1)
    threading.Timer(1, release.set).start()
    assert server.stop() == 0
    server.start()
    [delivery] = deliveries(server, webhook.webhook_id)
    assert (delivery["state"], len(delivery["attempts"])) == ("DELIVERED", 1)


def wait_until_delivered(server: TrackwayServer, webhook_id: str, count: int) -> None:
    done = threading.Event()
    for _ in range(1000):
        if [d["state"] for d in deliveries(server, webhook_id)] == ["DELIVERED"] * count:
            return
        done.wait(0.02)
    raise AssertionError(deliveries(server, webhook_id))


# ---- the same words as MLflow's server


def asks() -> list[Ask]:
    def create(name: Any = "hook", url: Any = "https://8.8.8.8/x", **more: Any) -> Ask:
        return Ask("POST", WEBHOOKS, {"name": name, "url": url, "events": [MADE], **more})

    made = Ask(
        "POST",
        WEBHOOKS,
        {"name": "hook", "url": "https://8.8.8.8/x", "events": [MADE], "description": "d", "secret": "s"},
        save={"w": "webhook.webhook_id"},
    )
    one = f"{WEBHOOKS}/$w"
    return [
        made,
        Ask("GET", one),
        Ask("PATCH", one, {"name": "b.c_d-E", "description": "", "status": "DISABLED"}),
        Ask("PATCH", one, {"name": "", "url": "", "events": []}),
        Ask("PATCH", one, {}),
        Ask("PATCH", one, {"secret": "", "events": [{"entity": "PROMPT", "action": "CREATED"}]}),
        *(create(name) for name in ("-a", "a b", "ä", "a" * 64, "")),
        *(create(url=url) for url in ("  ", "http://8.8.8.8", "https://", "ftp://x", "x", "")),
        *(create(url=f"https://{host}/") for host in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]")),
        create(url="https://[::ffff:127.0.0.1]/"),
        create(events=[{"entity": "REGISTERED_MODEL", "action": "DELETED"}]),
        create(events=[{"entity": "PROMPT_TAG", "action": "CREATED"}]),
        create(events=[]),
        Ask("POST", WEBHOOKS, {**made.body, "status": "DISABLED"}, save={"v": "webhook.webhook_id"}),
        Ask("GET", WEBHOOKS, query={"max_results": 1001}),
        Ask("GET", WEBHOOKS, query={"max_results": -1}),
        Ask("GET", WEBHOOKS, query={"max_results": 1}),
        Ask("DELETE", one),
        *(Ask(verb, one, {} if verb != "GET" else None) for verb in ("GET", "PATCH", "DELETE")),
        Ask("POST", f"{one}/test", {}),
    ]


@pytest.mark.parametrize("dialect", ["sqlite"], scope="module")
def test_errors_and_answers_are_mlflows(
    databases: Databases, dialect: str, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    with databases.fresh(dialect) as uri:
        server = TrackwayServer(tmp_path, uri)  # with no more allowed than usual, as MLflow's
        server.start()
        try:
            assert not (found := compare(server.url, mlflow_server.url, asks())), "\n\n".join(found)
        finally:
            server.kill()
