"""The smallest runs: what a case adds so that it ends soon, and how `prepare` runs commands."""

import sys

from gradexp.app.command_line import cli

# Nothing here changes what is read, checked and built. max_time ends what the other limits do not.
LIMITS = {
    "trainer.max_epochs": "trainer.max_epochs=1",
    "trainer.limit_train_batches": "++trainer.limit_train_batches=1",
    "trainer.limit_val_batches": "++trainer.limit_val_batches=1",
    "trainer.limit_test_batches": "++trainer.limit_test_batches=1",
    "trainer.max_time": "++trainer.max_time=00:00:00:02",
    "figures": "figures=false",
}


def limited(*overrides: str) -> list[str]:
    """The overrides, and limits for the keys that they leave alone."""
    keys = {one.lstrip("+~").partition("=")[0] for one in overrides}
    return [*overrides, *(limit for key, limit in LIMITS.items() if key not in keys)]


def succeed(*arguments: str) -> None:
    """Run `python -m gradexp ARGUMENTS`, which must succeed."""
    sys.argv = ["gradexp", *arguments]
    try:
        cli()
    except SystemExit as end:
        if end.code not in (None, 0):
            raise AssertionError(end.code) from end
