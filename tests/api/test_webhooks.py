"""Webhooks over HTTP: the JSON of MLflow's endpoints, and its errors."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.receiver import ALLOW_LOOPBACK, Receiver, receiver
from trackway.server.app import create_app
from trackway.server.config import Config
from trackway.storage.secrets import KEY_VARIABLE

WEBHOOKS = "/api/2.0/mlflow/webhooks"
OURS = "/api/3.0/trackway/webhooks"
MADE = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
# An address, so that no name has to be looked up.
SOMEWHERE = "https://8.8.8.8/hook"
KEY = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE="


pytestmark = pytest.mark.environment(**{KEY_VARIABLE: KEY})


@pytest.fixture
def hook():
    with receiver() as listening:
        yield listening


def create(api, **more):
    body = {"name": "hook", "url": SOMEWHERE, "events": [MADE], **more}
    answer = api.post(WEBHOOKS, json=body)
    assert answer.status_code == 200, answer.json
    return answer.json["webhook"]


def refused(answer) -> str:
    assert answer.status_code == 400, answer.json
    assert answer.json["error_code"] in {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
    return answer.json["message"]


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


@pytest.mark.environment(**{KEY_VARIABLE: ""})
def test_a_secret_needs_a_key_that_all_servers_share(api, dialect):
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


@pytest.mark.environment(**ALLOW_LOOPBACK)
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
    kept = api.get(f"{OURS}/{webhook['webhook_id']}/deliveries").json["deliveries"]
    assert [delivery["state"] for delivery in kept] == ["FAILED", "FAILED", "DELIVERED"]


@pytest.mark.environment(**ALLOW_LOOPBACK)
def test_a_test_does_not_go_where_webhooks_may_not(api, store_uri, hook: Receiver, monkeypatch):
    webhook = create(api, url=hook.url)
    monkeypatch.delenv("TRACKWAY_WEBHOOK_ALLOW_PRIVATE_ADDRESSES")
    stricter = create_app(Config(backend_store_uri=store_uri), start_jobs=False).test_client()
    result = stricter.post(f"{WEBHOOKS}/{webhook['webhook_id']}/test", json={}).json["result"]
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
