"""Every planted effect has the size that its plan orders, and is absent where no plan orders it.

Sizes are read off the truth of the plans' smaller editions, so chance is all that may stand
between: four standard errors for what is ordered, four for the many that are not.
"""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from contact_kpis.data.contract import tables as contract
from contact_kpis.data.simulate import arrivals, crew
from contact_kpis.data.simulate.centre import make
from contact_kpis.data.simulate.clock import is_open
from contact_kpis.data.simulate.plan import PLANS, stream
from contact_kpis.data.simulate.planted import (
    Size,
    between,
    correlation_of,
    explained,
    first_stage,
    logistic,
    mean_of,
    measured,
    planted,
    reduced,
    seen,
)

NAMES = tuple(name for name in PLANS if name not in ("standard", "large"))
WIDER = {  # beyond four standard errors
    "usual transfers": 0.006,  # "about a tenth": returns come to the right line
    "feeling heard in texts": 0.06,  # "about .55": more where feelings differ more
    "hard matters with skill": 0.04,  # few agents at a time, and reasons are few
    "contacts gamed: transfer": 0.06,  # .32 of hard, .08 of easy matters; lines differ in them
    "rounded to minutes": 0.015,  # of all wrap-ups; of one-agent contacts slightly more
    "sent to another trade that day": 0.005,  # some chats have one line for two trades
}


@pytest.fixture(scope="module")
def sizes():
    known = {}

    def of(name):
        if name not in known:
            known[name] = measured(make(reduced(name)))
        return known[name]

    return of


def apart(rows):
    return (rows["measured"] - rows["planted"]).abs()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_ordered_is_there(sizes, name):
    rows = sizes(name).query("planted != 0")
    # About 110 sizes are looked at: 4 standard errors, or one in a hundred runs fails by chance.
    allowed = 4 * rows["se"] + rows["effect"].map(WIDER).fillna(0) + 1e-9
    wrong = rows[apart(rows) > allowed]
    assert not len(wrong), wrong.to_string()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_ordered_is_absent(sizes, name):
    "Explained variance is never quite zero: 16 in 9,000, the square of four errors, is allowed."
    rows = sizes(name).query("planted == 0")
    allowed = np.where(rows["unit"] == "R2", 16 / 9_000, 4 * rows["se"] + 1e-9)
    wrong = rows[apart(rows) > allowed]
    assert len(rows) > 10 and not len(wrong), wrong.to_string()


@pytest.mark.parametrize("name", NAMES)
def test_its_absence_would_be_noticed(sizes, name):
    "What is ordered lies more than four standard errors from nothing."
    rows = sizes(name).query("planted != 0")
    nothing = np.where(rows["unit"] == "ratio", 1.0, 0.0)
    weak = rows[(rows["measured"] - nothing).abs() < 3 * rows["se"]]
    weak = weak[weak["effect"] != "hazard ratio per sd settled"]  # small in a month; see below
    weak = weak[weak["effect"] != "first stage of the agent met"]  # F 30 has an error of 11
    assert not len(weak), weak.to_string()


def test_leaving_is_noticed_where_the_span_is_long(sizes):
    row = sizes("warm_and_able").set_index("effect").loc["hazard ratio per sd settled"]
    assert row["measured"] < 1 - 3 * row["se"]


OWN = {  # what each plan is there for
    "overflow_fault": {"sent to another trade that day", "transfers of those sent"},
    "segment_change": {"settled in the segment, change", "matters turned to faults"},
    "day_shift": {"slower from a day on", "slower, in errors of that day"},
    "gaming": {"agents who game", "contacts gamed: shave", "talk cut of those shaved"},
    "case_mix": {"hard matters with skill", "calls of an agent, median"},
    "routing_luck": {"first stage of the agent met"},
    "hidden_cause": {"unseen trait, of contacts", "unseen trait, of leaving"},
    "warm_and_able": {"warmth with skill", "warmth met, in leaving"},
    "unseen_response": {"feeling in answering"},
    "missing_keys": {"contacts without a key", "keys of somebody else"},
    "drifting": {"drift over the span"},
    "heavy_tails": {"times of a heavy tail", "rounded to minutes"},
    "wrong_link": {"settled of the easiest, beyond a logit"},
}


@pytest.mark.parametrize("name", OWN)
def test_an_effect_belongs_to_its_plan(sizes, name):
    "It is ordered there, measured, and not ordered in the ordinary centre."
    ordinary = set(sizes("small").query("planted != 0")["effect"])
    assert OWN[name] <= set(sizes(name).query("planted != 0")["effect"])
    assert not OWN[name] & ordinary


def test_a_size_follows_the_plan():
    "Twice the change, and nobody shaves more than is ordered."
    centre = make(reduced("segment_change"), contacts=40_000, shift=-0.3, shift_mix=0.0)
    row = measured(centre).set_index("effect").loc["settled in the segment, change"]
    assert row["planted"] == -0.3
    assert abs(row["measured"] + 0.3) < 3 * row["se"] < abs(row["measured"] + 0.15)


# The plans themselves have the scale at which methods are to be tested


def test_sizes_that_are_numbers_of_a_plan():
    assert PLANS["overflow_fault"].overflow == 0.08
    assert PLANS["segment_change"].shift == -0.15 and PLANS["segment_change"].shift_mix > 0
    assert (PLANS["gaming"].gamers, PLANS["gaming"].shaved) == (0.05, 0.2)
    assert all(plan.skill_sd == 0.25 for plan in PLANS.values())
    # Quiet leavers leave three times as often as those who were helped, so that the trap has teeth.
    usual = {name: plan.hazard_ratio for name, plan in PLANS.items() if name != "quiet_leavers"}
    assert set(usual.values()) == {0.9} and PLANS["quiet_leavers"].hazard_ratio == 0.56
    assert PLANS["case_mix"].hard_to_good > 0


def test_eight_weeks_on_each_side_of_the_target():
    plan = PLANS["gaming"]
    assert min(plan.target_day, plan.days - plan.target_day) >= 56


def test_400_agents_at_a_time_where_some_game():
    plan = PLANS["gaming"]
    people = crew.hire(plan, arrivals.expected(plan), stream(plan, "crew")).frame
    there = [((people["hired"] <= d) & (people["left"] > d)).sum() for d in (70, 126, 175)]
    assert all(abs(n / 400 - 1) < 0.05 for n in there)


def test_5000_contacts_on_the_day_of_the_overflow():
    "On average; the luck of a day has a tenth. Returns make 4 % more than is expected."
    plan = PLANS["overflow_fault"]
    day = arrivals.expected(plan)[plan.overflow_day].sum()
    assert abs(1.04 * day / 5_000 - 1) < 0.05
    small = reduced("overflow_fault")
    assert abs(arrivals.expected(small)[small.overflow_day].sum() / 5_000 - 1) < 0.05


@pytest.mark.parametrize("edition", [PLANS.get, reduced])
@pytest.mark.parametrize("name", NAMES)
def test_the_day_of_an_effect_is_a_working_day_with_days_before_and_after(edition, name):
    plan, held = edition(name), []
    held += [plan.overflow_day] if plan.overflow else []
    held += [plan.shift_day] if plan.shift or plan.slower else []
    held += [plan.target_day] if plan.gamers else []
    held += [plan.renamed_day] if plan.renamed_day else []
    for day in held:
        assert 7 <= day < plan.days - 1
        assert is_open(plan)[day], plan.first + timedelta(days=day)


# The instrument


def test_the_agent_met_is_a_middling_instrument_and_none_without_skill():
    """Over seeds 1 to 36 its F had a mean of 31 and a standard deviation of 25, so that the mean
    of twelve has an error of 7. The preset's own seed was chosen to have F near 30.
    """
    f = [first_stage(seen(make("routing_luck", seed=i))) for i in range(1, 13)]
    none = [first_stage(seen(make("routing_luck", seed=i, skill_sd=0.0))) for i in range(1, 5)]
    assert 30 - 3 * 7 < np.mean(f) < 30 + 3 * 7
    assert abs(np.median(none)) < 10
    assert 15 < first_stage(seen(make("routing_luck"))) < 50


# The instruments of measuring


def test_logistic_is_what_statsmodels_finds():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3_000, 2))
    y = rng.random(3_000) < 1 / (1 + np.exp(-(x @ [0.4, -0.7] - 0.5)))
    known = 0.3 * x[:, 0] ** 2
    fit = sm.GLM(y.astype(float), sm.add_constant(x), sm.families.Binomial(), offset=known).fit()
    b, se = logistic(y, x, known)
    assert np.allclose(b, fit.params, atol=1e-7) and np.allclose(se, fit.bse, atol=1e-6)


def test_shares_differences_and_correlations():
    half = mean_of("half", 0.5, [True, False] * 50)
    assert half == Size("half", 0.5, 0.5, 0.05)  # sqrt(.5 * .5 / 100)
    apart_by = between(half, mean_of("", 0, [False] * 100), "more", 0.5)
    assert apart_by == Size("more", 0.5, 0.5, 0.05)
    assert np.isnan(mean_of("none", 0, []).measured)
    x = np.array([1.0, 2, 3, 4])  # with 1, 3, 2, 4: covariance 1, variances 1.25, so .8
    assert np.isclose(correlation_of("", 0, x, [1, 3, 2, 4]).measured, 0.8)
    assert np.isclose(explained("", 0, x, [1, 3, 2, 4]).measured, 0.64)


def test_the_table():
    centre = make("small", contacts=6_000, weeks=3)
    rows = measured(centre)
    assert list(rows) == ["plan", "effect", "planted", "measured", "se", "unit"]
    assert rows["effect"].is_unique and (rows["plan"] == "small").all()
    ordered = rows[rows["planted"] != 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(planted(centre), ordered)
    again = measured(make("small", contacts=6_000, weeks=3))
    pd.testing.assert_frame_equal(rows, again)


def test_measuring_leaves_the_tables_as_they_are():
    centre = make("small", contacts=4_000, weeks=2)
    before = {name: frame.copy() for name, frame in centre.tables.items()}
    measured(centre)
    assert list(before) == list(centre.tables) and set(before) <= set(contract)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(frame, centre.tables[name])


def test_an_unknown_plan_is_refused_with_the_closest_name():
    with pytest.raises(KeyError, match="gaming"):
        reduced("gamin")
