"""What a process of a Ray cluster does before its first job."""

import os


def enter_folder() -> None:
    """Go to the folder where the sweep's command was typed; Ray starts its processes where `ray start` was typed."""
    os.chdir(os.environ["GRADEXP_FOLDER"])
