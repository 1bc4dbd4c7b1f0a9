"""The number of cores, counted without importing torch."""


def core_count() -> int:
    """Cores that this process may use, by its affinity and its container's quota."""
    # joblib comes with scikit-learn, and divides threads by this number in its own workers.
    from joblib import cpu_count

    return int(cpu_count())
