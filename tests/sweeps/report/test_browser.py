"""The report and TensorBoard in a real browser."""

import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from gradexp.sweeps.report.write_report import write_report
from tests.command_line import call
from tests.sweeps.folders import accuracy, grid, write_curve, write_sweep
from tests.sweeps.report.browser import chromium, errors
from tests.sweeps.small import REPORTED
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # from Selenium's sockets
]
PATIENCE = 40  # seconds until a page must be drawn


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with chromium(tmp_path / "profile") as opened:
        yield opened


def column(browser: WebDriver, number: int) -> list[str]:
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, f"#jobs tbody td:nth-child({number})")]


def test_the_report_sorts_filters_and_hovers_without_an_error(browser: WebDriver, tmp_path: Path) -> None:
    jobs = grid(optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01, 0.001], regularizer__l1=[0.0, 1e-4],
                regularizer__l2=[0.0, 1e-3], seed=list(range(5)))  # fmt: skip
    folder = write_sweep(tmp_path / "sweep", jobs, {3: {"status": "failed", "reason": "<b>no</b> memory"}})
    for number in range(4, len(jobs)):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
    write_report(folder, Console(quiet=True))
    browser.get((folder / "report.html").as_uri())
    assert len(browser.find_elements(By.CSS_SELECTOR, ".plot .main-svg")) >= 6
    heads = [head.text for head in browser.find_elements(By.CSS_SELECTOR, "#jobs th")]
    score = heads.index("val/accuracy") + 1
    assert len(column(browser, 1)) == 100
    browser.find_element(By.ID, "more").click()
    assert column(browser, 1) == [str(number) for number in range(len(jobs))]

    sort = browser.find_elements(By.CSS_SELECTOR, "#jobs th button")[score - 1]
    for reverse in (False, True):
        sort.click()
        shown = [float(text) for text in column(browser, score) if text]
        assert shown == sorted(shown, reverse=reverse)
        assert column(browser, score)[-1] == "", "a job without a score comes last"
    assert shown[0] == pytest.approx(max(map(accuracy, jobs)), abs=1e-4)

    browser.find_element(By.ID, "filter").send_keys("sgd 0.001")
    wanted = [str(n) for n, job in enumerate(jobs) if job["optimizer"] == "sgd" and 0.001 in job.values()]
    assert set(wanted) <= set(column(browser, 1))
    assert all(name == "sgd" for name in column(browser, 3))
    browser.find_element(By.ID, "filter").clear()
    browser.find_element(By.CSS_SELECTOR, "#status option:last-child").click()
    browser.execute_script("document.getElementById('filter').dispatchEvent(new Event('input'))")
    assert set(column(browser, 2)) == {browser.find_element(By.ID, "status").get_property("value")}

    def points(trace: int) -> int:
        return int(browser.execute_script(f"return document.getElementById('learning_rate').data[{trace}].y.length"))

    def shows(*wanted: int) -> bool:
        return [points(0), points(1)] == list(wanted)

    # The bands of SGD and its jobs are the first two traces: 3 rates, both ways, and a gap; then 3 rates of 5 seeds.
    assert shows(7, 0)
    for kind, sizes in (("every job", (0, 15)), ("95 % interval", (7, 0))):
        buttons = browser.find_elements(By.CSS_SELECTOR, "#learning_rate .updatemenu-button")
        button = next(one for one in buttons if one.text == kind)
        ActionChains(browser).scroll_to_element(button).move_to_element(button).click().perform()
        assert eventually(partial(shows, *sizes), PATIENCE), kind

    point = browser.find_element(By.CSS_SELECTOR, "#time .scatterlayer .point")
    ActionChains(browser).scroll_to_element(point).move_to_element(point).perform()
    hover = eventually(lambda: browser.find_elements(By.CSS_SELECTOR, "#time .hoverlayer .hovertext"), PATIENCE)
    assert "optimizer=" in hover[0].text
    assert errors(browser) == []


@pytest.fixture
def tensorboard(own_folder: Path) -> Iterator[str]:
    """TensorBoard on the sweep's folder, reachable from this machine only."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("tensorboard")), "--load_fast=false", "--logdir", "sweep"]
    address = ["--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, *address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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


def test_tensorboard_shows_every_job_its_hparams_and_the_figures(
    monkeypatch: pytest.MonkeyPatch, tensorboard: str, tmp_path: Path
) -> None:
    assert call(monkeypatch, *REPORTED, "optimizer.lr=0.01,0.001", "seed=0,1", "figures=true") is None
    assert eventually(lambda: is_up(tensorboard), 90), "TensorBoard did not start"
    scores = [line.split(",") for line in Path("sweep/sweep.csv").read_text().splitlines()]
    # The tab opens with the first five metrics by name; the user shows the others.
    accuracies = [float(row[scores[0].index("best/val/accuracy")]) for row in scores[1:]]
    with chromium(tmp_path / "profile") as browser:

        def words() -> str:
            return " ".join(str(browser.execute_script(WORDS)).split())

        def shows(*wanted: str) -> bool:
            return bool(eventually(lambda: all(word in words() for word in wanted), PATIENCE))

        def opens(tab: str, *wanted: str) -> None:
            browser.get("about:blank")
            browser.get(f"{tensorboard}/#{tab}")
            assert shows(*wanted), words()[:4000]

        # Four jobs, each with its curve; TensorBoard opens the first groups of cards, and counts the others.
        jobs = [(0.01, 0), (0.01, 1), (0.001, 0), (0.001, 1)]
        names = [f"{number}/tensorboard/lr-{lr}_seed-{seed}" for number, (lr, seed) in enumerate(jobs)]
        opens("timeseries", "Run Smoothed Value", "val 2 cards", *names)
        opens("hparams", "Number of matching session groups: 4", *(f"{value:#.5g}" for value in accuracies))
        opens("images&tagFilter=sweep", "sweep/learning_rate", "sweep/importance", "sweep/time")
        # A margin chart for each kind of band that two seeds have, of both settings.
        opens("custom_scalars", "val/accuracy, mean over seeds", "std. deviation", "min to max", "Matches (2)")
        opens("pr_curves", "test/precision_recall")
        assert errors(browser) == []
