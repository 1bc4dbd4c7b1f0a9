"""The cores of this process; nothing here imports torch."""


def core_count() -> int:
    """Cores that this process may use, by its affinity and by the quota of its container."""
    # It comes with scikit-learn, and its launcher divides threads by this very number.
    from joblib import cpu_count

    return int(cpu_count())
