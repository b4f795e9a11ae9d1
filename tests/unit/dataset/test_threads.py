"""Work in threads: results in order, few items ahead, the first error raised."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tasks.dataset.threads import count_threads, map_in_order, read_ahead, short_turns


def test_results_come_in_the_items_order() -> None:
    """Also when a later item is done first."""

    def wait(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    assert list(map_in_order(wait, [0.05, 0.0, 0.02, 0.0], 4)) == [0.05, 0.0, 0.02, 0.0]


def test_only_a_few_items_are_read_ahead() -> None:
    """The bound on memory: as many as there are threads, and one."""
    read: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            read.append(i)
            yield i

    results = map_in_order(lambda i: i, items(), 2)
    assert next(results) == 0
    assert len(read) == 3
    results.close()  # type: ignore[attr-defined]


def test_the_first_error_is_raised_and_the_rest_is_left() -> None:
    """In the order of the items, in the thread of the caller."""
    done: list[int] = []

    def divide(i: int) -> float:
        done.append(i)
        return 1 / (i - 3)

    results = map_in_order(divide, range(1000), 2)
    assert [next(results) for _ in range(3)] == [-1 / 3, -1 / 2, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(done) < 10


def test_it_works_in_other_threads() -> None:
    """Else it would gain nothing."""
    names = set(map_in_order(lambda _: threading.current_thread().name, range(8), 2))
    assert threading.current_thread().name not in names
    assert 1 <= count_threads() <= 4


def test_the_next_item_is_made_while_this_one_is_worked_on() -> None:
    """One ahead and no more; what it raises comes in its place, behind the items before it."""
    made: list[int] = []
    has_made = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for i in range(3):
            made.append(i)
            has_made.release()
            yield i
        raise ValueError("the fourth")

    ahead = read_ahead(items())
    assert next(ahead) == 0
    assert all(has_made.acquire(timeout=10) for _ in range(2))
    assert made == [0, 1]
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="the fourth"):
        next(ahead)


def test_nothing_is_read_ahead_of_nothing() -> None:
    """An empty stream stays one; a stream that is left early lets its thread go."""
    assert list(read_ahead([])) == []
    ahead = read_ahead(iter(range(1000)))
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]


def test_turns_are_short_for_the_time_of_a_with() -> None:
    """And as long as before afterwards, also when something is raised."""
    before = sys.getswitchinterval()
    with pytest.raises(KeyError), short_turns():
        assert sys.getswitchinterval() < before
        raise KeyError
    assert sys.getswitchinterval() == before
