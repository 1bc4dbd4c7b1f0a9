"""Whether a fit that resumes has ended already, and what to type so that it goes on."""

from collections.abc import Iterator, Mapping
from typing import Any

from gradexp.app.tasks.resume_rules import Change
from gradexp.engine.lightning_internals import epochs_done, is_within_epoch
from gradexp.objective.optimizers import class_name

Config = Mapping[str, Any]

# A change of one of these may lift what has ended a fit before its last epoch and step.
ENDS_EARLY = ("early_stopping.", "callbacks.", "trainer.max_time", "trainer.min_epochs", "trainer.min_steps")
PATIENCE = 3  # the default of Lightning's EarlyStopping


def reached_limit(config: Config, checkpoint: Config) -> str:
    """Which limit the fit has reached, such as "trainer.max_epochs=9"; "" if none."""
    trainer = config["trainer"]
    for key, reached in (("max_epochs", epochs_done(checkpoint)), ("max_steps", checkpoint["global_step"])):
        if trainer[key] == reached:
            return f"trainer.{key}={reached}"
    return ""


def is_stopped(config: Config, checkpoint: Config, found: list[Change]) -> bool:
    """Whether early stopping, a time limit or another callback has ended the fit, and would end it now."""
    if not checkpoint.get("stopped"):
        return False
    trainer = config["trainer"]
    if (trainer.get("min_epochs") or 0) > epochs_done(checkpoint) + is_within_epoch(checkpoint):
        return False
    if (trainer.get("min_steps") or 0) > checkpoint["global_step"]:
        return False
    if not any(change.key.startswith(ENDS_EARLY) for change in found):
        return True
    return any(True for _ in _out_of_patience(config, checkpoint))


def how_to_go_on(config: Config, checkpoint: Config, laid_out: str, stopped: bool) -> str:
    """What to type beside a change, so that the ended fit goes on with it.

    Args:
        config: The configuration, as plain data.
        checkpoint: The checkpoint.
        laid_out: The class of a schedule that spreads its rates over the whole fit; "" if there is none.
        stopped: Whether the fit was stopped early, and would be now.
    """
    limit = reached_limit(config, checkpoint).partition("=")[0]
    if limit and laid_out:
        return (
            f"{limit} cannot grow, as {laid_out} spreads its learning rates over the whole fit: "
            "leave ckpt_path out to train anew."
        )
    typed = [f"more {limit}"] if limit else []
    if stopped:
        typed += _how_to_lift_the_stop(config, checkpoint)
    return f"Type {' and '.join(typed)} with it."


def _how_to_lift_the_stop(config: Config, checkpoint: Config) -> list[str]:
    patiences = [
        f"{key}={waited + 1} or more" + ", or null," * (key == "early_stopping.patience")
        for key, waited in _out_of_patience(config, checkpoint)
    ]
    if patiences:
        return patiences
    if config["trainer"].get("max_time") is not None:
        return ["a longer trainer.max_time, or null,"]
    return [f"trainer.min_epochs={epochs_done(checkpoint) + is_within_epoch(checkpoint) + 1} or more"]


def _out_of_patience(config: Config, checkpoint: Config) -> Iterator[tuple[str, int]]:
    """The key of each patience that is used up, and the number of measurements without an improvement."""
    own = {"monitor": config["monitor"], "mode": config["monitor_mode"], **config["early_stopping"]}
    stopping = {"early_stopping": own} if own["patience"] is not None else {}
    for name, section in config["callbacks"].items():
        if class_name(section) == "EarlyStopping":
            stopping[f"callbacks.{name}"] = {"mode": "min", "patience": PATIENCE} | section
    for key, settings in stopping.items():
        id_of_state = {name: settings.get(name) for name in ("monitor", "mode")}
        state = checkpoint["callbacks"].get(f"EarlyStopping{id_of_state}")
        if state is not None and state["wait_count"] >= max(1, settings["patience"]):
            yield f"{key}.patience", state["wait_count"]
