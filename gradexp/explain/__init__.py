"""Short worked examples, a topic a file; every number is computed when it is printed, and held against autograd."""

from collections.abc import Callable

from gradexp.explain.activations import activations
from gradexp.explain.autograd import autograd
from gradexp.explain.backprop import backprop
from gradexp.explain.chain_rule import chain_rule
from gradexp.explain.custom_function import custom_function
from gradexp.explain.direction import direction
from gradexp.explain.information import information
from gradexp.explain.lesson import Lesson
from gradexp.explain.losses import losses
from gradexp.explain.perceptron import perceptron
from gradexp.explain.softmax import softmax

__all__ = ["TOPICS", "Lesson"]

TOPICS: dict[str, Callable[[Lesson], None]] = {
    "chain_rule": chain_rule,
    "autograd": autograd,
    "activations": activations,
    "softmax": softmax,
    "losses": losses,
    "information": information,
    "perceptron": perceptron,
    "backprop": backprop,
    "custom_function": custom_function,
    "direction": direction,
}
