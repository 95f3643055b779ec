"""Delivers webhook events: a job makes one attempt, stores its outcome, and is retried if it failed."""

from __future__ import annotations

import logging
import time
from typing import NamedTuple

from trackway.client_compat import webhook_rules
from trackway.client_compat.errors import ApiError
from trackway.storage import jobs
from trackway.storage.database import Database, Tx
from trackway.storage.jobs import Job
from trackway.storage.secrets import Cipher
from trackway.storage.webhooks import deliveries
from trackway.storage.webhooks.deliveries import Outcome
from trackway.storage.webhooks.outbox import DELIVERED, FAILED, PENDING

from ..config import Config, WebhookSettings
from . import http_client
from .backoff import delay_s

log = logging.getLogger("trackway.jobs")

_MAX_STORED_CHARS = 2000
_MAX_WAIT_S = 3600.0


class AttemptResult(NamedTuple):
    """The outcome of an attempt, whether a retry may succeed, and the wait that the receiver asked for."""

    outcome: Outcome
    is_delivered: bool
    is_retryable: bool = False
    retry_after_s: float = 0.0


def deliver(config: Config, database: Database, job: Job) -> None:
    """Do a job of the kind ``outbox.DELIVER``: make one attempt, then finish or postpone the job.

    No transaction is open while the request is sent.
    """
    settings = config.variables.webhooks
    delivery_id = job.payload["delivery"]

    def begin(tx: Tx) -> deliveries.Attempt | None:
        attempt = deliveries.begin_attempt(tx, delivery_id)
        if attempt is None:
            jobs.finish(tx, job)
        return attempt

    attempt = database.run(begin, write=True, workspace=job.workspace)
    if attempt is None:
        return
    result = send(config, settings, attempt.url, attempt.secret, delivery_id, attempt.body)
    outcome = result.outcome._replace(text=(result.outcome.text or "")[:_MAX_STORED_CHARS])
    is_final = result.is_delivered or not result.is_retryable or job.attempts > settings.max_retries
    state = DELIVERED if result.is_delivered else FAILED if is_final else PENDING
    problem = outcome.error or f"HTTP {outcome.status}"

    def end(tx: Tx) -> None:
        deliveries.end_attempt(tx, attempt, outcome, state=state)
        if is_final:
            jobs.finish(tx, job)
        else:
            wait_s = min(max(delay_s(job.attempts), result.retry_after_s), _MAX_WAIT_S)
            jobs.retry(tx, job, wait_s, problem)

    database.run(end, write=True, workspace=job.workspace)
    if not result.is_delivered:
        level = logging.WARNING if is_final else logging.INFO
        log.log(level, "webhook delivery %s, attempt %d: %s", delivery_id, attempt.number, problem)


def send(
    config: Config, settings: WebhookSettings, url: str, secret: str | None, delivery_id: str, body: str
) -> AttemptResult:
    """Make one attempt. Errors of the receiver, the network or the secret's key are returned, not raised."""
    started = time.monotonic()

    def failed(error: str, *, is_retryable: bool) -> AttemptResult:
        return AttemptResult(Outcome(_elapsed_ms(started), None, None, error), False, is_retryable)

    try:
        webhook_rules.check_url(url, settings.schemes)
    except ApiError as error:
        return failed(error.message, is_retryable=False)
    try:
        key = Cipher(config.backend_store_uri, settings.keys).decrypt(secret) if secret else None
    except (ApiError, OSError) as error:
        return failed(str(error), is_retryable=True)
    headers = webhook_rules.headers(delivery_id, int(time.time()), body, key)
    try:
        answer = http_client.post(
            url, body.encode(), headers, timeout_s=settings.timeout_s, allowed=settings.allowed
        )
    except http_client.Forbidden as error:
        return failed(str(error), is_retryable=False)
    except http_client.Failure as error:
        return failed(str(error), is_retryable=True)
    return _result_of(answer, _elapsed_ms(started))


def _result_of(answer: http_client.Answer, duration_ms: int) -> AttemptResult:
    status = answer.status
    error = None
    if 300 <= status < 400:
        error = f"The receiver answered with a redirect ({status}), which is not followed."
    return AttemptResult(
        Outcome(duration_ms, status, answer.text, error),
        is_delivered=200 <= status < 300,
        is_retryable=status == 429 or status >= 500,
        retry_after_s=answer.retry_after_s or 0.0,
    )


def _elapsed_ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
