"""Intervals of ratios hold the truth as often as they say, and naive ones do not.

Nominal .95. With 400 seeds a band of three Monte-Carlo standard errors is [.917, .983]; below 50
clusters no method known reaches it, and the bounds are those measured for the design guide:
at least .91 with 20 clusters by the jackknife. The seeds are the first 400 of SeedSequence(2024).
"""

import numpy as np
import pytest

from contact_kpis.stats.cluster import (
    bucket_differences,
    bucket_of,
    bucket_ratios,
    bucket_sums,
    jackknife_ratio,
    share_interval,
)

R = 400
SEEDS = np.random.SeedSequence(2024).spawn(R)
LOW, HIGH = 0.917, 0.983


def holds(lower, upper, truth):
    return float(np.mean((lower < truth) & (truth < upper)))


def tables(sample, clusters, *args):
    "One table of `R` cells: bucket sums of one sample for each seed."
    cells, buckets, nums, dens = [], [], [], []
    for i, seed in enumerate(SEEDS):
        num, den = sample(np.random.default_rng(seed), clusters, *args)
        cells.append(np.full(clusters, i))
        buckets.append(bucket_of(np.arange(clusters)))
        nums.append(num)
        dens.append(den)
    return bucket_sums(*(np.concatenate(a) for a in (cells, buckets, nums, dens)))


# ── customers: those who call much also talk long, and a few call a great deal ───────────────────


def customers(rng, n, tail=0.8):
    own = rng.normal(0, 1, n)
    calls = 1 + rng.poisson(np.exp(tail * rng.normal(0, 1, n) + 0.5 * own))
    return calls * (300 + 60 * own) + rng.normal(0, 80 * np.sqrt(calls)), calls.astype(float)


@pytest.fixture(scope="module")
def handle_time():
    "Of four million customers: its own standard error is a hundredth of a month's."
    num, den = customers(np.random.default_rng(np.random.SeedSequence(1)), 4_000_000)
    return num.sum() / den.sum()


@pytest.mark.parametrize(("n", "at_least"), [(2000, LOW), (200, 0.93), (50, 0.92), (20, 0.91)])
def test_customers(handle_time, n, at_least):
    rows = tables(customers, n)
    found = bucket_ratios(rows.cell, rows.num, rows.den, R)
    covered = holds(found.lower, found.upper, handle_time)
    assert at_least <= covered <= HIGH
    assert found.n_clusters.max() <= 128


@pytest.mark.parametrize("n", [2000, 200, 50, 20])
def test_calls_taken_for_independent_fail(handle_time, n):
    rows = tables(customers, n)
    calls = np.bincount(rows.cell, rows.den, R)
    value = np.bincount(rows.cell, rows.num, R) / calls
    wide = 1.96 * np.sqrt((60**2 + 80**2) / calls)
    assert holds(value - wide, value + wide, handle_time) < LOW


def test_buckets_cost_little_against_exact_clusters(handle_time):
    "Architecture rule 8: 128 buckets are to be as good as the customers, and hardly wider."
    n = 1000
    rows = tables(customers, n)
    coarse = bucket_ratios(rows.cell, rows.num, rows.den, R)
    fine = np.array([jackknife_ratio(*customers(np.random.default_rng(s), n)) for s in SEEDS])
    assert LOW <= holds(coarse.lower, coarse.upper, handle_time) <= HIGH
    width = np.mean(coarse.upper - coarse.lower) / np.mean(2 * 1.962 * fine[:, 1])
    assert 0.97 < width < 1.04


def test_eight_customers_are_too_few(handle_time):
    "What the lesson says of few clusters is true; a method that mends it should change the page."
    rows = tables(customers, 8)
    found = bucket_ratios(rows.cell, rows.num, rows.den, R)
    assert 0.85 < holds(found.lower, found.upper, handle_time) < 0.93


# ── days of a real queue: everybody waits behind everybody else ──────────────────────────────────


def queue_days(rng, days, calls=300, agents=6):
    "First come, first served: 300 calls a day, six agents; service within 20 s, and its calls."
    gaps = rng.exponential(35 * np.exp(rng.normal(0, 0.08, (days, 1))), (days, calls))
    at, talk = np.cumsum(gaps, 1), rng.exponential(180, (days, calls))
    free, within, row = np.zeros((days, agents)), np.zeros(days), np.arange(days)
    for call in range(calls):
        first = free.argmin(1)
        start = np.maximum(free[row, first], at[:, call])
        within += start - at[:, call] <= 20
        free[row, first] = start + talk[:, call]
    return within, np.full(days, float(calls))


@pytest.fixture(scope="module")
def service_level():
    within, calls = queue_days(np.random.default_rng(np.random.SeedSequence(1)), 30_000)
    return within.sum() / calls.sum()


@pytest.fixture(scope="module")
def months():
    return tables(queue_days, 28)


def test_service_level_of_a_queue_by_day(months, service_level):
    found = bucket_ratios(months.cell, months.num, months.den, R)
    rows = np.bincount(months.cell, months.den, R)
    limits = share_interval(found.value, found.se, rows, found.n_clusters - 1)
    assert 0.91 <= holds(*limits, service_level) <= HIGH


def test_service_level_with_independent_calls_fails(months, service_level):
    rows = np.bincount(months.cell, months.den, R)
    value = np.bincount(months.cell, months.num, R) / rows
    limits = share_interval(value, np.sqrt(value * (1 - value) / rows), rows, rows)
    assert holds(*limits, service_level) < 0.7


# ── rare events: the edge of a share ─────────────────────────────────────────────────────────────


def rare(rng, n):
    "One call in five hundred, in customers of very different size."
    calls = rng.integers(1, 8, n)
    return rng.binomial(calls, 0.002).astype(float), calls.astype(float)


def test_a_share_without_a_single_event_is_not_certain():
    "A month of 200 customers has none in every fifth; the t interval is then a point and misses."
    rows = tables(rare, 200)
    found = bucket_ratios(rows.cell, rows.num, rows.den, R)
    n = np.bincount(rows.cell, rows.den, R)
    limits = share_interval(found.value, found.se, n, found.n_clusters - 1)
    assert np.mean(found.value == 0) > 0.1
    assert holds(*limits, 0.002) >= LOW
    assert holds(found.lower, found.upper, 0.002) < LOW


# ── differences ──────────────────────────────────────────────────────────────────────────────────


def two_weeks(rng, n, change):
    "The same customers in both weeks."
    own = rng.normal(300, 90, n)
    calls = rng.poisson(1.2, (2, n))
    seconds = calls * (own + np.array([[0], [change]])) + rng.normal(0, 60 * np.sqrt(calls))
    return seconds, calls.astype(float)


def weeks(n, change):
    both = [two_weeks(np.random.default_rng(s), n, change) for s in SEEDS]
    num, den = (np.concatenate([b[k].ravel() for b in both]) for k in (0, 1))
    cell, side = np.repeat(np.arange(R), 2 * n), np.tile(np.repeat([0, 1], n), R)
    return cell, side, np.tile(bucket_of(np.arange(n)), 2 * R), num, den


@pytest.mark.parametrize("change", [0.0, 10.0])
def test_difference_of_weeks_with_the_same_customers(change):
    found = bucket_differences(*weeks(300, change), R)
    assert LOW <= holds(found.lower, found.upper, change) <= HIGH


def test_difference_of_weeks_taken_for_unrelated_is_too_wide():
    "Not wrong, but blind: common customers forgotten, the interval is half as wide again."
    found = bucket_differences(*weeks(300, 0.0), R)
    wide = 1.98 * np.hypot(found.se_0, found.se_1)
    assert holds(found.value - wide, found.value + wide, 0.0) > HIGH


def test_four_clusters_against_a_hundred():
    "Welch's degrees of freedom hold; those of all clusters together would not."
    from scipy.special import stdtrit

    side = np.repeat([0, 1], [4, 100])
    num = np.concatenate([np.random.default_rng(s).normal(0, 1, 104) for s in SEEDS])
    cell, rows = np.repeat(np.arange(R), 104), np.tile(np.arange(104), R)
    found = bucket_differences(cell, np.tile(side, R), rows, num, np.ones(104 * R), R)
    assert LOW <= holds(found.lower, found.upper, 0.0) <= HIGH
    wide = stdtrit(103, 0.975) * found.se
    assert holds(found.value - wide, found.value + wide, 0.0) < LOW
