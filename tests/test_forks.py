"""Forked processes share work, or this one does it all where it must not be forked."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

import pytest

from gradexp.forks import side_by_side, why_not_forked
from tests.processes import in_process


def _share() -> None:
    assert why_not_forked() is None
    items: list[Callable[[], tuple[int, str]]]  # that cannot be pickled
    items = [lambda: (os.getpid(), "a"), lambda: (os.getpid(), "b"), lambda: (os.getpid(), "c")]
    results = side_by_side(lambda item: item(), items, processes=2)
    assert [letter for _, letter in results] == ["a", "b", "c"]
    assert os.getpid() not in {process for process, _ in results}


def _raise() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 // item, [1, 0], processes=2)


def _die() -> None:
    with pytest.raises(BrokenProcessPool):
        side_by_side(lambda item: os.kill(os.getpid(), signal.SIGKILL), [0, 1], processes=2)


@pytest.mark.parametrize("check", [_share, _raise, _die])
def test_forked_processes_share_the_items_and_their_errors_and_deaths_are_told(check: Callable[[], None]) -> None:
    assert in_process(check) == 0  # in a process without threads of other tests, which may be forked


@pytest.mark.parametrize(("items", "processes"), [([1], 2), ([1, 2], 1), ([], 2)])
def test_one_process_needs_no_fork(items: list[int], processes: int) -> None:
    here = [os.getpid()] * len(items)
    assert side_by_side(lambda _: os.getpid(), items, processes) == here


def test_beside_another_thread_nothing_is_forked() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="a caller's")
    thread.start()
    try:
        assert "the process has a thread " in str(why_not_forked())
        assert side_by_side(lambda _: os.getpid(), [1, 2], processes=2) == [os.getpid()] * 2
    finally:
        end.set()
        thread.join()
