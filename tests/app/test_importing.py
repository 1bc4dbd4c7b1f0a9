"""The first import of torch searches for no garbage, and what it leaves is never searched again."""

import atexit
import gc
import logging
import sys
from collections.abc import Iterator

import pytest

from gradexp.app.importing import importing


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()
    atexit.unregister(gc.unfreeze)


def test_only_the_first_import_pauses_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", gc)
    gc.unfreeze()
    with importing():
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    monkeypatch.delitem(sys.modules, "torch")
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_user_who_has_turned_the_search_off_keeps_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.disable()
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with importing():
        pass
    assert not gc.isenabled()


def test_libraries_are_silent_afterwards() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.NOTSET)
    with importing():
        pass
    assert logging.getLogger("lightning.pytorch").level == logging.WARNING
