"""Who answers in the simulated centre is what the plan says, and nothing else.

One month of made-up contacts: 150,000 of 110,000 customers, about 135,000 of them answered by an
agent, 38,000 invited and 9,500 answers. The chance to answer and the feelings are known, so each
claim is held against the truth; a tolerance is three or four standard errors at that size.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contact_kpis import open_workspace
from contact_kpis.data.contract import tables as contracts
from contact_kpis.data.simulate import answers, feelings
from contact_kpis.data.simulate.frames import ids, same, table, times, words
from contact_kpis.data.simulate.plan import LINES, REASONS, plan_of, stream
from contact_kpis.errors import BadInput

N, CUSTOMERS, AGENTS, DAY = 150_000, 110_000, 80, 86_400_000
FIRST = 1_767_571_200_000  # 2026-01-05, the plan's first Monday


def made_visits(n=N, customers=CUSTOMERS, day=0, days=27, number=0, seed=3):
    "Contacts of which a tenth gave up in the queue and a fifth was not settled."
    rng = np.random.default_rng(seed)
    line, why = rng.integers(0, 8, n), rng.integers(0, len(REASONS), n)
    lost, two = rng.random(n) < 0.1, rng.random(n) < 0.06
    on = np.sort(rng.integers(day, day + days, n))
    at = np.sort(FIRST + on * DAY + rng.integers(8, 18, n) * 3_600_000)
    wait = rng.gamma(0.5, 90_000, n).astype(np.int64)
    talk = np.where(lost, -1, rng.lognormal(12.7, 0.6, n).astype(np.int64))
    who = np.where(lost, -1, rng.integers(0, AGENTS, (2, n)))
    hard = np.array([r.difficulty for r in REASONS])[why]
    solved = ~lost & (rng.random(n) < 1 / (1 + np.exp(0.5 * hard - 1.6)))
    columns = dict(visit=number + np.arange(n), at=at, day=on, line=line, why=why, thing=why % 4)
    columns |= dict(tongue=rng.choice(3, n, p=[0.6, 0.25, 0.15]), wait=wait, talk=talk)
    columns |= dict(start=np.where(lost, -1, at + wait), hold=np.where(lost, -1, talk // 8))
    columns |= dict(round=rng.geometric(0.8, n) - 1, moved=(two & ~lost) * 1, who=who[0])
    columns |= dict(who2=np.where(two, who[1], -1), start2=np.where(two & ~lost, at + 900_000, -1))
    columns |= dict(talk2=np.where(two & ~lost, 200_000, -1), state=lost * 1, solved=solved)
    columns |= dict(gives_up=~solved & (rng.random(n) < 0.1), person=rng.integers(0, customers, n))
    columns |= dict(blame=np.where(solved, -1, rng.integers(0, 3, n)))
    return pd.DataFrame(columns)


def made_people(n=CUSTOMERS):
    rng = np.random.default_rng(4)
    born = FIRST - (rng.gamma(2, 1.5, n) * 365 * DAY).astype(np.int64)
    columns = dict(born=born, gone=np.iinfo(np.int64).max, band=rng.integers(0, 5, n))
    columns |= dict(tongue=rng.integers(0, 3, n), unseen=rng.normal(0, 1, n).astype(np.float32))
    return pd.DataFrame(columns)


def made_crew(gate=()):
    agent = np.arange(AGENTS)
    games = np.isin(agent, gate)
    warmth = np.random.default_rng(5).normal(0, 1, AGENTS)
    return pd.DataFrame(dict(warmth=warmth, games=games, way=np.where(games, 3, -1)))


def month(plan, visits, people=None, crew=None, state=None, block=0):
    people = made_people() if people is None else people
    crew = made_crew() if crew is None else crew
    felt = feelings.feel(plan, visits, people, crew["warmth"], stream(plan, "feelings", block))
    state = answers.begin(people) if state is None else state
    rng = stream(plan, "answers", block)
    tables, truth = answers.ask(plan, visits, felt, people, crew, state, rng, block)
    return tables, truth, felt


@pytest.fixture(scope="module")
def visits():
    return made_visits()


@pytest.fixture(scope="module")
def usual(visits):
    return month(plan_of("small"), visits)


@pytest.fixture(scope="module")
def unseen(visits):
    return month(plan_of("small", unseen=1.0), visits)


def logit(X, y):
    "Coefficients of a logistic regression and their standard errors, by Newton's method."
    b = np.zeros(X.shape[1])
    for _ in range(12):
        p = 1 / (1 + np.exp(-X @ b))
        information = (X * (p * (1 - p))[:, None]).T @ X
        b += np.linalg.solve(information, X.T @ (y - p))
    return b, np.sqrt(np.diag(np.linalg.inv(information)))


def pull_of_feeling(visits, truth):
    "How answering depends on the feeling, given what is visible, among those invited."
    seen = visits.set_index("visit").loc[truth["visit"]].reset_index()
    things = feelings.happened(seen, made_crew()["warmth"].to_numpy())
    shown = answers.visible(seen, made_people(), things)
    X = np.column_stack([np.ones(len(seen)), *shown.values(), truth["felt"]])
    asked = truth["invited"].to_numpy()
    b, se = logit(X[asked].astype(float), truth["answered"].to_numpy()[asked].astype(float))
    return b[-1], se[-1]


class TestFeelings:
    def test_about_standard_over_answered_contacts(self, usual, visits):
        _, truth, felt = usual
        assert abs(truth["felt"].mean()) < 0.15 and abs(truth["felt"].std() - 1) < 0.1
        assert felt.dtype == np.float32 and np.isfinite(felt).all()
        assert felt[visits["state"] == 1].mean() < truth["felt"].mean() - 0.4

    def test_settling_weighs_most_and_every_thing_its_way(self, usual, visits):
        felt = usual[2]
        there = visits["state"].to_numpy() == 0
        things = feelings.happened(visits[there], made_crew()["warmth"].to_numpy())
        X = np.column_stack([np.ones(there.sum()), *things.values()])
        b = dict(zip(things, np.linalg.lstsq(X, felt[there], rcond=None)[0][1:], strict=True))
        size = {name: abs(b[name]) * np.std(x) for name, x in things.items()}
        assert max(size, key=size.get) == "settled"
        assert b["settled"] > 0 < b["warmth"]
        assert max(b[name] for name in ("wait", "rounds", "moved", "hard", "time")) < 0

    def test_the_hidden_cause_darkens_only_on_request(self, visits):
        people, crew = made_people(), made_crew()
        unseen = people["unseen"].to_numpy()[visits["person"]]
        for hidden, least, most in ((0.0, -0.01, 0.01), (1.0, -0.45, -0.25)):
            plan, rng = plan_of("small", hidden=hidden), np.random.default_rng(1)
            felt = feelings.feel(plan, visits, people, crew["warmth"], rng)
            assert least < np.corrcoef(felt, unseen)[0, 1] < most

    def test_every_emotion_keeps_its_scale_and_direction(self):
        felt = np.random.default_rng(1).normal(0, 1, 20_000).astype(np.float32)
        rated = feelings.emotions_of(felt * 2, np.random.default_rng(2))
        assert rated.shape == (20_000, 20) and rated.min() == 0 and rated.max() == 10
        slope = [np.corrcoef(felt, column)[0, 1] for column in rated.T]
        assert ((np.array(slope) > 0.1) == feelings.GOOD).all()
        assert (np.array(slope)[~feelings.GOOD] < -0.1).all()

    @pytest.mark.parametrize(
        ("cue", "emotions"),
        [
            ("short", ["hurried"]),
            ("waited", ["irritated", "neglected"]),
            ("warm", ["valued", "cared for"]),
            ("open", ["unsatisfied", "disappointed", "frustrated"]),
        ],
    )
    def test_a_cue_raises_its_own_emotions_only(self, cue, emotions):
        felt, cues = np.zeros(4_000, np.float32), np.zeros((4_000, 4), np.float32)
        cues[:, feelings.CUES.index(cue)] = 1
        with_it = feelings.emotions_of(felt, np.random.default_rng(2), cues)
        without = feelings.emotions_of(felt, np.random.default_rng(2))
        up = (with_it.mean(0) - without.mean(0)) > 0.2
        assert [e.name for e, u in zip(feelings.EMOTIONS, up, strict=True) if u] == emotions


class TestWhoAnswers:
    def test_share_that_answers(self, usual):
        truth = usual[1]
        asked = truth[truth["invited"]]
        assert abs(asked["answered"].mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(asked))
        # One of eight lines is asked half as often again: .3 x 17/16 = .319.
        assert 0.29 < truth["invited"].sum() / truth["eligible"].sum() < 0.33

    @pytest.mark.parametrize("share", [0.08, 0.6])
    def test_share_that_is_asked_for(self, visits, share):
        truth = month(plan_of("small", answering=share, unseen=0.5), visits)[1]
        asked = truth[truth["invited"]]
        assert abs(asked["answered"].mean() - share) < 4 * np.sqrt(0.25 / len(asked))

    def test_chances_are_true(self, unseen):
        truth = unseen[1]
        assert abs(truth["invited"].sum() - truth["invite_p"].sum()) < 4 * np.sqrt(len(truth) / 4)
        asked = truth[truth["invited"]]
        for _, part in asked.groupby(pd.qcut(asked["answer_p"], 8)):
            se = np.sqrt(0.25 / len(part))
            assert abs(part["answered"].mean() - part["answer_p"].mean()) < 4 * se

    def test_without_unseen_the_feeling_does_not_count(self, usual, visits):
        b, se = pull_of_feeling(visits, usual[1])
        assert abs(b) < 3 * se < 0.06
        assert np.array_equal(usual[1]["answer_p"], usual[1]["plain_p"])

    def test_with_unseen_it_does(self, unseen, visits):
        b, se = pull_of_feeling(visits, unseen[1])
        assert abs(b - answers._FEELING) < 4 * se  # those not delivered make it a little smaller

    def test_without_seen_nothing_counts(self, visits):
        truth = month(plan_of("small", seen=0.0), visits)[1]
        assert truth["answer_p"].std() < 0.01

    def test_weights_mend_what_is_visible_and_no_more(self, usual, unseen):
        for (_, truth, _), mended in ((usual, True), (unseen, False)):
            eligible, there = truth[truth["eligible"]], truth[truth["answered"]]
            weight = 1 / (there["invite_p"] * there["plain_p"])
            bias = there["felt"].mean() - eligible["felt"].mean()
            left = np.average(there["felt"], weights=weight) - eligible["felt"].mean()
            se = np.sqrt(np.sum(weight**2)) / weight.sum()  # felt has a variance of one
            assert bias < -0.1
            assert abs(left) < 3 * se if mended else left < -0.15

    def test_the_true_chance_mends_even_the_unseen(self, unseen):
        truth = unseen[1]
        there = truth[truth["answered"]]
        weight = 1 / (there["invite_p"] * there["answer_p"])
        felt = truth.loc[truth["eligible"], "felt"].mean()
        se = np.sqrt(np.sum(weight**2)) / weight.sum()
        assert abs(np.average(there["felt"], weights=weight) - felt) < 3 * se


class TestCap:
    def test_thirty_days_within_and_between_months(self):
        plan, people = plan_of("small", invited=0.9), made_people(3_000)
        state, parts = answers.begin(people), []
        for block in range(3):
            part = made_visits(9_000, 3_000, 31 * block, 31, 9_000 * block, seed=block)
            parts.append(month(plan, part, people, state=state, block=block)[0]["surveys"])
        rows = pa.concat_tables(parts).to_pandas()
        rows = rows[(rows["kind"] == "transactional") & rows["invited_at"].notna()]
        gap = rows.sort_values("invited_at").groupby("customer_id")["invited_at"].diff().dropna()
        assert len(gap) > 3_000 and gap.min() >= pd.Timedelta(days=30)

    def test_eligible_is_who_could_have_been_invited(self):
        days = np.array([0, 5, 31, 36, 62]) * DAY
        last = np.array([-answers.CAP, -10 * DAY])
        drawn = np.array([False, True, True, True, True])
        found = answers.capped(drawn, np.zeros(5, int), days, last)
        assert found[0].tolist() == [True, True, False, True, False]
        assert found[1].tolist() == [False, True, False, True, False]
        assert last.tolist() == [36 * DAY, -10 * DAY]
        late = answers.capped(np.ones(2, bool), np.ones(2, int), days[1:3], last)
        assert late[1].tolist() == [False, True]


class TestGate:
    GATE = range(20)

    def rates(self, day, felt):
        visits = made_visits(60_000, day=day, days=20)
        _, truth, _ = month(plan_of("small"), visits, crew=made_crew(self.GATE))
        seen = visits.set_index("visit").loc[truth["visit"]]
        gate = np.isin(feelings.last_agent(seen), self.GATE)
        some = truth["eligible"].to_numpy() & felt(truth["felt"].to_numpy())
        invited = truth["invited"].to_numpy()
        return invited[some & gate].mean(), invited[some & ~gate].mean()

    def test_unhappy_customers_after_the_date(self):
        gate, others = self.rates(126, lambda x: x < -1)
        assert gate < 0.4 * others

    def test_not_before_it(self):
        gate, others = self.rates(100, lambda x: x < -1)
        assert abs(gate - others) < 0.05

    def test_not_the_happy(self):
        gate, others = self.rates(126, lambda x: x > 1)
        assert abs(gate - others) < 0.05

    def test_the_record_does_not_tell(self):
        visits = made_visits(20_000, day=126, days=20)
        tables, truth, _ = month(plan_of("small"), visits, crew=made_crew(self.GATE))
        record = tables["surveys"]["invite_prob"].to_numpy()
        assert set(np.round(record, 3)) == {0.0, 0.3, 0.45}
        assert (truth["invite_p"] < record - 0.01).any()


class TestMarks:
    def test_scales(self, usual):
        surveys = usual[0]["surveys"].to_pandas()
        given = surveys[surveys["answered_at"].notna()]
        assert set(given["csat"]) == {1, 2, 3, 4, 5} and set(given["scale_max"]) == {5}
        assert set(given["ces"].dropna()) == set(range(1, 8))
        assert given["nps"].dropna().between(0, 10).all()
        assert surveys.loc[surveys["answered_at"].isna(), ["csat", "nps", "ces"]].isna().all().all()
        assert abs(given["comment"].notna().mean() - 0.4) < 4 * np.sqrt(0.24 / len(given))

    def test_the_first_contact_item_errs(self, usual, visits):
        surveys = usual[0]["surveys"].to_pandas().query("fcr_item.notna()")
        seen = visits.set_axis(ids("c", visits["visit"].to_numpy()).to_pylist())
        seen = seen.loc[surveys["contact_id"]]
        first = (seen["solved"] & (seen["round"] == 0)).to_numpy()
        yes = (surveys["fcr_item"] == "yes").to_numpy()
        assert 0.9 < yes[first].mean() < 0.94 and 0.11 < yes[~first].mean() < 0.17

    def test_emotions_are_those_of_their_contact(self, usual):
        tables, truth, _ = usual
        emotions = tables["emotions"].to_pandas()
        gap = truth.set_axis(ids("c", truth["visit"].to_numpy()).to_pylist())
        grid = emotions[emotions["variant"] == "mean_gap"]
        mean = grid.groupby(["contact_id", "valence"])["intensity"].mean().unstack()
        said = mean["positive"] - mean["negative"]
        assert np.allclose(said, gap.loc[said.index, "gap"], atol=1e-4)
        picks = emotions[emotions["variant"] == "pick_share"].groupby("contact_id").size()
        assert (picks == gap.loc[picks.index, "picked"]).all()
        sign = emotions[emotions["variant"] == "one_word"].set_index("contact_id")["valence"]
        as_number = sign.map({"positive": 1, "negative": -1, "neutral": 0})
        assert (as_number == gap.loc[sign.index, "word"]).all()

    def test_relationship_survey_remembers_and_needs_no_contact(self):
        plan, people = plan_of("small"), made_people()
        state = answers.begin(people)
        month(plan, made_visits(), people, state=state, block=0)
        memory = answers.remembered(state).copy()
        tables = month(plan, made_visits(number=N, day=27, seed=9), people, state=state, block=1)[0]
        company = tables["surveys"].to_pandas().query("kind == 'relationship'")
        assert company["contact_id"].isna().all() and company["csat"].isna().all()
        assert abs(len(company) / CUSTOMERS - 0.06) < 0.004
        given = company.dropna(subset="nps")
        whose = given["customer_id"].str[1:].astype(int)
        assert 0.2 < np.corrcoef(memory[whose], given["nps"])[0, 1] < 0.7


class TestReviews:
    def test_open_matters_only_by_two_and_at_the_stated_chance(self, usual, visits):
        reviews = usual[0]["reviews"].to_pandas()
        seen = visits.set_axis(ids("c", visits["visit"].to_numpy()).to_pylist())
        pair = reviews.groupby("contact_id")["reviewer_id"].nunique()
        assert (pair == 2).all() and not seen.loc[pair.index, "solved"].any()
        weight = (1 / reviews["sample_prob"]).sum() / 2
        open_ = (~seen["solved"] & (seen["state"] == 0)).sum()
        assert abs(weight / open_ - 1) < 4 / np.sqrt(len(pair))
        cause = seen.loc[reviews["contact_id"], "blame"].to_numpy()
        right = reviews["cause"] == np.array(["agent", "self_service", "process_policy"])[cause]
        assert abs(right.mean() - 0.8) < 4 * np.sqrt(0.16 / len(reviews))

    def test_complaints_are_of_the_very_unhappy(self, usual, visits):
        complaints = usual[0]["complaints"].to_pandas()
        number = complaints["contact_id"].str[1:].astype(int).to_numpy()
        assert not visits["solved"].to_numpy()[number].any()
        assert usual[2][number].mean() < -1.3 and 0.001 < len(complaints) / N < 0.02


def contacts(visits):
    "What the other tables refer to."
    outcome = words(visits["state"].to_numpy(), ("answered", "abandoned"))
    columns = {"contact_id": ids("c", visits["visit"].to_numpy()), "outcome": outcome}
    columns |= {"channel": words(visits["line"].to_numpy(), [line.medium for line in LINES])}
    columns |= {"customer_id": ids("k", visits["person"].to_numpy(), 8)}
    columns |= {"agent_id": ids("a", visits["who"].to_numpy(), 5)}
    at = visits["at"].to_numpy()
    columns |= {"started_at": times(at), "enqueued_at": times(at)}
    return table("contacts", columns | {"wait_ms": visits["wait"].to_numpy()})


def test_contract_finds_nothing():
    visits, people = made_visits(20_000, 5_000), made_people(5_000)
    tables = month(plan_of("small"), visits, people, block=1)[0] | {"contacts": contacts(visits)}
    customers = {"customer_id": ids("k", np.arange(5_000), 8), "type": same("consumer", 5_000)}
    tables["customers"] = table("customers", customers)
    agents = {"agent_id": ids("a", np.arange(AGENTS), 5), "valid_from": times(np.zeros(AGENTS))}
    tables["agents"] = table("agents", agents)
    for name, rows in tables.items():
        key = rows.select(list(contracts[name].key)).to_pandas()
        assert not key.isna().any().any() and not key.duplicated().any(), name
    ws = open_workspace({name: rows.to_pandas() for name, rows in tables.items()})
    assert len(ws.quarantine) == 0
    found = ws.check().frame
    mine = found[found["table"].isin(tables.keys() - {"contacts", "customers", "agents"})]
    assert mine.empty, mine.to_string()


def test_a_seed_gives_equal_tables(usual, visits):
    again = month(plan_of("small"), visits)
    assert all(again[0][name].equals(rows) for name, rows in usual[0].items())
    pd.testing.assert_frame_equal(again[1], usual[1])
    other = month(plan_of("small", seed=1), visits)[0]
    assert not other["surveys"].equals(usual[0]["surveys"])


def test_months_do_not_share_a_key():
    plan, people = plan_of("small"), made_people(3_000)
    state = answers.begin(people)
    parts = [
        month(
            plan, made_visits(6_000, 3_000, 27 * b, 27, 6_000 * b, seed=b), people, None, state, b
        )
        for b in range(5)
    ]
    for name in parts[0][0]:
        rows = pa.concat_tables([p[0][name] for p in parts])
        assert not rows.select(list(contracts[name].key)).to_pandas().duplicated().any(), name


@pytest.mark.parametrize("change", [{"invited": 0.0}, {"answering": 0.0}, {"texts": 0.0}])
@pytest.mark.filterwarnings("error")
def test_nothing_to_ask_is_no_fault(change):
    visits, people = made_visits(2_000, 3_000), made_people(3_000)
    tables, truth, _ = month(plan_of("small", **change), visits, people)
    answered = truth["answered"].sum()
    assert (answered > 0) == ("texts" in change) == (len(tables["emotions"]) > 0)
    written = tables["contact_texts"]["contact_id"].to_pandas().nunique()
    assert 0 < written < answered if "texts" in change else written > 0
    for block_of_nobody in (visits[:0], visits[visits["state"] == 1]):
        tables, truth, _ = month(plan_of("small", **change), block_of_nobody, people)
        assert not len(truth) and not any(len(rows) for rows in tables.values())


def test_feelings_of_other_contacts_are_refused():
    visits, people = made_visits(2_000, 3_000), made_people(3_000)
    args = (people, made_crew(), answers.begin(people), np.random.default_rng(1), 0)
    with pytest.raises(BadInput, match="1999 feelings of 2000 contacts"):
        answers.ask(plan_of("small"), visits, np.zeros(1_999, np.float32), *args)
