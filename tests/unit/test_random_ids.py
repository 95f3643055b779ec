"""Numbers that must differ, in a process and between a server's workers."""

import os
import random

from trackway.storage.database import random_ids


def test_workers_that_were_forked_have_numbers_of_their_own():
    drawn = []
    for _ in range(3):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.write(writing, b"%d" % random_ids.bits(62))
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            drawn.append(int(pipe.read()))
    assert len({*drawn, random_ids.bits(62)}) == 4


def test_nobody_else_sets_them_back():
    drawn = []
    for _ in range(3):
        random.seed(1)
        drawn.append(random_ids.bits(62))
    assert len(set(drawn)) == 3
