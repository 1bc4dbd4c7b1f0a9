"""Messages for arguments that Hydra's grammar of overrides cannot read: which one, why, and how it is typed."""

import re
import sys

from hydra.errors import OverrideParseException

from gradexp.app.quoting import is_key, quoted, split

MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")


def unreadable(error: OverrideParseException) -> str:
    """The message for an argument that cannot be read."""
    line = error.override
    key, equals, value = line.partition("=")
    if not equals and not line.startswith("~"):
        return f"{line} must be KEY=VALUE; got an argument without =.{_belongs_to_another(line)}"
    if not is_key(key):
        bare = key.strip()
        hint = f" Type {quoted(f'{bare}={value.strip()}')}." if bare != key and is_key(bare) else ""
        return (
            f"{key!r} must be a key, such as optimizer.lr or +experiment: letters, digits, _, and dots or slashes "
            f"between them; got {line}.{hint}{_belongs_to_another(line)}"
        )
    is_axis = len(split(value)) > 1 and any(argument in MULTIRUN for argument in sys.argv)
    return (
        f"{key} must be a value that Hydra can read; got {value} ({_reason(error, line)}). Text with other signs than "
        f"letters, digits and / - . _ : goes in quotes inside the shell's own: {quoted(line, is_axis)}"
    )


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
        if (is_key(word.partition("=")[0]) and "=" in word) or word.startswith("-"):
            break
        words.append(word)
    return f" If it belongs to {before[start]}, type the space in quotes: {quoted(' '.join(words))}"


def _reason(error: OverrideParseException, line: str) -> str:
    first, _, rest = str(error).partition("\n")
    second = rest.partition("\n")[0]
    if second.strip() == "^":  # below the sign that the lexer does not know
        place = len(second) - 1 - (len(first) - len(line))
        return f"{line[place]!r} is not allowed outside of quotes"
    return re.sub(r"^Error parsing override .*", second, first)
