"Adjusted p-values against printed examples, rules written out and statsmodels' own t test."

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttest_ind

from contact_kpis.errors import BadInput, UnknownName
from contact_kpis.stats.multiple import adjust, looks, p_value

# Benjamini and Hochberg (1995), JRSS B 57, 289-300, section 4: myocardial infarction, 15 endpoints.
TRIAL = np.array(
    [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    + [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
)
# By hand. bh: p * 15 / rank, then the least of those behind it: .0278 * 15 / 6 = .0695 gives way
# to .0298 * 15 / 7. holm: p * (16 - rank), then the largest of those before it.
BH = [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.447 / 7, 0.447 / 7, 0.0645, 0.0765]
HOLM = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213]


def test_trial_by_hand():
    assert np.allclose(adjust(TRIAL)[:9], BH)
    assert np.allclose(adjust(TRIAL, "holm")[:9], HOLM)


def test_trial_as_printed():
    "The paper: Bonferroni's procedure, and so Holm's, rejects three hypotheses, theirs four."
    assert (adjust(TRIAL) <= 0.05).sum() == 4 and (adjust(TRIAL, "holm") <= 0.05).sum() == 3


def test_by_is_bh_times_a_harmonic_sum():
    "1 + 1/2 + ... + 1/15 = 3.318229 (Benjamini and Yekutieli, 2001, theorem 1.3)."
    assert np.allclose(adjust(TRIAL, "by")[:5], 3.318229 * np.array(BH[:5]), rtol=1e-6)
    assert adjust(TRIAL, "by").max() == 1


def test_p_adjust():
    'R: p.adjust(c(.1, .2, .3, .4, .1), "BH"), "BY" and "holm".'
    p = [0.1, 0.2, 0.3, 0.4, 0.1]
    assert np.allclose(adjust(p), [0.25, 1 / 3, 0.375, 0.4, 0.25])
    assert np.allclose(adjust(p, "by"), [0.5708333, 0.7611111, 0.85625, 0.9133333, 0.5708333])
    assert np.allclose(adjust(p, "holm"), [0.5, 0.6, 0.6, 0.6, 0.5])


@pytest.mark.parametrize("method", ["bh", "by", "holm"])
class TestFamily:
    def test_what_was_not_computed_is_no_look(self, method):
        p = np.insert(TRIAL, [0, 7, 15], np.nan)
        found = adjust(p, method)
        assert np.isnan(found[np.isnan(p)]).all() and looks(p) == 15
        assert np.array_equal(found[~np.isnan(p)], adjust(TRIAL, method))

    def test_order_and_shape(self, method):
        order = np.random.default_rng(0).permutation(15)
        found = adjust(TRIAL[order].reshape(3, 5), method)
        assert found.shape == (3, 5)
        assert np.array_equal(found.ravel(), adjust(TRIAL, method)[order])

    def test_input_is_left_alone_and_emptiness_is_none(self, method):
        p = TRIAL.copy()
        adjust(p, method)
        assert np.array_equal(p, TRIAL)
        assert adjust([], method).size == 0 and np.isnan(adjust([np.nan], method)).all()

    def test_one_look_costs_nothing(self, method):
        assert adjust([0.04], method).tolist() == [0.04]


def test_refused():
    with pytest.raises(UnknownName, match="did you mean 'holm'"):
        adjust(TRIAL, "Holms")
    with pytest.raises(BadInput, match="a p-value of 1.2"):
        adjust([0.1, 1.2])


def test_p_value_of_two_samples():
    "Student's t test of statsmodels, with its standard error and degrees of freedom handed over."
    rng = np.random.default_rng(np.random.SeedSequence(2024))
    a, b = rng.normal(0, 1, 12), rng.normal(0.8, 1, 9)
    statistic, expected, df = ttest_ind(a, b)
    difference = a.mean() - b.mean()
    assert np.isclose(p_value(difference, difference / statistic, df), expected, rtol=1e-10)


def test_p_value_by_table():
    "97.5 % points of t: 12.706, 2.228, 1.960 with 1, 10, infinitely many degrees of freedom."
    found = p_value([12.706, -2.228, 1.960], 1, [1, 10, np.inf])
    assert found.round(4).tolist() == [0.05, 0.05, 0.05]


def test_p_value_where_nothing_is_known():
    found = p_value([1, 1, np.nan, 1, 0], [0, 1, 1, np.nan, 1], [9, 0, 9, 9, 9])
    assert np.isnan(found[:4]).all() and found[4] == 1
    with pytest.raises(BadInput, match="se = -1"):
        p_value(1, -1, 9)
