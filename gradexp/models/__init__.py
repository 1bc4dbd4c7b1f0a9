"""LightningModules, one final class per file."""

from gradexp.models.abstract_classifier import AbstractClassifier
from gradexp.models.abstract_module import AbstractModule
from gradexp.models.abstract_regressor import AbstractRegressor
from gradexp.models.function_descent import FunctionDescent
from gradexp.models.linear_regression import LinearRegression
from gradexp.models.logistic_regression import LogisticRegression
from gradexp.models.mlp_classifier import MLPClassifier
from gradexp.models.mlp_from_scratch import MLPFromScratch
from gradexp.models.mlp_regressor import MLPRegressor
from gradexp.models.rosenblatt import Rosenblatt
from gradexp.models.sigmoid_units import SigmoidUnits
from gradexp.models.softmax_regression import SoftmaxRegression

__all__ = [
    "AbstractClassifier",
    "AbstractModule",
    "AbstractRegressor",
    "FunctionDescent",
    "LinearRegression",
    "LogisticRegression",
    "MLPClassifier",
    "MLPFromScratch",
    "MLPRegressor",
    "Rosenblatt",
    "SigmoidUnits",
    "SoftmaxRegression",
]
