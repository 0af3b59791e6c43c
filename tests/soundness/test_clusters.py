"""What must not change the interval of a ratio: parts, units, the order of rows, other cells.

cell  bucket  num  den        Monday and Tuesday of one week, added per bucket,
0     17      40   2          are the rows of the week: sums of whole numbers are
0     17      60   3     ->   exact, so the intervals agree to the last bit.
0     90      10   1
"""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from contact_kpis.stats.cluster import (
    bucket_differences,
    bucket_ratios,
    bucket_sums,
    share_interval,
)
from contact_kpis.stats.survival import bucket_km_mean

# A sum in another order differs by roundings of 1e-16 each; standard errors take a root of
# differences, which lose at most a few digits of these small whole numbers.
CLOSE = {"rtol": 1e-9, "atol": 1e-9, "equal_nan": True}
FIELDS = ("value", "se", "lower", "upper", "n_clusters")
CELLS = 3


@st.composite
def tables(draw):
    "Rows of contacts: cell, side, bucket, numerator, denominator, part of the period."
    n = draw(st.integers(0, 60))
    columns = [(0, CELLS - 1), (0, 1), (0, 9), (0, 900), (0, 3), (0, 1)]
    drawn = [draw(st.lists(st.integers(*c), min_size=n, max_size=n)) for c in columns]
    return [np.array(c, dtype=np.int64) for c in drawn]


def ratios(cell, bucket, num, den):
    s = bucket_sums(cell, bucket, num, den)
    return bucket_ratios(s.cell, s.num, s.den, CELLS)


def same(a, b, exact=False, unit=1.0):
    for name in FIELDS:
        scale = 1.0 if name == "n_clusters" else unit
        x, y = getattr(a, name) * scale, getattr(b, name)
        assert np.array_equal(x, y, equal_nan=True) if exact else np.allclose(x, y, **CLOSE), name


@given(tables())
def test_parts_merge_to_the_full_run(table):
    cell, _, bucket, num, den, part = table
    halves = [bucket_sums(*(a[part == p] for a in (cell, bucket, num, den))) for p in (0, 1)]
    merged = [np.concatenate(column) for column in zip(*halves, strict=True)]
    same(ratios(*merged), ratios(cell, bucket, num, den), exact=True)


@given(tables())
def test_unit_change(table):
    "Milliseconds instead of seconds in the numerator: everything a thousand times, nothing else."
    cell, _, bucket, num, den, _ = table
    same(ratios(cell, bucket, num, den), ratios(cell, bucket, 1000 * num, den), unit=1000.0)
    same(ratios(cell, bucket, num, den), ratios(cell, bucket, 1024 * num, den), True, 1024.0)


@given(tables(), st.randoms(use_true_random=False))
def test_order_of_rows(table, random):
    cell, side, bucket, num, den, _ = table
    order = np.array(random.sample(range(len(cell)), len(cell)), dtype=np.int64)
    shuffled = [a[order] for a in (cell, bucket, num, den)]
    same(ratios(cell, bucket, num, den), ratios(*shuffled), exact=True)
    columns = (cell, side, bucket, num, den)
    a, b = (bucket_differences(*c, CELLS) for c in (columns, [x[order] for x in columns]))
    same(a, b, exact=True)


@given(tables())
def test_cells_do_not_touch_each_other(table):
    cell, _, bucket, num, den, _ = table
    together = ratios(cell, bucket, num, den)
    for c in range(CELLS):
        own = cell == c
        s = bucket_sums(np.zeros(own.sum(), np.int64), bucket[own], num[own], den[own])
        alone = bucket_ratios(s.cell, s.num, s.den, 1)
        for name in FIELDS:
            x, y = getattr(together, name)[c], getattr(alone, name)[0]
            assert np.isclose(x, y, **CLOSE), name


@given(tables())
def test_swapped_sides_turn_the_sign(table):
    cell, side, bucket, num, den, _ = table
    a = bucket_differences(cell, side, bucket, num, den, CELLS)
    b = bucket_differences(cell, 1 - side, bucket, num, den, CELLS)
    assert np.allclose(a.value, -b.value, **CLOSE) and np.allclose(a.se, b.se, **CLOSE)
    assert np.allclose(a.lower, -b.upper, **CLOSE) and np.allclose(a.df, b.df, **CLOSE)


@given(tables())
def test_a_week_against_itself_does_not_differ(table):
    cell, _, bucket, num, den, _ = table
    twice = [np.tile(a, 2) for a in (cell, bucket, num, den)]
    side = np.repeat([0, 1], len(cell))
    found = bucket_differences(twice[0], side, twice[1], twice[2], twice[3], CELLS)
    known = ~np.isnan(found.value)
    assert np.all(found.value[known] == 0) and np.all(found.se[known & ~np.isnan(found.se)] == 0)


@st.composite
def shares(draw):
    n = draw(st.integers(1, 10**5))
    return draw(st.integers(0, n)) / n, n


@given(shares(), st.floats(0, 0.5), st.integers(1, 127))
def test_a_share_lies_in_its_interval(share, se, df):
    "And the interval has a width, also at 0 and 1, and mirrors with the share."
    value, n = share
    (low,), (up,) = share_interval([value], [se], [n], [df])
    assert 0 <= low <= value + 1e-12 and value - 1e-12 <= up <= 1 and up > low
    (mirror_low,), (mirror_up,) = share_interval([1 - value], [se], [n], [df])
    assert np.allclose([mirror_low, mirror_up], [1 - up, 1 - low], atol=1e-9)


@settings(max_examples=40)
@given(tables(), st.randoms(use_true_random=False))
def test_survival_by_calls_by_counts_and_in_any_order(table, random):
    "Durations in `num`; `side` says whether it ended. Milliseconds change the unit only."
    cell, ended, bucket, time, _, _ = table
    one = bucket_km_mean(cell, bucket, time, ended, 1 - ended, CELLS)
    order = np.array(random.sample(range(len(cell)), len(cell)), dtype=np.int64)
    shuffled = [a[order] for a in (cell, bucket, time, ended, 1 - ended)]
    same(one, bucket_km_mean(*shuffled, CELLS))
    same(one, bucket_km_mean(cell, bucket, 1000 * time, ended, 1 - ended, CELLS), unit=1000.0)
    rows = np.column_stack([cell, bucket, time]).reshape(-1, 3)
    keys, at = np.unique(rows, axis=0, return_inverse=True)
    sums = [np.bincount(at.ravel(), a, len(keys)) for a in (ended, 1 - ended)]
    same(one, bucket_km_mean(*keys.T, *sums, CELLS))


def test_the_package_does_not_load_scipy_stats():
    code = (
        "import sys, contact_kpis, contact_kpis.stats.survival; print('scipy.stats' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
