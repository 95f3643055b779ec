"""Programs from Debian packages that large installations use with the servers, such as load balancers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.services import HttpServer

EXAMPLES = ROOT / "docs" / "examples"


def find(program: str) -> str:
    """Return the path of a program, also in Debian's folders for servers, or an empty string."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test if the program is missing; with ``TRACKWAY_REQUIRE_SCALE`` (``.ci/run``) raise an error."""
    if not find(program) and os.environ.get("TRACKWAY_REQUIRE_SCALE"):
        raise pytest.UsageError(f"TRACKWAY_REQUIRE_SCALE is set, but there is no {program}.")
    return pytest.mark.skipif(not find(program), reason=f"no {program} (apt-get install {program})")


def example(name: str, changes: dict[str, str]) -> str:
    """Return the text of an example with replacements. Each old text must occur in it."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


class Balancer(HttpServer):
    """A load balancer in front of servers, with the configuration that the documentation recommends."""

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
        # Its default folders for bodies and pid are writable for root only.
        places = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        changes = {**self._addresses, "http {\n": f"http {{\n    access_log off;\n{places}"}
        (self.folder / "nginx.conf").write_text(example("nginx.conf", changes))
        settings = f"daemon off; pid {self.folder}/pid; error_log {self.folder}/log info;"
        if os.getuid() == 0:  # by default its workers run as nobody, without access to the test's folder
            settings += " user root;"
        return [find("nginx"), "-p", str(self.folder), "-c", "nginx.conf", "-g", settings]


def _address(server: HttpServer) -> str:
    return server.url.removeprefix("http://")


__all__ = ["Balancer", "HAProxy", "Nginx", "example", "find", "needs"]
