"""Many writers, who note what a server acknowledges, and look afterwards whether it is there.

A write is acknowledged by the status 200, refused by 503 or 507, and unanswered if the connection breaks. A
refused or unanswered write may be stored or not, but not in part; its writer goes on with the next one.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import sqlalchemy as sa

from trackway.storage.database import Database

API = "/api/2.0/mlflow"
SERVED = "/api/2.0/mlflow-artifacts/artifacts"
_KEYS = [f"m{number}" for number in range(10)]
_REFUSALS = {503, 507}


class Stored(NamedTuple):
    """The numbers of the writes that a server has in full, and those it has in part or with other values."""

    whole: set[int]
    torn: set[int]


class Outcome(NamedTuple):
    """``wrong`` are writes that are stored in part, and answers that are neither an acknowledgement nor a
    refusal.
    """

    acknowledged: int
    lost: int
    wrong: int
    refused: int
    unanswered: int
    complaints: list[str]

    def figures(self) -> dict[str, int]:
        values = self._asdict()
        del values["complaints"]
        return {"count": values.pop("acknowledged"), **values}


class Client:
    """A connection to one of several servers; after a failure, to the next one."""

    def __init__(self, urls: Sequence[str], first: int = 0) -> None:
        self._addresses = [url.removeprefix("http://") for url in urls]
        self._turn = first
        self._connection = self._open()

    def send(self, verb: str, path: str, data: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body. Raise ``OSError`` or ``HTTPException`` if there is no answer."""
        try:
            self._connection.request(verb, path, data, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            self._connection.close()
            self._turn += 1
            self._connection = self._open()
            raise

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        return self.send("POST", f"{API}/{path}", json.dumps(body).encode())

    def read(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        status, answer = self.send(verb, f"{API}/{path}", data)
        assert status == 200, answer
        return json.loads(answer)

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> HTTPConnection:
        return HTTPConnection(self._addresses[self._turn % len(self._addresses)], timeout=40)


class Writer(threading.Thread):
    """A client that writes one thing after another until the load is over. Subclasses say what."""

    def __init__(self, load: Load, name: str, first: int) -> None:
        super().__init__(name=name)
        self._load = load
        self.client = Client(load.urls, first)
        self.begun = 0
        self.acknowledged: list[int] = []
        self.refused = self.unanswered = 0
        self.complaints: list[str] = []

    def run(self) -> None:
        while not self._load.is_over.is_set():
            number = self.begun
            self.begun += 1
            try:
                status, body = self.write(number)
            except (OSError, HTTPException):
                self.unanswered += 1
                time.sleep(0.02)
                continue
            if status == 200:
                self.acknowledged.append(number)
            elif status in _REFUSALS and _has_sentence(body):
                self.refused += 1
                time.sleep(0.02)
            else:
                self.complaints.append(f"{self.name} {number}: {status} {body[:300]!r}")

    def prepare(self) -> None:
        """Create what the writes are about."""

    def write(self, number: int) -> tuple[int, bytes]:
        raise NotImplementedError

    def stored(self, client: Client) -> Stored:
        raise NotImplementedError


def _has_sentence(body: bytes) -> bool:
    try:
        return len(json.loads(body)["message"].split()) > 3
    except (ValueError, KeyError, TypeError):
        return False


class _OfRun(Writer):
    run_id = ""

    def prepare(self) -> None:
        run = self.client.read("POST", "runs/create", {"experiment_id": "0", "run_name": self.name})
        self.run_id = run["run"]["info"]["run_id"]

    def data(self, client: Client) -> Any:
        return client.read("GET", f"runs/get?run_id={self.run_id}")["run"]["data"]

    def history(self, client: Client, key: str) -> Iterator[Any]:
        query = {"run_id": self.run_id, "metric_key": key, "max_results": 25_000}
        while True:
            page = client.read("GET", f"metrics/get-history?{urlencode(query)}")
            yield from page.get("metrics", ())
            if not page.get("next_page_token"):
                return
            query["page_token"] = page["next_page_token"]


class Points(_OfRun):
    """log-metric: one point."""

    def write(self, number: int) -> tuple[int, bytes]:
        point = {"run_id": self.run_id, "key": "loss", "value": number / 2, "timestamp": 1, "step": number}
        return self.client.post("runs/log-metric", point)

    def stored(self, client: Client) -> Stored:
        values = {point["step"]: point["value"] for point in self.history(client, "loss")}
        torn = {number for number, value in values.items() if value != number / 2}
        return Stored(set(values) - torn, torn)


class Batches(_OfRun):
    """log-batch: ten metrics, a param and a tag that all have the batch's number."""

    def write(self, number: int) -> tuple[int, bytes]:
        points = [{"key": key, "value": number, "timestamp": number, "step": number} for key in _KEYS]
        batch = {
            "run_id": self.run_id,
            "metrics": points,
            "params": [{"key": f"p{number}", "value": "1"}],
            "tags": [{"key": f"t{number}", "value": "1"}],
        }
        return self.client.post("runs/log-batch", batch)

    def stored(self, client: Client) -> Stored:
        data = self.data(client)
        parts: Counter[int] = Counter(point["step"] for key in _KEYS for point in self.history(client, key))
        parts.update(int(param["key"][1:]) for param in data.get("params", ()))
        parts.update(int(tag["key"][1:]) for tag in data.get("tags", ()) if tag["key"][1:].isdecimal())
        whole = {number for number, count in parts.items() if count == len(_KEYS) + 2}
        return Stored(whole, set(parts) - whole)


class Tags(_OfRun):
    """set-tag: a tag of its own each time."""

    def write(self, number: int) -> tuple[int, bytes]:
        tag = {"run_id": self.run_id, "key": f"t{number}", "value": str(number)}
        return self.client.post("runs/set-tag", tag)

    def stored(self, client: Client) -> Stored:
        tags = {tag["key"]: tag["value"] for tag in self.data(client)["tags"] if tag["key"][1:].isdecimal()}
        torn = {int(key[1:]) for key, value in tags.items() if key[1:] != value}
        return Stored({int(key[1:]) for key in tags} - torn, torn)


class Runs(Writer):
    """create-run: a run with a name and two tags."""

    def write(self, number: int) -> tuple[int, bytes]:
        tags = [{"key": "writer", "value": self.name}, {"key": "number", "value": str(number)}]
        run = {"experiment_id": "0", "run_name": f"{self.name}-{number}", "start_time": number, "tags": tags}
        return self.client.post("runs/create", run)

    def stored(self, client: Client) -> Stored:
        whole, torn = set(), set()
        search: dict[str, Any] = {"experiment_ids": ["0"], "max_results": 1000}
        search["filter"] = f"attributes.run_name LIKE '{self.name}-%'"
        while True:
            page = client.read("POST", "runs/search", search)
            for run in page.get("runs", ()):
                number = int(run["info"]["run_name"].rpartition("-")[2])
                tags = {tag["key"]: tag["value"] for tag in run["data"].get("tags", ())}
                is_whole = (tags.get("writer"), tags.get("number")) == (self.name, str(number))
                (whole if is_whole and number not in whole else torn).add(number)
            if not page.get("next_page_token"):
                return Stored(whole, torn)
            search["page_token"] = page["next_page_token"]


class Versions(Writer):
    """create-model-version: a version with a tag."""

    def prepare(self) -> None:
        self.client.read("POST", "registered-models/create", {"name": self.name})

    def write(self, number: int) -> tuple[int, bytes]:
        tags = [{"key": "number", "value": str(number)}]
        version = {"name": self.name, "source": f"s3://bucket/{number}", "tags": tags}
        return self.client.post("model-versions/create", version)

    def stored(self, client: Client) -> Stored:
        whole, torn = set(), set()
        query = {"filter": f"name = '{self.name}'", "max_results": 1000}
        while True:
            page = client.read("GET", f"model-versions/search?{urlencode(query, quote_via=quote)}")
            for version in page.get("model_versions", ()):
                number = int(version["source"].rpartition("/")[2])
                is_whole = version.get("tags") == [{"key": "number", "value": str(number)}]
                (whole if is_whole and number not in whole else torn).add(number)
            if not page.get("next_page_token"):
                return Stored(whole, torn)
            query["page_token"] = page["next_page_token"]


class Files(Writer):
    """Uploads. Each file is written twice, with other contents."""

    def write(self, number: int) -> tuple[int, bytes]:
        return self.client.send("PUT", self._path(number), self._contents(number))

    def stored(self, client: Client) -> Stored:
        whole, torn = set(), set()
        for number in range(0, self.begun, 2):
            status, contents = client.send("GET", self._path(number))
            if status == 404:
                continue
            if status == 200 and contents == self._contents(number):
                whole.add(number)
            elif status == 200 and contents == self._contents(number + 1):
                whole |= {number, number + 1}
            else:
                torn.add(number)
        return Stored(whole, torn)

    def _path(self, number: int) -> str:
        return f"{SERVED}/load/{self.name}/{number // 2}"

    def _contents(self, number: int) -> bytes:
        return f"{self.name} {number}\n".encode() * (1, 1_000, 6_000)[number % 3]


class Load:
    """Writers of each kind, from ``start`` until ``end``. Their ``outcome`` is asked for afterwards."""

    KINDS: Sequence[type[Writer]] = (Points, Batches, Tags, Runs, Versions, Files)
    _numbers = iter(range(1_000_000))

    def __init__(self, urls: Sequence[str], *, each: int = 3) -> None:
        self.urls = urls
        self.is_over = threading.Event()
        name = f"load{next(self._numbers)}"
        self.writers = [
            kind(self, f"{name}-{kind.__name__.lower()}-{number}", number)
            for kind in self.KINDS
            for number in range(each)
        ]

    def start(self) -> None:
        for writer in self.writers:
            writer.prepare()
        for writer in self.writers:
            writer.start()

    def end(self) -> None:
        self.is_over.set()
        for writer in self.writers:
            if writer.is_alive():
                writer.join()
            writer.client.close()

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.end()

    def wait_for_each(self, patience_s: float = 60) -> float:
        """Wait until each writer has had a write acknowledged that it began after this call. Return the
        seconds.
        """
        began = time.monotonic()
        waiting = {writer: writer.begun for writer in self.writers}
        while waiting:
            waiting = {
                writer: number
                for writer, number in waiting.items()
                if not writer.acknowledged or writer.acknowledged[-1] < number
            }
            if time.monotonic() > began + patience_s:
                stuck = [f"{writer.name}: {writer.complaints[-1:]}" for writer in waiting]
                raise AssertionError(f"Not acknowledged within {patience_s:.0f} s: {stuck}")
            time.sleep(0.005)
        return time.monotonic() - began

    def outcome(self, url: str) -> Outcome:
        """Ask the server for everything that it acknowledged."""
        client = Client([url])
        lost = wrong = 0
        complaints: list[str] = []
        for writer in self.writers:
            stored = writer.stored(client)
            missing = set(writer.acknowledged) - stored.whole
            complaints += [f"{writer.name} {number} is lost" for number in sorted(missing)]
            complaints += [f"{writer.name} {number} is torn" for number in sorted(stored.torn)]
            complaints += writer.complaints
            lost += len(missing)
            wrong += len(stored.torn) + len(writer.complaints)
        client.close()
        return Outcome(
            sum(len(writer.acknowledged) for writer in self.writers),
            lost,
            wrong,
            sum(writer.refused for writer in self.writers),
            sum(writer.unanswered for writer in self.writers),
            complaints,
        )


_RUNS_OR_VERSIONS = {
    "CreateRun": "runs JOIN experiments AS parents ON parents.id = runs.experiment_id",
    "CreateModelVersion": "model_versions JOIN registered_models AS parents ON parents.id = model_id",
}


def unaudited(store_uri: str) -> int:
    """Return how many runs and versions have no audit row, or the reverse, if nothing was ever deleted."""
    database = Database(store_uri)
    try:
        with database.begin(write=False) as tx:
            difference = 0
            for action, rows in _RUNS_OR_VERSIONS.items():
                count = sa.text(f"SELECT count(*) FROM {rows} WHERE parents.workspace_id = 1")
                audited = sa.text("SELECT count(*) FROM audit WHERE workspace_id = 1 AND action = :action")
                difference += abs(
                    tx.execute(count).scalar_one() - tx.execute(audited, {"action": action}).scalar_one()
                )
            return difference
    finally:
        database.dispose()
