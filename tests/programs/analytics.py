"""numpy and pandas over a year of sales: joins, groups, pivots, windows, text, CSV, pickle, and linear algebra."""

from __future__ import annotations

import hashlib
import io
import pickle

import numpy as np
import pandas as pd

ROWS = 600_000
SHOPS = 400
SIZE = 700


def show(name: str, table: pd.DataFrame | pd.Series) -> None:
    """A table's shape, its first rows, and a digest of all, rounded: sums may differ in their last bits."""
    text = table.to_csv(float_format="%.6g")
    print(name, table.shape, hashlib.sha256(text.encode()).hexdigest()[:12])
    print("\n".join(text.splitlines()[:4]))


def sales() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366 * 86_400, ROWS), unit="s"),
            "shop": rng.integers(0, SHOPS, ROWS),
            "item": rng.choice([f"item-{number}" for number in range(3_000)], ROWS),
            "price": rng.gamma(2.0, 15.0, ROWS).round(2),
            "count": rng.poisson(2.5, ROWS),
        }
    )


def shops() -> pd.DataFrame:
    names = [f"Shop {number} in {'ABCDEFG'[number % 7]}" for number in range(SHOPS)]
    return pd.DataFrame({"shop": range(SHOPS), "name": names, "region": [name[-1] for name in names]})


# --- tables --------------------------------------------------------------------------------------------------


def joined(table: pd.DataFrame) -> pd.DataFrame:
    merged = table.merge(shops(), on="shop").sort_values(["time", "shop", "item", "price"], ignore_index=True)
    merged["total"] = merged["price"] * merged["count"]
    return merged


def grouped(table: pd.DataFrame) -> pd.DataFrame:
    groups = table.groupby(["region", table["time"].dt.month.rename("month")])["total"]
    return groups.agg(["sum", "mean", "median", "std", "count"])


def pivoted(table: pd.DataFrame) -> pd.DataFrame:
    return table.pivot_table(index="item", columns="region", values="total", aggfunc="sum", fill_value=0.0)


def windows(table: pd.DataFrame) -> pd.DataFrame:
    daily = table.set_index("time")["total"].resample("D").sum()
    return pd.DataFrame(
        {"week": daily.rolling(7).mean(), "smooth": daily.ewm(span=14).mean(), "so far": daily.cumsum()}
    )


def texts(table: pd.DataFrame) -> pd.Series:
    """A column of Python strings, each row an object of its own."""
    labels = table["name"].astype(object) + "/" + table["item"].astype(object)
    parts = labels.str.extract(r"Shop (\d+) in ([A-G])/item-(\d+)")
    return (parts[1] + parts[2].str.zfill(5)).value_counts().sort_index().head(2_000)


def applied(table: pd.DataFrame) -> pd.Series:
    """A Python function called once a group, with a small table each time."""
    return table.groupby("item")[["price", "count"]].apply(lambda part: float((part["price"] * part["count"]).max()))


def there_and_back(table: pd.DataFrame) -> pd.DataFrame:
    part = table.head(60_000)
    written = io.StringIO(part.to_csv(index=False))
    read = pd.read_csv(written, parse_dates=["time"])
    assert read["total"].round(6).equals(part["total"].round(6))
    restored: pd.DataFrame = pickle.loads(pickle.dumps(read.to_dict("records")))
    return pd.DataFrame(restored).tail(1_000)


# --- arrays --------------------------------------------------------------------------------------------------


def arrays() -> None:
    rng = np.random.default_rng(7)
    matrix = rng.normal(size=(SIZE, SIZE))
    values = np.linalg.svd(matrix @ matrix.T, compute_uv=False)
    spectrum = np.abs(np.fft.rfft(rng.normal(size=1_000_000)))
    objects = np.array([{"n": number} for number in range(200_000)], dtype=object)
    print("svd", np.array2string(values[:4], precision=3))
    print("fft", f"{spectrum.sum():.6g}")
    print("objects", sum(each["n"] for each in objects[::-3]))
    print("small arrays", f"{sum(float(np.arange(number % 50).sum()) for number in range(200_000)):.6g}")


def main() -> None:
    table = joined(sales())
    for work in (joined, grouped, pivoted, windows, texts, applied, there_and_back):
        show(work.__name__, table.head(20_000)[["price", "total", "item"]] if work is joined else work(table))
    arrays()


if __name__ == "__main__":
    main()
