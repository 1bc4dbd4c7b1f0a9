"""Words of messages: the valid name that somebody most likely means, numbers with their nouns, sentences."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

# What people call a name who know it from other libraries.
OTHER_WORDS: Mapping[str, str] = {
    "lr": "learning_rate step_size stepsize eta eta0",
    "weight_decay": "wd decay",
    "betas": "beta beta1 beta2 beta_1 beta_2",
    "max_epochs": "epochs epoch n_epochs num_epochs n_iter max_iter",
    "max_steps": "steps n_steps num_steps iterations",
    "batch_size": "bs batch minibatch mini_batch",
    "image_size": "size img_size input_size resolution",
    "path": "file filename file_path csv_file folder directory root",
    "monitor_mode": "direction mode",
    "seed": "random_state random_seed manual_seed",
    "hidden": "layers hidden_layers hidden_layer_sizes hidden_sizes units neurons widths",
    "devices": "gpus num_gpus n_gpus",
    "accelerator": "device gpu",
    "ckpt_path": "resume checkpoint ckpt weights",
    "train": "fit training learn",
    "test": "eval evaluate evaluation validate score",
    "predict": "infer inference",
    "accuracy": "acc",
    "max": "maximize maximise higher",
    "min": "minimize minimise lower",
    "true": "yes on",
    "false": "no off",
    "16-mixed": "fp16 half float16 amp",
    "bf16-mixed": "bf16 bfloat16",
    "32-true": "fp32 float float32",
    "64-true": "fp64 double float64",
    "cosine": "cosineannealinglr cosine_annealing",
    "plateau": "reducelronplateau reduce_lr_on_plateau reduce_on_plateau",
    "bce": "bceloss bcewithlogitsloss binary_cross_entropy",
    "l1": "lasso l1loss mean_absolute_error absolute_error",
    "mse": "mseloss squared_error mean_squared_error",
    "cross_entropy": "ce xent crossentropy",
    "mlp_classifier": "mlp",
    "table": "csv parquet",
    "image_folder": "images",
    "target": "label labels y",
    "silu": "swish",
    "identity": "linear",
    "kaiming_normal": "he he_normal kaiming",
    "xavier_uniform": "glorot glorot_uniform xavier",
}


CUTOFF = 0.66  # of the similarity: that of three letters with a slip in one; at 0.6 digits is near to iris


def other_word(name: Any, valid: Iterable[str]) -> str | None:
    """The valid name that other libraries call `name`; None if there is none."""
    word = str(name).lower().replace("-", "_")
    names = list(valid)
    own = OTHER_WORDS.get(word, "").split()
    return next((one for one in names if word in OTHER_WORDS.get(one, "").split()), None) or next(
        (one for one in names if one in own), None
    )


def meant(name: Any, valid: Iterable[Any]) -> str | None:
    """The valid name that is another word for `name`, or spelt like it; None if there is none."""
    by_letters = {str(option).lower(): str(option) for option in valid}
    found = other_word(name, by_letters) or next(
        iter(difflib.get_close_matches(str(name).lower(), by_letters, 1, CUTOFF)), None
    )
    # A part of one name alone, such as slurm of submitit_slurm.
    whole = [option for option in by_letters if str(name).lower() in option.split("_")]
    found = found or (whole[0] if len(whole) == 1 else None)
    return by_letters[found] if found else None


def did_you_mean(name: Any, valid: Iterable[Any]) -> str:
    """' Did you mean X?' where a valid name is another word for `name`, or spelt like it; else nothing."""
    found = meant(name, valid)
    return f" Did you mean {found}?" if found else ""


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 seed, 1,260 jobs."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """Seconds, with a decimal or a digit that is not 0: 12.3, 0.7, 0.02; 0.0 below a millisecond."""
    return f"{seconds:.1g}" if 0.001 <= seconds < 0.095 else f"{seconds:.1f}"


def sentence(words: Any) -> str:
    """The words with a full stop, unless they end as a sentence does: those of an error may, or may not."""
    text = str(words).rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
