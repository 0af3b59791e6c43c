"Intervals of shares, scores and rates against printed numbers, statsmodels and scipy."

import numpy as np
import pytest
from scipy.stats import beta, chi2
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from contact_kpis.errors import BadInput
from contact_kpis.stats.cluster import share_interval
from contact_kpis.stats.proportions import (
    clopper_pearson,
    korn_graubard,
    rate_interval,
    three_point,
    three_point_clustered,
    three_point_se,
    wilson,
)

# Newcombe (1998), Statistics in Medicine 17, 857-872, table I: methods 3 (score) and 5 (exact).
WILSON = {(81, 263): (0.2553, 0.3662), (0, 20): (0, 0.1611), (1, 29): (0.0061, 0.1718)}
EXACT = {(81, 263): (0.2527, 0.3676), (0, 20): (0, 0.1684)}
Z = 1.959963984540054


@pytest.mark.parametrize(("counts", "limits"), WILSON.items())
def test_newcombe_wilson(counts, limits):
    assert np.round(wilson(*counts), 4).tolist() == list(limits)


@pytest.mark.parametrize(("counts", "limits"), EXACT.items())
def test_newcombe_clopper_pearson(counts, limits):
    assert np.round(clopper_pearson(*counts), 4).tolist() == list(limits)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("ours, name", [(wilson, "wilson"), (clopper_pearson, "beta")])
def test_statsmodels(ours, name, level):
    "Rounding only: 1e-9 is what the inverse of the beta function is good for."
    n = np.repeat([1, 2, 7, 30, 4000], 40)
    k = np.round(n * np.tile(np.linspace(0, 1, 40), 5))
    theirs = proportion_confint(k, n, alpha=1 - level, method=name)
    assert np.allclose(ours(k, n, level), theirs, atol=1e-9)


@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
class TestShares:
    def test_turned_over(self, interval):
        "Those who have it not are the rest: limits are mirrored, also of fractional counts."
        k, n = np.array([0, 0.4, 3.7, 12.5]), 12.5
        lower, upper = interval(k, n)
        mirrored_lower, mirrored_upper = interval(n - k, n)
        assert np.allclose(lower, 1 - mirrored_upper) and np.allclose(upper, 1 - mirrored_lower)
        assert (0 <= lower).all() and (lower < k / n + (k == 0)).all() and (upper <= 1).all()

    def test_shapes_and_absence(self, interval):
        assert np.ndim(interval(3, 10)[0]) == 0
        assert interval(np.ones((2, 3)), 10)[1].shape == (2, 3)
        for k, n in ((0, 0), (np.nan, 5), (0, np.nan), (np.nan, np.nan)):
            assert np.isnan(interval(k, n)).all()

    @pytest.mark.parametrize(
        "k, n, level", [(5, 4, 0.95), (-1, 4, 0.95), (1, -4, 0.95), (1, 4, 95)]
    )
    def test_refused(self, interval, k, n, level):
        with pytest.raises(BadInput, match="Expected"):
            interval([0, k], [9, n], level)


class TestKornGraubard:
    def test_the_formula_of_r(self):
        """survey::svyciprop(method = "beta"), version 4.4, written out for one share."""
        value, se, n, df = 0.04, 0.017, 400, 21
        worth = (
            value * (1 - value) / se**2 * (student.ppf(0.025, n - 1) / student.ppf(0.025, df)) ** 2
        )
        low = beta.ppf(0.025, worth * value, worth * (1 - value) + 1)
        high = beta.ppf(0.975, worth * value + 1, worth * (1 - value))
        assert 100 < worth < n
        assert np.allclose(korn_graubard(value, se, n, df), (low, high), rtol=1e-9)

    def test_never_more_rows_than_there_are(self):
        assert np.allclose(korn_graubard(0.2, 0.001, 50, 49), clopper_pearson(10, 50))

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_agreement_counts_buckets(self, value):
        limits = korn_graubard(value, 0.0, [900, 900, 5], [9, 0, 9])
        assert np.allclose([a[0] for a in limits], clopper_pearson(10 * value, 10))
        assert np.isnan([a[1] for a in limits]).all()
        assert np.allclose([a[2] for a in limits], clopper_pearson(5 * value, 5))

    def test_wider_than_wilson_on_effective_rows(self):
        "Where the exact interval is the wider one for counts it is so for effective counts."
        value = np.array([0.02, 0.1, 0.3, 0.5])
        se = np.sqrt(value * (1 - value) / 80)
        lower, upper = korn_graubard(value, se, 200, 40)
        low, high = share_interval(value, se, np.full(4, 200.0), np.full(4, 40.0))
        assert (upper - lower > high - low).all()

    def test_absent_and_refused(self):
        for case in (
            (np.nan, 0.1, 50, 9),
            (0.5, np.nan, 50, 9),
            (0.5, 0.1, 50, np.nan),
            (0.5, 0.1, 0, 9),
        ):
            assert np.isnan(korn_graubard(*case)).all()
        with pytest.raises(BadInput, match="a share of 20"):
            korn_graubard([0.2, 20], 0.01, 50, 9)
        with pytest.raises(BadInput, match="se = -0.1"):
            korn_graubard(0.2, -0.1, 50, 9)


class TestScores:
    def test_a_third(self):
        "p = 1/2, d = 1/6, n = 300: 33.33 points; variance 2/3 - 1/9 = 5/9, over 300, rooted 4.30."
        value, _, _ = three_point(1 / 2, 1 / 6, 300)
        assert round(100 * value, 2) == 33.33
        assert round(100 * three_point_se(1 / 2, 1 / 6, 300), 2) == 4.30

    def test_rocks_by_hand(self):
        """Rocks (2016), The American Statistician 70, 365-372: 3/4, 3/2 and 3/4 added.

        7 above, 1 below, 10 answers: 7.75/13 and 1.75/13, difference 6/13, variance
        (9.5/13 - 36/169)/13 = .0398270, so 6/13 -/+ 1.96 * .199567.
        """
        value, lower, upper = three_point(0.7, 0.1, 10)
        assert round(value, 9) == 0.6
        assert round(lower, 4) == round(6 / 13 - Z * 0.199567, 4) == 0.0704
        assert round(upper, 4) == round(6 / 13 + Z * 0.199567, 4) == 0.8527

    def test_turned_over_and_inside(self):
        p, d, n = np.array([0.0, 0.3, 1.0]), np.array([1.0, 0.1, 0.0]), np.array([4, 8, 1])
        value, lower, upper = three_point(p, d, n)
        mirror = three_point(d, p, n)
        assert np.allclose((value, lower, upper), (-mirror[0], -mirror[2], -mirror[1]))
        assert (lower >= -1).all() and (upper <= 1).all() and (lower < upper).all()

    @pytest.mark.parametrize("deff, rows", [(1, 300), (3, 100), (0.2, 300), (1000, 1)])
    def test_design_effect(self, deff, rows):
        se = np.sqrt(deff) * three_point_se(0.5, 0.2, 300)
        found = three_point_clustered(0.5, 0.2, 300, se, np.inf)
        assert np.allclose(found, three_point(0.5, 0.2, rows))

    def test_agreement_counts_buckets_with_t(self):
        "All above, ten buckets: as ten answers, with t(9) = 2.262 for 1.960."
        value, lower, upper = three_point_clustered(1.0, 0.0, 500, 0.0, 9)
        p, d = 10.75 / 13, 0.75 / 13
        half = 2.262157 * np.sqrt((p + d - (p - d) ** 2) / 13)
        assert value == upper == 1 and round(lower, 5) == round(p - d - half, 5)

    def test_absent_and_refused(self):
        assert np.isnan(three_point(0.5, 0.1, 0)).all()
        value, lower, upper = three_point_clustered(0.5, 0.1, 40, 0.1, 0)
        assert value == 0.4 and np.isnan([lower, upper]).all()
        assert np.isnan(three_point_clustered(np.nan, 0.1, 40, 0.1, 9)).all()
        with pytest.raises(BadInput, match="p \\+ d = 1.2"):
            three_point_clustered(0.7, 0.5, 40, 0.1, 9)


class TestRates:
    # Garwood (1936), Biometrika 28, 437-442, 95 %, as in every table of Poisson limits:
    # R: poisson.test(10)$conf.int, poisson.test(0)$conf.int.
    @pytest.mark.parametrize(
        "events, limits", [(0, (0, 3.689)), (1, (0.025, 5.572)), (10, (4.795, 18.390))]
    )
    def test_garwood(self, events, limits):
        found = rate_interval(events, 1, np.sqrt(events), np.inf)
        assert np.round(found, 3).tolist() == list(limits)

    def test_chi_square_form(self):
        "The same limits as halves of chi-square quantiles, which is how they are mostly printed."
        events = np.arange(1, 60)
        lower, upper = rate_interval(events, 4.0, np.sqrt(events) / 4, np.inf, 0.9)
        assert np.allclose(lower, chi2.ppf(0.05, 2 * events) / 8)
        assert np.allclose(upper, chi2.ppf(0.95, 2 * events + 2) / 8)

    def test_effective_events(self):
        "Variance four times Poisson's: as five events in a quarter of the exposure."
        found = rate_interval(20, 4000, 2 * np.sqrt(20) / 4000, np.inf)
        assert np.allclose(found, rate_interval(5, 1000, np.sqrt(5) / 1000, np.inf))

    def test_few_clusters_and_no_spread(self):
        wide = rate_interval(20, 100, np.sqrt(20) / 100, [np.inf, 10, 2])
        assert (np.diff(wide[0]) < 0).all() and (np.diff(wide[1]) > 0).all()
        assert rate_interval(20, 100, 0.0, np.inf) == rate_interval(
            20, 100, np.sqrt(20) / 100, np.inf
        )

    def test_unit_of_exposure(self):
        seconds = rate_interval(7, 3600 * 40, 2 / (3600 * 40), 12)
        assert np.allclose(np.multiply(seconds, 3600), rate_interval(7, 40, 2 / 40, 12))

    def test_no_events(self):
        lower, upper = rate_interval(0, [50, 0, np.nan], 0, 8)
        assert lower[0] == 0 and np.isclose(upper[0], -np.log(0.025) / 50)
        assert np.isnan(lower[1:]).all() and np.isnan(upper[1:]).all()

    def test_absent_and_refused(self):
        for case in (
            (np.nan, 9, 0.1, 9),
            (5, 9, np.nan, 9),
            (5, 9, 0.1, np.nan),
            (5, 9, 0.1, 0),
            (0, 9, 0, 0),
        ):
            assert np.isnan(rate_interval(*case)).all()
        with pytest.raises(BadInput, match="exposure = -9"):
            rate_interval(5, -9, 0.1, 9)
