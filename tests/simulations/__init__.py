"""How often the statistics of gradexp.verdicts err, by simulated sweeps whose truth is known.

``python -m tests.simulations`` runs many of them and prints a table; the tests run a fixed small number.
"""
