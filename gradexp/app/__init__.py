"""What knows the configuration as a whole: the rules of its keys, and the check of all of it before a run."""
