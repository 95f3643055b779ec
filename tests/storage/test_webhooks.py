"""Webhooks, the outbox, and the record of deliveries."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tests.databases import statements_of
from trackway.client_compat import messages as m
from trackway.client_compat import webhook_rules
from trackway.client_compat.errors import BadRequest, InvalidParameter, NotFound
from trackway.storage import jobs
from trackway.storage.database import Database, Tx
from trackway.storage.schema import tracking
from trackway.storage.schema import webhooks as schema
from trackway.storage.secrets import Cipher
from trackway.storage.webhooks import deliveries, outbox, registrations
from trackway.storage.webhooks.deliveries import Outcome

MADE = "registered_model.created"
DATA: dict[str, Any] = {"name": "iris", "tags": {}, "description": None}
OK = Outcome(duration_ms=12, status=200, text="thanks", error=None)


def make_webhook(
    tx: Tx, *, events: list[str] | None = None, status: str = "ACTIVE", name: str = "hook"
) -> str:
    made = registrations.create(
        tx,
        name=name,
        url="https://example.com/hook",
        events=events or [MADE],
        description=None,
        secret=None,
        status=status,
    )
    assert made.webhook_id
    return made.webhook_id


@pytest.fixture
def neighbour(tx: Tx) -> str:
    """A webhook of another workspace that wants to know of everything."""
    ours = tx.workspace
    tx.workspace = tx.execute(
        sa.select(tracking.workspaces.c.id).where(tracking.workspaces.c.name == "noise")
    ).scalar_one()
    made = make_webhook(tx, events=list(webhook_rules.EXAMPLES))
    tx.workspace = ours
    return made


def sent_to(tx: Tx, webhook_id: str) -> list[Any]:
    return deliveries.find_page(tx, webhook_id, None, 100, None)[0]


def attempt(tx: Tx, webhook_id: str, outcome: Outcome | None = OK, state: str = "DELIVERED") -> None:
    begun = deliveries.begin_attempt(tx, sent_to(tx, webhook_id)[0].delivery_id)
    assert begun
    if outcome:
        deliveries.end_attempt(tx, begun, outcome, state=state)


# ---- webhooks


def test_a_webhook_comes_back_as_it_was_made_but_for_its_secret(tx: Tx) -> None:
    made = registrations.create(
        tx,
        name="hook",
        url="https://example.com/hook",
        events=[MADE, "prompt.created"],
        description="all that is new",
        secret="encrypted",
        status="DISABLED",
    )
    assert registrations.get(tx, made.webhook_id or "") == made
    assert made == m.Webhook(
        webhook_id=made.webhook_id,
        name="hook",
        url="https://example.com/hook",
        events=[
            m.WebhookEvent(entity="PROMPT", action="CREATED"),
            m.WebhookEvent(entity="REGISTERED_MODEL", action="CREATED"),
        ],
        description="all that is new",
        status="DISABLED",
        creation_timestamp=tx.now_ms,
        last_updated_timestamp=tx.now_ms,
    )


def test_webhooks_are_listed_newest_first_in_pages(tx: Tx, neighbour: str) -> None:
    made = [make_webhook(tx, name=f"hook{number}") for number in range(5)]
    found: list[str | None] = []
    token, pages = None, 0
    while pages == 0 or token:
        page, token = registrations.find_page(tx, 2, token)
        found += [webhook.webhook_id for webhook in page]
        pages += 1
    assert (found, pages) == (made[::-1], 3)


def test_an_update_changes_what_it_names(tx: Tx) -> None:
    hook = make_webhook(tx)
    before = registrations.get(tx, hook)
    after = registrations.update(tx, hook, {"url": "https://example.org"}, ["prompt_tag.set"])
    assert (after.name, after.url, after.status) == (before.name, "https://example.org", before.status)
    assert after.events == [m.WebhookEvent(entity="PROMPT_TAG", action="SET")]
    assert registrations.update(tx, hook, {"name": "other"}, None).events == after.events


def test_a_deleted_webhook_is_gone_and_its_record_stays(tx: Tx) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    registrations.delete(tx, hook)
    with pytest.raises(NotFound, match=f"Webhook with ID {hook} not found."):
        registrations.get(tx, hook)
    assert registrations.find_page(tx, 10, None) == ([], None)
    assert len(sent_to(tx, hook)) == 1


def test_other_workspaces_webhooks_are_out_of_reach(tx: Tx, neighbour: str) -> None:
    for reach in (registrations.get, registrations.delete, sent_to):
        with pytest.raises(NotFound):
            reach(tx, neighbour)


# ---- the outbox


def test_an_event_goes_to_each_active_webhook_that_asked_for_it(tx: Tx, neighbour: str) -> None:
    asked = [make_webhook(tx), make_webhook(tx, events=["prompt.created", MADE])]
    others = [make_webhook(tx, events=["prompt.created"]), make_webhook(tx, status="DISABLED")]
    outbox.emit(tx, MADE, DATA)
    assert [len(sent_to(tx, hook)) for hook in asked + others] == [1, 1, 0, 0]
    sent = sent_to(tx, asked[0])[0]
    assert (sent.state, sent.attempts) == ("PENDING", [])
    body = json.loads(sent.body)
    assert body.pop("timestamp")
    assert body == {"entity": "registered_model", "action": "created", "data": DATA}
    assert len(jobs.take(tx, [outbox.DELIVER], 10, 1000)) == 2


def test_an_event_that_nobody_asked_for_costs_one_statement(
    database: Database, tx: Tx, neighbour: str
) -> None:
    make_webhook(tx, status="DISABLED")
    statements = statements_of(database)
    outbox.emit(tx, MADE, DATA)
    assert len(statements) == 1
    assert tx.first(jobs.NEXT_DUE, [outbox.DELIVER], []) is None


def test_an_event_is_gone_with_the_change_that_it_told_of(database: Database) -> None:
    database.run(make_webhook, write=True)

    def fail(tx: Tx) -> None:
        outbox.emit(tx, MADE, DATA)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.run(fail, write=True)
    assert database.run(lambda tx: jobs.next_due(tx, [outbox.DELIVER]), write=False) is None


def test_an_unknown_event_is_a_mistake_of_ours(tx: Tx) -> None:
    with pytest.raises(ValueError, match="no webhook event"):
        outbox.emit(tx, "registered_model.updated", DATA)


# ---- deliveries


def test_every_attempt_is_kept(tx: Tx) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    attempt(tx, hook, Outcome(5, None, None, "connection refused"), "PENDING")
    attempt(tx, hook, None)  # the server was killed here
    attempt(tx, hook, Outcome(7, 503, "busy", None), "PENDING")
    attempt(tx, hook)
    [delivery] = sent_to(tx, hook)
    assert delivery.state == "DELIVERED"
    kept = [(a.duration_ms, a.response_status, a.response_body) for a in delivery.attempts]
    assert kept == [(5, None, None), (None, None, None), (7, 503, "busy"), (12, 200, "thanks")]
    assert [a.error_message for a in delivery.attempts] == [
        "connection refused",
        "The outcome is not known: the server ended during this attempt.",
        None,
        None,
    ]


def test_what_is_delivered_is_not_sent_again_by_itself(tx: Tx) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    attempt(tx, hook)
    assert deliveries.begin_attempt(tx, sent_to(tx, hook)[0].delivery_id) is None


def test_an_answer_may_hold_any_character(tx: Tx) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    attempt(tx, hook, Outcome(5, 200, "\0\ufffd✓", "no\0"))
    assert sent_to(tx, hook)[0].attempts[0].response_body == "\ufffd\ufffd✓"


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_nothing_is_sent_to_a_webhook_that_is_no_more(tx: Tx, end: str) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    if end == "disabled":
        registrations.update(tx, hook, {"status": "DISABLED"}, None)
    else:
        registrations.delete(tx, hook)
    assert deliveries.begin_attempt(tx, sent_to(tx, hook)[0].delivery_id) is None
    assert sent_to(tx, hook)[0].state == "CANCELLED"


def test_a_replay_is_the_same_delivery_once_more(tx: Tx) -> None:
    hook = make_webhook(tx)
    outbox.emit(tx, MADE, DATA)
    attempt(tx, hook)
    before = sent_to(tx, hook)[0]
    for job in jobs.take(tx, [outbox.DELIVER], 10, 1000):
        jobs.finish(tx, job)
    assert deliveries.replay(tx, hook, before.delivery_id).state == "PENDING"
    [job] = jobs.take(tx, [outbox.DELIVER], 10, 1000)
    assert job.payload == {"delivery": before.delivery_id}
    attempt(tx, hook)
    after = sent_to(tx, hook)[0]
    assert (after.body, len(after.attempts)) == (before.body, 2)


def test_a_replay_needs_an_active_webhook_and_its_own_delivery(tx: Tx, neighbour: str) -> None:
    hook, other = make_webhook(tx), make_webhook(tx, events=["prompt.created"])
    outbox.emit(tx, MADE, DATA)
    delivery = sent_to(tx, hook)[0].delivery_id
    for wrong in (other, neighbour):
        with pytest.raises(NotFound):
            deliveries.replay(tx, wrong, delivery)
    registrations.update(tx, hook, {"status": "DISABLED"}, None)
    with pytest.raises(InvalidParameter, match="make it ACTIVE"):
        deliveries.replay(tx, hook, delivery)


def test_deliveries_come_in_pages_and_by_state(tx: Tx) -> None:
    hook = make_webhook(tx)
    for _ in range(5):
        outbox.emit(tx, MADE, DATA)
    attempt(tx, hook)
    ids = [delivery.delivery_id for delivery in sent_to(tx, hook)]
    first, token = deliveries.find_page(tx, hook, "PENDING", 3, None)
    rest, end = deliveries.find_page(tx, hook, "PENDING", 3, token)
    assert [delivery.delivery_id for delivery in first + rest] == ids[1:]
    assert (len(first), end) == (3, None)


# ---- secrets at rest


def test_a_secret_is_kept_encrypted_with_a_key_beside_the_database(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/trackway.db"
    kept = Cipher(uri).encrypt("s3cret")
    assert "s3cret" not in kept
    assert Cipher(uri).decrypt(kept) == "s3cret"
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.name, os.path.getsize(file)) == ("trackway-secrets.key", 44)


def test_several_servers_need_a_key_that_they_are_given() -> None:
    with pytest.raises(BadRequest, match="Set MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY to the same Fernet key"):
        Cipher("postgresql://host/trackway").encrypt("s3cret")
    key = Fernet.generate_key().decode()
    assert Cipher("postgresql://host/trackway", key).encrypt("s3cret")


def test_a_new_key_goes_in_front_of_the_old_one() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    kept = Cipher("postgresql://host/trackway", old).encrypt("s3cret")
    assert Cipher("postgresql://host/trackway", f"{new}, {old}").decrypt(kept) == "s3cret"
    with pytest.raises(BadRequest, match="a key that the server does not have"):
        Cipher("postgresql://host/trackway", new).decrypt(kept)


def test_what_is_no_key_is_said() -> None:
    with pytest.raises(BadRequest, match="is not a Fernet key"):
        Cipher("postgresql://host/trackway", "hunter2").encrypt("s3cret")


def test_a_deleted_webhooks_secret_is_gone(tx: Tx) -> None:
    hook = make_webhook(tx)
    registrations.update(tx, hook, {"secret": "encrypted"}, None)
    registrations.delete(tx, hook)
    assert tx.execute(sa.select(schema.webhooks.c.secret)).scalars().all() == [None]
