"""Words of messages: the valid name that somebody most likely means, numbers with their nouns, sentences."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What people call a name who know it from other libraries.
OTHER_WORDS: Mapping[str, str] = {
    "lr": "learning_rate step_size stepsize eta eta0",
    "weight_decay": "wd decay",
    "betas": "beta beta1 beta2 beta_1 beta_2",
    "max_epochs": "epochs epoch n_epochs num_epochs n_iter max_iter",
    "max_steps": "steps n_steps num_steps iterations",
    "val_size": "val_split validation_split validation_size validation_fraction val_fraction",
    "batch_size": "bs batch minibatch mini_batch",
    "image_size": "size img_size input_size resolution",
    "path": "file filename file_path csv_file folder directory root",
    "monitor_mode": "direction mode",
    "seed": "random_state random_seed manual_seed",
    "hidden": "layers hidden_layers hidden_layer_sizes hidden_sizes units neurons widths",
    "devices": "gpus num_gpus n_gpus",
    "accelerator": "device gpu",
    "ckpt_path": "resume checkpoint checkpoint_path ckpt weights",
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
    found = other_word(name, by_letters) or spelt_like(str(name).lower(), by_letters)
    # A part of one name alone, such as slurm of submitit_slurm.
    whole = [option for option in by_letters if str(name).lower() in option.split("_")]
    found = found or (whole[0] if len(whole) == 1 else None)
    return by_letters[found] if found else None


def spelt_like(word: str, names: Iterable[str], cutoff: float = CUTOFF) -> str | None:
    """The most similar name of which `word` is a slip or a part; None if there is none."""
    return next((one for one in difflib.get_close_matches(word, names, 5, cutoff) if is_slip(word, one)), None)


def is_slip(word: str, name: str) -> bool:
    """Whether a word is part of a name or the reverse, or else has at most one slip for each three of its letters.

    Slips are counted from the name or its beginning. Similarity alone, of the letters in common and in order, would
    take spiral for separable.
    """
    typed, whole = (re.split(r"[\W_]+", text.lower()) for text in (word, name))
    letters, others = "".join(typed), "".join(whole)
    if letters in others or others in letters or set(typed) <= set(whole):
        return True
    return min(_slips(letters, others), _slips(letters, others[: len(letters)])) <= max(1, len(letters) // 3)


def _slips(word: str, other: str) -> int:
    """The letters to add, to leave out, to replace or to swap with the next (optimal string alignment distance)."""
    before: Sequence[int] = ()
    last: Sequence[int] = range(len(other) + 1)
    for i, letter in enumerate(word):
        row = [i + 1]
        for j, right in enumerate(other):
            fewest = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != right))
            if i and j and (letter, word[i - 1]) == (other[j - 1], right):
                fewest = min(fewest, before[j - 1] + 1)
            row.append(fewest)
        before, last = last, row
    return last[-1]


def did_you_mean(name: Any, valid: Iterable[Any]) -> str:
    """' Did you mean X?' where a valid name is another word for `name`, or spelt like it; else nothing."""
    found = meant(name, valid)
    return f" Did you mean {found}?" if found else ""


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 seed, 1,260 jobs."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def abbreviated(items: Iterable[object], shown: int = 5) -> str:
    """The first items, and the number of the others."""
    texts = [str(item) for item in items]
    more = f" and {len(texts) - shown:,} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def duration(seconds: float) -> str:
    """Seconds, with a decimal or a digit that is not 0: 12.3, 0.7, 0.02; 0.0 below a millisecond."""
    return f"{seconds:.1g}" if 0.001 <= seconds < 0.095 else f"{seconds:.1f}"


def sentence(words: Any) -> str:
    """The words with a full stop, unless they end as a sentence does: those of an error may, or may not."""
    text = str(words).rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
