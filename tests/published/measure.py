"""One run of a published row. A module of its own, which processes can import."""

import tempfile

from tests.published.rows import Row


def measure(row: Row, seed: int, data_dir: str, accelerator: str) -> dict[str, float]:
    """The metrics of a run of the row."""
    from gradexp import run

    with tempfile.TemporaryDirectory() as folder:
        options = ("figures=false", f"data_dir={data_dir}", f"trainer.accelerator={accelerator}", f"seed={seed}")
        settings = (f"+experiment={row.experiment}", *row.overrides, *options, f"hydra.run.dir={folder}")
        metrics = run(*settings).metrics
    return {name: metrics[name] for name in row.metrics}
