"""The table of final metrics, as TensorBoard turns it into HTML."""

from gradexp.reports.results_table import results_table
from tests.reports.tensorboard_plugins import markdown_to_safe_html


def test_tensorboard_shows_a_table_with_the_test_first() -> None:
    metrics = {
        "monitor": "val/accuracy",
        "status": "diverged",
        "train/loss": 0.123456789,
        "best/epoch": 3,
        "test/top_5_accuracy": 1.0,
        "resumed": [{"step": 3}],
        "reason": "a | b <script> *c* [d](http://e)\nf",
    }
    html = markdown_to_safe_html(results_table(metrics))
    rows = [row.split("</td>") for row in html.split("<tr>")[2:]]
    cells = [[cell.rpartition(">")[2] for cell in row[:2]] for row in rows]
    assert cells == [
        ["status", "diverged"],
        ["reason", "a | b &lt;script&gt; *c* [d](http://e) f"],
        ["test/top_5_accuracy", "1"],
        ["best/epoch", "3"],
        ["train/loss", "0.123457"],
        ["monitor", "val/accuracy"],
    ]
