"""Erlang's formulas against printed values, closed forms and the chain solved as linear equations.

Garnett, Mandelbaum and Reiman (2002), Designing a call center with impatient customers, M&SOM 4,
208-227, compare 50 agents with and without impatience: 48 calls a minute, a minute each, patience
2 minutes. The paper was not at hand: its numbers are given as the literature repeats them.
"""

import numpy as np
import pytest
from scipy import integrate, special, stats

from contact_kpis.errors import BadInput, UnknownName
from contact_kpis.stats.queueing import (
    answered_within,
    erlang_a,
    erlang_b,
    erlang_c,
    staff_for,
    waits_longer,
)

CASES = [  # rate, work, staff, patience: light, heavy, over full, one agent, impatient, patient
    (4, 1, 5, 2),
    (30, 1, 30, 10),
    (9, 1, 5, 0.5),
    (0.5, 1, 1, 1),
    (12, 0.5, 5, 0.01),
    (19, 1, 20, 300),
    (100, 1.1, 100, 3),
]


def chain(rate, work, staff, patience):
    "Shares of time of the states of M/M/n+M, from the balance equations as a linear system."
    size = staff + int(rate * patience + 12 * np.sqrt(rate * patience) + 60)
    size = min(size, staff + 900)
    number = np.arange(size)
    ends = np.minimum(number, staff) / work + np.maximum(number - staff, 0) / patience
    flow = np.diag(np.full(size - 1, rate), 1) + np.diag(ends[1:], -1)
    flow = (flow - np.diag(flow.sum(1))).T
    flow[-1] = 1
    return number, np.linalg.solve(flow, np.eye(size)[-1])


@pytest.mark.parametrize("case", CASES)
def test_states(case):
    rate, work, staff, patience = case
    number, share = chain(*case)
    queue = np.maximum(number - staff, 0) @ share
    found = erlang_a(*case)
    assert found.waits == pytest.approx(share[staff:].sum(), rel=1e-9)
    assert found.mean_wait == pytest.approx(queue / rate, rel=1e-9)
    assert found.abandons == pytest.approx(queue / rate / patience, rel=1e-9)
    assert found.occupancy == pytest.approx(np.minimum(number, staff) @ share / staff, rel=1e-9)


@pytest.mark.parametrize("case", CASES[:5])
@pytest.mark.parametrize("limit", [0.0, 0.05, 0.4, 2.0])
def test_offered_wait(case, limit):
    """Density of the wait of one with endless patience, integrated by quadrature.

    Mandelbaum and Zeltyn (2005): proportional to exp(rate * integral of G - staff / work * x).
    """
    rate, work, staff, patience = case
    waits = erlang_a(*case).waits

    def density(x):
        return np.exp(-rate * patience * np.expm1(-x / patience) - staff / work * x)

    def area(low, weight):
        return integrate.quad(lambda x: weight(x) * density(x), low, low + 60, limit=500)[0]

    whole = area(0, lambda x: 1.0)
    late = waits * area(limit, lambda x: 1.0) / whole * np.exp(-limit / patience)
    served_late = waits * area(limit, lambda x: np.exp(-x / patience)) / whole
    served = 1 - erlang_a(*case).abandons
    assert waits_longer(limit, *case) == pytest.approx(late, rel=1e-6, abs=1e-12)
    assert answered_within(limit, *case) == pytest.approx(served - served_late, rel=1e-6, abs=1e-9)
    mean = waits * area(0, lambda x: x * np.exp(-x / patience)) / whole / served
    assert erlang_a(*case).mean_wait_served == pytest.approx(mean, rel=1e-6)


@pytest.mark.parametrize("limit", [0.0, 0.1, 1.0])
def test_incomplete_gamma(limit):
    "Palm's form of the same tail: gamma(n mu / theta, lambda / theta exp(-theta t))."
    rate, work, staff, patience = 30, 1, 30, 2
    strength, come = staff * patience / work, rate * patience
    tail = special.gammainc(strength, come * np.exp(-limit / patience))
    offered = tail / special.gammainc(strength, come)
    expected = erlang_a(rate, work, staff, patience).waits * offered * np.exp(-limit / patience)
    assert waits_longer(limit, rate, work, staff, patience) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("lines", "erlangs"), [(1, 0.0101), (10, 4.461), (15, 8.108), (20, 12.03)])
def test_erlang_b_table(lines, erlangs):
    "Table of one lost in a hundred; 15 lines carry 8.108 erlangs: erlang.com, calculator manual."
    half = 0.5 * 10.0 ** -len(str(erlangs).split(".")[1])
    assert erlang_b(erlangs - half, lines) < 0.01 < erlang_b(erlangs + half, lines)


def test_erlang_c_example():
    "README of pyworkforce 0.1.0: 100 calls in 30 min of 3 min each, 14 agents, within 20 s."
    assert erlang_c(10, 14) == pytest.approx(0.1741319335950498, rel=1e-12)
    level = answered_within(20 / 60, 100 / 30, 3, 14)
    assert level == pytest.approx(0.8883500191794669, rel=1e-12)
    assert staff_for("answered_within", 0.8, 100 / 30, 3, limit=20 / 60) == 14


def test_patience_or_none():
    "Garnett et al. (2002): 20.8 s, 96 % and 17 in queue; with patience 3.1 %, 93 %, 3 and 3.6 s."
    endless, impatient = erlang_a(48, 1, 50), erlang_a(48, 1, 50, 2)
    assert round(60 * endless.mean_wait, 1) == 20.8
    assert round(endless.occupancy, 2) == 0.96 and round(48 * endless.mean_wait) == 17
    assert round(impatient.abandons, 3) == 0.031 and round(impatient.occupancy, 2) == 0.93
    assert round(48 * impatient.mean_wait) == 3
    assert round(60 * impatient.mean_wait_served, 1) == 3.6
    assert waits_longer(58.1 / 60, 48, 1, 50) == pytest.approx(0.1, abs=5e-4)


def test_one_agent():
    "M/M/1: waits are rho, mean wait rho / (mu - lambda), exponential tail."
    found = erlang_a(0.8, 1, 1)
    assert found.waits == pytest.approx(0.8) and found.mean_wait == pytest.approx(4)
    assert waits_longer(3, 0.8, 1, 1) == pytest.approx(0.8 * np.exp(-0.6))


@pytest.mark.parametrize("load", [70, 100, 130])
def test_patience_as_long_as_work(load):
    "Waiting and being served then end at the same rate: M/M/infinity, Poisson states."
    found, state = erlang_a(load, 1, 100, 1), stats.poisson(load)
    queue = sum((k - 100) * state.pmf(k) for k in range(101, 400))
    assert found.waits == pytest.approx(state.sf(99), rel=1e-10)
    assert found.mean_wait == pytest.approx(queue / load, rel=1e-10)


def test_endless_patience_is_a_limit():
    "The difference falls with 1 / patience: 1e7 times the mean wait leave about seven digits."
    a, c = erlang_a(0.9, 100, 100, 1e8), erlang_a(0.9, 100, 100)
    assert (a.waits, a.mean_wait) == pytest.approx((c.waits, c.mean_wait), rel=1e-5)
    late = [waits_longer(20, 0.9, 100, 100, p) for p in (1e8, np.inf)]
    assert late[0] == pytest.approx(late[1], rel=1e-5)
    assert 0 < a.abandons < 1e-6


def test_no_patience_is_erlang_b():
    assert erlang_a(9, 1, 10, 1e-9).abandons == pytest.approx(erlang_b(9, 10), rel=1e-6)


def test_large_and_overloaded():
    "2,000 agents: fluid limit 1 - 1 / rho of those who give up; no overflow, no nan."
    over = erlang_a(3000, 1, 2000, 10)
    assert over.abandons == pytest.approx(1 / 3, rel=1e-9) and over.waits == 1
    light = erlang_a(1000, 1, 2000, 10)
    assert 0 < light.waits < 1e-150
    assert erlang_a(2000, 1, 2000, 1e6).occupancy == pytest.approx(1, abs=1e-3)
    assert erlang_b(1990, 2000) == pytest.approx(
        stats.poisson.pmf(2000, 1990) / stats.poisson.cdf(2000, 1990), rel=1e-9
    )


def test_tiny_waits_keep_their_digits():
    load, staff = 20, 90
    below = stats.poisson.cdf(staff - 1, load)
    first = stats.poisson.pmf(staff, load)
    rest = sum(np.prod(load / (staff + np.arange(1, k + 1) / 2)) for k in range(60))
    assert erlang_a(load, 1, staff, 2).waits == pytest.approx(first * rest / below, rel=1e-9)


def test_fewest():
    "The answer meets the target and one agent fewer does not."
    for rate in (0.02, 0.7, 5.0):
        for target, value in [("answered_within", 0.8), ("waits", 0.2), ("abandons", 0.02)]:
            n = staff_for(target, value, rate, 300, 200, limit=20)

            def reached(staff, target=target, rate=rate):
                if target == "answered_within":
                    return answered_within(20, rate, 300, staff, 200) - 0.8
                return -getattr(erlang_a(rate, 300, staff, 200), target)

            assert reached(n) >= (0 if target == "answered_within" else -value)
            assert n == 1 or reached(n - 1) < (0 if target == "answered_within" else -value)
    waits = erlang_a(0.1, 300, np.arange(31, 60)).mean_wait
    few = 31 + int(np.argmax(waits <= 5))
    assert staff_for("mean_wait", 5, [0.0, 0.1], 300).tolist() == [0, few]


def test_shapes():
    "Arrays are spread over each other; a number stays a number."
    found = erlang_a(np.array([[1.0], [2.0]]), 1, np.array([2, 3, 4]), [1, np.inf, 2])
    assert np.shape(found.waits) == (2, 3)
    assert found.waits[1, 1] == pytest.approx(erlang_c(2, 3))
    assert isinstance(erlang_a(1, 1, 2, 1).waits, float) and isinstance(erlang_b(1, 2), float)
    assert np.shape(erlang_a([], 1, 2, 1).waits) == (0,)
    nobody = erlang_a(0, 1, 2, 1)
    assert nobody.waits == nobody.abandons == nobody.occupancy == 0
    assert answered_within(0, 5, 1, 4) == 0 and erlang_a(5, 1, 4).mean_wait == np.inf


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: erlang_b(-1, 5), "load = -1"),
        (lambda: erlang_b(1, 2.5), "staff = 2.5"),
        (lambda: erlang_c(1, 0), "staff = 0"),
        (lambda: erlang_a(np.nan, 1, 5), "rate = nan"),
        (lambda: erlang_a(1, 0, 5), "work = 0"),
        (lambda: erlang_a(1, 1, 5, 0), "patience = 0"),
        (lambda: waits_longer(-1, 1, 1, 5), "limit = -1"),
        (lambda: staff_for("waits", 0, 1, 1), "waits of 0"),
        (lambda: staff_for("abandons", 0.1, 1, 1), "without patience"),
    ],
)
def test_refused(call, named):
    with pytest.raises(BadInput, match=named):
        call()


def test_unknown_names():
    with pytest.raises(UnknownName, match="served"):
        answered_within(1, 1, 1, 5, of="serve")
    with pytest.raises(UnknownName, match="mean_wait"):
        staff_for("mean_wai", 1, 1, 1)
