"""What a configuration may say: the rules of its keys, its files and its hash. Neither Hydra nor torch is imported."""
