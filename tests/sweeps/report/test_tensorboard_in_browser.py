"""Two sweeps in TensorBoard, in a real browser and as its server answers."""

import json
import re
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import call
from tests.sweeps.report.browser import chromium, errors
from tests.sweeps.small import REPORTED, SMALL
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # from Selenium's sockets
]
PATIENCE = 40  # seconds until a page must be drawn
LOG = Path("tensorboard.log")


@pytest.fixture
def tensorboard(own_folder: Path) -> Iterator[str]:
    """TensorBoard on the folder of the sweeps, reachable from this machine only."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("tensorboard")), "--load_fast=false", "--logdir", "sweeps"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--reload_interval", "2"]
    with LOG.open("w") as log:
        process = subprocess.Popen([*command, *address], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/data/runs", timeout=2) as answer:
            return bool(re.search(rb"\w", answer.read()))
    except OSError:
        return False


def hparams(url: str, what: str) -> Any:
    """An answer of the plugin of HPARAMS."""
    statuses = [f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    request = {} if what == "experiment" else {"sliceSize": 99, "allowedStatuses": statuses}
    query = urllib.parse.urlencode({"request": json.dumps(request)})
    with urllib.request.urlopen(f"{url}/data/plugin/hparams/{what}?{query}", timeout=20) as answer:
        return json.load(answer)


# Collects the text in TensorBoard's nested shadow roots.
WORDS = """
const words = [];
const walk = node => {
  if (node.nodeType === Node.TEXT_NODE) words.push(node.textContent);
  if (["STYLE", "SCRIPT"].includes(node.nodeName)) return;
  if (node.shadowRoot) walk(node.shadowRoot);
  for (const child of node.childNodes) walk(child);
};
walk(document.body);
return words.join(" ");
"""


def test_tensorboard_shows_two_sweeps_in_reading_order(
    monkeypatch: pytest.MonkeyPatch, tensorboard: str, tmp_path: Path
) -> None:
    first = [*(one.replace("=sweep", "=sweeps/a") for one in REPORTED), "optimizer.lr=0.01,0.001", "figures=true"]
    assert call(monkeypatch, *first, "seed=0,1") is None
    second = [one.replace("=sweep", "=sweeps/b") for one in SMALL]
    varied = ("optimizer.betas=[0.9,0.99],[0.8,0.9]", "regularizer.l2=1e-4", "hydra/launcher=vectorized")
    assert call(monkeypatch, *second, *varied) is None
    assert eventually(lambda: is_up(tensorboard), 90), "TensorBoard did not start"
    assert eventually(lambda: len(hparams(tensorboard, "session_groups")["sessionGroups"]) == 6, PATIENCE)

    experiment = hparams(tensorboard, "experiment")
    columns = [info["name"] for info in experiment["hparamInfos"]]
    # What either sweep varies, then what does not differ; of the metrics too TensorBoard shows the first five.
    fixed = ["batch_size", "experiment", "hidden", "l2", "max_epochs"]
    assert columns == ["lr", "optimizer.betas", "seed", *fixed]
    metrics = [info["name"]["tag"] for info in experiment["metricInfos"]]
    assert metrics[:3] == ["best/val/accuracy", "test/accuracy", "test/loss"]
    rows = [group["hparams"] for group in hparams(tensorboard, "session_groups")["sessionGroups"]]
    assert sorted(row["optimizer.betas"] for row in rows if "optimizer.betas" in row) == ["[0.8, 0.9]", "[0.9, 0.99]"]
    scores = [line.split(",") for line in Path("sweeps/a/sweep.csv").read_text().splitlines()]
    accuracies = [float(row[scores[0].index("best/val/accuracy")]) for row in scores[1:]]

    with chromium(tmp_path / "profile") as browser:

        def words() -> str:
            return " ".join(str(browser.execute_script(WORDS)).split())

        def shows(*wanted: str) -> bool:
            return bool(eventually(lambda: all(word in words() for word in wanted), PATIENCE))

        def opens(tab: str, *wanted: str) -> str:
            browser.get("about:blank")
            browser.get(f"{tensorboard}/#{tab}")
            assert shows(*wanted), words()[:4000]
            return words()

        # Each job with its curve. TensorBoard opens the first groups of cards by name, and counts the others.
        jobs = [(0.01, 0), (0.01, 1), (0.001, 0), (0.001, 1)]
        names = [f"a/{number}/tensorboard/lr-{lr}_seed-{seed}" for number, (lr, seed) in enumerate(jobs)]
        shown = opens("timeseries", "Run Smoothed Value", "val 2 cards", *names)
        closed = "sweep 16 cards test 2 cards train 7 cards val 2 cards"
        assert re.search(f"best best/val /accuracy .* figures 20 cards .* {closed}", shown), shown
        shown = opens("hparams", "Number of matching session groups: 6", *(f"{value:#.5g}" for value in accuracies))
        assert f"Show Metrics {' '.join([*columns[:5], *metrics[:5]])} " in shown
        opens("images&tagFilter=sweep", "sweep/learning_rate", "sweep/importance", "sweep/time")
        opens("images&tagFilter=figures", "figures/loss_curve", "figures/samples")
        # Training and validation of all jobs, then a margin chart for each kind of band that two seeds have.
        shown = opens("custom_scalars", "val/accuracy, mean over seeds", "std. deviation", "min to max", "Matches (2)")
        assert "Matches (12)" in shown
        titles = ("loss and accuracy", "learning rate, penalties and others", "val/accuracy, mean over seeds")
        assert sorted(titles, key=shown.index) == list(titles)
        opens("pr_curves", "test/precision_recall")
        opens("text", "The sweep:", "This job alone:", "python -m gradexp -m", "seconds/fit")
        assert errors(browser) == []

    # Jobs are added, and the report is written again, while TensorBoard reads.
    assert call(monkeypatch, *first, "seed=0,1,2") is None
    assert eventually(lambda: len(hparams(tensorboard, "session_groups")["sessionGroups"]) == 8, PATIENCE)
    warned = [line for line in LOG.read_text().splitlines() if re.match(r"[EW]\d{4} |WARN|ERROR", line)]
    # The new report replaces the runs of bands; TensorBoard's faster reader, its default, does not say so.
    assert [line for line in warned if "Deleting accumulator 'a/tensorboard/" not in line] == []
