"""`python -m gradexp`."""

from gradexp.app.command_line import cli

if __name__ == "__main__":
    cli()
