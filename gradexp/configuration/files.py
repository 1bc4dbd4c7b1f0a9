"""The files of configurations: the YAML files of the package, and the record in a run's folder."""

from pathlib import Path
from typing import Any

from gradexp.untrusted import read_yaml

# A wheel contains conf/ inside the package, a checkout beside it.
CONF_DIR = next(path for path in (parent / "conf" for parent in Path(__file__).parents[1:3]) if path.is_dir())

HYDRA_FOLDER = ".hydra"  # in a run's folder: the configuration that ran, and the typed overrides

# Settings that are taken from the command line alone, never from a file that others may have written: packages that may
# be imported, and an address to which requests go.
TYPED_ALONE = ("trusted_packages", "data.mirror")

# Of a sweep's manifest also what is read, and where is written, besides the sweep itself.
TYPED_FOR_SWEEP = (*TYPED_ALONE, "data_dir", "ckpt_path", "init_from", "input", "sweep_dir")
SWEEP_TASKS = ("train", "bias_variance", "audit")  # tasks that a manifest may name: they work in the job's folder

# Sections of a recorded configuration that reports read.
SECTIONS = ("data", "model", "loss", "optimizer", "scheduler", "regularizer", "trainer", "metrics")

RECORDED = "the configuration that a run recorded"  # what .hydra/config.yaml is
TYPED = "the list of overrides that a run recorded"  # what .hydra/overrides.yaml is


def run_of(ckpt_path: str | None) -> Path | None:
    """The run folder of a checkpoint, RUN of RUN/checkpoints/NAME.ckpt; None for a checkpoint outside of runs."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).absolute().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and has_config(run) else None


def has_config(run: Path) -> bool:
    """Whether a run's folder contains the configuration that ran."""
    return (run / HYDRA_FOLDER / "config.yaml").is_file()


def read_config(run: Path) -> dict[str, Any]:
    """The configuration that ran, as plain data; empty if the run has not written it. Interpolations stay text.

    Raises:
        ValueError: The file is damaged.
    """
    content = _read(run, "config.yaml", RECORDED)
    if not isinstance(content, dict | None):
        raise ValueError(f"{run / HYDRA_FOLDER / 'config.yaml'} must be {RECORDED}; it is a {type(content).__name__}.")
    return content or {}


def read_job_config(job: Path) -> dict[str, Any]:
    """The configuration that ran, of a job of a sweep, with the parts that every report needs; empty if unwritten.

    Raises:
        ValueError: The file is damaged, or lacks a part.
    """
    config = read_config(job)
    wrong = _wrong_part(config) if config else ""
    if wrong:
        raise ValueError(f"{job / HYDRA_FOLDER / 'config.yaml'} must be {RECORDED}; {wrong}.")
    return config


def _wrong_part(config: dict[str, Any]) -> str:
    """What is wrong with the parts of a recorded configuration; "" if nothing is."""
    for key in SECTIONS:
        if not isinstance(config.get(key, {}), dict):
            return f"its {key} must be a section of keys and values; got {config[key]!r}"
    for key in ("name", "monitor"):
        if not isinstance(config.get(key, ""), str):
            return f"its {key} must be text; got {config[key]!r}"
    seed = config.get("seed", 0)
    if not isinstance(seed, int):
        return f"its seed must be a number; got {seed!r}"
    data = config.get("data", {}).get("_target_")
    return "" if isinstance(data, str) else f"its data._target_ must be a class; got {data!r}"


def read_overrides(run: Path) -> list[str]:
    """The typed overrides of a run; empty if the run has not written them.

    Raises:
        ValueError: The file is damaged.
    """
    content = _read(run, "overrides.yaml", TYPED) or []
    if not isinstance(content, list) or not all(isinstance(line, str) for line in content):
        raise ValueError(f"{run / HYDRA_FOLDER / 'overrides.yaml'} must be {TYPED}; it is not a list of texts.")
    return content


def read_hydra(run: Path) -> dict[str, Any]:
    """Hydra's part of a run's configuration; empty if the run has not written it.

    Raises:
        ValueError: The file is damaged.
    """
    content = _read(run, "hydra.yaml", RECORDED)
    return content if isinstance(content, dict) else {}


def _read(run: Path, name: str, what: str) -> Any:
    path = run / HYDRA_FOLDER / name
    return read_yaml(path, what) if path.is_file() else None
