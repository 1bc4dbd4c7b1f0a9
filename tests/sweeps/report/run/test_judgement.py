"""What the predictions of a run say, held against scikit-learn."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from gradexp.reports.examination import Examination
from gradexp.sweeps.report.run.judgement import judge


def classified(inputs: np.ndarray, **more: object) -> Examination:
    random = np.random.default_rng(0)
    outputs = random.dirichlet(np.ones(3), size=60)
    targets = np.where(random.random(60) < 0.5, outputs.argmax(axis=1), random.integers(3, size=60))
    wrong = np.flatnonzero(outputs.argmax(axis=1) != targets)[: len(inputs)].tolist()
    return Examination("val", ["a", "b", "<i>c</i>"], outputs, targets, wrong, inputs, **more)  # type: ignore[arg-type]


def test_scores_of_classes_are_those_of_scikit_learn_and_images_have_words() -> None:
    images = np.random.default_rng(1).normal(size=(2, 1, 5, 4)).astype(np.float32)
    found = classified(images)
    shown = judge(found)
    predicted = found.outputs.argmax(axis=1)
    accuracy = metrics.accuracy_score(found.targets, predicted)
    assert shown.title == "On 60 validation samples"
    assert shown.lines[0].endswith(f"accuracy {accuracy:.2%}.")
    np.testing.assert_array_equal(
        shown.figures["confusion"].data[0].customdata, metrics.confusion_matrix(found.targets, predicted)
    )
    precision, recall, _, support = metrics.precision_recall_fscore_support(found.targets, predicted)
    (table,) = shown.tables
    assert table.rows == [
        [name, str(support[n]), f"{recall[n]:.1%}", f"{precision[n]:.1%}", str((predicted == n).sum())]
        for n, name in enumerate(found.classes)
    ]
    assert table.texts == ["class"]
    content, words = shown.pictures[0]
    first = found.worst[0]
    sure = f"{found.outputs[first].max():.0%}"
    assert words == f"{found.classes[predicted[first]]} ({sure}), is {found.classes[found.targets[first]]}"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (image.size, image.mode) == ((4, 5), "L")
    spread = (images[0, 0] - images[0].min()) / np.ptp(images[0]) * 255
    np.testing.assert_allclose(np.asarray(image), spread, atol=0.51)


def test_rows_of_a_table_are_shown_with_their_columns() -> None:
    shown = judge(classified(np.zeros((2, 2)), columns={"<b>": [1.23456, None], "colour": ["red", "a, b"]}))
    table = shown.tables[1]
    assert table.columns == ["sample", "predicted", "true", "<b>", "colour"]
    assert [row[3:] for row in table.rows] == [["1.235", "red"], ["", "a, b"]]
    assert shown.pictures == []


def test_residuals_are_in_the_units_of_the_target() -> None:
    random = np.random.default_rng(0)
    true = random.normal(100, 20, size=(50, 1))
    predicted = true + random.normal(1, 5, size=(50, 1))
    columns = {"x": [1.0] * 3}
    found = Examination("test", [], predicted, true, [4, 2, 0], np.zeros((3, 1)), columns)
    shown = judge(found)
    assert shown.title == "On 50 test samples"
    numbers = [float(text) for text in re.findall(r"(?:square|absolute|mean|R²) (-?[\d.]+\d)", shown.lines[0])]
    assert numbers == pytest.approx(
        [
            metrics.root_mean_squared_error(true, predicted),
            metrics.mean_absolute_error(true, predicted),
            (predicted - true).mean(),
            metrics.r2_score(true, predicted),
        ],
        rel=1e-3,
    )
    assert list(shown.figures) == ["predicted_against_true", "residuals"]
    assert [row[0] for row in shown.tables[0].rows] == ["4", "2", "0"]
