"""The command line: Hydra's entry, and the one place where errors become messages."""

import os
import sys

import hydra

from gradexp.app.errors import explain, traceback_wanted
from gradexp.app.experiment import main
from gradexp.app.section_loader import class_sections
from gradexp.configuration.files import CONF_DIR
from gradexp.sweeps.launch.grid_sweeper import register


def cli() -> None:
    """Run the command line; a user's error prints one message and exits with status 1."""
    show_traceback = traceback_wanted()
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        register()
        with class_sections():
            hydra.main(config_path=str(CONF_DIR), config_name="config", version_base="1.3")(main)()
    except Exception as error:
        message = explain(error)
        if message is None or show_traceback:
            raise
        sys.exit(message)
