"""Webhooks as in MLflow: events, payloads, headers, signatures, and checks of registrations.

From MLflow 3.17's `entities/webhook.py`, `utils/validation.py` and `webhooks/`. The error messages are the
same, because clients may match them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from . import messages as m
from .errors import InvalidParameter

DELIVERY_ID_HEADER = "X-MLflow-Delivery-Id"
TIMESTAMP_HEADER = "X-MLflow-Timestamp"
SIGNATURE_HEADER = "X-MLflow-Signature"

_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)

_TAGS = {"example_key": "example_value"}
_TAG = {"key": "example_key", "value": "example_value"}
_MODEL = {"name": "example_model"}
_PROMPT = {"name": "example_prompt"}
_VERSION = {"version": "1"}
_ALIAS = {"alias": "example_alias"}

# All events, each with the data that a test of a webhook sends. Real events have the same keys.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "registered_model.created": {**_MODEL, "tags": _TAGS, "description": "An example registered model"},
    "model_version.created": {
        **_MODEL,
        **_VERSION,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": _TAGS,
        "description": "An example model version",
    },
    "model_version_tag.set": {**_MODEL, **_VERSION, **_TAG},
    "model_version_tag.deleted": {**_MODEL, **_VERSION, "key": "example_key"},
    "model_version_alias.created": {**_MODEL, **_ALIAS, **_VERSION},
    "model_version_alias.deleted": {**_MODEL, **_ALIAS},
    "prompt.created": {**_PROMPT, "tags": _TAGS, "description": "An example prompt"},
    "prompt_version.created": {
        **_PROMPT,
        **_VERSION,
        "template": "Hello {{name}}!",
        "tags": _TAGS,
        "description": "An example prompt version",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": "example_key"},
    "prompt_version_tag.set": {**_PROMPT, **_VERSION, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT, **_VERSION, "key": "example_key"},
    "prompt_alias.created": {**_PROMPT, **_ALIAS, **_VERSION},
    "prompt_alias.deleted": {**_PROMPT, **_ALIAS},
    "budget_policy.exceeded": {
        "budget_policy_id": "bp-abc123",
        "budget_unit": "USD",
        "budget_amount": 100.0,
        "current_spend": 105.50,
        "duration_unit": "MONTHS",
        "duration_value": 1,
        "target_scope": "ENDPOINT",
        "workspace": "default",
        "target_value": "ep-abc123",
        "window_start": 1704067200000,
    },
}


def event_name(event: m.WebhookEvent) -> str:
    """Return the event's name, such as ``registered_model.created``.

    Raise InvalidParameter for a pair of entity and action that is not in `EXAMPLES`.
    """
    entity, action = (event.entity or "").lower(), (event.action or "").lower()
    name = f"{entity}.{action}"
    if name not in EXAMPLES:
        valid = sorted(known.partition(".")[2] for known in EXAMPLES if known.startswith(f"{entity}."))
        raise InvalidParameter(f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {valid}")
    return name


def event_message(name: str) -> m.WebhookEvent:
    """Return the message for an event's name, the inverse of `event_name`."""
    entity, _, action = name.partition(".")
    return m.WebhookEvent(entity=entity.upper(), action=action.upper())


def body(event: str, time_ms: int, data: Mapping[str, Any]) -> str:
    """Return the JSON text to send, in MLflow's format."""
    entity, _, action = event.partition(".")
    time = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
    return json.dumps({"entity": entity, "action": action, "timestamp": time, "data": data})


def headers(delivery_id: str, time_s: int, sent: str, secret: str | None) -> dict[str, str]:
    """Return the headers of one attempt to send the body `sent`. With a secret they include a signature."""
    result = {
        "Content-Type": "application/json",
        DELIVERY_ID_HEADER: delivery_id,
        TIMESTAMP_HEADER: str(time_s),
    }
    if secret:
        signed = f"{delivery_id}.{time_s}.{sent}"
        digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
        result[SIGNATURE_HEADER] = "v1," + base64.b64encode(digest).decode()
    return result


def check_name(name: str) -> None:
    """Check the length and the characters of a webhook's name."""
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f"Webhook name {name!r} is invalid. It must start and end with a letter or digit, "
            "be less than 63 characters long, and contain only letters, digits, dots (.), "
            "underscores (_), and hyphens (-)."
        )


def check_events(events: Collection[m.WebhookEvent]) -> list[str]:
    """Return the names of the events, sorted and without duplicates."""
    if not events:
        raise InvalidParameter("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    return sorted({event_name(event) for event in events})


def check_url(url: str, schemes: Collection[str]) -> str:
    """Check a webhook's URL. Return its host name; its address is checked when it is resolved."""
    if not url.strip():
        raise InvalidParameter(f"Webhook URL cannot be empty or just whitespace: {url!r}")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise InvalidParameter(f"Invalid webhook URL {url!r}: {error!r}") from None
    if parts.scheme not in schemes:
        raise InvalidParameter(
            f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: {', '.join(schemes)}."
        )
    if not host:
        raise InvalidParameter(f"Webhook URL must include a hostname: {url!r}")
    return host
