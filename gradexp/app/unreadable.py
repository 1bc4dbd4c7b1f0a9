"""Messages for arguments that Hydra's grammar of overrides cannot read: which one, why, and how it is typed."""

import re
import sys
from collections.abc import Sequence

from hydra.errors import OverrideParseException
from omegaconf import OmegaConf

from gradexp.app.likely_values import drawn_range, likely_value
from gradexp.app.quoting import in_shell, is_key, is_value, quoted, split
from gradexp.app.suggestions import default_of, meanings
from gradexp.configuration.files import CONF_DIR
from gradexp.configuration.groups import defaults

# Hydra's functions of a sweep's values; text with one of their names before a bracket is most likely a slip in one.
SWEEP = re.compile(r"(choice|range|interval|tag|sort|shuffle|glob)\(")
MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
MAX_DIGITS, MAX_DEPTH, LONG = 1_000, 50, 80


def check_readable(arguments: Sequence[object]) -> None:
    """Check what Hydra's parser, which recurses into brackets, would leave to errors of Python's own.

    Raises:
        TypeError: An argument is no text.
        ValueError: A number has too many digits, or brackets are nested too deeply.
    """
    texts = [argument for argument in arguments if isinstance(argument, str)]
    for given in arguments:
        if not isinstance(given, str):
            typed = ", ".join(repr(str(one)) for one in (given if isinstance(given, list | tuple) else [given]))
            raise TypeError(f"an override must be a text, KEY=VALUE; got {given!r}. Pass {typed}")
    for argument, before in zip(texts, ["", *texts], strict=False):
        key = argument.partition("=")[0].lstrip("+~")[:MAX_DEPTH]
        if not argument.strip("+~ "):
            raise ValueError(f"an argument must be KEY=VALUE, +KEY=VALUE or ~KEY; got {argument!r}.")
        if argument.startswith("=") and (not before or "=" in before or before.startswith("-")):
            raise ValueError(
                f"a key must stand before the equals sign; got {_in_a_line(argument[:LONG])}. Type KEY=VALUE"
            )
        listed = re.match(rf"({'|'.join(defaults())})=\[(.*)\]$", argument)
        if listed:
            line = in_shell(f"{listed[1]}={listed[2]}")
            raise ValueError(f"{key} must be one option; got [{listed[2]}]. Type -m {line} for a run of each")
        digits = max(map(len, re.findall(r"\d+", argument)), default=0)
        if digits > MAX_DIGITS:
            raise ValueError(f"{key} must be a number of at most {MAX_DIGITS:,} digits; got one of {digits:,}.")
        depth = deepest = 0
        for character in argument:
            depth += (character in "[{(") - (character in ")}]")
            deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            raise ValueError(f"{key} must have at most {MAX_DEPTH} levels of brackets; got {deepest}.")


def unreadable(error: OverrideParseException) -> str:
    """The message for an argument that cannot be read."""
    line = error.override
    key, equals, value = line.partition("=")
    if not equals and not line.startswith("~"):
        return _bare(line)
    if not is_key(key):
        bare = key.strip()
        hint = f" Type {quoted(f'{bare}={value.strip()}')}." if bare != key and is_key(bare) else ""
        return (
            f"{key!r} must be a key, such as optimizer.lr or +experiment: letters, digits, _, and dots or slashes "
            f"between them; got {_in_a_line(line)}.{hint}{_belongs_to_another(line)}"
        )
    start = f"{key} must be a value that Hydra can read; got {_in_a_line(value)}"
    likely = likely_value(value, _following(line))
    if likely is not None:
        reason, values = likely
        is_axis = len(split(values)) > 1
        flag = "-m " if is_axis and not _is_multirun() else ""
        return f"{start} ({reason}). Type {flag}{in_shell(f'{key}={values}')}"
    drawn = drawn_range(value)
    if drawn is not None:
        sweeper = (
            ""
            if any(re.match("hydra/sweeper=(optuna|search)$", line) for line in sys.argv)
            else "hydra/sweeper=optuna "
        )
        flag = "" if _is_multirun() else "-m "
        return f"{start} ({_reason(error, line)}). Type {flag}{sweeper}{in_shell(f'{key}={drawn}')}"
    is_number = isinstance(default_of(key), int | float)
    if SWEEP.match(value) or (is_number and re.match(r"\w+\(", value)):
        return (
            f"{start} ({_reason(error, line)}). A sweep's values are typed as 1,2,3, choice(1,2,3), "
            "range(START,STOP,STEP) or, of a group, glob(*), in quotes for the shell."
        )
    is_axis = len(split(value)) > 1 and _is_multirun()
    return (
        f"{start} ({_reason(error, line)}). Text with other signs than letters, digits and / - . _ : goes in quotes "
        f"inside the shell's own: {quoted(line, is_axis)}"
    )


def _bare(word: str) -> str:
    """The message for a word without an equals sign."""
    start = f"{_in_a_line(word)} must be KEY=VALUE; got an argument without =."
    other = _belongs_to_another(word)
    found = [] if other else meanings(word, _following(word))
    return f"{start}{other}" + (f" Type {' or '.join(found)}" if found else "" if other else " --help lists all keys.")


def _is_multirun() -> bool:
    return any(argument in MULTIRUN for argument in sys.argv)


def _following(line: str) -> Sequence[str]:
    """The words after an argument on the command line."""
    typed = sys.argv[1:]
    return typed[typed.index(line) + 1 :] if line in typed else ()


def _belongs_to_another(line: str) -> str:
    """How to type the argument before this one, if a space in its value has cut this one off."""
    typed = sys.argv[1:]
    if line not in typed:
        return ""
    before = typed[: typed.index(line)]
    start = next((place for place in reversed(range(len(before))) if "=" in before[place]), None)
    if start is None:
        return ""
    words = before[start:]
    for word in typed[len(before) :]:
        if _is_override(word) or word.startswith("-"):
            break
        words.append(word)
    if words[0].endswith("=") and is_value(words[1]):
        return f" If it belongs to {words[0]}, type it without the space: {in_shell(''.join(words[:2]))}"
    return f" If it belongs to {before[start]}, type the space in quotes: {quoted(' '.join(words))}"


def _is_override(word: str) -> bool:
    """Whether a word sets a key that there may be, and is no part of a text with an equals sign in it."""
    key, equals, _ = word.partition("=")
    if not equals or not is_key(key):
        return word.startswith("~") and is_key(word)
    folders = [folder.name for folder in CONF_DIR.iterdir() if folder.is_dir()]
    known = {*map(str, OmegaConf.load(CONF_DIR / "config.yaml")), *folders, "hydra"}
    return key.startswith(("+", "~")) or re.split("[./@]", key)[0] in known


def _in_a_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _reason(error: OverrideParseException, line: str) -> str:
    """What is wrong, in few words: the parser's own name its tokens."""
    if "\n" in line:  # which Hydra's message is cut at
        return "'\\n', a line feed, is not allowed outside of quotes"
    first, _, rest = str(error).partition("\n")
    second = rest.partition("\n")[0]
    if second.strip() == "^":  # below the sign that the lexer does not know
        place = len(second) - 1 - (len(first) - len(line))
        return f"{line[place]!r} is not allowed outside of quotes"
    reason = re.sub(r"^Error parsing override .*", second, first)
    unknown = re.search(r"Unknown function '(.*)'$", reason)
    if unknown:
        return f"there is no function {unknown[1]}"
    reason = re.sub(r"^\w+ while evaluating '.*?': ", "", reason)
    found = re.match(r"(?:extraneous|mismatched) input '(.*)' expecting|no viable alternative at input '(.*)'", reason)
    if found is None:
        return reason
    word = found[1] or found[2]
    return "it ends too early" if word in (None, "", "<EOF>") else f"{word!r} cannot be read here"
