"""Versions of rows, which mark their state: each is another one, also between a server's workers."""

import os

from trackway.storage.database import new_version


def test_workers_that_were_forked_have_versions_of_their_own():
    drawn = []
    for _ in range(3):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.write(writing, b"%d" % new_version())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            drawn.append(int(pipe.read()))
    assert len({*drawn, new_version()}) == 4
