"""Webhooks, and Trackway's own endpoints for their deliveries.

Handlers that resolve a host name or send a request have ``transaction="none"``, so that no transaction is
open meanwhile.
"""

from __future__ import annotations

import time

from trackway.client_compat import messages as m
from trackway.client_compat import webhook_rules
from trackway.client_compat.errors import InvalidParameter
from trackway.client_compat.trackway_webhooks import ListWebhookDeliveries, ReplayWebhookDelivery
from trackway.storage.database import Tx
from trackway.storage.secrets import Cipher
from trackway.storage.webhooks import deliveries, registrations

from ..auth import policy
from ..config import WebhookSettings
from ..dispatch import Context, handles

_DEFAULT_PAGE_SIZE = 100


@handles(m.CreateWebhook, can=policy.create_webhook, transaction="none")
def create_webhook(ctx: Context, req: m.CreateWebhook) -> m.CreateWebhook.Response:
    settings = ctx.config.variables.webhooks
    webhook_rules.check_name(req.name)
    _check_url(req.url, settings)
    events = webhook_rules.check_events(req.events)
    secret = _encrypted(ctx, settings, req.secret)

    def create(tx: Tx) -> m.CreateWebhook.Response:
        webhook = registrations.create(
            tx,
            name=req.name,
            url=req.url,
            events=events,
            description=req.description or None,
            secret=secret,
            status=req.status or m.WebhookStatus.ACTIVE,
        )
        return m.CreateWebhook.Response(webhook=webhook)

    return ctx.run(create, write=True)


@handles(m.GetWebhook, can=policy.read_webhooks)
def get_webhook(ctx: Context, req: m.GetWebhook) -> m.GetWebhook.Response:
    return m.GetWebhook.Response(webhook=registrations.get(ctx.tx, req.webhook_id))


@handles(m.ListWebhooks, can=policy.read_webhooks)
def list_webhooks(ctx: Context, req: m.ListWebhooks) -> m.ListWebhooks.Response:
    found, token = registrations.find_page(ctx.tx, req.max_results or _DEFAULT_PAGE_SIZE, req.page_token)
    return m.ListWebhooks.Response(webhooks=found, next_page_token=token)


@handles(m.UpdateWebhook, can=policy.edit_webhook, transaction="none")
def update_webhook(ctx: Context, req: m.UpdateWebhook) -> m.UpdateWebhook.Response:
    """Change a webhook. As in MLflow, an empty name, URL or list of events is ignored, and an empty secret
    removes the secret.
    """
    settings = ctx.config.variables.webhooks
    changes: dict[str, str | None] = {}
    if req.name:
        webhook_rules.check_name(req.name)
        changes["name"] = req.name
    if req.url:
        _check_url(req.url, settings)
        changes["url"] = req.url
    if req.description is not None:
        changes["description"] = req.description
    if req.secret is not None:
        changes["secret"] = _encrypted(ctx, settings, req.secret)
    if req.status is not None:
        changes["status"] = req.status
    events = webhook_rules.check_events(req.events) if req.events else None

    def update(tx: Tx) -> m.UpdateWebhook.Response:
        return m.UpdateWebhook.Response(webhook=registrations.update(tx, req.webhook_id, changes, events))

    return ctx.run(update, write=True)


@handles(m.DeleteWebhook, can=policy.delete_webhook)
def delete_webhook(ctx: Context, req: m.DeleteWebhook) -> m.DeleteWebhook.Response:
    registrations.delete(ctx.tx, req.webhook_id)
    return m.DeleteWebhook.Response()


@handles(m.TestWebhook, can=policy.edit_webhook, transaction="none")
def test_webhook(ctx: Context, req: m.TestWebhook) -> m.TestWebhook.Response:
    """Send an example event in one attempt, even if the webhook is disabled, and return the outcome."""
    from ..jobs.webhooks import send

    settings = ctx.config.variables.webhooks
    row = ctx.run(lambda tx: registrations.find(tx, req.webhook_id), write=False)
    requested = req.event or ctx.run(lambda tx: registrations.get(tx, req.webhook_id), write=False).events[0]
    event = webhook_rules.event_name(requested)
    delivery_id = deliveries.new_id()
    body = webhook_rules.body(event, time.time_ns() // 1_000_000, webhook_rules.EXAMPLES[event])
    attempt = send(ctx.config, settings, row.url, row.secret, delivery_id, body)
    outcome = attempt.outcome
    result = m.WebhookTestResult(
        success=attempt.is_delivered,
        response_status=outcome.status,
        response_body=outcome.text,
        error_message=f"Failed to test webhook: {outcome.error}" if outcome.error else None,
    )

    def record(tx: Tx) -> m.TestWebhook.Response:
        deliveries.record(tx, req.webhook_id, delivery_id, event, body, outcome, attempt.is_delivered)
        return m.TestWebhook.Response(result=result)

    return ctx.run(record, write=True)


@handles(ListWebhookDeliveries, can=policy.read_webhooks)
def list_webhook_deliveries(ctx: Context, req: ListWebhookDeliveries) -> ListWebhookDeliveries.Response:
    if req.state and req.state not in deliveries.STATES:
        raise InvalidParameter.invalid(
            "state", req.state, f"It must be one of {', '.join(deliveries.STATES)}."
        )
    found, token = deliveries.find_page(ctx.tx, req.webhook_id, req.state, req.max_results, req.page_token)
    return ListWebhookDeliveries.Response(deliveries=found, next_page_token=token)


@handles(ReplayWebhookDelivery, can=policy.edit_webhook)
def replay_webhook_delivery(ctx: Context, req: ReplayWebhookDelivery) -> ReplayWebhookDelivery.Response:
    delivery = deliveries.replay(ctx.tx, req.webhook_id, req.delivery_id)
    return ReplayWebhookDelivery.Response(delivery=delivery)


def _check_url(url: str, settings: WebhookSettings) -> None:
    """Raise ``InvalidParameter`` for a URL that deliveries could not use, so that the client learns it now.

    Each delivery checks the URL again.
    """
    from ..jobs.http_client import Forbidden, Unresolved, resolve

    host = webhook_rules.check_url(url, settings.schemes)
    if settings.allows_all:
        return
    try:
        resolve(host, None, settings.allowed)
    except (Forbidden, Unresolved) as error:
        raise InvalidParameter(str(error)) from None


def _encrypted(ctx: Context, settings: WebhookSettings, secret: str | None) -> str | None:
    return Cipher(ctx.config.backend_store_uri, settings.keys).encrypt(secret) if secret else None
