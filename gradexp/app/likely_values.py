"""What a value was meant to be that Hydra's grammar cannot read: a list, or one that spaces have cut into several."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gradexp.app.quoting import BRACKETS, is_value, split

# NumPy's functions of evenly spaced values, which Hydra lacks; of at most 99 of them.
NUMBER = r"\s*([+-]?\d{1,3}(?:\.\d*)?(?:e[+-]?\d)?)\s*"
SPACED = re.compile(rf"(linspace|logspace)\({NUMBER},{NUMBER},\s*(\d\d?)\s*\)")

# What Optuna, Ray Tune, Hyperopt and SciPy call the ranges of a search.
DRAWN = re.compile(r"(?:\w+\.)?(?:suggest_)?(log_?uniform|uniform|float)\(\s*([^\s,()]+)\s*,\s*([^\s,()]+)\s*\)", re.I)
HOME = re.compile(r"(?<![^\[,])~(?=[/,\]]|$)")  # at the start of a value, or of an item of a list


def drawn_range(value: str) -> str | None:
    """How a range from which a search draws is typed, such as `loguniform(1e-4,1e-1)`; None if it is none."""
    found = DRAWN.fullmatch(value)
    if found is None:
        return None
    interval = f"interval({found[2]},{found[3]})"
    typed = f"tag(log,{interval})" if found[1].lower().startswith("log") else interval
    return typed if is_value(typed) else None


def likely_value(value: str, following: Sequence[str]) -> tuple[str, str] | None:
    """Why a value cannot be read, and how it is typed; None if that is not clear.

    Args:
        value: The value.
        following: The words after it on the command line.
    """
    if value.startswith("=") and is_value(value.lstrip("=")):
        return "one equals sign is enough", value.lstrip("=")
    if value.startswith("(") and value.endswith(")"):
        inside = ",".join(part for part in split(value[1:-1]) if part)
        return ("a list has square brackets", f"[{inside}]") if is_value(f"[{inside}]") else None
    if HOME.search(value) and is_value(HOME.sub("x", value)):
        return "a shell expands ~ only at the start of a word", HOME.sub(lambda found: str(Path.home()), value)
    spaced = SPACED.fullmatch(value)
    if spaced:
        with suppress(OverflowError):
            return f"there is no function {spaced[1]}", ",".join(_spaced(*spaced.groups()))
    words = _cut_off(following)
    opened = _open_brackets(value)
    if opened:
        for count in range(1, len(words) + 1):
            joined = _joined([value, *words[:count]])
            if not _open_brackets(joined) and is_value(joined):
                return "a space has cut its list into several words", joined
        closed = value.rstrip(",") + "".join(BRACKETS[one] for one in reversed(opened))
        return (f"{opened[-1]!r} is not closed", closed) if is_value(closed) else None
    if value.endswith(","):
        joined = _joined([value, *words]).rstrip(",")
        if is_value(joined):
            return "a space has cut its values into several words" if words else "it ends with a comma", joined
    return None


def _spaced(function: str, start: str, stop: str, count: str) -> list[str]:
    """The values of NumPy's function of this name, rounded to six digits."""
    first, last, steps = float(start), float(stop), max(int(count) - 1, 1)
    values = [first + (last - first) * step / steps for step in range(int(count))]
    return [f"{10**value if function == 'logspace' else value:.6g}" for value in values]


def _cut_off(following: Sequence[str]) -> list[str]:
    """The words up to the next flag or override."""
    words: list[str] = []
    for word in following:
        if "=" in word or (word.startswith(("-", "~")) and not word[1:2].isdigit()):
            break
        words.append(word)
    return words


def _joined(words: Sequence[str]) -> str:
    """Words with one comma between them, as in a list."""
    joined = words[0]
    for word in words[1:]:
        is_parted = joined.endswith((",", "[", "{")) or word.startswith((",", "]", "}"))
        joined += word if is_parted else f",{word}"
    return joined


def _open_brackets(value: str) -> list[str]:
    """The brackets that are not closed, from the outermost in."""
    opened: list[str] = []
    for letter in value:
        if letter in BRACKETS:
            opened.append(letter)
        elif opened and letter == BRACKETS[opened[-1]]:
            opened.pop()
    return opened
