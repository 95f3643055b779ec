"""What webhooks hear of the registry: MLflow's events with MLflow's payloads, on every database."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories import make_registered_model, make_version
from trackway.client_compat import webhook_rules
from trackway.storage.database import Tx
from trackway.storage.registry import aliases, model_versions, registered_models, stages
from trackway.storage.schema.webhooks import deliveries
from trackway.storage.webhooks import registrations

PROMPT = {"mlflow.prompt.is_prompt": "true"}


@pytest.fixture(autouse=True)
def _webhook(tx: Tx) -> None:
    """One that wants to know of everything."""
    registrations.create(
        tx,
        name="all",
        url="https://example.com/hook",
        events=list(webhook_rules.EXAMPLES),
        description=None,
        secret=None,
        status="ACTIVE",
    )


def heard(tx: Tx) -> list[tuple[str, dict[str, Any]]]:
    """The events and what they tell, as they came."""
    rows = tx.execute(sa.select(deliveries.c.event, deliveries.c.body).order_by(deliveries.c.id))
    found = [(row.event, json.loads(row.body)["data"]) for row in rows]
    for event, data in found:
        assert data.keys() == webhook_rules.EXAMPLES[event].keys()
    return found


def test_events_of_models(tx: Tx) -> None:
    make_registered_model(tx, "iris", description="flowers", tags={"k": "v"})
    make_version(tx, "iris", source="s3://b/1", run_id="r", description="first", tags={"k": "v"})
    make_version(tx, "iris", source="s3://b/2")
    model_versions.set_tag(tx, "iris", "1", "l", "")
    model_versions.delete_tag(tx, "iris", "1", "l")
    aliases.put(tx, "iris", "champion", "1")
    aliases.put(tx, "iris", "champion", "2")
    aliases.delete(tx, "iris", "champion")
    version = {"name": "iris", "version": "1"}
    alias = {"name": "iris", "alias": "champion"}
    assert heard(tx) == [
        ("registered_model.created", {"name": "iris", "tags": {"k": "v"}, "description": "flowers"}),
        (
            "model_version.created",
            {**version, "source": "s3://b/1", "run_id": "r", "tags": {"k": "v"}, "description": "first"},
        ),
        (
            "model_version.created",
            {
                "name": "iris",
                "version": "2",
                "source": "s3://b/2",
                "run_id": None,
                "tags": {},
                "description": None,
            },
        ),
        ("model_version_tag.set", {**version, "key": "l", "value": ""}),
        ("model_version_tag.deleted", {**version, "key": "l"}),
        ("model_version_alias.created", {**alias, "version": "1"}),
        ("model_version_alias.created", {**alias, "version": "2"}),
        ("model_version_alias.deleted", alias),
    ]


def test_events_of_prompts(tx: Tx) -> None:
    make_registered_model(tx, "hello", description="d", tags={**PROMPT, "k": "v"})
    tags = {**PROMPT, "mlflow.prompt.text": "Hello {{who}}", "_mlflow_prompt_type": "text", "k": "v"}
    make_version(tx, "hello", source="dummy-source", tags=tags)
    registered_models.set_tag(tx, "hello", "l", "1")
    registered_models.delete_tag(tx, "hello", "l")
    model_versions.set_tag(tx, "hello", "1", "l", "1")
    model_versions.delete_tag(tx, "hello", "1", "l")
    aliases.put(tx, "hello", "best", "1")
    aliases.delete(tx, "hello", "best")
    version = {"name": "hello", "version": "1"}
    assert heard(tx) == [
        ("prompt.created", {"name": "hello", "tags": {"k": "v"}, "description": "d"}),
        (
            "prompt_version.created",
            {**version, "template": "Hello {{who}}", "tags": {"k": "v"}, "description": None},
        ),
        ("prompt_tag.set", {"name": "hello", "key": "l", "value": "1"}),
        ("prompt_tag.deleted", {"name": "hello", "key": "l"}),
        ("prompt_version_tag.set", {**version, "key": "l", "value": "1"}),
        ("prompt_version_tag.deleted", {**version, "key": "l"}),
        ("prompt_alias.created", {"name": "hello", "alias": "best", "version": "1"}),
        ("prompt_alias.deleted", {"name": "hello", "alias": "best"}),
    ]


def test_what_mlflow_does_not_tell(tx: Tx) -> None:
    make_registered_model(tx, "iris", versions=2)
    before = len(heard(tx))
    registered_models.set_tag(tx, "iris", "k", "v")
    registered_models.delete_tag(tx, "iris", "k")
    registered_models.describe(tx, "iris", "d")
    model_versions.describe(tx, "iris", "1", "d")
    stages.transition(tx, "iris", "1", "Production", False)
    registered_models.rename(tx, "iris", "flower")
    model_versions.delete(tx, "flower", "1")
    registered_models.delete(tx, "flower")
    assert len(heard(tx)) == before
