"""`python -m gradexp`, and the script `gradexp`."""

import atexit
import os
import sys
from contextlib import suppress

from gradexp.interrupts import install


def command() -> None:
    """Run `main`, and end the process without tidying up its memory, which takes Python 2 s once torch is imported.

    All that is registered to run at exit, and all threads that are waited for, have ended by then.
    """
    status = 1

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(status)

    atexit.register(end)  # registered first, so called last
    try:
        main()
        status = 0
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        raise


def main() -> None:
    """Run the command line; Ctrl-C is handled before the imports, which take longer than anything else."""
    install()
    if sys.argv[1:2] and sys.argv[1] in ("-sc", "--shell-completion"):
        from gradexp.app.completion_scripts import answer

        answer(sys.argv[2:])
        return
    from gradexp.app import spinner

    spinner.enable()
    spinner.show("starting")
    from gradexp.app.command_line import cli

    cli()


if __name__ == "__main__":
    command()
