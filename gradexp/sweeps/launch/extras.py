"""Hydra's plugins that are extras of this package, and what a message says if one is missing."""

from importlib.util import find_spec

EXTRAS = {
    "hydra_joblib_launcher": "joblib",
    "hydra_ray_launcher": "ray",
    "hydra_submitit_launcher": "slurm",
    "hydra_optuna_sweeper": "optuna",
}


def check_installed(target: str) -> None:
    """Check that the plugin of a launcher or sweeper, `hydra_plugins.PLUGIN.MODULE.CLASS`, is installed.

    Raises:
        ValueError: It is not installed.
    """
    plugin = target.split(".")[1]
    if plugin in EXTRAS and (find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None):
        raise ValueError(f"{plugin} must be installed for {target.rpartition('.')[2]}; it is not. {hint(plugin)}")


def hint(name: str) -> str:
    """How to install a plugin, or the plugin of an option such as "optuna"; empty for any other option."""
    for plugin, extra in EXTRAS.items():
        if name == plugin or name.partition("_")[0] == plugin.split("_")[1]:
            return installed_by(extra)
    return ""


def installed_by(extra: str) -> str:
    """How to install an extra of this package."""
    return f"It is installed by uv sync --extra {extra} in a checkout, or pip install 'PATH/TO/WHEEL[{extra}]'."
