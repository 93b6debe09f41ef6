"""What a second core is worth beside the first just now.

Where the machine is a virtual one, its cores may be threads of one, or have others' work beside them: two processes
then do hardly more than one. What goes on in two processes loses by that what a rival in a single one does not.
Others who are at work on the machine let it seem more: two get more of a core that is shared than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median

from bench.apart import SPAWN

TIMES = 5
"""Of which a look takes the median."""
STEPS = 500_000


@contextmanager
def second_core() -> Iterator[Callable[[], float]]:
    """A function that looks how much two processes do at once, as a multiple of what one does alone: 2 at best."""
    pipes: list[Connection] = []
    processes = []
    for _ in range(2):
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=_work, args=(theirs,))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    try:
        _seconds(pipes)  # they have started
        yield lambda: median(2 * _seconds(pipes[:1]) / _seconds(pipes) for _ in range(TIMES))
    finally:
        for each in pipes:
            each.close()
        for process in processes:
            process.join()


def _seconds(pipes: list[Connection]) -> float:
    """What the slowest of them takes."""
    for each in pipes:
        each.send(None)
    return max(each.recv() for each in pipes)


def _work(pipe: Connection) -> None:
    """Some arithmetic and some memory, whenever it is asked for."""
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        begun, total, kept = time.perf_counter(), 0, dict[int, int]()
        for number in range(STEPS):
            total += number
            kept[number & 0xFFFF] = total
        pipe.send(time.perf_counter() - begun)
