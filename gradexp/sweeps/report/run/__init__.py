"""The report of a single run: what its folder holds, in numbers, figures and words, on one page."""
