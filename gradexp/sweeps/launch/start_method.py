"""How a job's process starts further processes, such as those that read data."""

import multiprocessing


def restore_start_method() -> None:
    """Let multiprocessing start processes in the platform's way.

    A process of joblib's starts them in joblib's own way, in which those of a DataLoader cannot be started.
    """
    methods = multiprocessing.get_all_start_methods()  # the platform's default is the first
    if multiprocessing.get_start_method() not in methods:
        multiprocessing.set_start_method(methods[0], force=True)
