"Kaplan-Meier and the restricted mean against printed numbers, statsmodels and loops."

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from contact_kpis.errors import BadInput
from contact_kpis.stats.survival import (
    bucket_km_mean,
    kaplan_meier,
    km_mean_without,
    restricted_mean,
)

# Freireich et al. (1963), Blood 21, 699-716: weeks of remission on 6-MP, 1 = relapse.
# Survival and rows at risk as printed by Kleinbaum and Klein, Survival Analysis, chapter 2;
# R: survfit(Surv(weeks, relapse) ~ 1), print(rmean = "common") for the mean.
WEEKS = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
RELAPSE = np.repeat([1, 0], [9, 12])
AT = [6, 7, 10, 13, 16, 22, 23]
SURVIVAL = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
AT_RISK = [21, 17, 15, 12, 11, 7, 6]


def counted(time, ended):
    distinct, at = np.unique(time, return_inverse=True)
    return distinct, np.bincount(at, ended), np.bincount(at, 1 - ended)


def test_freireich():
    curve = kaplan_meier(*counted(WEEKS, RELAPSE))
    at = np.searchsorted(curve.time, AT)
    assert curve.survival[at].round(4).tolist() == SURVIVAL
    assert curve.at_risk[at].tolist() == AT_RISK


def test_freireich_restricted_mean():
    curve = kaplan_meier(*counted(WEEKS, RELAPSE))
    assert round(restricted_mean(curve.time, curve.survival, 35), 2) == 23.29


def test_freireich_placebo_has_a_plain_mean():
    "All 21 children on placebo relapsed: 182 weeks together."
    weeks = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
    curve = kaplan_meier(*counted(weeks, np.ones(21, int)))
    assert restricted_mean(curve.time, curve.survival, 23) == pytest.approx(182 / 21, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_statsmodels(seed):
    "Whole seconds, so that ends and censoring tie; 1e-12 is the rounding of a long product."
    rng = np.random.default_rng(np.random.SeedSequence(2024).spawn(5)[seed])
    patience, offered = np.ceil(rng.exponential(100, 400)), np.ceil(rng.exponential(150, 400))
    time, ended = np.minimum(patience, offered), (patience <= offered).astype(int)
    theirs = SurvfuncRight(time, ended)
    ours = kaplan_meier(*counted(time, ended))
    at = np.searchsorted(ours.time, theirs.surv_times)
    assert np.allclose(ours.survival[at], theirs.surv_prob, rtol=1e-12)
    assert np.array_equal(ours.at_risk[at], theirs.n_risk)


def cells(rng, n=600, buckets=9, n_cells=3):
    time = rng.integers(0, 40, n).astype(float)
    columns = rng.integers(0, n_cells, n), rng.integers(0, buckets, n), time
    ended = rng.integers(0, 2, n)
    return *columns, ended, 1 - ended


@pytest.mark.parametrize("horizon", [None, 25.0, 25.5])
@pytest.mark.parametrize("at_once", [4_000_000, 50])
def test_cells_are_the_loop_over_buckets(monkeypatch, horizon, at_once):
    "One curve per deleted bucket, continued level; also where buckets are taken a few at a time."
    from scipy.stats import t

    from contact_kpis.stats import survival

    monkeypatch.setattr(survival, "_AT_ONCE", at_once)
    cell, bucket, time, ended, opened = cells(np.random.default_rng(np.random.SeedSequence(2024)))
    found = bucket_km_mean(cell, bucket, time, ended, opened, 3, horizon=horizon)
    left = km_mean_without(cell, bucket, time, ended, opened, found)

    def mean(rows, until):
        curve = kaplan_meier(*counted(time[rows], ended[rows]))
        level = np.append(curve.time, 1e9), np.append(curve.survival, curve.survival[-1])
        return restricted_mean(*level, until)

    for c in range(3):
        own = cell == c
        until = time[own].max() if horizon is None else horizon
        without = np.array([mean(own & (bucket != b), until) for b in np.unique(bucket[own])])
        assert left.bucket[left.cell == c].tolist() == np.unique(bucket[own]).tolist()
        assert left.value[left.cell == c] == pytest.approx(without, rel=1e-12)
        b = len(without)
        se = np.sqrt((b - 1) / b * ((without - without.mean()) ** 2).sum())
        assert found.value[c] == pytest.approx(mean(own, until), rel=1e-12)
        assert found.se[c] == pytest.approx(se, rel=1e-9)
        half = found.value[c] - found.lower[c]
        assert half == pytest.approx(t.ppf(0.975, b - 1) * se, rel=1e-9)
        assert (found.n_clusters[c], found.horizon[c]) == (b, until)


def test_what_cannot_be_known_is_nan():
    "Nothing ended; one bucket; no rows; a horizon that was not reached."
    cell, bucket = np.array([0, 0, 1, 1, 3, 3]), np.array([0, 1, 5, 5, 0, 1])
    time, ended = np.array([3, 9, 2, 4, 5, 6.0]), np.array([0, 0, 1, 1, 1, 0])
    found = bucket_km_mean(cell, bucket, time, ended, 1 - ended, 4)
    assert np.array_equal(found.value, [np.nan, 3, np.nan, 5.5], equal_nan=True)
    assert np.isnan(found.se[:3]).all() and found.se[3] >= 0
    assert found.n_clusters.tolist() == [2, 1, 0, 2]
    far = bucket_km_mean(cell, bucket, time, ended, 1 - ended, 4, horizon=20.0)
    assert np.array_equal(far.value, [np.nan, 3, np.nan, np.nan], equal_nan=True)


def test_an_end_after_no_time_counts():
    "Half leave at once: the curve starts at a half."
    curve = kaplan_meier([0, 10], [5, 5], [0, 0])
    assert curve.survival.tolist() == [0.5, 0.0]
    assert restricted_mean(curve.time, curve.survival, 10) == 5.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kaplan_meier([7, 6], [1, 1], [0, 0]), "do not rise"),
        (lambda: kaplan_meier([6, 6], [1, 1], [0, 0]), "do not rise"),
        (lambda: restricted_mean(np.array([2.0]), np.array([0.4]), 3), "horizon 3"),
        (
            lambda: bucket_km_mean(*np.array([[0], [0], [-1], [1], [0]]), 1),
            "a duration of -1",
        ),
    ],
)
def test_refusals_name_what_was_found(call, says):
    with pytest.raises(BadInput, match=says):
        call()
