"""Whether one setting is better than another, or only luckier: statistics of scores over seeds, as pure functions."""
