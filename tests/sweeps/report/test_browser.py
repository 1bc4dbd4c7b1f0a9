"""The report in a real browser."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from gradexp.reports.examination import Examination
from gradexp.sweeps.report.run.report_run import report_run
from gradexp.sweeps.report.write_report import write_report
from tests.sweeps.folders import accuracy, grid, write_curve, write_sweep
from tests.sweeps.report.browser import chromium, errors
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # from Selenium's sockets
]
PATIENCE = 40  # seconds until a page must be drawn
PHONE = 420  # pixels
AXE = "axe-core@4.14.1"
JOBS = grid(optimizer=["sgd", "adam"], optimizer__lr=[0.1, 0.01, 0.001], regularizer__l1=[0.0, 1e-4],
            regularizer__l2=[0.0, 1e-3], seed=list(range(5)))  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """One browser for all tests of pages."""
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def browser(opened: WebDriver) -> Iterator[WebDriver]:
    """The browser with a wide window and a light page, as it was opened."""
    yield opened
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of 120 jobs with its page, which tests read and do not change."""
    failed = {3: {"status": "failed", "reason": "<b>no</b> memory"}}
    folder = write_sweep(tmp_path_factory.mktemp("reported") / "sweep", JOBS, failed)
    for number in range(4, len(JOBS)):
        write_curve(folder / str(number), "val/accuracy", [0.1, 0.5])
        write_curve(folder / str(number), "train/loss", [2.0, 1.0])
    write_report(folder, Console(quiet=True))
    return folder


@pytest.fixture(scope="module")
def run(sweep: Path) -> Path:
    """The page of one of its jobs, with predictions of images."""
    random = np.random.default_rng(0)
    images = random.random((3, 1, 8, 8)).astype(np.float32)
    outputs, targets = random.dirichlet(np.ones(10), size=200), random.integers(10, size=200)
    digits = [str(number) for number in range(10)]
    examination = Examination("val", digits, outputs, targets, [1, 5, 7], images)
    report_run(sweep / "4", {"seed": 1, "name": "other"}, lambda run: (examination, ["nothing more"]))
    return sweep / "4"


def shows_as(browser: WebDriver, width: int, scheme: str) -> None:
    """Give the window a width, and the reader a preference for light or dark pages."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def column(browser: WebDriver, number: int) -> list[str]:
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, f"#jobs tbody td:nth-child({number})")]


def test_the_report_sorts_filters_and_hovers_without_an_error(browser: WebDriver, sweep: Path) -> None:
    jobs = JOBS
    browser.get((sweep / "report.html").as_uri())
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
        buttons = browser.find_elements(By.CSS_SELECTOR, "section:has(#learning_rate) .choices button")
        button = next(one for one in buttons if one.text == kind)
        ActionChains(browser).scroll_to_element(button).move_to_element(button).click().perform()
        assert eventually(partial(shows, *sizes), PATIENCE), kind

    point = browser.find_element(By.CSS_SELECTOR, "#time .scatterlayer .point")
    ActionChains(browser).scroll_to_element(point).move_to_element(point).perform()
    hover = eventually(lambda: browser.find_elements(By.CSS_SELECTOR, "#time .hoverlayer .hovertext"), PATIENCE)
    assert "optimizer=" in hover[0].text
    assert errors(browser) == []


# What is wider than the page and in no box that scrolls.
CUT = """
const width = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter(one => !one.closest(".wide") && !one.closest("svg") && one.getBoundingClientRect().right > width + 1)
  .map(one => one.outerHTML.slice(0, 200));
"""
# Text of a figure that reaches beyond its figure.
CUT_TEXT = """
return [...document.querySelectorAll(".plot")].flatMap(plot => {
  const edge = plot.getBoundingClientRect();
  return [...plot.querySelectorAll("text")]
    .filter(text => text.textContent.trim() && text.getBoundingClientRect().width)
    .filter(text => text.getBoundingClientRect().right > edge.right + 2
      || text.getBoundingClientRect().left < edge.left - 2)
    .map(text => plot.id + ": " + text.textContent);
});
"""


@pytest.mark.parametrize("kind", ["sweep", "run"])
def test_on_a_phone_nothing_is_cut_and_the_dark_is_followed(
    kind: str, browser: WebDriver, request: pytest.FixtureRequest
) -> None:
    shows_as(browser, PHONE, "light")
    browser.get((request.getfixturevalue(kind) / "report.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE
    assert browser.execute_script(CUT) == []
    assert browser.execute_script(CUT_TEXT) == []
    if kind == "sweep":
        names = browser.find_elements(By.CSS_SELECTOR, "#coordinates .xtick text")
        assert [name.text for name in names][-2:] == ["seed", "val/accuracy"]
    paper = "return getComputedStyle(document.body).backgroundColor"
    ink = "return getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    light = browser.execute_script(paper), browser.execute_script(ink)
    assert light == ("rgb(255, 255, 255)", "rgb(26, 26, 26)")
    shows_as(browser, PHONE, "dark")  # while the page is open
    assert eventually(lambda: browser.execute_script(ink) == "rgb(232, 232, 229)", PATIENCE)
    assert browser.execute_script(paper) == "rgb(23, 24, 26)"
    assert errors(browser) == []


def test_each_figure_has_links_to_its_image(browser: WebDriver, sweep: Path) -> None:
    browser.get((sweep / "report.html").as_uri())
    plots = browser.find_elements(By.CSS_SELECTOR, ".grid .plot")
    links = browser.find_elements(By.CSS_SELECTOR, ".grid .links a")
    assert [link.get_attribute("download") for link in links] == [
        f"{plot.get_attribute('id')}.{kind}" for plot in plots for kind in ("svg", "png")
    ]
    # The second click, once the image is made, would save it; here it is kept.
    kept = """
    const [link, done] = [arguments[0], arguments[1]];
    link.addEventListener("click", event => {
      if (!link.href.startsWith("data:")) return;
      event.preventDefault(); event.stopImmediatePropagation(); done(link.href);
    }, true);
    link.click();
    """
    browser.set_script_timeout(PATIENCE)
    images = [browser.execute_async_script(kept, link) for link in links[:2]]
    assert images[0].startswith("data:image/svg+xml,")
    assert "optimizer.lr" in images[0]
    assert images[1].startswith("data:image/png;base64,")
    papers = browser.find_elements(By.CSS_SELECTOR, ".grid .papers a")
    kinds = [str(link.get_attribute("href")).partition(";")[0] for link in papers]
    assert kinds == ["data:image/svg+xml", "data:application/pdf"] * len(plots)
    picture = browser.find_element(By.CSS_SELECTOR, "a.of-picture")
    assert str(picture.get_attribute("href")).startswith("data:image/png;base64,")
    assert errors(browser) == []


def test_the_curves_of_chosen_jobs_are_drawn(browser: WebDriver, sweep: Path) -> None:
    browser.get((sweep / "report.html").as_uri())
    assert not browser.find_element(By.ID, "chosen").is_displayed()
    boxes = browser.find_elements(By.CSS_SELECTOR, "#jobs input[type=checkbox]")
    assert [box.get_attribute("aria-label") for box in boxes[:2]] == ["curves of job 4", "curves of job 5"]
    for box in boxes[:2]:
        browser.execute_script("arguments[0].click()", box)
    named = "return document.getElementById('chosen').data.map(trace => [trace.name, trace.yaxis, trace.y])"
    # Of each job the training loss on the right, and the monitored metric.
    drawn = browser.execute_script(named)
    assert sorted(axis for _, axis, _ in drawn) == ["y", "y", "y2", "y2"]
    assert {name.partition(":")[0] for name, _, _ in drawn} == {"job 4", "job 5"}
    assert [0.1, 0.5] in [values for _, _, values in drawn]
    browser.find_element(By.ID, "filter").send_keys("adam")  # a choice outlives the filter
    browser.execute_script("document.getElementById('filter').value = ''")
    assert len(browser.execute_script(named)) == 4
    browser.execute_script("document.getElementById('none').click()")
    assert not browser.find_element(By.ID, "chosen").is_displayed()
    assert errors(browser) == []


@pytest.fixture(scope="module")
def axe(pytestconfig: pytest.Config) -> str:
    """The source of axe-core, which npm fetches once into pytest's cache."""
    folder = pytestconfig.cache.mkdir(AXE)
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    npm = shutil.which("npm")
    if not source.is_file() and npm is not None:
        install = [npm, "install", "--silent", "--ignore-scripts", "--prefix", str(folder), AXE]
        subprocess.run(install, capture_output=True, timeout=120, check=False)
    if not source.is_file():
        pytest.skip(f"{AXE} cannot be had: npm is not installed, or has no network")
    return source.read_text()


AUDIT = """
const [options, done] = arguments;
axe.run({exclude: [".plot svg"]}, options).then(found => done(
  found.violations.filter(one => ["serious", "critical"].includes(one.impact))
    .map(one => one.id + ": " + one.nodes.map(node => node.html.slice(0, 200)).join(" "))));
"""
CONTRAST = {"runOnly": ["color-contrast"]}


@pytest.mark.parametrize("kind", ["sweep", "run"])
def test_axe_finds_nothing_serious(kind: str, browser: WebDriver, axe: str, request: pytest.FixtureRequest) -> None:
    shows_as(browser, PHONE, "light")
    browser.get((request.getfixturevalue(kind) / "report.html").as_uri())
    if kind == "sweep":  # of the rows that look alike, some are enough
        browser.find_element(By.ID, "filter").send_keys("failed")
    browser.execute_script(axe)
    browser.set_script_timeout(PATIENCE)

    def audit(options: Mapping[str, object]) -> list[str]:
        found: list[str] = browser.execute_async_script(AUDIT, options)
        return found

    assert audit({}) == []
    shows_as(browser, PHONE, "dark")
    assert audit(CONTRAST) == []
    browser.execute_script("document.querySelector('.quiet').style.color = 'rgb(60, 60, 60)'")
    assert "color-contrast" in str(audit(CONTRAST)), "it would find what is wrong"
