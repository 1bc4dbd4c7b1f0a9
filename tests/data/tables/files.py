"""Small tables like a new user's, written to files."""

from pathlib import Path

import numpy as np
import polars as pl

ROWS = 200


def houses(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Numbers, text, a date, missing values, a constant, an identifier; `price` is a number, `sold` a class."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 90, rows)
    income = rng.normal(3.0, 1.0, rows).round(3)
    city = rng.choice(["Bonn", "Bad Ems", "Ulm"], rows)
    price = 100 + 2.0 * age - 5.0 * income + 30.0 * (city == "Bonn")
    frame = pl.DataFrame(
        {
            "id": [f"house {number}" for number in range(rows)],
            "house age": age,
            "income": income,
            "city": city,
            "built": np.datetime64("2001-01-01") + rng.integers(0, 900, rows),
            "garden": rng.random(rows) < 0.5,
            "country": ["DE"] * rows,
            "price": price,
            "sold": np.where(price > 180, "yes", "no"),
        }
    )
    gap = pl.Series(rng.random(rows) < 0.1)
    lost = pl.Series(rng.random(rows) < 0.1)
    return frame.with_columns(
        income=pl.when(gap).then(None).otherwise(pl.col("income")),
        city=pl.when(lost).then(None).otherwise(pl.col("city")),
    )


def write(frame: pl.DataFrame, name: str = "houses.csv", separator: str = ",") -> Path:
    path = Path(name)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator=separator)
    return path


def write_text(text: str, name: str = "table.csv") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name
