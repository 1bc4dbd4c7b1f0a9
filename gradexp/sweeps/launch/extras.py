"""Hydra's plugins that come with an extra of this package, and what to say where one is missing."""

from importlib.util import find_spec

EXTRAS = {
    "hydra_joblib_launcher": "joblib",
    "hydra_ray_launcher": "ray",
    "hydra_submitit_launcher": "slurm",
    "hydra_optuna_sweeper": "optuna",
}


def check_installed(target: str) -> None:
    """Hold the class of a launcher or sweeper, `hydra_plugins.PLUGIN.MODULE.CLASS`, against what is installed.

    Raises:
        ValueError: Its plugin is not.
    """
    plugin = target.split(".")[1]
    if plugin in EXTRAS and (find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None):
        raise ValueError(f"{plugin} must be installed for {target.rpartition('.')[2]}; it is not. {hint(plugin)}")


def hint(name: str) -> str:
    """How a plugin, or the one that brings an option such as "optuna", is installed; empty for any other option."""
    for plugin, extra in EXTRAS.items():
        if name == plugin or name.partition("_")[0] == plugin.split("_")[1]:
            return f"It comes with pip install 'gradexp[{extra}]' (in a checkout: uv sync --extra {extra})."
    return ""
