"""Customers of a simulated centre leave and pay as the plan says, and the truth shows it.

Visits are made up here: each customer has as many as their habit says, settled with chance .7 by
luck, or with a chance of their own. All runs are seeded, so a failure is a change of the code. The
bound is three standard errors of a logistic fit that is written out below; the standard error of
the log hazard ratio is about .02, so a ratio of .90 (log -.105) is five of them from none.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from contact_kpis import Settings, open_workspace
from contact_kpis.data.simulate.clock import blocks, midnight
from contact_kpis.data.simulate.people import (
    MONTH,
    STAYS,
    customer_table,
    event_table,
    happenings,
    how_many,
    identity_table,
    populate,
)
from contact_kpis.data.simulate.plan import LINES, SITES, plan_of, stream
from contact_kpis.data.simulate.worth import (
    chance_of,
    chances,
    checkout_table,
    cost_table,
    experience,
    finance_table,
    lead_table,
    met,
    month_end,
    order_table,
    purchases,
    subscription_table,
    unmet,
    whole_month,
)

STANDARD = plan_of("standard", contacts=250_000)


def made(plan, people, month, rng):
    "Visits of one month, as many as habits say; who has the unseen trait calls as the habit says."
    begin, end = (midnight(plan, 0)[day] for day in blocks(plan)[month])
    mean = people["habit"].to_numpy() * 2.6 / 12 * (end - begin) / MONTH
    person = np.repeat(np.arange(len(people)), rng.poisson(mean)).astype(np.int32)
    at = begin + (rng.random(len(person)) * (end - begin)).astype(np.int64)
    there = (at > people["born"].to_numpy()[person]) & (at < people["gone"].to_numpy()[person])
    out = pd.DataFrame({"person": person, "at": at})[there].sort_values("at", ignore_index=True)
    n = len(out)
    out = out.assign(visit=month * 10**7 + np.arange(n), state=0, solved=rng.random(n) < 0.7)
    out = out.assign(why=rng.integers(0, 12, n), line=rng.integers(0, 8, n), who=0)
    warmth = rng.normal(0, 1, n) if plan.warmth_path else np.zeros(n)
    return out.assign(start=out["at"] + 30_000, talk=300_000, warmth=warmth)


def run(plan):
    "All months: people at the end, truth, and (month's end, visits, state) of each."
    people = populate(plan, stream(plan, "people"))
    state, months = unmet(people), []
    last = month_end(plan, people, state, -1, stream(plan, "worth", 0))
    truth = [last.truth]
    for month in range(len(blocks(plan))):
        visits = made(plan, last.people, month, stream(plan, "made", month))
        state = experience(last.people, visits, state, visits["warmth"].to_numpy())
        last = month_end(plan, last.people, state, month, stream(plan, "worth", month + 1))
        months.append((last, visits, state))
        truth.append(last.truth)
    return last.people, pd.concat(truth, ignore_index=True), months


def fit(X, y, offset):
    "Logistic regression with an intercept by Newton's steps: slopes and standard errors."
    X = np.column_stack([np.ones(len(y)), *X]).astype(float)
    b = np.zeros(X.shape[1])
    for _ in range(10):
        p = 1 / (1 + np.exp(-(X @ b + offset)))
        inverse = np.linalg.inv((X * (p * (1 - p))[:, None]).T @ X)
        b = b + inverse @ (X.T @ (y - p))
    return b[1:], np.sqrt(np.diag(inverse))[1:]


def recovered(plan, truth, kpi, event=0):
    "Log odds of leaving per sd of what was met, all else given; months that are whole."
    seen = truth[truth["near"] & truth["month"].between(1, 11)]
    y = (seen["left"] == event).to_numpy(float)
    rest = (seen["reasons"] - seen[kpi]).to_numpy(float)
    offset = np.log(plan.hazard / (1 - plan.hazard)) + rest
    (slope,), (se,) = fit([seen[f"{kpi}_sd"]], y, offset if event == 0 else 0 * offset)
    return slope, se


@pytest.fixture(scope="module")
def standard():
    return run(STANDARD)


def test_the_planted_hazard_ratio_is_found(standard):
    slope, se = recovered(STANDARD, standard[1], "settled")
    assert se < 0.02
    assert abs(slope - np.log(STANDARD.hazard_ratio)) < 3 * se
    assert slope < -3 * se  # and is told from none
    near = standard[1][standard[1]["near"]]
    assert np.allclose(near.groupby("month")["settled_sd"].std(), 1, atol=0.02)


def test_no_effect_is_found_where_none_is():
    plan = replace(STANDARD, hazard_ratio=1.0)
    slope, se = recovered(plan, run(plan)[1], "settled")
    assert abs(slope) < 3 * se


def test_unpaid_bills_do_not_depend_on_what_was_met(standard):
    people, truth, _ = standard
    slope, se = recovered(STANDARD, truth, "settled", event=1)
    assert abs(slope) < 3 * se
    seen = truth["month"].between(1, 11)
    share = (truth.loc[seen, "left"] == 1).mean()
    assert 0.0025 < share < 0.004  # .003 a month of an average customer, some more of the young
    assert set(people["end"]) == {-1, 0, 1}


def test_the_average_customer_leaves_as_often_as_the_plan_says(standard):
    truth = standard[1]
    seen = truth[truth["month"].between(1, 11) & (truth["person"] % 20 == 0)]  # in contact or not
    assert abs(seen["chance"].mean() - STANDARD.hazard) < 0.1 * STANDARD.hazard
    left = (seen["left"] == 0).mean()
    assert abs(left - seen["chance"].mean()) < 4 * np.sqrt(STANDARD.hazard / len(seen))


def test_warmth_is_a_second_way():
    plan = plan_of("warm_and_able", contacts=200_000, weeks=52, first=date(2025, 1, 6))
    truth = run(plan)[1]
    slope, se = recovered(plan, truth, "warmth")
    assert abs(slope - plan.warmth_path) < 3 * se and slope < -3 * se
    settled, se = recovered(plan, truth, "settled")
    assert abs(settled - np.log(plan.hazard_ratio)) < 3 * se


def contact_effect(plan, months, people, trait):
    "Log odds of leaving after a month with a contact; visible reasons given, the trait on request."
    X, y, offset = [], [], []
    for month in range(1, 11):
        last, _, state = months[month]
        begin, end = whole_month(plan, month + 1)
        there = (people["born"] < begin) & (people["gone"] > begin)
        cell = last.people[["kind", "band", "scheme"]][there]
        visible = pd.get_dummies(cell.astype("category"), drop_first=True)
        called = (state["latest"] > 0)[there]
        X.append(np.column_stack([called, visible, *([people["unseen"][there]] if trait else [])]))
        y.append((people["end"].eq(0) & (people["gone"] < end))[there])
        offset.append(np.full(there.sum(), -3.9))
    b, se = fit(list(np.concatenate(X).T), np.concatenate(y).astype(float), np.concatenate(offset))
    return b[0], se[0]


def test_a_hidden_cause_makes_contacts_look_harmful(standard):
    people, _, months = standard
    slope, se = contact_effect(STANDARD, months, people, trait=False)
    assert abs(slope) < 3 * se
    plan = replace(STANDARD, hidden=1.0)
    people, _, months = run(plan)
    corr = np.corrcoef(people["unseen"], np.log(people["habit"] + 1e-3))[0, 1]
    assert corr > 0.3
    naive, se = contact_effect(plan, months, people, trait=False)
    assert naive > 4 * se
    given, se = contact_effect(plan, months, people, trait=True)
    assert abs(given) < 3 * se


def test_a_month_acts_on_the_next(standard):
    for month in (0, 4, 10):
        last, _, state = standard[2][month]
        begin, end = whole_month(STANDARD, month + 1)
        truth, gone = last.truth, last.people["gone"].to_numpy()
        assert (truth["month"] == month + 1).all()
        left = gone[truth["person"][truth["left"] >= 0]]
        assert len(left) and ((left > begin) & (left < end)).all()
        known = met(standard[2][month - 1][0].people if month else last.people, state, begin)[0]
        assert np.corrcoef(known[truth["person"]], truth["settled_sd"])[0, 1] > 0.999999


def test_a_price_change_acts_for_two_months_where_it_was(standard):
    people, truth, months = standard
    changes = pd.concat([m.changes for m, _, _ in months])
    rows = changes[changes["rises"]]
    assert set(people["region"].to_numpy()[rows["person"]]) == set(range(5))
    dearer = rows[rows["why"] == 3]
    assert np.allclose(dearer["fee"] / dearer["old_fee"], 1.06, atol=0.001)
    raised = truth[truth["price"] > 0]
    assert (people["region"].to_numpy()[raised["person"]] < 5).all()
    assert raised.groupby("person")["month"].nunique().max() == 2
    assert raised["month"].min() == month_of(rows["at"].min())


def month_of(at):
    "Which month of the plan a time begins."
    begins = [whole_month(STANDARD, m)[0] for m in range(len(blocks(STANDARD)))]
    return begins.index(at)


def test_the_cauchit_has_heavier_tails_and_the_same_middle():
    other = replace(STANDARD, link="cauchit")
    x = np.array([-1, -0.01, 0, 0.01, 0.8], np.float32)
    a, b = chance_of(STANDARD, x), chance_of(other, x)
    assert np.isclose(a[2], b[2]) and np.isclose(a[2], STANDARD.hazard)
    assert np.isclose(a[3] - a[1], b[3] - b[1], rtol=0.02)  # the slope there
    assert b[0] > 1.2 * a[0] and b[-1] > 1.5 * a[-1]


def test_better_served_customers_buy_up(standard):
    people, _, months = standard
    ups = np.zeros(2)
    downs = np.zeros(2)
    for month in range(1, 11):
        state, changes = months[month][2], months[month][0].changes
        at = whole_month(STANDARD, month + 1)[0]
        z = met(months[month - 1][0].people, state, at)[0][changes["person"]]
        for why, into in ((1, ups), (2, downs)):
            mine = z[(changes["why"] == why).to_numpy()]
            into += [(mine > 0.5).sum(), (mine < -0.5).sum()]
    assert ups[0] / ups[1] > 1.2 * downs[0] / downs[1]


def written(plan, people, months):
    "Every table of these two parts."
    events = [
        event_table(plan, m, happenings(plan, months[m][0].people, m, stream(plan, "events", m)))
        for m in range(len(months))
    ]
    kinds = {"customer_events": events, "orders": [], "leads": [], "checkout_sessions": []}
    kinds |= {"costs": [], "finance": []}
    for m, (last, visits, state) in enumerate(months):
        settled = met(last.people, state, whole_month(plan, m)[0])[0]
        leads = chances(visits, stream(plan, "leads", m))
        bought = purchases(plan, last.people, settled, leads, m, stream(plan, "orders", m))
        kinds["orders"].append(order_table(bought, m))
        kinds["leads"].append(lead_table(leads))
        kinds["checkout_sessions"].append(checkout_table(bought, m, stream(plan, "checkouts", m)))
        costs = cost_table(plan, m, [len(visits) * 0.07] * 2)
        kinds["costs"].append(costs)
        spent = sum(costs["amount"].to_pylist())
        revenue = float(last.revenue.sum())
        kinds["finance"].append(finance_table(plan, last.people, m, revenue, 0.0, spent))
    tables = {name: pd.concat([t.to_pandas() for t in parts]) for name, parts in kinds.items()}
    changes = [last.changes for last, _, _ in months]
    tables["subscriptions"] = subscription_table(plan, people, changes).to_pandas()
    tables["customers"] = customer_table(people).to_pandas()
    tables["customer_identity"] = identity_table(people).to_pandas()
    visits = pd.concat([v for _, v, _ in months])
    contacts = {"contact_id": "c" + visits["visit"].astype(str).str.zfill(9), "channel": "voice"}
    contacts |= {"outcome": "answered", "site": [SITES[0].name] * len(visits)}
    contacts |= {"started_at": pd.to_datetime(visits["at"], unit="ms").astype("datetime64[us]")}
    return {"contacts": pd.DataFrame(contacts)} | {
        name: frame.reset_index(drop=True) for name, frame in tables.items()
    }


@pytest.fixture(scope="module")
def half():
    plan = plan_of("small", contacts=12_000, shared=0.05)
    people, truth, months = run(plan)
    return plan, people, truth, months, written(plan, people, months)


def test_the_contract_finds_nothing(half):
    ws = open_workspace(half[-1], Settings(simulated=True))
    assert not len(ws.quarantine)
    assert (ws.check().frame["level"] == "note").all(), ws.check()


def test_stretches_of_a_subscription_follow_one_another(half):
    plan, people, _, _, tables = half
    rows = tables["subscriptions"].sort_values(["subscription_id", "started_at"])
    same = rows["subscription_id"].eq(rows["subscription_id"].shift(-1))
    assert (rows["ended_at"] == rows["started_at"].shift(-1))[same].all()
    first = rows.drop_duplicates("subscription_id")
    assert (first["change_kind"] == "new").all() and len(first) == len(people)
    born = pd.to_datetime(people["born"], unit="ms").to_numpy()
    assert (first["started_at"].to_numpy() == born.astype("datetime64[us]")).all()
    final = rows[~same]
    gone = (people["gone"] < STAYS).to_numpy()
    assert (final["ended_at"].notna().to_numpy() == gone).all()
    assert (final["end_reason"].notna().to_numpy() == gone).all()
    assert np.allclose(final["mrr"], people["fee"], atol=0.006)
    assert {"upgrade", "downgrade", "price_change"} <= set(rows["change_kind"])


def test_nothing_happens_to_those_who_are_not_customers(half):
    plan, people, _, months, tables = half
    for name in ("orders", "customer_events"):
        rows = tables[name].dropna(subset="customer_id")
        who = rows["customer_id"].str[1:].astype(int).to_numpy()
        at = rows["at"].to_numpy().astype("datetime64[ms]").astype(np.int64)
        assert (people["born"].to_numpy()[who] <= at).all()
        assert (at < people["gone"].to_numpy()[who]).all()


def test_everybody_gets_one_bill_a_month(half):
    plan, _, _, months, _ = half
    people = months[1][0].people
    struck = happenings(plan, people, 2, stream(plan, "events", 2))
    assert struck["at"].is_monotonic_increasing
    begin, end = whole_month(plan, 2)
    all_month = ((people["born"] < begin) & (people["gone"] > end)).to_numpy()
    bills = np.bincount(struck["person"][struck["kind"] == 0], minlength=len(people))
    assert (bills[all_month] == 1).all() and bills.max() == 1


def test_revenue_is_the_fee_of_the_time_as_a_customer(half):
    plan, people, _, months, _ = half
    before, month = months[1][0].people, months[2][0]
    begin, end = whole_month(plan, 2)
    stays = ((people["born"] < begin) & (people["gone"] > end)).to_numpy()
    assert np.allclose(month.revenue[stays], before["fee"][stays])
    assert (month.revenue[(people["gone"] < begin).to_numpy()] == 0).all()


def test_shared_phones_are_one_key(half):
    _, people, _, _, tables = half
    keys = tables["customer_identity"]
    assert keys["source_key"].is_unique
    pairs = (people["phone"] != people.index).sum()
    assert pairs == int(0.05 * len(people) / 2) == (keys["method"] == "shared phone").sum()


def test_the_same_seed_makes_the_same(half):
    plan, people, truth, _, tables = half
    again, told, months = run(plan)
    pd.testing.assert_frame_equal(again, people)
    pd.testing.assert_frame_equal(told, truth)
    for name, frame in written(plan, again, months).items():
        pd.testing.assert_frame_equal(frame, tables[name])
    other = run(replace(plan, seed=plan.seed + 1))[0]
    assert not np.array_equal(other["habit"][:100], people["habit"][:100])


@pytest.mark.parametrize(("name", "weeks"), [("small", 2), ("small", 26), ("standard", 52)])
def test_customers_bring_as_many_contacts_as_the_plan_has(name, weeks):
    plan = plan_of(name, contacts=40_000, weeks=weeks)
    people, _, months = run(plan)
    assert len(people) == how_many(plan)
    made_ones = sum(len(visits) for _, visits, _ in months)
    assert abs(made_ones / plan.contacts - 1) < 0.1
    assert len({line.site for line in LINES}) == len(SITES)
