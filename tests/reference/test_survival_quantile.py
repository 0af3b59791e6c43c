"""Quantiles of durations against R, statsmodels, sorted durations and a loop over buckets.

Printed by R 4.2.2 with survival 3.5-3, the command beside each number. R's band uses a normal
quantile, ours one of t; `as_normal` gives the level at which the two are the same number.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import t
from statsmodels.duration.survfunc import SurvfuncRight

from contact_kpis.errors import BadInput
from contact_kpis.stats import survival
from contact_kpis.stats.agreement import icc_of, pair_sums, smooth, smooth_without
from contact_kpis.stats.cluster import bucket_value_differences
from contact_kpis.stats.survival import (
    bucket_km_mean,
    bucket_km_quantile,
    kaplan_meier,
    km_mean_without,
    km_quantile_without,
)

NAN = float("nan")

# survival::aml: weeks of remission, 1 = relapse (Miller, 1981).
MAINTAINED = (
    np.array([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161.0]),
    np.array([1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]),
)
NONMAINTAINED = (
    np.array([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45.0]),
    np.array([1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]),
)
# survival::kidney: days to infection at a catheter, two rows per patient (McGilchrist and
# Aisbett, 1991).
KIDNEY_DAYS = np.array(
    "8 16 23 13 22 28 447 318 30 12 24 245 7 9 511 30 53 196 15 154 7 333 141 8 96 38 149 70 536 "
    "25 17 4 185 177 292 114 22 159 15 108 152 562 402 24 13 66 39 46 12 40 113 201 132 156 34 30 "
    "2 25 130 26 27 58 5 43 152 30 190 5 119 8 54 16 6 78 63 8".split(),
    float,
)
KIDNEY_INFECTED = np.array(
    list("1110111111111111111111101100101011110010111011101101111111111101111011000110"), int
)
PATIENT = np.repeat(np.arange(38), 2)


def one(time, ended, bucket=None, **asked):
    "Lower, value, upper of a single cell; each row is a cluster unless buckets are given."
    bucket = np.arange(len(time)) if bucket is None else bucket
    cell = np.zeros(len(time), int)
    r = bucket_km_quantile(cell, bucket, time, ended, 1 - ended, 1, **asked)
    return [float(a[0]) for a in (r.lower, r.value, r.upper)]


def as_normal(df):
    return 2 * t.cdf(1.959963984540054, df) - 1


def same(found, expected):
    return np.array_equal(found, expected, equal_nan=True)


def test_aml_medians():
    "survfit(Surv(time, status) ~ x, aml): median 31 and 23."
    assert one(*MAINTAINED)[1] == 31
    assert one(*NONMAINTAINED)[1] == 23


@pytest.mark.parametrize(
    ("p", "printed"), [(0.25, [5, 8, 23]), (0.5, [5, 23, 33]), (0.75, [23, 33, NAN])]
)
def test_aml_nonmaintained_interval(p, printed):
    'quantile(survfit(Surv(time, status) ~ 1, d, conf.type="log-log", cluster=seq_len(nrow(d))))'
    assert same(one(*NONMAINTAINED, p=p, level=as_normal(11)), printed)


@pytest.mark.parametrize(
    ("p", "printed", "ours"),
    [
        (0.25, [9, 18, 34], [9, 18, 34]),
        (0.5, [13, 31, NAN], [9, 31, NAN]),
        (0.75, [31, 48, NAN], [23, 48, NAN]),
    ],
)
def test_aml_maintained_interval(p, printed, ours):
    """The same command. With eleven rows the jackknife's standard error is sqrt(11 / 10) times
    Greenwood's before anything is censored and a little more later: R's lower edge at week 9 is
    .508, ours just below a half. So a limit may be the end before or after R's, and no further."""
    found = one(*MAINTAINED, p=p, level=as_normal(10))
    ends = np.unique(MAINTAINED[0][MAINTAINED[1] == 1])
    for theirs, limit in ((printed[0], found[0]), (printed[2], found[2])):
        if not np.isnan(theirs):
            assert abs(np.searchsorted(ends, theirs) - np.searchsorted(ends, limit)) <= 1
    assert found[1] == printed[1] and np.isnan(found[2]) == np.isnan(printed[2])
    assert same(found, ours)


@pytest.mark.parametrize(
    ("p", "printed"), [(0.25, [15, 26, 34]), (0.5, [34, 78, 152]), (0.75, [141, 190, 318])]
)
@pytest.mark.parametrize("level", [0.95, as_normal(37)])
def test_kidney_clustered_by_patient(p, printed, level):
    """quantile(survfit(Surv(time, status) ~ 1, kidney, cluster=id, conf.type="log-log"))

    R's robust standard error is the infinitesimal jackknife; ours is larger by sqrt(38 / 37) and
    a bit. With either quantile the six limits are the same ends."""
    assert same(one(KIDNEY_DAYS, KIDNEY_INFECTED, PATIENT, p=p, level=level), printed)


@pytest.mark.parametrize(
    ("p", "printed"), [(0.25, [15, 26, 30]), (0.5, [38, 78, 141]), (0.75, [152, 190, 318])]
)
def test_kidney_rows_as_if_independent(p, printed):
    'quantile(survfit(Surv(time, status) ~ 1, kidney, conf.type="log-log")), Greenwood.'
    assert same(one(KIDNEY_DAYS, KIDNEY_INFECTED, p=p, level=as_normal(75)), printed)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:statsmodels")  # log(0) at the last end
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.75])
def test_statsmodels(seed, p):
    """Values are equal: no curve here is level at 1 - p. Their band is Greenwood's and ours the
    jackknife's, with 400 rows about 0.2 % wider, so a limit may fall on the next end: a step
    of the curve is 1/400, a twentieth of the half-width."""
    rng = np.random.default_rng(np.random.SeedSequence(2024).spawn(5)[seed])
    patience, offered = rng.exponential(100, 400), rng.exponential(200, 400)
    time, ended = np.minimum(patience, offered), (patience <= offered).astype(int)
    theirs = SurvfuncRight(time, ended)
    lower, value, upper = one(time, ended, p=p, level=as_normal(399))
    assert value == theirs.quantile(p)
    for ours, limit in zip((lower, upper), theirs.quantile_ci(p), strict=True):
        at = np.searchsorted(theirs.surv_times, [ours, limit])
        assert abs(at[0] - at[1]) <= 1


def survival_at(time, ended, ends):
    distinct, at = np.unique(time, return_inverse=True)
    curve = kaplan_meier(distinct, np.bincount(at, ended), np.bincount(at, 1 - ended))
    return np.append(1.0, curve.survival)[np.searchsorted(distinct, ends, side="right")]


def looped(time, ended, bucket, p, level):
    "One curve per deleted bucket, its spread at every end, and the band's first ends below 1 - p."
    ends, names = np.unique(time[ended == 1]), np.unique(bucket)
    s = survival_at(time, ended, ends)
    kept = [bucket != b for b in names]
    without = np.array([survival_at(time[k], ended[k], ends) for k in kept])
    b = len(names)
    se = np.sqrt((b - 1) / b * ((without - without.mean(0)) ** 2).sum(0))
    inside = s > 1e-9
    half = t.ppf(0.5 + level / 2, b - 1) * se[inside] / -(s[inside] * np.log(s[inside]))
    edges = (s[inside] ** np.exp(half), s[inside], s[inside] ** np.exp(-half))
    return [next((e for e, y in zip(ends, c, strict=False) if y <= 1 - p), NAN) for c in edges]


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("at_once", [4_000_000, 50])
def test_cells_are_the_loop_over_buckets(monkeypatch, p, at_once):
    "Also where the ends are taken five at a time. Whole seconds, so that ends tie."
    monkeypatch.setattr(survival, "_AT_ONCE", at_once)
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    cell, bucket = rng.integers(0, 3, 600), rng.integers(0, 9, 600)
    time, ended = rng.integers(0, 40, 600).astype(float), rng.integers(0, 2, 600)
    found = bucket_km_quantile(cell, bucket, time, ended, 1 - ended, 3, p=p, level=0.9)
    for c in range(3):
        own = cell == c
        expected = looped(time[own], ended[own], bucket[own], p, 0.9)
        assert same([found.lower[c], found.value[c], found.upper[c]], expected)
        half = (found.upper[c] - found.lower[c]) / 2
        assert found.se[c] == pytest.approx(half / t.ppf(0.95, 8), rel=1e-12, nan_ok=True)
        assert found.beyond[c] == pytest.approx(survival_at(time[own], ended[own], [99.0])[0])
        assert found.n_clusters[c] == 9


@pytest.mark.parametrize("n", [1, 2, 7, 20, 100])
@pytest.mark.parametrize("p", ["1/10", "1/4", "1/2", "7/10", "9/10"])
def test_without_censoring_it_is_a_sorted_duration(n, p):
    "The ceil(n p)-th, worked out in fractions; 20 shares multiply to 0.5000000000000001."
    p = Fraction(p)
    time = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    assert one(time, np.ones(n, int), p=float(p))[1] == -(-n * p.numerator // p.denominator)


def test_a_level_piece_at_exactly_a_half_counts_from_its_beginning():
    """survfit(Surv(1:4, c(1, 1, 1, 1)) ~ 1) prints 2.5, statsmodels says 3, and
    survfit(Surv(1:4, c(1, 1, 0, 0)) ~ 1) prints 2 by a rule of its own."""
    time = np.arange(1.0, 5)
    assert one(time, np.ones(4, int))[1] == 2
    assert one(time, np.array([1, 1, 0, 0]))[1] == 2
    assert SurvfuncRight(time, np.ones(4)).quantile(0.5) == 3


def test_by_hand():
    """Ends at 2 and 5 of 4 rows, one last seen at 3: 1 -> 3/4 -> 3/4 * 1/2 = 3/8 -> 3/8.

    Three quarters are left from 2 on, three eighths from 5 on: the first quarter has ended at 2,
    a half at 5, 62.5 % (exactly 1 - 3/8) at 5 and 63 % never."""
    time, ended = np.array([2, 3, 5, 9.0]), np.array([1, 0, 1, 0])
    found = {p: one(time, ended, p=p)[1] for p in (0.25, 0.26, 0.5, 0.625, 0.63)}
    assert same(list(found.values()), [2, 5, 5, 5, NAN])


@pytest.mark.parametrize(("clusters", "upper"), [(5, NAN), (6, 1.0)])
def test_where_all_have_ended_the_upper_limit_counts_buckets(clusters, upper):
    """All end after 1 s. Were half of the clusters to last longer, none of b would do so with
    probability 0.5**b: 0.031 for 5, 0.016 for 6, and 0.025 is what the level leaves above."""
    bucket = np.repeat(np.arange(clusters), 10)
    found = one(np.ones(len(bucket)), np.ones(len(bucket), int), bucket)
    assert same(found, [1.0, 1.0, upper])


def test_what_cannot_be_known_is_nan():
    "Nothing ended; one bucket; no rows; the curve stays above a half; only its band does."
    few = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    columns = [
        (np.full(4, 3.0), np.zeros(4, int), np.arange(4)),
        (np.array([2, 4.0]), np.ones(2, int), np.zeros(2, int)),
        (np.arange(1.0, 13), few, np.arange(12)),
        (MAINTAINED[0], MAINTAINED[1], np.arange(11)),
    ]
    time, ended, bucket = (np.concatenate(a) for a in zip(*columns, strict=True))
    cell = np.repeat([0, 1, 3, 4], [len(c[0]) for c in columns])
    r = bucket_km_quantile(cell, bucket, time, ended, 1 - ended, 5)
    assert same(r.value, [NAN, 2, NAN, NAN, 31])
    assert same(r.lower, [NAN, NAN, NAN, 1, 9])
    assert np.isnan(r.upper).all() and not r.upper_reached.any() and np.isnan(r.se).all()
    assert r.n_clusters.tolist() == [4, 1, 0, 12, 11]
    assert r.beyond[[0, 1, 3]] == pytest.approx([1, 0, 0.75]) and np.isnan(r.beyond[2])


def drawn(n=3000, cells=4):
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    time = rng.integers(0, 60, n).astype(float)
    return rng.integers(0, cells, n), rng.integers(0, 20, n), time, rng.integers(0, 2, n)


def test_counts_order_and_scale_do_not_matter():
    "Summed rows are the single ones; a crooked scale moves the durations and nothing else."
    cell, bucket, time, ended = drawn()
    single = bucket_km_quantile(cell, bucket, time, ended, 1 - ended, 4)
    keys, at = np.unique(np.stack([cell, bucket, time]), axis=1, return_inverse=True)
    sums = [np.bincount(at.ravel(), a) for a in (ended, 1 - ended)]
    summed = bucket_km_quantile(*keys[:2].astype(int), keys[2], *sums, 4)
    turned = np.random.default_rng(1).permutation(len(cell))
    rows = (a[turned] for a in (cell, bucket, time**2, ended, 1 - ended))
    squared = bucket_km_quantile(*rows, 4)
    for name in ("value", "lower", "upper"):
        assert same(getattr(single, name), getattr(summed, name))
        assert same(getattr(single, name) ** 2, getattr(squared, name))
    assert single.upper_reached.all()


def test_a_wider_level_and_a_later_share_move_the_right_way():
    cell, bucket, time, ended = drawn()
    rows = cell, bucket, time, ended, 1 - ended, 4
    levels = [bucket_km_quantile(*rows, level=v) for v in (0.5, 0.8, 0.95, 0.99)]
    shares = [bucket_km_quantile(*rows, p=v) for v in (0.1, 0.3, 0.5, 0.7)]
    for less, more in zip(levels[:-1], levels[1:], strict=True):
        assert np.all(more.lower <= less.lower) and np.all(less.upper <= more.upper)
        assert np.array_equal(less.value, more.value)
    for early, late in zip(shares[:-1], shares[1:], strict=True):
        for name in ("lower", "value", "upper"):
            assert np.all(getattr(early, name) < getattr(late, name))
    assert all(np.all((r.lower <= r.value) & (r.value <= r.upper)) for r in shares)


def test_a_large_cell_is_taken_in_stretches():
    "100,000 distinct durations in 128 buckets: 12.8 million heights, four million at a time."
    n = 100_000
    rng = np.random.default_rng(0)
    time = rng.permutation(n) + 1.0
    lower, value, upper = one(time, np.ones(n, int), rng.integers(0, 128, n))
    assert value == n / 2
    # Binomial: 2 * 1.98 * sqrt(n) / 2 = 626 long; the jackknife's own error is 1 / sqrt(2 * 127).
    assert upper - lower == pytest.approx(626, rel=0.25)


# ── without a bucket, and differences ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("p", [0.2, 0.4, 0.6])
def test_without_a_bucket_is_the_loop_over_heights(p):
    "The middle of the step at the quantile, a curve per deleted bucket; spread as the band says."
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    cell, bucket = rng.integers(0, 3, 600), rng.integers(0, 9, 600)
    time, ended = rng.integers(0, 40, 600).astype(float), rng.integers(0, 2, 600)
    rows = cell, bucket, time, ended, 1 - ended
    found = bucket_km_quantile(*rows, 3, p=p)
    without = km_quantile_without(*rows, found)
    assert without.cell.tolist() == np.repeat(range(3), 9).tolist()
    assert without.bucket.tolist() == [*range(9)] * 3
    for c in range(3):
        own, at = cell == c, [found.value[c] - 0.5, found.value[c]]
        height = [survival_at(time[k], ended[k], at).mean() for k in
                  [own, *(own & (bucket != b) for b in range(9))]]  # fmt: skip
        moved = np.array(height[1:]) - height[0]
        spread = np.sqrt(8 / 9 * ((moved - moved.mean()) ** 2).sum())
        expected = found.value[c] + moved * found.se[c] / spread
        assert without.value[without.cell == c] == pytest.approx(expected, rel=1e-10)


def value_without(kind, rows):
    "Value, standard error and values without each bucket of one cell."
    cell, bucket, time, ended = np.zeros(len(rows[0]), int), *rows
    if kind == "smooth":
        given = cell, bucket, pair_sums(time, np.roll(time, 1) + time), 1, icc_of
        found, without = smooth(*given), smooth_without(*given)
    elif kind == "mean":
        found = bucket_km_mean(cell, bucket, time, ended, 1 - ended, 1)
        without = km_mean_without(cell, bucket, time, ended, 1 - ended, found)
    else:
        found = bucket_km_quantile(cell, bucket, time, ended, 1 - ended, 1)
        without = km_quantile_without(cell, bucket, time, ended, 1 - ended, found)
    return found.value, found.se, without


def a_side(seed, buckets=40):
    rng = np.random.default_rng(seed)
    bucket = np.repeat(np.arange(buckets), 8)
    own = np.exp(rng.normal(0, 0.5, buckets))[bucket]
    time, until = rng.exponential(100 * own), np.minimum(rng.exponential(200, len(own)), 400)
    return bucket, np.minimum(time, until), (time <= until).astype(int)


def difference(kind, before, now):
    (v0, se_0, w0), (v1, se_1, w1) = (value_without(kind, rows) for rows in (before, now))
    return bucket_value_differences(w0, w1, v0, v1), np.hypot(se_0, se_1)[0]


KINDS = ["mean", "quantile", "smooth"]


@pytest.mark.parametrize("kind", KINDS)
def test_disjoint_clusters_are_independent(kind):
    """Forty buckets on one side, forty others on the other.

    The union has 80, so the factor is 79 / 80 instead of 39 / 40 twice; what the means of the
    deleted values lie off adds less than another hundredth. Degrees of freedom are Welch's.
    """
    before, now = a_side(1), a_side(2)
    found, apart = difference(kind, before, (now[0] + 40, *now[1:]))
    assert found.se[0] == pytest.approx(apart * np.sqrt(79 / 78), rel=0.01)
    a, b = found.se_0[0] ** 2, found.se_1[0] ** 2
    assert found.df[0] == pytest.approx((a + b) ** 2 / ((a**2 + b**2) / 39))
    half = t.ppf(0.975, found.df[0]) * found.se[0]
    assert found.upper[0] - found.value[0] == pytest.approx(half)
    assert found.n_clusters[0] == 80


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_twice_do_not_differ(kind):
    found, apart = difference(kind, a_side(1), a_side(1))
    assert found.value[0] == found.se[0] == found.lower[0] == found.upper[0] == 0 < apart


@pytest.mark.parametrize("kind", KINDS)
def test_the_factor_of_a_unit_and_the_order_of_sides(kind):
    before, now = a_side(1), a_side(2)
    one, back = difference(kind, before, now)[0], difference(kind, now, before)[0]
    assert one.lower[0] == pytest.approx(-back.upper[0], rel=1e-9)
    thousand = [(b, 1000 * time, ended) for b, time, ended in (before, now)]
    k = 1 if kind == "smooth" else 1000
    assert difference(kind, *thousand)[0].se[0] == pytest.approx(k * one.se[0], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_no_interval_without_two_buckets_and_no_difference_without_a_side(kind):
    before, now = a_side(1), a_side(2)
    lone = (np.zeros_like(now[0]), *now[1:])
    none = tuple(a[:0] for a in now)
    for pair in ((before, lone), (lone, before)):
        found = difference(kind, *pair)[0]
        assert np.isfinite(found.value[0])
        assert np.isnan([found.se[0], found.lower[0], found.upper[0]]).all()
    for pair in ((before, none), (none, before)):
        found = difference(kind, *pair)[0]
        assert np.isnan([found.value[0], found.se[0], found.lower[0], found.upper[0]]).all()


def test_a_quantile_without_an_upper_limit_has_a_difference_without_interval():
    rows = np.arange(11), *MAINTAINED
    found = difference("quantile", a_side(1), rows)[0]
    assert found.value_1[0] == 31 and np.isfinite(found.value[0])
    assert np.isnan([found.se[0], found.lower[0], found.upper[0]]).all()


def test_durations_all_alike_have_no_spread():
    "Ten buckets with nothing but 5: the interval of each side is a point, and so is the difference."
    rows = np.arange(10), np.full(10, 5.0), np.ones(10, int)
    later = np.arange(10), np.full(10, 7.0), np.ones(10, int)
    found = difference("quantile", rows, later)[0]
    assert (found.value[0], found.se[0], found.lower[0], found.upper[0]) == (2, 0, 2, 2)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"p": 50}, "p = 50"),
        ({"p": 0.0}, "p = 0"),
        ({"level": 95}, "level = 95"),
        ({"time": np.array([1, -2.0])}, "a duration of -2"),
        ({"time": np.array([1, np.nan])}, "a duration of nan"),
        ({"time": np.ones(3)}, "time has 3 rows, cell has 2"),
        ({"cell": np.array([0, 1])}, "cells 0 to 1"),
    ],
)
def test_refusals_name_what_was_found(asked, says):
    good = {"cell": np.zeros(2, int), "bucket": np.arange(2), "time": np.array([1, 2.0])}
    good |= {"events": np.ones(2), "censored": np.zeros(2), "n_cells": 1}
    with pytest.raises(BadInput, match=says):
        bucket_km_quantile(**(good | asked))
