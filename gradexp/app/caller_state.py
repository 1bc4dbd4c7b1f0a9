"""What a run from Python leaves as it was: logging, warnings, random streams, torch's settings, environment, folder."""

import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HANDLERS = vars(logging)["_handlerList"]  # weak references to all handlers, in the order of their creation
_NAMES = vars(logging)["_handlers"]
OWN_LOGGERS = ("gradexp", "hydra", "hydra_plugins", "lightning", "lightning_fabric", "lightning_utilities")


@contextmanager
def caller_state() -> Iterator[None]:
    """Restore, when the context ends, what the caller of a run can see of its process."""
    folder, environment = Path.cwd(), dict(os.environ)
    try:
        with warnings.catch_warnings(), _logging(), _random_streams(), _torch_settings():
            yield
    finally:
        os.chdir(folder)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)


@contextmanager
def _logging() -> Iterator[None]:
    """Hydra configures logging anew, and closes all handlers that it finds: it must not find the caller's.

    The handlers of the caller's root logger stay attached, as other threads of the caller go on logging. Lines of the
    run itself go to the handlers that Hydra adds, and not to both.
    """
    root = logging.getLogger()
    existing = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [
        (logger, logger.level, logger.handlers[:], logger.filters[:], logger.propagate, logger.disabled)
        for logger in (root, *existing)
    ]
    handlers, names = _HANDLERS[:], dict(_NAMES)
    _HANDLERS.clear()
    _NAMES.clear()
    callers = before[0][2]

    def remove(handler: logging.Handler) -> None:
        if handler not in callers:
            logging.Logger.removeHandler(root, handler)

    def is_callers(record: logging.LogRecord) -> bool:
        is_own = record.name.partition(".")[0] in OWN_LOGGERS and any(one not in callers for one in root.handlers)
        return not is_own and record.levelno >= _level(record.name, before[0][1])

    root.removeHandler = remove  # type: ignore[method-assign, assignment]  # which Hydra's configuration of logging calls
    for handler in callers:
        handler.addFilter(is_callers)
    try:
        yield
    finally:
        del root.removeHandler
        for handler in callers:
            handler.removeFilter(is_callers)
        for handler in root.handlers:
            if handler not in callers:
                handler.close()
        for logger, level, its_handlers, filters, propagate, disabled in before:
            logger.handlers[:], logger.filters[:] = its_handlers, filters
            logger.level, logger.propagate, logger.disabled = level, propagate, disabled
        root.setLevel(before[0][1])  # once, and last: it clears what all loggers remember of their levels
        _HANDLERS[:0] = handlers
        _NAMES.update(names)


def _level(name: str, of_root: int) -> int:
    """The lowest level that a logger lets through if the root logger has the level `of_root`."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None and logger.parent is not None:
        if logger.level:
            return logger.level
        logger = logger.parent
    return of_root


@contextmanager
def _random_streams() -> Iterator[None]:
    import numpy as np
    import torch

    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if gpus is not None:
            torch.cuda.set_rng_state_all(gpus)
        elif torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # by the run: as torch would have seeded them for the caller
            torch.cuda.manual_seed_all(torch.initial_seed())


@contextmanager
def _torch_settings() -> Iterator[None]:
    import torch

    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    deterministic = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = benchmark
        torch.use_deterministic_algorithms(deterministic, warn_only=warns_only)
