"""`python -m gradexp`, and the script `gradexp`."""

import sys

from gradexp.interrupts import install


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
    main()
