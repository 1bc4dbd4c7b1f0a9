"""Configurations: the rules of their keys, their files and hashes. Imports neither Hydra nor torch."""
