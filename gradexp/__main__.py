"""`python -m gradexp`, and the script `gradexp`."""

from gradexp.interrupts import install


def main() -> None:
    """Run the command line; Ctrl-C is handled before the imports, which take longer than anything else."""
    install()
    from gradexp.app.command_line import cli

    cli()


if __name__ == "__main__":
    main()
