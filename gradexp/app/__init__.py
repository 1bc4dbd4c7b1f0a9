"""The command line: composing configurations with Hydra, running tasks, messages and summaries."""
