"""The crew of a simulated centre has the sizes that its plan states, and its records agree.

Bounds are four standard errors of the seeded draw (of a share, a correlation or a mean) unless a
test says otherwise: with a few dozen comparisons one in a thousand runs would fail by chance, and
the seeds are fixed.
"""

import numpy as np
import pandas as pd
import pytest

import contact_kpis
from contact_kpis.data.simulate import crew as people
from contact_kpis.data.simulate import shifts
from contact_kpis.data.simulate.clock import (
    HALF_HOURS,
    HOUR,
    day_weights,
    is_open,
    midnight,
    open_hours,
)
from contact_kpis.data.simulate.plan import LINES, SITES, plan_of, stream

SHARE = np.array([0.22, 0.2, 0.17, 0.06, 0.12, 0.08, 0.09, 0.06])
DAYS = 15  # from a Monday to a Monday, with two Sundays


def load_of(plan):
    weights = day_weights(plan)
    return plan.contacts * SHARE * weights / weights.sum(0)


def crew_of(name="standard", **changes):
    plan = plan_of(name, **changes)
    return people.hire(plan, load_of(plan), stream(plan, "crew"))


def halves(plan, days):
    return load_of(plan)[days, :, None].swapaxes(-1, -2) * HALF_HOURS.T


def roster_of(crew, days):
    plan = crew.plan
    rng = stream(plan, "roster")
    return [shifts.roster(crew, plan, d, halves(plan, d), rng) for d in days]


def served(duty, rng):
    "Contacts one after the other; some end after the window, in a break or after the shift."
    rows, free, last = [], 0, -1
    for who, begin, until in zip(duty.agent, duty.begin, duty.end, strict=True):
        at = (max(begin, free) if who == last else begin) + int(rng.exponential(120_000))
        while at < until:
            free = at + int(rng.lognormal(12.8, 0.8))
            rows.append((who, at, free))
            at = free + int(rng.exponential(60_000)) * int(rng.random() < 0.7)
        last = who
    order = rng.permutation(len(rows))
    return np.array(rows)[order].T


@pytest.fixture(scope="module")
def large():
    return crew_of("large")


@pytest.fixture(scope="module")
def crew():
    return crew_of()


@pytest.fixture(scope="module")
def duties(crew):
    return roster_of(crew, range(DAYS))


@pytest.fixture(scope="module")
def done(crew, duties):
    rng = np.random.default_rng(5)
    contacts = [served(d, rng) for d in duties if len(d.agent)]
    work = [d for d in duties if len(d.agent)]
    made = [shifts.states(crew, d, *c, rng) for d, c in zip(work, contacts, strict=True)]
    return work, contacts, made


class TestPeople:
    @pytest.mark.parametrize("asked", [0.0, 0.5])
    def test_warmth_goes_with_skill_as_asked(self, asked):
        f = crew_of("large", warmth_skill=asked).frame
        bound = 4 * (1 - asked**2) / np.sqrt(len(f))
        assert abs(np.corrcoef(f["skill"], f["warmth"])[0, 1] - asked) < bound
        assert abs(f["warmth"].std() - 1) < 4 / np.sqrt(2 * len(f))

    def test_pace(self, large):
        log = np.log(large.frame["pace"])
        assert abs(log.std() - 0.12) < 4 * 0.12 / np.sqrt(2 * len(log))
        assert abs(np.corrcoef(log, large.frame["skill"])[0, 1]) < 4 / np.sqrt(len(log))

    def test_tenure(self, large):
        "New agents settle 0.6 less on the logit, and 0.6 / e after ninety days."
        f = large.frame
        new = np.flatnonzero(f["hired"] >= 0)
        hired, own = f["hired"].to_numpy()[new], 0.25 * f["skill"].to_numpy()[new]
        first = people.ability(large, new, hired) - own
        later = people.ability(large, new, hired + 90) - own
        np.testing.assert_allclose(first, -0.6, atol=1e-5)
        np.testing.assert_allclose(later, -0.6 / np.e, atol=1e-5)
        old = np.flatnonzero(f["hired"] < -1500)
        assert (
            np.abs(people.ability(large, old, 0) - 0.25 * f["skill"].to_numpy()[old]).max() < 1e-5
        )

    def test_pace_improves(self, large):
        f, day = large.frame, 200
        factor = people.paces(large, day) / f["pace"]
        assert factor[f["hired"] == f["hired"][f["hired"] <= day].max()].iloc[0] > 1.1
        assert factor[f["hired"] < -1500].max() < 1.001

    def test_attrition(self):
        "About 30 % a year; by design .265 after ninety days and .80 in them."
        left = early = years = early_years = 0.0
        for seed in range(3):
            c = crew_of("large", seed=seed)
            f, days = c.frame, c.plan.days
            begin, end = f["hired"].clip(lower=0), f["left"].clip(upper=days)
            until = np.minimum(end, f["hired"] + people.TRIAL)
            years += (end - begin).sum() / 365
            early_years += (until - begin).clip(lower=0).sum() / 365
            gone = f["left"] < people.NEVER
            left += gone.sum()
            early += (gone & (f["left"] - f["hired"] <= people.TRIAL)).sum()
        assert abs(left / years - 0.30) < 4 * np.sqrt(left) / years
        assert abs(early / early_years - 0.80) < 4 * np.sqrt(early) / early_years
        later, rest = left - early, years - early_years
        assert abs(later / rest - 0.265) < 4 * np.sqrt(later) / rest

    def test_leavers_are_replaced(self, large):
        employed = (large.away != people.GONE).sum(0)
        assert employed.min() > 0.95 * employed[0]

    def test_teams(self, large):
        f, day = large.frame, 180
        here = large.away[:, day] != people.GONE
        size = np.bincount(people.team_on(large, np.flatnonzero(here), day))
        assert 7 <= size.min() and size.max() <= 17
        names = np.array(large.teams)[f["tag"]]
        for s, site in enumerate(SITES):
            assert all(n.startswith(site.name) for n in names[f["site"] == s])

    def test_away(self, large):
        share = [(large.away == k).sum() / (large.away >= 0).sum() for k in (1, 2, 3)]
        assert 0.03 < share[0] < 0.055 and 0.05 < share[1] < 0.08 and 0.005 < share[2] < 0.03

    @pytest.mark.parametrize("gamers", [0.0, 0.12])
    def test_gamers(self, gamers):
        f = crew_of(gamers=gamers).frame
        assert f["games"].sum() == round(gamers * len(f))
        assert ((f["way"] >= 0) == f["games"]).all()

    def test_small_lines_have_four(self):
        c = crew_of("small", contacts=2_000, weeks=4)
        there = np.bincount(c.frame["line"], (c.frame["hired"] <= 0).astype(float), len(LINES))
        assert there.min() >= 4

    def test_a_seed_gives_one_crew(self, crew):
        again = crew_of()
        pd.testing.assert_frame_equal(crew.frame, again.frame)
        assert np.array_equal(crew.chosen, again.chosen) and np.array_equal(crew.away, again.away)
        assert not crew_of(seed=1).frame["skill"].equals(crew.frame["skill"])


class TestRoster:
    def test_hours_fit_the_load(self, large):
        "Over the year within 4 % of the hours wanted; written lines are filled as planned."
        f, works = large.frame, is_open(large.plan)
        h = people._ON_LINE_H[people._kinds(f)][:, None] * (large.chosen & (large.away == 0))
        given = np.stack([h[f["line"] == i].sum(0) for i in range(len(LINES))], axis=1)
        ratio = given[works].sum(0) / large.hours[works].sum(0)
        assert np.abs(ratio - 1).max() < 0.04
        work = large.load.sum(0) * [x.work_s / 3600 for x in LINES]
        filled, plan = work / given.sum(0), np.array([x.fill for x in LINES])
        written = np.array([not x.patience_s for x in LINES])
        assert np.abs(filled - plan)[written].max() < 0.04
        # Large spoken lines are filled further: their margin is 1.2 times the root of the load.
        assert (filled[~written] > plan[~written] + 0.02).all() and filled.max() < 0.95

    def test_windows_give_those_hours(self, crew, duties):
        "The hours that the plan of the year counts with are those of the windows, within 3 %."
        h = people._ON_LINE_H[people._kinds(crew.frame)][:, None]
        planned = (h * (crew.chosen & (crew.away == 0)))[:, :DAYS].sum()
        given = sum((d.end - d.begin).sum() for d in duties) / HOUR
        assert abs(given / planned - 1) < 0.03

    def test_inside_opening(self, crew, duties):
        line, site = crew.frame["line"].to_numpy(), crew.frame["site"].to_numpy()
        hours = np.array([open_hours(x) for x in LINES])
        for d in duties:
            zero = np.array([midnight(crew.plan, s)[d.day] for s in (0, 1)])[site[d.agent]]
            assert np.all(d.begin >= zero + hours[line[d.agent], 0])
            assert np.all(d.end <= zero + hours[line[d.agent], 1])
            assert np.all(d.end > d.begin)

    def test_no_overlap(self, duties):
        for d in duties:
            alike = d.agent[1:] == d.agent[:-1]
            assert np.all(np.diff(d.agent) >= 0)
            assert np.all(d.begin[1:][alike] >= d.end[:-1][alike])

    def test_closed_days_are_empty(self, crew, duties):
        closed = [len(d.agent) for d in duties if not is_open(crew.plan)[d.day]]
        assert len(closed) >= 2 and not any(closed)
        assert len(shifts.schedules(crew, [duties[6]])) == 0

    def test_nobody_works_who_is_away(self, crew, duties):
        for d in duties:
            assert np.all(crew.away[np.unique(d.agent), d.day] == people.PRESENT)

    def test_at_most_six_days(self, large):
        weeks = (large.chosen & (large.away == 0)).reshape(len(large.frame), -1, 7).sum(2)
        assert weeks.max() <= 6 and (weeks == 6).mean() < 0.15

    def test_follows_the_curve(self, large):
        "Closer to what is wanted than the same number of shifts laid at random."
        plan, rng, day = large.plan, np.random.default_rng(0), 14
        duty = roster_of(large, [day])[0]
        load = halves(plan, day)
        for i in (0, 1, 2):
            want = shifts.needed(load[:, i], i)[16:40]
            there = duty.staff[16:40, i]
            gap = np.abs(there / there.sum() - want / want.sum()).sum()
            count = np.bincount(rng.integers(0, 8, 300), minlength=8)
            blind = count @ shifts._cover(16, 40, 0)
            assert gap < 0.5 * np.abs(blind / blind.sum() - want / want.sum()).sum()

    def test_staff_is_counted_from_the_plan(self, crew, duties):
        d = duties[1]
        p = {k: v[~d.planned["sick"] & (d.planned["what"] == 0)] for k, v in d.planned.items()}
        for i, line in enumerate(LINES):
            zero = midnight(crew.plan, [s.name for s in SITES].index(line.site))[1]
            mine = crew.frame["line"].to_numpy()[p["agent"]] == i
            for slot in (17, 24, 33):
                a, b = zero + slot * HOUR // 2, zero + (slot + 1) * HOUR // 2
                both = np.minimum(p["end"][mine], b) - np.maximum(p["begin"][mine], a)
                assert np.isclose(both.clip(0).sum() / (b - a), d.staff[slot, i], atol=1e-5)

    def test_a_seed_gives_one_roster(self, crew, duties):
        again = roster_of(crew, range(3))
        for one, two in zip(duties, again, strict=False):
            assert np.array_equal(one.begin, two.begin) and np.array_equal(one.agent, two.agent)


class TestForecasts:
    def test_errors_by_lead(self, crew, duties):
        days = np.arange(60)
        load = np.stack([halves(crew.plan, d) for d in days])
        rng = stream(crew.plan, "forecast")
        told = shifts.forecasts(crew, crew.plan, (0, 60), load, duties, rng).to_pandas()
        told["day"] = (told["interval_start_at"] - pd.Timestamp(crew.plan.first)).dt.days
        daily = told.groupby(["version", "day", "queue_id"])["volume"].sum()
        for version, sd in (("week_ahead", 0.1), ("day_ahead", 0.042)):
            errors = []
            for i, line in enumerate(LINES):
                truth = load[:, :, i].sum(1)
                for day, volume in daily[version][:, line.name].items():
                    if 0 < day < 60 and truth[day] > 0 and line.site == "south":
                        errors.append(volume / truth[day] - 1)
            assert abs(np.std(errors) - sd) < 4 * sd / np.sqrt(2 * len(errors))
        assert (told["made_at"] < told["interval_start_at"]).all()


class TestStates:
    def test_cover_exactly(self, done):
        "Of each agent one chain without gap, from the first window to the last window or contact."
        for d, (who, _, end), s in zip(*done, strict=True):
            assert np.all(s.end > s.begin)
            alike = s.agent[1:] == s.agent[:-1]
            assert np.array_equal(s.begin[1:][alike], s.end[:-1][alike])
            first = pd.Series(d.begin).groupby(d.agent).min()
            last = pd.Series(np.append(d.end, end)).groupby(np.append(d.agent, who)).max()
            assert np.array_equal(pd.Series(s.begin).groupby(s.agent).min(), first)
            assert np.array_equal(pd.Series(s.end).groupby(s.agent).max(), last)

    def test_contacts_are_the_interacting_rows(self, done):
        for _, (who, start, end), s in zip(*done, strict=True):
            busy = s.state == 0
            rows = sorted(zip(s.agent[busy], s.begin[busy], s.end[busy], strict=True))
            assert rows == sorted(zip(who, start, end, strict=True))

    def test_against_a_look_at_single_moments(self, done):
        "At any moment: in a contact, else in a window (idle, or not picking up), else off queue."
        rng = np.random.default_rng(1)
        d, (who, start, end), s = (part[0] for part in done)
        for row in rng.integers(0, len(s.agent), 400):
            a = s.agent[row]
            t = rng.integers(s.begin[row], s.end[row])
            if ((who == a) & (start <= t) & (t < end)).any():
                assert s.state[row] == 0
            elif ((d.agent == a) & (d.begin <= t) & (t < d.end)).any():
                assert s.state[row] in (1, 2)
            else:
                assert s.state[row] == 3 and s.what[row] != 0

    def test_a_few_do_not_pick_up(self, done):
        state = np.concatenate([s.state for s in done[2]])
        idle = (state == 1).sum()
        assert 0 < (state == 2).sum() < 0.01 * idle

    def test_a_day_without_contacts(self, crew, duties):
        none = np.array([], np.int64)
        s = shifts.states(crew, duties[0], none, none, none, np.random.default_rng(0))
        assert (s.state != 0).all() and len(s.agent) == len(duties[0].pieces["agent"]) + (
            s.state == 2
        ).sum()
        empty = shifts.states(crew, duties[6], none, none, none, np.random.default_rng(0))
        assert len(empty.agent) == 0


def visits_of(crew, n=400_000):
    gen = np.random.default_rng(2)
    day = np.sort(gen.integers(0, crew.plan.days, n))
    who = gen.integers(-1, len(crew.frame), n)
    start = np.where(who >= 0, midnight(crew.plan, 0)[day] + 12 * HOUR, -1)
    spans = {"talk": 300_000, "hold": -1, "wrap": 60_000}
    return pd.DataFrame({"visit": np.arange(n), "who": who, "day": day, "start": start, **spans})


@pytest.fixture(scope="module")
def marks(crew):
    made = shifts.qa(crew, crew.plan, visits_of(crew), stream(crew.plan, "qa"))
    return {name: table.to_pandas() for name, table in made.items()}


class TestQuality:
    def test_evaluators_are_found(self, crew, marks):
        "Each evaluator's mean shows the effect within four standard errors of a mean."
        e = marks["qa_evaluations"].query("not auto_fail")
        number = e["evaluator"].str[2:].astype(int)
        by = e.groupby(number)["score"].agg(["mean", "std", "size"])
        truth = crew.graders[by.index]
        off = (by["mean"] - by["mean"].mean()) - (truth - truth.mean())
        assert (np.abs(off) < 4 * by["std"] / np.sqrt(by["size"])).all()
        assert by["mean"].std() > 4 * (by["std"] / np.sqrt(by["size"])).mean()

    def test_skill_is_in_the_score(self, crew, marks):
        e = marks["qa_evaluations"].query("not auto_fail")
        who = e["agent_id"].str[1:].astype(int)
        means = e.groupby(who)["score"].mean()
        assert np.corrcoef(means, crew.frame["skill"][means.index])[0, 1] > 0.4

    def test_second_evaluations(self, marks):
        e = marks["qa_evaluations"]
        both = e.dropna(subset=["calibration_id"])
        assert (both.groupby("calibration_id")["evaluator"].nunique() == 2).all()
        assert (both.groupby("calibration_id")["contact_id"].nunique() == 1).all()
        first = (e["sample_rule"] == "random").sum()
        n = (e["sample_rule"] == "calibration").sum()
        assert abs(n / first - 0.06) < 4 * np.sqrt(0.06 / first)

    def test_score_is_the_sum_of_its_items(self, marks):
        e, items = marks["qa_evaluations"], marks["qa_items"]
        on = items[~items["not_applicable"]]
        sums = (on["weight"] * on["points"]).groupby(on["evaluation_id"]).sum()
        best = (on["weight"] * on["max_points"]).groupby(on["evaluation_id"]).sum()
        score = e.set_index("evaluation_id").query("not auto_fail")["score"]
        np.testing.assert_allclose((100 * sums / best)[score.index], score, atol=0.006)
        assert (e.query("auto_fail")["score"] == 0).all() and e["auto_fail"].any()

    def test_only_what_is_known(self, crew, marks):
        e = marks["qa_evaluations"]
        assert e["agent_id"].notna().all()
        assert e["released_at"].max() < pd.Timestamp(midnight(crew.plan, 0)[-1], unit="ms")
        changed = e.groupby("form_version")["contact_id"].agg(["min", "max"])
        assert changed.loc["form 1", "max"] < changed.loc["form 2", "min"]


class TestTables:
    def test_contract(self, crew, duties, done):
        rng = np.random.default_rng(3)
        load = np.stack([halves(crew.plan, d) for d in range(DAYS)])
        made = {
            "agents": people.agents(crew),
            "agent_skills": people.agent_skills(crew),
            "certifications": people.certifications(crew),
            "absences": people.absences(crew, rng),
            "employee_surveys": people.employee_surveys(crew, rng),
            "schedules": shifts.schedules(crew, duties),
            "forecasts": shifts.forecasts(crew, crew.plan, (0, DAYS), load, duties, rng),
            "agent_states": shifts.agent_states(crew, done[2]),
            **shifts.qa(crew, crew.plan, visits_of(crew, 20_000), rng),
        }
        frames = {name: table.to_pandas() for name, table in made.items()}
        assert all(len(frame) for frame in frames.values())
        checks = contact_kpis.open_workspace(frames).check()
        assert checks.ok and checks.errors.empty, checks.errors
        frames["agent_states"].loc[5, "ended_at"] += pd.Timedelta(hours=1)
        assert not contact_kpis.open_workspace(frames).check().ok

    def test_versions_of_an_agent_touch(self, large):
        told = people.agents(large).to_pandas()
        twice = told[told["agent_id"].duplicated(keep=False)].sort_values(
            ["agent_id", "valid_from"]
        )
        first, second = twice.iloc[::2], twice.iloc[1::2]
        assert len(second) > 20 and (first["team"].values != second["team"].values).all()
        assert (first["valid_to"].values == second["valid_from"].values).all()
        gone = told["left_on"].notna()
        assert (told["leave_reason"].notna() <= gone).all()
        assert told.groupby("agent_id")["leave_reason"].count().max() == 1

    def test_absences(self, crew):
        a = people.absences(crew, np.random.default_rng(0)).to_pandas()
        assert (a["ended_at"] > a["started_at"]).all()
        n = a["type"].isin(["sick", "unauthorised"]).sum()
        assert abs((a["type"] == "unauthorised").sum() / n - 0.08) < 4 * np.sqrt(0.08 / n)
        assert (a["approved"] == (a["type"] != "unauthorised")).all()
        missed = (crew.chosen & (crew.away == people.SICK)) * crew.frame["contract"].to_numpy()[
            :, None
        ]
        assert np.isclose(a.loc[~a["planned"], "hours"].sum(), missed.sum() / 5)

    def test_morale_follows_strain(self, large):
        "Team means of the first question fall with what the sixty days before were like."
        told = people.employee_surveys(large, np.random.default_rng(0)).to_pandas()
        first = told[told["item"] == "recommend"].groupby(["wave", "team"])["value"].mean()
        pairs = []
        for wave, day in enumerate(range(45, large.plan.days, 91)):
            means = first[f"wave {wave + 1}"].reindex(large.teams)
            pairs.append(np.stack([people._strain(large, day), means.to_numpy()]))
        strain, mean = np.concatenate(pairs, axis=1)
        known = ~np.isnan(mean)
        assert np.corrcoef(strain[known], mean[known])[0, 1] < -4 / np.sqrt(known.sum())
        assert "agent_id" not in told.columns

    def test_equal_tables_from_a_seed(self, crew):
        for make in (people.absences, people.employee_surveys):
            one, two = (make(crew, np.random.default_rng(9)) for _ in range(2))
            assert one.equals(two)
            assert not one.equals(make(crew, np.random.default_rng(10)))
