"""The tests' own ports: two servers of a run never get the same."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from tests import ports


def test_no_port_is_given_out_twice_in_a_process_or_beside_it():
    few = range(22_740, 22_940)
    ours = [ports._draw(few, (10_000,)) for _ in range(10)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as others:
        theirs = list(others.map(ports._draw, [few] * 5, [(10_000,)] * 5))
    assert len({*ours, *theirs}) == 15
