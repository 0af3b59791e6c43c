"Ratios, buckets and share intervals against printed numbers and a second implementation."

import ibis
import numpy as np
import pytest

from contact_kpis.errors import BadInput
from contact_kpis.metrics.compute import _scattered, bucket
from contact_kpis.stats.cluster import (
    BUCKETS,
    MIX,
    CellDifferences,
    bucket_differences,
    bucket_of,
    bucket_ratios,
    jackknife_ratio,
    ratio,
    ratio_se,
    scatter,
    share_differences,
    share_interval,
)

# Davison and Hinkley (1997), Bootstrap Methods and their Application, table 1.3: `city`, first
# ten rows; R: library(boot); data(city).
U = np.array([138, 93, 61, 179, 48, 37, 29, 23, 30, 2.0])
X = np.array([143, 104, 69, 260, 75, 63, 50, 48, 111, 50.0])
MANY = 10**9  # degrees of freedom at which Student's t is the normal distribution


def test_city_ratio_and_delta_variance():
    "The book's linear approximation divides by n squared: no factor n / (n - 1)."
    assert round(ratio(X, U), 4) == 1.5203
    assert round(ratio_se(X, U) ** 2 * 9 / 10, 5) == 0.03249


def test_city_jackknife_by_hand():
    "The jackknife written out as a loop."
    without = np.array([np.delete(X, i).sum() / np.delete(U, i).sum() for i in range(10)])
    value, se = jackknife_ratio(X, U)
    assert value == pytest.approx(ratio(X, U), rel=1e-15)
    assert se == pytest.approx(np.sqrt(9 / 10 * ((without - without.mean()) ** 2).sum()), rel=1e-12)


def test_delta_equals_clustered_least_squares():
    "Linearised rows regressed on a constant, clustered: statsmodels with its factor G / (G - 1)."
    import statsmodels.api as sm

    rng = np.random.default_rng(np.random.SeedSequence(2024))
    group = rng.integers(0, 40, 2000)
    den = rng.integers(1, 4, 2000).astype(float)
    num = den * rng.normal(300, 60, 40)[group] + rng.normal(0, 50, 2000)
    linear = (num - ratio(num, den) * den) / den.mean()
    fit = sm.OLS(linear, np.ones(2000)).fit(
        cov_type="cluster", cov_kwds={"groups": group, "use_correction": False}
    )
    sums = [np.bincount(group, values, 40) for values in (num, den)]
    assert ratio_se(*sums) == pytest.approx(float(fit.bse[0]) * np.sqrt(40 / 39), rel=1e-10)


@pytest.mark.parametrize(
    ("seen", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (1, 29, 0.0061, 0.1718)],
)
def test_wilson(seen, n, lower, upper):
    "Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."
    p = seen / n
    found = share_interval([p], [np.sqrt(p * (1 - p) / n)], [n], [MANY])
    assert [round(float(a[0]), 4) for a in found] == [lower, upper]


def test_wilson_at_zero():
    "Newcombe (1998), 0 of 20: 0 to .1611. Twenty rows in buckets without end: n is the cap."
    found = share_interval([0.0], [0.0], [20], [MANY])
    assert [round(float(a[0]), 4) for a in found] == [0.0, 0.1611]


def sides_of(one, n_1, zero, n_0):
    "Two shares of independent rows in more buckets than any quantile notices."
    v = np.array([zero / n_0, one / n_1])
    se = np.sqrt(v * (1 - v) / np.array([n_0, n_1]))
    many, gap, both = np.array([MANY]), v[1:] - v[:1], np.hypot(*se)
    limits = (gap - 1.96 * both, gap + 1.96 * both)
    return CellDifferences(
        gap, v[:1], v[1:], np.array([both]), *limits, many, many, se[:1], se[1:], many, many
    )


@pytest.mark.parametrize(
    ("one", "n_1", "zero", "n_0", "lower", "upper"),
    [(10, 10, 0, 20, 0.6791, 1.0), (10, 10, 0, 10, 0.6075, 1.0), (5, 56, 0, 29, -0.0381, 0.1926)],
)
def test_newcombe_difference(one, n_1, zero, n_0, lower, upper):
    "Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10."
    found = share_differences(sides_of(one, n_1, zero, n_0), np.array([n_0]), np.array([n_1]))
    assert [round(float(a[0]), 4) for a in found] == [lower, upper]


def test_difference_is_the_loop():
    "Both ratios drawn again without each bucket of the union; some buckets are on one side only."
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    num, den = rng.normal(300, 50, (2, 30)), rng.integers(1, 9, (2, 30)).astype(float)
    den[0, :4] = num[0, :4] = den[1, 20:] = num[1, 20:] = 0
    gaps = []
    for b in range(30):
        rest = np.delete(num, b, 1).sum(1) / np.delete(den, b, 1).sum(1)
        gaps.append(rest[1] - rest[0])
    se = np.sqrt(29 / 30 * ((np.array(gaps) - np.mean(gaps)) ** 2).sum())
    side, bucket = np.repeat([0, 1], 30), np.tile(np.arange(30), 2)
    found = bucket_differences(np.zeros(60, int), side, bucket, num.ravel(), den.ravel(), 1)
    assert found.se[0] == pytest.approx(se, rel=1e-12)
    assert (found.n_clusters[0], found.n_clusters_0[0], found.n_clusters_1[0]) == (30, 26, 20)


def test_disjoint_sides_take_the_degrees_of_freedom_of_welch():
    "scipy's Welch test on two samples of single rows; B / (B - 1) apart, as the union is larger."
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(np.random.SeedSequence(2024))
    a, b = rng.normal(0, 1, 5), rng.normal(0, 3, 40)
    side, rows = np.repeat([0, 1], [5, 40]), np.arange(45)
    found = bucket_differences(np.zeros(45, int), side, rows, np.append(a, b), np.ones(45), 1)
    assert found.df[0] == pytest.approx(ttest_ind(b, a, equal_var=False).df, rel=1e-10)
    assert found.se_0[0] == pytest.approx(np.std(a, ddof=1) / np.sqrt(5), rel=1e-10)


def test_bucket_is_the_rule_in_whole_numbers():
    "Python's own integers know no overflow; the rule is written out with its constants."
    p = 2147483647

    def rule(key):
        h = (key % p * 48271 + 12345) % p
        h = (h * 69621 + 54321) % p
        return (h // 65536) % 128

    keys = [0, 1, 2, 127, 128, p - 1, p, p + 1, 10**12, 2**62]
    assert bucket_of(np.array(keys)).tolist() == [rule(key) for key in keys]
    assert (BUCKETS, MIX.prime, MIX.middle) == (128, p, 65536)


def test_bucket_in_an_engine():
    "The same buckets come from DuckDB, built from the same constants."
    keys = np.concatenate([np.arange(5000), np.arange(5000) * 429_496_721])
    t = ibis.memtable({"key": keys})
    h = t.key % MIX.prime
    for factor, shift in MIX.rounds:
        h = (h * factor + shift) % MIX.prime
    found = t.select("key", bucket=(h // MIX.middle) % BUCKETS).to_pandas()
    assert np.array_equal(found.bucket.to_numpy(), bucket_of(found.key.to_numpy()))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bucket_of(np.array([3, -1])), "cluster key -1"),
        (lambda: bucket_ratios(np.array([0, 2]), U[:2], X[:2], 2), "cells 0 to 2"),
        (lambda: bucket_ratios(np.array([0, 1]), U[:3], X[:2], 2), "num has 3 rows"),
        (lambda: share_interval([1.04], [0.02], [50], [9]), "a share of 1.04"),
    ],
)
def test_refusals_name_what_was_found(call, says):
    with pytest.raises(BadInput, match=says):
        call()


def test_what_cannot_be_known_is_nan():
    "No rows; no denominator; one bucket; all denominators in one bucket."
    cell, num, den = np.array([1, 2, 3, 3]), np.array([5, 4, 7, 2.0]), np.array([0, 2, 10, 0.0])
    found = bucket_ratios(cell, num, den, 4)
    assert np.array_equal(found.value, [np.nan, np.nan, 2, 0.9], equal_nan=True)
    assert np.isnan(found.se).all() and np.isnan(found.lower).all() and np.isnan(found.upper).all()
    assert found.n_clusters.tolist() == [0, 1, 1, 1]
    nothing = np.zeros(0)
    assert len(bucket_ratios(nothing.astype(int), nothing, nothing, 0).value) == 0
    assert np.isnan(bucket_ratios(nothing.astype(int), nothing, nothing, 3).value).all()


def test_keys_in_a_row_are_scattered_as_by_chance():
    "Chi-squared of 128 buckets has mean 127 and standard deviation 16; unscattered it is near 0."
    for n in (500, 2_500, 12_000, 100_000):
        counts = [
            np.bincount(bucket_of(k), minlength=128) for k in (np.arange(n), scatter(range(n)))
        ]
        even, chance = (((c - c.mean()) ** 2).sum() / c.mean() for c in counts)
        assert even < 60 and 127 - 4 * 16 < chance < 127 + 4 * 16, n


def test_an_engine_scatters_alike():
    key = np.array([0, 1, 2, 127, 128, 12_345, 2_147_483_646, 2_147_483_647, 2_000_000_017])
    t = ibis.memtable({"key": key})
    found = t.select(t.key, bucket=bucket(_scattered(t.key))).to_pandas().sort_values("key")
    assert found["bucket"].tolist() == bucket_of(scatter(np.sort(key))).tolist()
