"""What `figure_format` and `figure_size` ask for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

FORMATS = ("png", "svg", "pdf")
WIDTHS: Mapping[str, float] = {"column": 3.3, "page": 7.0}  # inches, of papers in two columns and in one


@dataclass(frozen=True)
class Output:
    """What `figure_format` and `figure_size` ask for.

    Attributes:
        formats: Out of `FORMATS`.
        size: A key of `WIDTHS`; None for each figure's own size.
    """

    formats: tuple[str, ...] = ("png",)
    size: str | None = None


OWN = Output()
_output: ContextVar[Output] = ContextVar("output", default=OWN)


def output() -> Output:
    """The output that is in effect."""
    return _output.get()


def asked_width() -> float | None:
    """The width in inches that figures are drawn at; None for each one's own."""
    size = output().size
    return None if size is None else WIDTHS[size]


@contextmanager
def figures_as(formats: str | Sequence[str] = "png", size: str | None = None) -> Iterator[None]:
    """Within it, figures are drawn at this size and written in these formats.

    Args:
        formats: One or several of png, svg and pdf.
        size: column (3.3 inches wide), page (7 inches), or None for each figure's own size.
    """
    names = (formats,) if isinstance(formats, str) else tuple(dict.fromkeys(formats))
    token = _output.set(Output(names, size))
    try:
        yield
    finally:
        _output.reset(token)
