"""Prints a worked example and writes its figures."""

from omegaconf import DictConfig
from rich.console import Console

from gradexp.app.run_record import RunRecord
from gradexp.app.tasks.outcome import Outcome
from gradexp.callbacks.publication import write_figure
from gradexp.engine.event_writer import EventWriter
from gradexp.explain import topic_named
from gradexp.explain.lesson import Lesson
from gradexp.sweeps.plan.run_name import event_folder_of_job


def explain(cfg: DictConfig, record: RunRecord, console: Console) -> Outcome:
    """Work through `topic`; each number is checked against autograd.

    Raises:
        ArithmeticError: A closed form and autograd differ.
    """
    record.write(cfg)
    lesson = Lesson()
    topic_named(cfg.topic)(lesson)
    printed = Console()
    for line in lesson.lines:
        printed.print(line, markup=False, highlight=False, soft_wrap=True)
    if lesson.figures:
        with EventWriter(str(event_folder_of_job(record.folder))) as writer:
            for tag, figure in lesson.figures.items():
                path = write_figure(record.folder, tag, figure, writer)
                printed.print(f"figure: {path}", markup=False, highlight=False, soft_wrap=True)
    printed.print(f"{lesson.checks} numbers were computed twice and agree", markup=False, highlight=False)
    return Outcome({"status": "completed", "data": "none", "checks": lesson.checks})
