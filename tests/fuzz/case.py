"""A case of the campaign: a function of (seed, kind, number), so that one command replays it."""

from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Drawn:
    """What was drawn for a case.

    Attributes:
        commands: Command lines, run in turn until one is refused.
        changes: What was done to the files, in words.
    """

    commands: list[list[str]]
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        name: As typed after --kind.
        share: Its part of a campaign, relative to those of the other kinds.
        module: Has `draw(random, base)`, which writes the files of a case into the current, empty folder, from a random
            stream and from the folder `base`. It is imported by the processes that run cases.
        is_prepared: Whether it also has `prepare(base)`, which fills that folder once for all cases with what is
            costly: a run, a sweep.
    """

    name: str
    share: int
    module: str
    is_prepared: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        kind: Name of its kind.
        seed: Seed of the campaign.
        number: Its number.
        drawn: What was drawn; None if the process died while it was drawn.
        message: The message with which the last command was refused; None if all succeeded.
        faults: What is wrong with that; the first line of each is one of few texts.
        seconds: Of the processor that it took.
    """

    kind: str
    seed: int
    number: int
    drawn: Drawn | None = None
    message: str | None = None
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def replay(self) -> str:
        """The command that runs this case alone."""
        return f"python -m tests.fuzz --kind {self.kind} --seed {self.seed} --only {self.number}"

    def __str__(self) -> str:
        lines = [self.replay]
        if self.drawn is not None:
            lines += [f"  {change}" for change in self.drawn.changes]
            lines += [f"  gradexp {' '.join(map(repr, command))}"[:1000] for command in self.drawn.commands]
        if self.message is not None:
            lines.append(f"  refused: {self.message[:1000]}")
        lines += [f"  FAULT: {fault[-4000:]}" for fault in self.faults]
        return "\n".join(lines)


def stream(kind: str, seed: int, number: int) -> Random:
    """The random stream of a case, equal in every process and version of Python."""
    return Random(f"{seed}/{kind}/{number}")
