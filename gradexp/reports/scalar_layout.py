"""TensorBoard's tab Custom Scalars: training and validation of each metric in one chart, in the order of reading."""

import re
from collections.abc import Iterable
from functools import lru_cache

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from gradexp.engine.scalar_tags import OF_WEIGHTS, RATE, family_of, tag_today

MEASURED, OTHERS = "loss and accuracy", "learning rate, penalties and others"
FIRST = {MEASURED: ("loss", "accuracy"), OTHERS: ("lr", "penalty", "objective")}  # charts of each category
TRAINED = ("penalty", "objective")  # what is never measured in validation
OF_STAGE = re.compile(r"(?:train|val)[/_](.+?)(?:_step)?")  # Lightning adds _step where it logs a mean by epoch too
# Not curves to be read, or single points.
LEFT_OUT = re.compile(r"epoch$|(?:train|val)[/_](?:samples_per_second|.*_epoch)$|(?:test|best)[/_]")

Charts = dict[str, dict[str, list[object]]]


def charts(tags: Iterable[str]) -> Charts:
    """The charts of scalars by category and title, each as its kind and the patterns of its tags.

    TensorBoard merges the layouts of all runs: of charts with one title it keeps only one if all are equal, so that the
    patterns follow from the title alone. Earlier runs have other tags, see `tag_today`.

    Args:
        tags: Names of scalars; of a family, such as the gradient norms of layers, the part up to the slash suffices.
    """
    found: Charts = {MEASURED: {}, OTHERS: {}}
    for tag in tags:
        if LEFT_OUT.match(tag):
            continue
        of_stage, family = OF_STAGE.fullmatch(tag), family_of(tag_today(tag))
        if tag_today(tag) == RATE:
            found[OTHERS]["lr"] = ["Multiline", ["(train/)?lr$"]]
        elif family:
            found[OTHERS][family] = ["Multiline", [f"({OF_WEIGHTS})?{family}/"]]
        elif of_stage is None:
            title, is_family, _ = tag.partition("/")
            found[OTHERS][title] = ["Multiline", [f"{re.escape(title)}{'/' if is_family else '$'}"]]
        else:
            name = of_stage[1]
            patterns = [f"{stage}[/_]{re.escape(name)}(_step)?$" for stage in ("train", "val")]
            found[OTHERS if name in TRAINED else MEASURED][name] = ["Multiline", patterns]
    return {category: _in_order(shown, FIRST[category]) for category, shown in found.items() if shown}


def write_layout(writer: SummaryWriter, tags: Iterable[str]) -> None:
    """Write the layout of the tab for a run that logs these scalars, if there is one."""
    layout = _layout(tuple(tags))
    if layout is not None:
        writer._get_file_writer().add_summary(layout)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=32)  # the jobs of a sweep log the same
def _layout(tags: tuple[str, ...]) -> Summary | None:
    found = charts(tags)
    return custom_scalars(found) if found else None  # type: ignore[no-untyped-call]


def _in_order(shown: dict[str, list[object]], first: tuple[str, ...]) -> dict[str, list[object]]:
    names = sorted(shown, key=lambda name: first.index(name) if name in first else len(first))
    return {name: shown[name] for name in names}
