"""Serve MLflow's web UI: ``/`` and everything below ``/static-files/``, and fetched chart libraries.

The UI uses relative URLs for its files and the API, so a static prefix needs no code here. Its routes are
in the fragment of the URL (after ``#``), so ``/`` is the only page that a browser requests. Its file gets a
script of our own (``page_script``); all other files are sent as they are.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from html import escape
from pathlib import Path

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.http import is_resource_modified
from werkzeug.security import safe_join

import trackway
from trackway.server.auth import shared
from trackway.server.config import Config
from trackway.server.edge import waiting
from trackway.server.edge.flask_pages import REQUEST
from trackway.server.ui import files, libraries
from trackway.server.ui.page_script import Link, page_script, split_sources
from trackway.server.version import MLFLOW_VERSION

_HASHED = re.compile(r"\.[0-9a-f]{8,32}\.")
_CACHE_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
# A table of our own, because the system's MIME types differ between machines, and some images have none.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".cjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".eot": "application/vnd.ms-fontobject",
}
_CHUNK = 128 * 1024


def mount(
    app: Flask,
    config: Config,
    served: Collection[tuple[str, str]],
    links: Sequence[Link] = (),
    *,
    has_log_in: bool = False,
) -> None:
    """Add the routes of the UI to the application.

    ``served`` are the requests that have a handler, ``links`` lead from MLflow's pages to our own.
    """
    pages = Pages(config, served, links, has_log_in)

    @app.get("/")
    def home() -> Response:
        if request.script_root and _lacks_slash(request.script_root):
            # Without the slash the page's relative URLs would leave the prefix.
            return redirect(request.script_root + "/", 308)  # type: ignore[return-value]
        return pages.home()

    @app.get("/static-files/<path:path>")
    def static_file(path: str) -> Response:
        return pages.static_file(path)

    @app.get(libraries.ROUTE + "<name>")
    def chart_library(name: str) -> Response:
        return pages.chart_library(name)


class Pages:
    """Responses with the files of the UI, or with a page that says how to fetch them."""

    def __init__(
        self, config: Config, served: Collection[tuple[str, str]], links: Sequence[Link], has_log_in: bool
    ) -> None:
        self._chosen = config.ui_folder
        self._timeout_s = config.transfer_timeout
        self._policy = content_policy(config.ui_allowed_sources)
        self._served = served
        self._links = links
        self._has_log_in = has_log_in
        self._allowed_sources = config.ui_allowed_sources
        self._folder: Path | None = None
        self._compressed: dict[Path, bytes] = {}
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path | None:
        """Return the UI's folder, or None. A missing one is searched again, so a fetch needs no restart."""
        if self._folder is None or not (self._folder / files.INDEX).is_file():
            self._folder = files.find(self._chosen)
        return self._folder

    def home(self) -> Response:
        folder = self.folder
        if folder is None:
            return Response(
                _missing_files_page(), mimetype="text/html", headers={"Cache-Control": "no-store"}
            )
        index = folder / files.INDEX
        rights = request.environ[REQUEST].identity.rights
        link = rights.link if rights else None
        # Visitors of a share link cannot use our own pages.
        script = page_script(
            self._served,
            self._allowed_sources,
            libraries.names(),
            () if link else self._links,
            shared.page_of(link) if link else "",
            has_log_in=self._has_log_in and not link,
        ).encode()
        script_hash = hashlib.blake2b(script, digest_size=8).hexdigest()
        headers = {
            "Content-Type": _TYPES[".html"],
            "Cache-Control": _REVALIDATE,
            "Content-Security-Policy": self._policy,
            "ETag": f'"{_etag(index.stat())}-{script_hash}"',
        }
        if not is_resource_modified(request.environ, headers["ETag"]):
            return Response(status=304, headers=headers)
        body = index.read_bytes().replace(b"<head>", b"<head>" + script, 1)
        return Response(body, headers=headers)

    def static_file(self, path: str) -> Response:
        folder = self.folder
        found = folder and safe_join(str(folder), path)
        if not found or not os.path.isfile(found):  # False for a name that is too long, unlike Path.is_file
            raise NoRoute
        return self._send(Path(found))

    def chart_library(self, name: str) -> Response:
        found = libraries.find(name)
        if found is None:
            raise NoRoute
        return self._send(found)

    def _send(self, path: Path) -> Response:
        status = path.stat()
        is_small = status.st_size < files.MIN_COMPRESSED_SIZE or path.suffix not in files.COMPRESSIBLE
        is_gzipped = not is_small and request.accept_encodings["gzip"] > 0
        etag = f'"{_etag(status)}{"-gzip" if is_gzipped else ""}"'
        headers = {
            "Content-Type": _TYPES.get(path.suffix, "application/octet-stream"),
            "Cache-Control": _CACHE_FOREVER if _HASHED.search(path.name) else _REVALIDATE,
            "ETag": etag,
        }
        if not is_small:
            headers["Vary"] = "Accept-Encoding"
        if not is_resource_modified(request.environ, etag):
            return Response(status=304, headers=headers)
        if is_gzipped:
            headers["Content-Encoding"] = "gzip"
        body = self._gzipped(path) if is_gzipped else path.read_bytes()
        headers["Content-Length"] = str(len(body))
        if len(body) <= _CHUNK:
            return Response(body, headers=headers)
        waiting.set_timeout(request.environ, self._timeout_s)
        return Response(_ChunkedBody(body), headers=headers, direct_passthrough=True)

    def _gzipped(self, path: Path) -> bytes:
        """Return a file as gzip: the copy beside it, else compressed once and cached (7 MB for all files)."""
        beside = path.with_name(path.name + ".gz")
        if beside.is_file():
            return beside.read_bytes()
        with self._lock:
            if path not in self._compressed:
                self._compressed[path] = gzip.compress(path.read_bytes(), 6, mtime=0)
            return self._compressed[path]


class _ChunkedBody:
    """A response body. Its thread does not count as busy while the client receives the body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._pool: waiting.Pool | None = None

    def __iter__(self) -> Iterator[bytes]:
        self._pool = waiting.begin_client_wait(receives=False)
        return (self._body[start : start + _CHUNK] for start in range(0, len(self._body), _CHUNK))

    def close(self) -> None:
        waiting.end_client_wait(self._pool)
        self._pool = None


def content_policy(allowed_sources: str) -> str:
    """Return the Content-Security-Policy of the UI: load from this server and inline content only.

    MLflow sends no policy. Inline scripts are permitted for HTML artifacts, which the UI shows in a frame
    that inherits the policy. ``allowed_sources`` are comma-separated sources that are permitted as well.
    """
    sources = ["'self'", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"]
    sources += split_sources(allowed_sources)
    return f"default-src {' '.join(sources)}; base-uri 'self'; form-action 'self'"


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _lacks_slash(prefix: str) -> bool:
    path: str = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    return path.partition("?")[0].endswith(prefix)


def _missing_files_page() -> str:
    address = request.url_root.rstrip("/")
    return _MISSING_FILES_PAGE.format(
        version=trackway.__version__,
        mlflow=MLFLOW_VERSION,
        command=files.FETCH_COMMAND,
        address=escape(address),
    )


_MISSING_FILES_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trackway</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem }}
pre {{ background: #8882; border-radius: 6px; padding: .75rem 1rem; overflow-x: auto }}
</style></head><body>
<h1>Trackway {version}</h1>
<p>The server is running and implements the API of MLflow {mlflow}. The files of the web UI are not installed
yet. To install them, run this command on the server's machine and reload the page:</p>
<pre>{command}</pre>
<p>Clients do not need the web UI. Set their tracking URI:</p>
<pre>export MLFLOW_TRACKING_URI={address}</pre>
<p>Health check: <a href="ready">{address}/ready</a></p>
</body></html>
"""
