"""Several runs as one sweep: planned, launched, resumed and reported."""
