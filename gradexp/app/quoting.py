"""How text is typed that Hydra's grammar of overrides cannot read as it stands."""

import re
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import GrammarParseError
from omegaconf.grammar_parser import parse

from gradexp.sweeps.plan.axes import text

BRACKETS = {"[": "]", "{": "}", "(": ")"}
BASELINE = "compare.baseline"
SPECIAL = re.compile(r'["$`!\\]')  # in double quotes, for the shell


def quoted(line: str, is_axis: bool = False) -> str:
    """An override as it is typed in a shell so that its value is read as text.

    Control characters, which a terminal does not show, are written as escapes in bash's quotes for them, $'...'.
    Items of lists and of sections in brackets are quoted one by one; what Hydra reads as it stands is kept.

    Args:
        line: KEY=VALUE, as a program gets it from the shell.
        is_axis: Whether commas separate values of an axis.
    """
    key, _, value = line.partition("=")
    values = split(value) if is_axis else [value]
    result = f"{key}={','.join(map(_readable, values))}"
    if not result.isprintable():
        return f"$'{''.join(map(_in_ansi_c, result))}'"
    if not SPECIAL.search(result):
        return f'"{result}"'
    if not re.search(r"['\"\\]", value):
        result = result.replace("'", '"')  # Hydra has both kinds of quotes, and the shell's own are then single ones
    return shlex.quote(result)


def in_shell(line: str) -> str:
    """An override that Hydra can read, as it is typed in any shell."""
    return line if re.fullmatch(r"[\w./=,:+~@%-]+", line, re.ASCII) else quoted(line)


def split(value: str) -> list[str]:
    """The parts between commas that are in no bracket."""
    parts, closing = [""], [""]
    for letter in value:
        if letter == "," and len(closing) == 1:
            parts.append("")
            continue
        if letter in BRACKETS:
            closing.append(BRACKETS[letter])
        elif letter == closing[-1]:
            closing.pop()
        parts[-1] += letter
    return [part.strip() for part in parts]


def with_readable_baseline(lines: Sequence[str]) -> list[str]:
    """The overrides, with compare.baseline=KEY=VALUE,... in Hydra's quotes: its grammar takes no second = without."""
    return [
        f"{key}={text(value)}" if key == BASELINE and "=" in value and not _is_read(line) else line
        for line in lines
        for key, _, value in [line.partition("=")]
    ]


def is_key(key: str) -> bool:
    """Whether Hydra can read a key."""
    return _is_read(f"{key}=0")


def is_value(value: str) -> bool:
    """Whether Hydra can read a value."""
    return _is_read(f"key={value}")


def _readable(value: str) -> str:
    if _is_read(f"key={value}") and len(split(value)) == 1:
        return value
    for first, last in (("[", "]"), ("{", "}")):
        if len(value) > 1 and value[0] == first and value[-1] == last:
            parts = [item.partition(":") if first == "{" else ("", "", item) for item in split(value[1:-1])]
            inside = ",".join(f"{name}{colon}{_readable(item.strip())}" for name, colon, item in parts)
            if _is_read(f"key={first}{inside}{last}"):
                return f"{first}{inside}{last}"
    return text(_without_interpolations(value))


def _without_interpolations(value: str) -> str:
    """The value with a backslash before each ${ if OmegaConf cannot read them, so that it is text."""
    try:
        parse(value)
    except GrammarParseError:
        return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", value)
    return value


def _in_ansi_c(letter: str) -> str:
    """A letter in bash's quotes $'...'."""
    code = ord(letter)
    if letter in "'\\":
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    if letter in "\t\n\r":
        return repr(letter)[1:-1]
    if 0xDC80 <= code <= 0xDCFF:  # how Python writes a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"


def _is_read(line: str) -> bool:
    try:
        OverridesParser.create().parse_override(line)
    except HydraException:
        return False
    return True
