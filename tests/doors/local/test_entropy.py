from __future__ import annotations

import os
import threading

from vedette.adapters.local.entropy import entropy


def test_no_byte_is_given_out_twice() -> None:
    given = [entropy(size) for size in (8, 32, 4096, 5000, 12) for _ in range(400)]
    assert [len(one) for one in given] == [size for size in (8, 32, 4096, 5000, 12) for _ in range(400)]
    assert len({one[:8] for one in given}) == len(given)


def test_threads_do_not_share_what_was_drawn() -> None:
    entropy(8)
    given: list[bytes] = []
    threads = [threading.Thread(target=lambda: given.extend(entropy(16) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 2000


def test_a_forked_child_does_not_give_out_its_parents_bytes() -> None:
    entropy(8)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, entropy(32))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        of_child = pipe.read()
    os.wait()
    assert len(of_child) == 32
    assert of_child != entropy(32)
