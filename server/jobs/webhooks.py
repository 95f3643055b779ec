"""Bringing deliveries to webhooks: one attempt at a time, its outcome kept, the next one later."""

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

_KEPT_OF_ANSWER = 2000
_LONGEST_WAIT_S = 3600.0


class AttemptResult(NamedTuple):
    """An attempt's outcome, and what follows from it."""

    outcome: Outcome
    is_delivered: bool
    may_pass_later: bool = False
    retry_after_s: float = 0.0


def deliver(config: Config, database: Database, job: Job) -> None:
    """Do a job of the kind ``outbox.DELIVER``."""
    how = config.variables.webhooks
    delivery_id = job.payload["delivery"]

    def begin(tx: Tx) -> deliveries.Attempt | None:
        attempt = deliveries.begin_attempt(tx, delivery_id)
        if attempt is None:
            jobs.finish(tx, job)
        return attempt

    attempt = database.run(begin, write=True, workspace=job.workspace)
    if attempt is None:
        return
    sent = send(config, how, attempt.url, attempt.secret, delivery_id, attempt.body)
    outcome = sent.outcome._replace(text=(sent.outcome.text or "")[:_KEPT_OF_ANSWER])
    is_over = sent.is_delivered or not sent.may_pass_later or job.attempts > how.max_retries
    state = DELIVERED if sent.is_delivered else FAILED if is_over else PENDING
    problem = outcome.error or f"HTTP {outcome.status}"

    def end(tx: Tx) -> None:
        deliveries.end_attempt(tx, attempt, outcome, state=state)
        if is_over:
            jobs.finish(tx, job)
        else:
            wait_s = min(max(delay_s(job.attempts), sent.retry_after_s), _LONGEST_WAIT_S)
            jobs.retry(tx, job, wait_s, problem)

    database.run(end, write=True, workspace=job.workspace)
    if not sent.is_delivered:
        level = logging.WARNING if is_over else logging.INFO
        log.log(level, "webhook delivery %s, attempt %d: %s", delivery_id, attempt.number, problem)


def send(
    config: Config, how: WebhookSettings, url: str, secret: str | None, delivery_id: str, body: str
) -> AttemptResult:
    """Make one attempt. Never raises for what the receiver, the network or a key may do."""
    started = time.monotonic()

    def failed(error: str, *, may_pass_later: bool) -> AttemptResult:
        return AttemptResult(Outcome(_since(started), None, None, error), False, may_pass_later)

    try:
        webhook_rules.check_url(url, how.schemes)
    except ApiError as error:
        return failed(error.message, may_pass_later=False)
    try:
        key = Cipher(config.backend_store_uri, how.keys).decrypt(secret) if secret else None
    except (ApiError, OSError) as error:
        return failed(str(error), may_pass_later=True)
    headers = webhook_rules.headers(delivery_id, int(time.time()), body, key)
    try:
        answer = http_client.post(url, body.encode(), headers, timeout_s=how.timeout_s, allowed=how.allowed)
    except http_client.Forbidden as error:
        return failed(str(error), may_pass_later=False)
    except http_client.Failure as error:
        return failed(str(error), may_pass_later=True)
    return _result_of(answer, _since(started))


def _result_of(answer: http_client.Answer, duration_ms: int) -> AttemptResult:
    status = answer.status
    error = None
    if 300 <= status < 400:
        error = f"The receiver answered with a redirect ({status}), which is not followed."
    return AttemptResult(
        Outcome(duration_ms, status, answer.text, error),
        is_delivered=200 <= status < 300,
        may_pass_later=status == 429 or status >= 500,
        retry_after_s=answer.retry_after_s or 0.0,
    )


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
