"Agreement against printed data, definitions written out, and the jackknife of ratios."

import itertools

import numpy as np
import pytest

from contact_kpis.errors import BadInput
from contact_kpis.stats.agreement import icc_of, pair_sums, pi_of, smooth
from contact_kpis.stats.cluster import bucket_ratios, bucket_sums

# Shrout and Fleiss (1979), Psychological Bulletin 86, 420-428, table 2: six targets, four judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]]
)


def added(x, y):
    return {name: part.sum() for name, part in pair_sums(x, y).items()}


def judge_pairs(columns):
    "All pairs of judges, target by target."
    a, b = zip(*itertools.combinations(columns, 2), strict=True)
    return JUDGES[:, a].ravel(), JUDGES[:, b].ravel()


class TestIntraclass:
    def test_two_judges_by_hand(self):
        """Judges 1 and 4: 12 values, sum 86, squares 664, products 322.

        86 * 86 / 12 = 616.333; (2 * 322 - 616.333) / (664 - 616.333) = 27.667 / 47.667.
        """
        assert round(float(icc_of(added(*judge_pairs([0, 3])))), 4) == round(27.6667 / 47.6667, 4)

    def test_four_judges_as_printed(self):
        """ICC(1,1) = .17 from the same sums, with the analysis of variance's n - 1.

        In pairs of k judges every value stands k - 1 times, and the squared differences of a
        target's pairs add up to k times its sum of squares within.
        """
        x, y = judge_pairs(range(4))
        sums, n, k = added(x, y), 6, 4
        within = (sums["squares"] - 2 * sums["products"]) / k
        total = (sums["squares"] - sums["total"] ** 2 / (2 * sums["pairs"])) / (k - 1)
        between = total - within
        ms_between, ms_within = between / (n - 1), within / (n * (k - 1))
        assert (round(ms_between, 2), round(ms_within, 2)) == (11.24, 6.26)
        assert round((ms_between - ms_within) / (ms_between + (k - 1) * ms_within), 2) == 0.17
        by_n = (between / n - ms_within) / (between / n + (k - 1) * ms_within)
        assert np.isclose(icc_of(sums), by_n) and round(by_n, 2) == 0.11

    def test_each_pair_in_either_order(self):
        "Fisher's definition: the ordinary correlation of the doubled list."
        rng = np.random.default_rng(np.random.SeedSequence(2024))
        x = rng.normal(5, 2, 300)
        y = x + rng.normal(1, 1, 300)
        doubled = np.corrcoef(np.append(x, y), np.append(y, x))[0, 1]
        assert np.isclose(icc_of(added(x, y)), doubled, rtol=1e-12)

    def test_ends_and_nothing(self):
        x = np.array([1, 4, 6.0])
        assert np.isclose(icc_of(added(x, x)), 1)
        assert np.isclose(icc_of(added([0, 1], [1, 0])), -1)
        assert np.isnan(icc_of(added([0.1] * 7, [0.1] * 7))) and np.isnan(icc_of(added([], [])))

    def test_unit(self):
        x, y = judge_pairs([0, 1])
        assert np.isclose(icc_of(added(60 * x + 30, 60 * y + 30)), icc_of(added(x, y)))


class TestScott:
    def test_by_hand(self):
        """Yes-yes 40, yes-no 9, no-yes 6, no-no 45: agreement .85, m = 95/200 = .475.

        By chance .475^2 + .525^2 = .50125; (.85 - .50125) / .49875 = .69925.
        """
        x, y = np.repeat([1, 1, 0, 0], [40, 9, 6, 45]), np.repeat([1, 0, 1, 0], [40, 9, 6, 45])
        assert round(float(pi_of(added(x, y))), 5) == 0.69925

    def test_is_the_intraclass_correlation_of_yes_and_no(self):
        rng = np.random.default_rng(np.random.SeedSequence(2024))
        x, y = rng.integers(0, 2, (2, 500))
        assert np.isclose(pi_of(added(x, y)), icc_of(added(x, y)), rtol=1e-10)

    def test_chance_and_nothing(self):
        assert pi_of(added([1, 1, 0, 0], [1, 0, 1, 0])) == 0
        assert np.isnan(pi_of(added([1, 1], [1, 1]))) and np.isnan(pi_of(added([], [])))

    def test_numbered_reasons_are_refused(self):
        with pytest.raises(BadInput, match="other than 0 and 1"):
            pi_of(added([1, 2, 3], [1, 2, 2]))


class TestSmooth:
    def rows(self, n=2000, n_cells=6):
        rng = np.random.default_rng(np.random.SeedSequence(2024))
        cell, bucket = rng.integers(0, n_cells - 1, n), rng.integers(0, 40, n)
        return cell, np.where(cell == 1, 3, bucket), rng.normal(300, 80, n), 1.0 * (cell != 2)

    def test_of_a_ratio_is_bucket_ratios(self):
        "A cell in one bucket, one without denominators and one without rows among them."
        cell, bucket, num, den = self.rows()
        found = smooth(cell, bucket, {"num": num, "den": den}, 6, lambda s: s["num"] / s["den"])
        sums = bucket_sums(cell, bucket, num, den)
        theirs = bucket_ratios(sums.cell, sums.num, sums.den, 6)
        nowhere = theirs.n_clusters == 0
        assert nowhere.sum() == 1 and (theirs.n_clusters == 1).sum() == 2
        for name in ("value", "se", "lower", "upper", "n_clusters"):
            ours, expected = getattr(found, name), getattr(theirs, name)
            assert np.allclose(ours, expected, rtol=1e-9, equal_nan=True)

    def test_jackknife_as_a_loop(self):
        rng = np.random.default_rng(np.random.SeedSequence(2024))
        bucket, x, y = rng.integers(0, 25, 400), *rng.normal(0, 1, (2, 400))
        y = 0.6 * x + y
        found = smooth(np.zeros(400, int), bucket, pair_sums(x, y), 1, icc_of)
        without = [float(icc_of(added(x[bucket != b], y[bucket != b]))) for b in range(25)]
        se = np.sqrt(24 / 25 * ((without - np.mean(without)) ** 2).sum())
        assert np.isclose(found.se[0], se, rtol=1e-9)
        assert np.isclose(found.upper[0] - found.value[0], 2.063899 * se, rtol=1e-6)  # t(24)

    def test_order_and_parts_do_not_matter(self):
        rng = np.random.default_rng(np.random.SeedSequence(2024))
        cell, bucket, x, y = *rng.integers(0, 3, (2, 300)), *rng.integers(0, 9, (2, 300))
        shuffled = rng.permutation(300)
        one = smooth(cell, bucket, pair_sums(x, y), 3, icc_of)
        two = smooth(
            cell[shuffled], bucket[shuffled], pair_sums(x[shuffled], y[shuffled]), 3, icc_of
        )
        assert np.array_equal(one.se, two.se)
        assert np.array_equal(one.n_clusters, [3, 3, 3])

    def test_a_missing_side_is_no_pair(self):
        x, y = np.array([1, 2, np.nan, 4, 5]), np.array([2, 1, 3, np.nan, 4])
        known = np.array([0, 1, 4])
        one = smooth(np.zeros(5, int), np.arange(5), pair_sums(x, y), 1, icc_of)
        two = smooth(np.zeros(3, int), known, pair_sums(x[known], y[known]), 1, icc_of)
        assert one.n_clusters[0] == 3 and np.isclose(one.se, two.se)[0]

    def test_no_rows(self):
        empty = np.array([], int)
        found = smooth(empty, empty, pair_sums([], []), 2, icc_of)
        assert np.isnan(found.value).all() and found.n_clusters.tolist() == [0, 0]

    def test_refused(self):
        sums = pair_sums([1, 2, 3], [1, 2, 2])
        with pytest.raises(BadInput, match="pairs has 3 rows, cell has 2"):
            smooth(np.zeros(2, int), np.arange(2), sums, 1, icc_of)
        with pytest.raises(BadInput, match="cells 0 to 1"):
            smooth(np.array([0, 0, 1]), np.arange(3), sums, 1, icc_of)
        with pytest.raises(BadInput, match="3 and 2 values"):
            pair_sums([1, 2, 3], [1, 2])
