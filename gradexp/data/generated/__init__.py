"""Data sets that are drawn by a seed or written in the configuration."""
