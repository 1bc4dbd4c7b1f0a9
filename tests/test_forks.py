"""Forked processes share work, or this one does it all where it must not be forked."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

import pytest

from gradexp.forks import side_by_side, why_not_forked


def test_processes_share_the_items_and_nothing_but_results_is_pickled() -> None:
    items: list[Callable[[], tuple[int, str]]]
    items = [lambda: (os.getpid(), "a"), lambda: (os.getpid(), "b"), lambda: (os.getpid(), "c")]
    results = side_by_side(lambda item: item(), items, processes=2)
    assert [letter for _, letter in results] == ["a", "b", "c"]
    assert os.getpid() not in {process for process, _ in results}


def test_what_an_item_raises_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 // item, [1, 0], processes=2)


def test_a_process_that_dies_is_an_error_and_nothing_hangs() -> None:
    with pytest.raises(BrokenProcessPool):
        side_by_side(lambda item: os.kill(os.getpid(), signal.SIGKILL), [0, 1], processes=2)


@pytest.mark.parametrize(("items", "processes"), [([1], 2), ([1, 2], 1), ([], 2)])
def test_one_process_needs_no_fork(items: list[int], processes: int) -> None:
    here = [os.getpid()] * len(items)
    assert side_by_side(lambda _: os.getpid(), items, processes) == here


def test_beside_another_thread_nothing_is_forked() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="a caller's")
    thread.start()
    try:
        assert why_not_forked() == "the process has a thread a caller's"
        assert side_by_side(lambda _: os.getpid(), [1, 2], processes=2) == [os.getpid()] * 2
    finally:
        end.set()
        thread.join()
