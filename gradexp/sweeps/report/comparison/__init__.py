"""Which settings are better than others by more than the noise of their seeds: computed once, then shown.

`settings` groups jobs, `scores` reads their metric, `compare` judges; `words`, `files`, `figure` show the result.
"""
