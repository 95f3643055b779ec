"""Programs of Debian's that stand before and behind the servers of a large installation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.services import HttpServer

EXAMPLES = ROOT / "docs" / "examples"


def find(program: str) -> str:
    """Its path, also where Debian keeps servers, or nothing."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def needs(program: str) -> pytest.MarkDecorator:
    """Skips where the program is not installed; fails there where it must be (see ``.ci/run``)."""
    if not find(program) and os.environ.get("TRACKWAY_REQUIRE_SCALE"):
        raise pytest.UsageError(f"TRACKWAY_REQUIRE_SCALE is set, but there is no {program}.")
    return pytest.mark.skipif(not find(program), reason=f"no {program} (apt-get install {program})")


def example(name: str, changes: dict[str, str]) -> str:
    """An example's text with other addresses; each that is changed must be in it."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


class Balancer(HttpServer):
    """A load balancer before servers, on the configuration that the documents recommend."""

    def __init__(self, folder: Path, servers: list[HttpServer]) -> None:
        super().__init__(folder, "")
        addresses = {f"127.0.0.1:500{number}": _address(server) for number, server in enumerate(servers, 1)}
        self._addresses = {"127.0.0.1:5000": _address(self), **addresses}


class HAProxy(Balancer):
    name = "haproxy"

    def command(self) -> list[str]:
        (self.folder / "haproxy.cfg").write_text(example("haproxy.cfg", self._addresses))
        return [find("haproxy"), "-db", "-f", str(self.folder / "haproxy.cfg")]


class Nginx(Balancer):
    name = "nginx"

    def command(self) -> list[str]:
        # Where it puts bodies and its pid: by default folders that only root may write to.
        places = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        changes = {**self._addresses, "http {\n": f"http {{\n    access_log off;\n{places}"}
        (self.folder / "nginx.conf").write_text(example("nginx.conf", changes))
        settings = f"daemon off; pid {self.folder}/pid; error_log {self.folder}/log info;"
        if os.getuid() == 0:  # its workers would be nobody, who may not enter a test's folder
            settings += " user root;"
        return [find("nginx"), "-p", str(self.folder), "-c", "nginx.conf", "-g", settings]


def _address(server: HttpServer) -> str:
    return server.url.removeprefix("http://")


__all__ = ["Balancer", "HAProxy", "Nginx", "example", "find", "needs"]
