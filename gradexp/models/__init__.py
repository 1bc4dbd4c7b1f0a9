"""LightningModules, one final class a file."""

from gradexp.models.abstract_module import AbstractModule
from gradexp.models.mlp_classifier import MLPClassifier

__all__ = ["AbstractModule", "MLPClassifier"]
