"""From a configuration to objects: reads, trusts and constructs the classes named by `_target_`, without Hydra."""
