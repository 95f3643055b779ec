"""What each server process works off in the background, beside its requests."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from trackway.client_compat.errors import ApiError
from trackway.storage import jobs
from trackway.storage.database import Database
from trackway.storage.jobs import Job
from trackway.storage.webhooks import outbox

from ..backend import Backend
from ..config import JobSettings
from .backoff import delay_s

log = logging.getLogger("trackway.jobs")

# Does one job and ends it: finish, retry or give_up in its last transaction.
Work = Callable[[Database, Job], None]

_ATTEMPTS = 20


class Runner:
    """One thread that takes what is due, and one for each job that is being done.

    Idle, it costs one look at an index every five seconds, in one of a server's processes, the one that has
    the watch. Others that ``stand_by`` have no thread before they make a job, and connect to the database
    with their first request: 5 MB less in each. All threads are daemons: a process that has to end does, and
    the leases of what it leaves behind run out.
    """

    def __init__(self, backend: Backend, kinds: Mapping[str, Work], settings: JobSettings) -> None:
        self._backend = backend
        self._kinds = kinds
        self._most = settings.threads
        # Of each lane, so that one receiver that does not answer leaves room for the others.
        self._most_of_lane = max(1, settings.threads // 2)
        self._lease_s = settings.lease_s
        self._poll_s = settings.poll_s
        self._wake = threading.Event()
        self._is_stopping = False
        # Whether the next turn has something to look for: a call of our own, or what will be due by then.
        self._is_called = False
        self._lock = threading.Lock()
        # When the lease of each running job is to be renewed.
        self._running: dict[Job, float] = {}
        self._thread: threading.Thread | None = None
        self._next_check = 0.0

    def start(self) -> None:
        """Begin in this process; not before a fork, which leaves threads behind."""
        jobs.listeners.add(self)
        self._start_thread()

    def stand_by(self) -> None:
        """Begin in this process with its first job, or once it is the leader."""
        jobs.listeners.add(self)
        self.check_leadership()

    def check_leadership(self) -> None:
        """Begin to look for what others have left once the watch is ours; to be called now and then."""
        if self._thread is None and time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + self._poll_s
            if self._backend.leader_lock.acquire():
                self._start_thread()

    def set(self) -> None:
        """Jobs have been added in this process."""
        self._wake.set()
        self._start_thread()

    def stop(self, patience_s: float = 5.0) -> None:
        """Take nothing more, wait for what runs, and leave the rest to others."""
        self._is_stopping = True
        self._wake.set()
        deadline = time.monotonic() + patience_s
        if self._thread:
            self._thread.join(patience_s)
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            left = list(self._running)
        if left:
            try:
                self._write(lambda tx: jobs.release(tx, left))
            except ApiError as error:
                log.warning("jobs in hand are free when their leases end, not now: %s", error.for_operators())

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is not None or self._is_stopping:
                return
            thread = threading.Thread(target=self._loop, name="trackway-jobs", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread is to be had: the one with the watch finds the job
                log.warning("background work waits for a thread")
            else:
                self._thread = thread

    def _loop(self) -> None:
        while not self._is_stopping:
            try:
                wait_s = self._run_due()
            except ApiError as error:
                log.warning("background work waits for the database: %s", error.for_operators())
                wait_s = self._poll_s
            except Exception:
                log.exception("background work failed; it goes on in %s seconds", self._poll_s)
                wait_s = self._poll_s
            self._is_called |= self._wake.wait(wait_s)
            self._wake.clear()

    def _run_due(self) -> float:
        """Start what is due; how many seconds there is nothing to do afterwards."""
        self._renew_leases()
        with self._lock:
            free = self._most - len(self._running)
            lanes = Counter(job.lane for job in self._running if job.lane)
        full = [lane for lane, count in lanes.items() if count >= self._most_of_lane]
        wait_s = self._poll_s * random.uniform(0.8, 1.2)
        if self._running:
            wait_s = min(wait_s, self._lease_s / 3)
        if free <= 0:  # the end of a job wakes us
            return wait_s
        if not (self._is_called or self._backend.leader_lock.acquire()):
            return wait_s
        kinds = list(self._kinds)
        due = self._backend.database.run(lambda tx: jobs.next_due(tx, kinds, full), write=False)
        ahead_s = math.inf if due is None else due / 1000 - time.time()
        if ahead_s > 0:
            self._is_called = ahead_s <= wait_s
            return min(wait_s, ahead_s)
        # All that is taken may be of the fullest lane that is not full.
        room = self._most_of_lane - max((n for n in lanes.values() if n < self._most_of_lane), default=0)
        most, lease_ms = min(free, room), int(self._lease_s * 1000)
        for job in self._write(lambda tx: jobs.take(tx, kinds, most, lease_ms, full)):
            self._start_job(job)
        return 0.01

    def _start_job(self, job: Job) -> None:
        with self._lock:
            self._running[job] = time.monotonic() + self._lease_s / 3
        try:
            threading.Thread(
                target=self._run_job, args=(job,), name=f"trackway-{job.kind}", daemon=True
            ).start()
        except RuntimeError:  # no thread is to be had: the job is free again when its lease ends
            with self._lock:
                del self._running[job]
            raise

    def _run_job(self, job: Job) -> None:
        try:
            self._kinds[job.kind](self._backend.database, job)
        except Exception as error:
            log.exception("job %s (%s) failed", job.id, job.kind)
            self._postpone(job, f"{type(error).__name__}: {error}")
        finally:
            with self._lock:
                self._running.pop(job, None)
            self._wake.set()

    def _postpone(self, job: Job, error: str) -> None:
        try:
            if job.attempts >= _ATTEMPTS:
                self._write(lambda tx: jobs.give_up(tx, job, error))
            else:
                self._write(lambda tx: jobs.retry(tx, job, delay_s(job.attempts), error))
        except Exception:
            log.exception("job %s could not be put off; it is free again when its lease ends", job.id)

    def _renew_leases(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [job for job, renew_at in self._running.items() if renew_at <= now]
        if old:
            self._write(lambda tx: jobs.renew(tx, old, int(self._lease_s * 1000)))
        with self._lock:
            self._running.update({job: now + self._lease_s / 3 for job in old if job in self._running})

    def _write(self, work: Callable[[Any], Any]) -> Any:
        return self._backend.database.run(work, write=True)


def warm_up(database: Database) -> None:
    """Ask for due jobs as the one with the watch does, so that the statement is made before the fork."""
    database.run(lambda tx: jobs.next_due(tx, [outbox.DELIVER]), write=False)


def make_runner(backend: Backend) -> Runner:
    """What works off jobs in each process that starts it, with the settings as they are now."""

    def deliver(database: Database, job: Job) -> None:
        from . import webhooks  # with urllib3 and ssl, 5 MB that a server without webhooks does not need

        webhooks.deliver(backend.config, database, job)

    return Runner(backend, {outbox.DELIVER: deliver}, backend.config.variables.jobs)
