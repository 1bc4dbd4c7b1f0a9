"""Turns errors into messages for users: the argument, the rule, the value received, what would be right."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationResolutionError, OmegaConfBaseException

from gradexp.app.option_errors import option_error
from gradexp.app.unreadable import unreadable
from gradexp.configuration.other_options import TABLES
from gradexp.configuration.unknown_keys import meant_option, renamed_option, unknown_key
from gradexp.files import REMEDIES, RESUME
from gradexp.rules import did_you_mean
from gradexp.sweeps.launch.extras import hint

MOST_LINES, LONGEST = 4, 1_500  # lines and characters of a message, which holds values that users typed
PLAIN = "has_plain_message"  # an attribute of an error whose message is ours
# What needs memory.
SIZES = ("model.hidden", "data.batch_size", "data.image_size", "data.num_samples", "resampling.copies")

# What torch says when memory cannot be had, or could not be by any machine.
NO_MEMORY = re.compile(
    "can't allocate memory|out of memory|not enough memory|Storage size calculation overflowed|"
    "Overflow when unpacking long|integer multiplication overflow",
    re.IGNORECASE,
)


def traceback_wanted() -> bool:
    """Whether the user set HYDRA_FULL_ERROR=1.

    `cli` sets that variable too, so that Hydra raises errors instead of printing them. The user's value is therefore
    kept in GRADEXP_FULL_ERROR, also for the processes that Lightning starts with the same command.
    """
    return os.environ.setdefault("GRADEXP_FULL_ERROR", os.environ.get("HYDRA_FULL_ERROR", "0")) == "1"


def explain(error: BaseException) -> str | None:
    """The message for an error that the user can fix; None for any other error, which needs its traceback."""
    cause = None if isinstance(error, HydraException) else _os_error(error)
    message = _message(error, cause)
    if message is None:
        return None
    # How to resume helps after an error of the disk alone: any other would come again.
    notes = [note for note in getattr(error, "__notes__", ()) if cause is not None or not note.startswith(RESUME)]
    return " ".join([f"error: {message}", *notes])


@contextmanager
def plain_messages() -> Iterator[None]:
    """Within this context, Hydra's errors get the messages that the command line prints."""
    try:
        yield
    except HydraException as error:
        error.args = (_message(error, None),)
        vars(error)[PLAIN] = True
        raise


def _message(error: BaseException, cause: OSError | None) -> str | None:
    """The message without notes; `cause` is the system's error that caused this one."""
    if PLAIN in vars(error):
        return str(error)
    if isinstance(error, MissingConfigException) and error.options is not None:
        message = _missing_option(error, error.options)
    elif isinstance(error, HydraException):
        message = _hydra_error(error)
    elif cause is not None:
        message = _os_message(cause)
    elif isinstance(error, ModuleNotFoundError):
        message = f"{error}. These settings require it: install it first."
    elif is_of_memory(error):
        reason = str(error).partition("\n")[0] or "no more can be had"
        message = f"{', '.join(SIZES[:-1])} and {SIZES[-1]} must be small enough for the memory ({reason})."
    elif isinstance(error, InterpolationResolutionError):
        message = _unresolved(error)
    elif (
        isinstance(error, ValueError | OmegaConfBaseException)
        # Lightning's, for arguments of its Trainer. Compared by name: importing it takes seconds.
        or type(error).__name__ == "MisconfigurationException"
        or (isinstance(error, RuntimeError) and str(error).startswith("Early stopping conditioned on metric"))
    ):
        message = str(error)
    else:
        return None
    return shortened(printable(message))


def is_of_memory(error: BaseException) -> bool:
    """Whether memory was short, which torch reports as a RuntimeError, and an absurd size as another."""
    types = (RuntimeError, TypeError, OverflowError)
    return isinstance(error, MemoryError) or (isinstance(error, types) and NO_MEMORY.search(str(error)) is not None)


def printable(text: str) -> str:
    """The text with escapes for all but line feeds that a terminal would obey or could not show.

    Names of files and columns are the user's: they may hold control sequences, and bytes that are not UTF-8.
    """
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def shortened(message: str) -> str:
    """The message without the middle of a long one: it repeats a value of thousands of characters."""
    lines = message.split("\n")
    if len(lines) > MOST_LINES:
        message = "\n".join([*lines[: MOST_LINES - 2], "[...]", lines[-1]])
    if len(message) <= LONGEST:
        return message
    return f"{message[: 2 * LONGEST // 3]} [...] {message[-LONGEST // 3 :]}"


def _unresolved(error: InterpolationResolutionError) -> str:
    reason = str(error).partition("\n")[0]
    return (
        f"{error.full_key or 'a value'} must have interpolations that can be resolved ({reason}). "
        "A backslash before ${ makes it text."
    )


def _os_error(error: BaseException) -> OSError | None:
    """The system's error that is, or caused, an error whose own message does not give its reason.

    logging and Lightning raise errors of their own for a file that they cannot write.
    """
    cause: BaseException | None = error
    seen: set[int] = set()  # a chain of causes can end in a circle
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        seen.add(id(cause))
        cause = cause.__cause__ if id(cause.__cause__) not in seen else None
    if cause is error:
        return cause if cause.filename is not None or cause.errno in REMEDIES else None
    return cause if cause is not None and cause.errno in REMEDIES and str(cause.strerror) not in str(error) else None


def _os_message(error: OSError) -> str:
    name = "a file, or the output" if error.filename is None else os.fsdecode(error.filename)
    remedy = f" {REMEDIES[error.errno]}." if error.errno in REMEDIES else ""
    return (
        f"{name}: {error.strerror}.{remedy} Runs are written below outputs/ in the current folder; "
        "hydra.run.dir=FOLDER selects another one. Data is stored in data_dir=FOLDER."
    )


def _missing_option(error: MissingConfigException, options: Sequence[str]) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    renamed = renamed_option(group, option)
    if renamed is not None:
        return renamed
    if group == "data" and Path(option).suffix.lower() in TABLES:
        return f"data must be one of its options; got {option}. Type data=table data.path={option} data.target=COLUMN"
    extra = f" {hint(option)}" if group.startswith("hydra/") and hint(option) else ""
    meant = meant_option(group, option) or did_you_mean(option, options)
    near, typed = ("", meant) if meant.startswith(" Type") else (meant, "")  # what is typed ends the message
    return f"{group} has no option {option}.{near} Options of {group}: {', '.join(options)}.{extra}{typed}"


def _hydra_error(error: HydraException) -> str:
    if isinstance(error, OverrideParseException):
        return unreadable(error)
    cause = error.__cause__
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.parent_node is not None:
        root = cause.parent_node._get_root()
        node = OmegaConf.to_container(root, resolve=False) if OmegaConf.is_dict(root) else {}
        assert isinstance(node, dict)
        is_hydras = str(cause.full_key).startswith("hydra.")
        keys = {str(key): value for key, value in node.items() if is_hydras or key != "hydra"}
        return unknown_key(str(cause.full_key), keys)
    message = option_error(str(error))
    if message is not None:
        return message
    missing = re.fullmatch(r"Could not delete from config. '([^']+)' does not exist.", str(error))
    if missing:
        return f"{missing[1]} cannot be deleted: it is null or missing. Set it with {missing[1]}=VALUE."
    merging = "Error merging override "
    if str(error).startswith(merging):
        key, _, value = str(error).removeprefix(merging).partition("=")
        if key.startswith("~"):
            return f"{key[1:]} cannot be deleted: Hydra needs it. Set it, or a key in it, with {key[1:]}=VALUE."
        if re.search(r"\b(choice|range|interval|glob)\(", value):
            return (
                f"{key} must have one list or one range of values, and none in brackets; got {value}. A sweep over "
                f"lists is typed as [1,2],[3,4]."
            )
        # A list for a section has the same cause as a section for a list.
        is_for_list = "with ListConfig" in str(cause) and value.startswith("{")
        kind = "a list" if is_for_list else "a section of keys and values"
        return f"{key} must be {kind}; got {value}."
    return f"{error}" + (f"\n{cause}" if isinstance(cause, OmegaConfBaseException) else "")
