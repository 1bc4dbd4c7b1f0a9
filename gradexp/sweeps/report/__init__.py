"""What a sweep shows: results from disk, findings, and their presentation on page, terminal and TensorBoard."""
