"""Data sets of tables: bundled with scikit-learn, or a CSV or Parquet file of the user."""
