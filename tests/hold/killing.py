"""Servers that stop in the middle of a change of an artifact, so that a test can kill them there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.services import TrackwayServer

# Python imports a module of this name at its start.
_HOOK = """
import importlib.abc, importlib.util, os, sys, time

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != {module!r}:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def execute(module):
            run(module)
            owner = module
            *above, last = {function!r}.split(".")
            for part in above:
                owner = getattr(owner, part)
            original = getattr(owner, last)

            def stop(*arguments):
                if not os.path.exists({flag!r}):
                    return original(*arguments)
                open({reached!r}, "w").close()
                time.sleep(600)

            setattr(owner, last, stop)

        spec.loader.exec_module = execute
        return spec

sys.meta_path.insert(0, Finder())
"""


class Stopping:
    """A server that, once ``arm`` has been called, does not return from the call of a function."""

    def __init__(
        self,
        serve: Callable[..., TrackwayServer],
        folder: Path,
        function: str,
        *options: str,
        **environment: str,
    ) -> None:
        module, _, name = function.partition(":")
        self._flag, self._reached = folder / "flag", folder / "reached"
        (folder / "hook").mkdir()
        text = _HOOK.format(module=module, function=name, flag=str(self._flag), reached=str(self._reached))
        (folder / "hook" / "sitecustomize.py").write_text(text)
        self.server = serve(*options, PYTHONPATH=str(folder / "hook"), **environment)

    def arm(self) -> None:
        self._flag.touch()

    def has_stopped(self) -> bool:
        return self._reached.exists()

    def kill_and_restart(self) -> None:
        """Kill all processes of the server, and start it again without the stop."""
        self.server.kill()
        self._flag.unlink()
        self.server.start()
