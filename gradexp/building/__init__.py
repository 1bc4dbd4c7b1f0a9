"""From a configuration to objects: classes named by `_target_`, read, trusted and constructed. Nothing of Hydra."""
