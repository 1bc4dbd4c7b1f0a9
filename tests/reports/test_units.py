"""Errors have the unit in which they are: a user's metric of standardised targets is not in the targets' own."""

import pytest

from gradexp.reports.units import explained, unit

MSE, STD = 0.55, 77.0
OWN, STANDARDISED = MSE**0.5 * STD, MSE**0.5
PRICE = {"target_name": "price"}


@pytest.mark.parametrize(
    ("name", "metrics", "found"),
    [
        ("test/mse", {"target_std": STD}, " [std^2]"),
        ("test/mse", {}, " [target^2]"),
        ("test/mse", PRICE, " [price^2]"),
        ("test/rmse", {"target_std": STD, "test/rmse": OWN, **PRICE}, " [price]"),
        ("test/rmse", {"test/rmse": STANDARDISED}, " [target]"),
        ("test/rmse", {"target_name": "disease progression after a year", "test/rmse": STANDARDISED}, " [target]"),
        ("test/rmse", {"target_std": STD, "test/rmse": STANDARDISED, **PRICE}, ""),  # a user's metric
        ("best/val/rmse", {"target_std": STD, "best/val/rmse": OWN, **PRICE}, ""),  # no mean squared error beside it
        ("test/mae", PRICE, ""),
        ("test/loss", PRICE, ""),
    ],
)
def test_an_error_has_the_unit_in_which_it_is(name: str, metrics: dict[str, object], found: str) -> None:
    assert unit(name, {"test/mse": MSE, **metrics}) == found


def test_the_units_are_explained_where_there_are_two() -> None:
    words = "[price] the targets' own, [std] their standard deviation, 77; the loss is of standardised targets"
    assert explained({"target_std": STD, **PRICE}) == words
    assert explained({"target_std": 1.0, **PRICE}) == ""
