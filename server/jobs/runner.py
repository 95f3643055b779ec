"""The runner of background jobs: each worker process has one, beside its request threads."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trackway.client_compat.errors import ApiError
from trackway.storage import jobs
from trackway.storage.database import Database
from trackway.storage.jobs import Job
from trackway.storage.traces import deletion
from trackway.storage.webhooks import outbox

from ..backend import Backend
from ..config import JobSettings
from .audit_seals import Sealer
from .backoff import delay_s
from .trace_archival import Archiver
from .trace_texts import TextIndexer

log = logging.getLogger("trackway.jobs")

# Does one job. Its last transaction calls jobs.finish, jobs.retry or jobs.give_up.
Work = Callable[[Database, Job], None]

_MAX_ATTEMPTS = 20


class Runner:
    """Runs due jobs: one thread takes them, and each job that is being done has a thread of its own.

    An idle server makes one index look-up every five seconds, in the process that holds the leader lock. The
    other processes ``stand_by``: they start no thread before they add a job, and connect to the database
    with their first request, which saves 5 MB in each. All threads are daemon threads, so they never delay
    the end of a process; the leases of its unfinished jobs then expire.
    """

    def __init__(
        self,
        backend: Backend,
        kinds: Mapping[str, Work],
        settings: JobSettings,
        periodic: Sequence[Callable[[], None]] = (),
    ) -> None:
        """``periodic`` are called by the leader at each poll; each decides whether it has something to do."""
        self._backend = backend
        self._periodic = periodic
        self._kinds = kinds
        self._max_jobs = settings.threads
        # A receiver that does not answer cannot take all threads: jobs for other receivers still run.
        self._max_jobs_per_lane = max(1, settings.threads // 2)
        self._lease_s = settings.lease_s
        self._poll_s = settings.poll_s
        self._wake = threading.Event()
        self._is_stopping = False
        # Whether the next turn of the loop queries the database even if another process is the leader: this
        # process has added or ended a job, or has seen one that becomes due before that turn.
        self._must_query = False
        self._lock = threading.Lock()
        # The running jobs, and when to renew the lease of each.
        self._running: dict[Job, float] = {}
        self._thread: threading.Thread | None = None
        self._next_leader_check = 0.0

    def start(self) -> None:
        """Start the runner's thread in this process. Call it after a fork, which does not copy threads."""
        jobs.listeners.add(self)
        self._start_thread()

    def stand_by(self) -> None:
        """Start the runner's thread when this process adds its first job or becomes the leader."""
        jobs.listeners.add(self)
        self.check_leadership()

    def check_leadership(self) -> None:
        """Start the runner's thread if this process gets the leader lock. The worker calls this regularly."""
        if self._thread is None and time.monotonic() >= self._next_leader_check:
            self._next_leader_check = time.monotonic() + self._poll_s
            if self._backend.leader_lock.acquire():
                self._start_thread()

    def set(self) -> None:
        """Wake the runner: this process has committed new jobs. (``jobs.Listener``)"""
        self._wake.set()
        self._start_thread()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Take no more jobs, wait for the running ones, and release the leases of those that do not end."""
        self._is_stopping = True
        self._wake.set()
        deadline = time.monotonic() + timeout_s
        if self._thread:
            self._thread.join(timeout_s)
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            unfinished = list(self._running)
        if unfinished:
            try:
                self._write(lambda tx: jobs.release(tx, unfinished))
            except ApiError as error:
                log.warning(
                    "cannot release unfinished jobs; other processes take them when their leases end: %s",
                    error.for_operators(),
                )

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is not None or self._is_stopping:
                return
            thread = threading.Thread(target=self._loop, name="trackway-jobs", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system allows no more threads; the leader's poll finds the jobs
                log.warning("cannot start the thread for background jobs; the leader process takes them")
            else:
                self._thread = thread

    def _loop(self) -> None:
        while not self._is_stopping:
            try:
                wait_s = self._run_due()
            except ApiError as error:
                log.warning("background jobs wait for the database: %s", error.for_operators())
                wait_s = self._poll_s
            except Exception:
                log.exception("cannot run background jobs; the next try is in %s seconds", self._poll_s)
                wait_s = self._poll_s
            self._must_query |= self._wake.wait(wait_s)
            self._wake.clear()

    def _run_due(self) -> float:
        """Renew leases and start the jobs that are due. Return the seconds to wait until the next turn."""
        self._renew_leases()
        with self._lock:
            free = self._max_jobs - len(self._running)
            lanes = Counter(job.lane for job in self._running if job.lane)
        full_lanes = [lane for lane, count in lanes.items() if count >= self._max_jobs_per_lane]
        wait_s = self._poll_s * random.uniform(0.8, 1.2)
        if self._running:
            wait_s = min(wait_s, self._lease_s / 3)
        if free <= 0:  # the end of a job wakes this thread
            return wait_s
        if self._backend.leader_lock.acquire():
            for call in self._periodic:
                call()
        elif not self._must_query:
            return wait_s
        kinds = list(self._kinds)
        due_ms = self._backend.database.run(lambda tx: jobs.next_due(tx, kinds, full_lanes), write=False)
        until_due_s = math.inf if due_ms is None else due_ms / 1000 - time.time()
        if until_due_s > 0:
            self._must_query = until_due_s <= wait_s
            return min(wait_s, until_due_s)
        # All jobs taken now may be of one lane, so take no more than the fullest open lane has room for.
        open_lanes = (count for count in lanes.values() if count < self._max_jobs_per_lane)
        room = self._max_jobs_per_lane - max(open_lanes, default=0)
        limit, lease_ms = min(free, room), int(self._lease_s * 1000)
        for job in self._write(lambda tx: jobs.take(tx, kinds, limit, lease_ms, full_lanes)):
            self._start_job(job)
        return 0.01

    def _start_job(self, job: Job) -> None:
        with self._lock:
            self._running[job] = time.monotonic() + self._lease_s / 3
        try:
            threading.Thread(
                target=self._run_job, args=(job,), name=f"trackway-{job.kind}", daemon=True
            ).start()
        except RuntimeError:  # the system allows no more threads; the job is taken again after its lease
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
            if job.attempts >= _MAX_ATTEMPTS:
                self._write(lambda tx: jobs.give_up(tx, job, error))
            else:
                self._write(lambda tx: jobs.retry(tx, job, delay_s(job.attempts), error))
        except Exception:
            log.exception("cannot postpone job %s; it is taken again when its lease ends", job.id)

    def _renew_leases(self) -> None:
        now = time.monotonic()
        with self._lock:
            expiring = [job for job, renew_at in self._running.items() if renew_at <= now]
        if expiring:
            self._write(lambda tx: jobs.renew(tx, expiring, int(self._lease_s * 1000)))
        with self._lock:
            self._running.update({job: now + self._lease_s / 3 for job in expiring if job in self._running})

    def _write(self, work: Callable[[Any], Any]) -> Any:
        return self._backend.database.run(work, write=True)


def warm_up(database: Database) -> None:
    """Query for due jobs once, so that the statement is compiled before the fork."""
    database.run(lambda tx: jobs.next_due(tx, [outbox.DELIVER]), write=False)


def make_runner(backend: Backend) -> Runner:
    """Return the runner with its table of job kinds. Each worker process starts it after the fork."""

    def deliver(database: Database, job: Job) -> None:
        from . import webhooks  # urllib3 and ssl take 5 MB, which a server without webhooks does not need

        webhooks.deliver(backend.config, database, job)

    def delete_files(database: Database, job: Job) -> None:
        from . import trace_files

        trace_files.delete(backend.artifacts, database, job)

    kinds = {outbox.DELIVER: deliver, deletion.DELETE_FILES: delete_files}
    periodic = [Sealer(backend).run, Archiver(backend).run, TextIndexer(backend).run]
    return Runner(backend, kinds, backend.config.variables.jobs, periodic)
