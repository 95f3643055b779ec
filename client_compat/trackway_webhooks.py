"""Trackway's own endpoints for webhook deliveries: list them with their attempts, and send one again."""

from __future__ import annotations

from . import messages as m
from .wire import Endpoint, Message


class WebhookAttempt(Message):
    """One request to a webhook's URL. An attempt without `duration_ms` has not ended yet."""

    _fields = {
        "timestamp": "int64",
        "duration_ms": "int64",
        "response_status": "int32",
        "response_body": "string",
        "error_message": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        timestamp: int | None = None,
        duration_ms: int | None = None,
        response_status: int | None = None,
        response_body: str | None = None,
        error_message: str | None = None,
    ) -> None:
        self.timestamp = timestamp
        self.duration_ms = duration_ms
        self.response_status = response_status
        self.response_body = response_body
        self.error_message = error_message


class WebhookDelivery(Message):
    """One event for one webhook. `state` is PENDING, DELIVERED, FAILED or CANCELLED.

    All attempts, also those of a replay, send `delivery_id` in the header X-MLflow-Delivery-Id.
    """

    _fields = {
        "delivery_id": "string",
        "webhook_id": "string",
        "event": "WebhookEvent",
        "state": "string",
        "creation_timestamp": "int64",
        "body": "string",
        "attempts": "WebhookAttempt[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        delivery_id: str | None = None,
        webhook_id: str | None = None,
        event: m.WebhookEvent | None = None,
        state: str | None = None,
        creation_timestamp: int | None = None,
        body: str | None = None,
        attempts: list[WebhookAttempt] | None = None,
    ) -> None:
        self.delivery_id = delivery_id
        self.webhook_id = webhook_id
        self.event = event
        self.state = state
        self.creation_timestamp = creation_timestamp
        self.body = body
        self.attempts = [] if attempts is None else attempts


class ListWebhookDeliveries(Message):
    """Deliveries of a webhook, newest first, all or those in one state. The webhook may be deleted."""

    _fields = {"webhook_id": "string", "state": "string", "max_results": "int32", "page_token": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"deliveries": "WebhookDelivery[]", "next_page_token": "string"}
        __slots__ = tuple(_fields)

        def __init__(
            self, *, deliveries: list[WebhookDelivery] | None = None, next_page_token: str | None = None
        ) -> None:
            self.deliveries = [] if deliveries is None else deliveries
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        webhook_id: str,
        state: str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> None:
        self.webhook_id = webhook_id
        self.state = state
        self.max_results = max_results
        self.page_token = page_token


class ReplayWebhookDelivery(Message):
    """Send a delivery again, in any state. Its id and body stay the same. The webhook must be active."""

    _fields = {"webhook_id": "string", "delivery_id": "string"}
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {"delivery": "WebhookDelivery"}
        __slots__ = tuple(_fields)

        def __init__(self, *, delivery: WebhookDelivery | None = None) -> None:
            self.delivery = delivery

    def __init__(self, *, webhook_id: str, delivery_id: str) -> None:
        self.webhook_id = webhook_id
        self.delivery_id = delivery_id


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/3.0/trackway/webhooks/<webhook_id>/deliveries",
        "ListWebhookDeliveries",
        ListWebhookDeliveries,
        ListWebhookDeliveries.Response,
        "Trackway",
    ),
    Endpoint(
        "POST",
        "/3.0/trackway/webhooks/<webhook_id>/deliveries/<delivery_id>/replay",
        "ReplayWebhookDelivery",
        ReplayWebhookDelivery,
        ReplayWebhookDelivery.Response,
        "Trackway",
    ),
)
