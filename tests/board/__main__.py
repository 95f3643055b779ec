"""``make board``: run the calls with every client release and write COMPATIBILITY.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from . import clients, report
from .play import ABSENT, WORKED, play, stage


def main() -> int:
    parser = argparse.ArgumentParser(prog="make board", description=__doc__)
    parser.add_argument("versions", nargs="*", help="only these, for example 2.9; writes no COMPATIBILITY.md")
    parser.add_argument("--lock", action="store_true", help="resolve the requirements again (needs uv)")
    options = parser.parse_args()
    unknown = set(options.versions) - {client.minor for client in clients.CLIENTS}
    if unknown:
        parser.error(f"not a release on the board: {', '.join(sorted(unknown))}")
    chosen = [c for c in clients.CLIENTS if not options.versions or c.minor in options.versions]
    if options.lock:
        clients.lock([*chosen, *clients.ADMINS], _say)
        return 0
    for client in chosen:
        clients.install(client, _say)
    played = []
    with tempfile.TemporaryDirectory(prefix="trackway-board-") as folder, stage(Path(folder)) as place:
        for client in chosen:
            _say(f"calling with {client.version}")
            each = play(client, place)
            counts = f"{each.count(WORKED)} worked, {each.count(ABSENT)} not in that client"
            _say(f"{counts}, {len(each.failures)} failed")
            played.append(each)
    if not options.versions:
        report.FILE.write_text(report.markdown(played))
        _say(f"wrote {report.FILE.name}")
    problems = report.problems(played)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _say(words: str) -> None:
    print(f"==> {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
