"""The rules of `trainer.*`, Lightning's arguments: many wrong values would cause a traceback or go unnoticed."""

import re
from collections.abc import Mapping
from typing import Any

from gradexp.rules import ACCUMULATION, BOOLEAN, COUNT, POSITIVE, TEXT, WHOLE, Rule, list_of, one_of, or_null

PRECISIONS = (
    "32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true",
    "transformer-engine", "transformer-engine-float16", "64", "32", "16", "bf16",
)  # fmt: skip
# Of Lightning's registry, those whose processes run the command again.
STRATEGIES = (
    "auto", "ddp", "ddp_find_unused_parameters_false", "ddp_find_unused_parameters_true", "deepspeed",
    "deepspeed_stage_1", "deepspeed_stage_2", "deepspeed_stage_2_offload", "deepspeed_stage_3",
    "deepspeed_stage_3_offload", "deepspeed_stage_3_offload_nvme", "fsdp", "fsdp_cpu_offload", "single_device",
    "single_xla", "xla", "xla_debug",
)  # fmt: skip
OLD_STRATEGIES = ("single_tpu",)  # other names of them
UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and 0 < value <= 1


def _is_time(value: Any) -> bool:
    if isinstance(value, Mapping):
        return len(value) > 0 and all(name in UNITS and POSITIVE.holds(number) for name, number in value.items())
    return isinstance(value, str) and re.fullmatch(r"\d+:\d+:\d+:\d+", value) is not None


COUNT_OR_ENDLESS = Rule("a whole number of at least 1, or -1 for no limit", lambda v: COUNT.holds(v) or v == -1)
BATCHES = Rule(
    "a whole number of batches of at least 1, or a share of them above 0 and at most 1.0",
    lambda value: COUNT.holds(value) or _is_share(value),
)
BATCHES_OR_NONE = Rule(
    "a whole number of batches (0 for none), or a share of them from 0 to 1.0",
    lambda value: WHOLE.holds(value) or _is_share(value) or value == 0,
)
DEVICE_NUMBERS = list_of(WHOLE, "a list of device numbers", empty=False)

TRAINER_RULES: Mapping[str, Rule] = {
    "accelerator": one_of("auto", "cpu", "gpu", "cuda", "mps", "tpu"),
    # The processes of ddp_fork, ddp_spawn and ddp_notebook keep to themselves what callbacks have recorded.
    "strategy": Rule(
        "a strategy of Lightning whose processes run the command again, such as ddp or fsdp: one of "
        + ", ".join(STRATEGIES),
        lambda value: isinstance(value, str) and value in (*STRATEGIES, *OLD_STRATEGIES),
        STRATEGIES,
    ),
    # Lightning's -1 means all devices on a GPU and is an error on a CPU; auto works on both.
    "devices": Rule(
        "a whole number of at least 1, auto for all devices, or a list of GPUs, such as [0,1]",
        lambda value: COUNT.holds(value) or value == "auto" or DEVICE_NUMBERS.holds(value),
        ("auto",),
    ),
    "num_nodes": COUNT,
    "precision": Rule(
        f"one of {', '.join(PRECISIONS[:8])}",
        lambda value: not isinstance(value, bool | float) and str(value) in PRECISIONS,
        PRECISIONS,
    ),
    "fast_dev_run": Rule(
        "true, false, or a whole number of batches", lambda value: isinstance(value, bool) or WHOLE.holds(value)
    ),
    "max_epochs": COUNT_OR_ENDLESS,
    "min_epochs": or_null(WHOLE),
    "max_steps": COUNT_OR_ENDLESS,
    "min_steps": or_null(WHOLE),
    "max_time": or_null(Rule("a time as DD:HH:MM:SS, or such as {hours:1,minutes:30}", _is_time)),
    "limit_train_batches": or_null(BATCHES),
    "limit_val_batches": or_null(BATCHES_OR_NONE),
    "limit_test_batches": or_null(BATCHES_OR_NONE),
    "limit_predict_batches": or_null(BATCHES_OR_NONE),
    "overfit_batches": BATCHES_OR_NONE,
    "val_check_interval": or_null(BATCHES),
    "check_val_every_n_epoch": or_null(COUNT),
    "num_sanity_val_steps": or_null(
        Rule("a whole number of at least 0, or -1 for all", lambda value: WHOLE.holds(value) or value == -1)
    ),
    "log_every_n_steps": COUNT,
    "accumulate_grad_batches": ACCUMULATION,
    "gradient_clip_val": or_null(POSITIVE),
    "gradient_clip_algorithm": one_of("norm", "value"),
    "deterministic": Rule(
        "true, false or warn", lambda value: isinstance(value, bool) or value == "warn", ("true", "false", "warn")
    ),
    "benchmark": or_null(BOOLEAN),
    "inference_mode": BOOLEAN,
    "profiler": or_null(one_of("simple", "advanced", "pytorch")),
    "detect_anomaly": BOOLEAN,
    "sync_batchnorm": BOOLEAN,
    "reload_dataloaders_every_n_epochs": WHOLE,
    "enable_autolog_hparams": BOOLEAN,
    "model_registry": or_null(TEXT),
}

# Arguments that the user must not give, with the alternative.
SET_BY_GRADEXP: Mapping[str, str] = {
    "logger": "further loggers are added with +logger.NAME._target_=CLASS",
    "callbacks": "further callbacks are added with +callbacks.NAME._target_=CLASS",
    "plugins": "gradexp has its own plugins for checkpoints and precision",
    "default_root_dir": "the run's folder is hydra.run.dir=FOLDER",
    "use_distributed_sampler": "the data module gives each process its share itself",
    "enable_progress_bar": "the progress bar is progress=true or progress=false",
    "enable_model_summary": "a summary is +callbacks.summary._target_=lightning.pytorch.callbacks.ModelSummary",
    "enable_checkpointing": "a run keeps best.ckpt, which is tested, and last.ckpt, from which it can resume",
    "barebones": "it forbids the logger, the checkpoints and the callbacks that every run has",
}
