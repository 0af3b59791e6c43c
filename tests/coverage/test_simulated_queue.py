"""The simulated queue against Erlang A, against a slow second simulation, and its invariants.

Erlang A: 200 batches of 1,500 callers, a batch being over fifty times as long as the queue
remembers (the mean time with an agent). Bound: 4.5 standard errors of the batch means, for twelve
numbers; a correct queue exceeds it once in ten thousand seeds, the seeds are fixed.
"""

import numpy as np
import pytest

from contact_kpis.data.simulate.queue import Served, serve
from contact_kpis.errors import BadInput
from contact_kpis.stats.queueing import answered_within, erlang_a

WORK, PATIENCE, STAFF, BATCHES, BATCH = 300.0, 200.0, 20, 200, 1_500
ENDLESS = np.iinfo(np.int64).max


def one_line(rng, load, patience=PATIENCE, work=WORK):
    "Poisson callers of one line, exponential work and patience, agents who never go home."
    n = (BATCHES + 1) * BATCH
    at = np.cumsum(rng.exponential(1000 * work / load / STAFF, n)).astype(np.int64)
    times = (rng.exponential(1000 * mean, n).astype(np.int64) for mean in (patience, work))
    agents, none = np.arange(STAFF), np.zeros(n, np.int64)
    duty = (agents, np.zeros(STAFF), np.full(STAFF, at[-1] + 10**9))
    crew = (np.zeros(STAFF), np.full(STAFF, -1), np.ones(STAFF))
    return at, serve(at, none, none, *times, duty, *crew)


def batch_means(at, served):
    "Mean and standard error of: waited, wait (s), gave up, answered within 20 s; first batch left."
    gone = served.start < 0
    wait = (np.where(gone, served.left, served.start) - at) / 1000
    rows = np.array([wait > 0, wait, gone, ~gone & (wait <= 20)], float)
    means = rows.reshape(4, BATCHES + 1, BATCH)[:, 1:].mean(2)
    return means.mean(1), means.std(1, ddof=1) / np.sqrt(BATCHES)


def expected(load, patience=PATIENCE):
    queue = (load * STAFF / WORK, WORK, STAFF, patience)
    found = erlang_a(*queue)
    return np.array([found.waits, found.mean_wait, found.abandons, answered_within(20, *queue)])


@pytest.mark.parametrize("load", [0.8, 1.0, 1.3])
def test_erlang_a(load):
    mean, se = batch_means(*one_line(np.random.default_rng([2024, int(10 * load)]), load))
    assert np.all(se > 0) and np.all(np.abs(mean - expected(load)) < 4.5 * se)


def test_mistakes_are_seen():
    "Patience a fifth longer, load a twentieth higher, or work with no spread: refused."
    rng = np.random.default_rng([2024, 1])
    mean, se = batch_means(*one_line(rng, 1.0, patience=1.2 * PATIENCE))
    assert np.any(np.abs(mean - expected(1.0)) > 8 * se)
    assert np.all(np.abs(mean - expected(1.0, 1.2 * PATIENCE)) < 4.5 * se)
    mean, se = batch_means(*one_line(rng, 1.05))
    assert np.any(np.abs(mean - expected(1.0)) > 8 * se)


def naive(at, line, priority, patience, work, duty, main, second, pace, stays, overflow):
    "The same rules, millisecond by millisecond, looking at everything each time."
    n, agents, last = len(at), len(main), int(max(duty[2]))
    start, who, end = [-1] * n, [-1] * n, [-1] * n
    leave = [
        a + p if k in stays else max(a, min(a + p, last))
        for a, p, k in zip(at, patience, line, strict=True)
    ]
    queued, idle, until, on = [], [], [None] * agents, [0] * agents

    def begin(i, a, t):
        start[i], who[i] = t, a
        until[a] = end[i] = t + int(np.floor(work[i] * pace[a] + 0.5))
        queued[:] = [j for j in queued if j != i]

    def choose(wanted, t, waited=0):
        fit = [i for i in queued if line[i] == wanted and leave[i] >= t and at[i] + waited <= t]
        return min(fit, key=lambda i: (-priority[i], i), default=None)

    def look(a, t):
        lines = [(main[a], 0), (second[a], 0)]
        lines += [(k, overflow[k][1]) for k in sorted(overflow) if overflow[k][0] == main[a]]
        for wanted, waited in lines:
            if (i := choose(wanted, t, waited)) is not None:
                return begin(i, a, t)
        idle.append(a)

    for t in range(last + 1):
        for a, b, _ in zip(*duty, strict=True):
            if b == t:
                on[a] += 1
                if on[a] == 1 and until[a] is None:
                    look(a, t)
        for a, _, e in zip(*duty, strict=True):
            if e == t:
                on[a] -= 1
                if not on[a] and a in idle:
                    idle.remove(a)
        for a in range(agents):
            if until[a] == t:
                until[a] = None
                if on[a]:
                    look(a, t)
        for k in sorted(overflow):
            for i in sorted(queued, key=lambda i: (-priority[i], i)):
                free = [a for a in idle if main[a] == overflow[k][0]]
                if line[i] == k and at[i] + overflow[k][1] == t and leave[i] >= t and free:
                    idle.remove(free[0])
                    begin(i, free[0], t)
        for i in range(n):
            if at[i] == t:
                mine = [a for a in idle if main[a] == line[i]]
                mine += [a for a in idle if second[a] == line[i]]
                queued.append(i)
                if mine:
                    idle.remove(mine[0])
                    begin(i, mine[0], t)
    gone = [
        s < 0 and (v <= last or k not in stays) for s, v, k in zip(start, leave, line, strict=True)
    ]
    return start, who, end, [v if g else -1 for v, g in zip(leave, gone, strict=True)]


def small_case(rng):
    "Up to 60 contacts, 3 lines, 3 priorities, 5 agents with windows that may touch or overlap."
    n, agents = int(rng.integers(1, 60)), int(rng.integers(1, 6))
    at = np.sort(rng.integers(0, 150, n))
    line, priority = rng.integers(0, 3, n), rng.integers(0, 3, n)
    patience = np.where(rng.random(n) < 0.2, 10**6, rng.integers(0, 40, n))
    begin = rng.integers(0, 120, 2 * agents)
    duty = (np.tile(np.arange(agents), 2), begin, begin + rng.integers(0, 70, 2 * agents))
    main, second = rng.integers(0, 3, agents), rng.integers(-1, 3, agents)
    second = np.where(second == main, -1, second)
    pace = rng.choice([0.5, 1.0, 1.3], agents)
    overflow = {0: (1, int(rng.integers(1, 15))), 2: (1, 5)} if rng.random() < 0.6 else {}
    work = rng.integers(2, 25, n)
    return (at, line, priority, patience, work, duty, main, second, pace), (2,), overflow


@pytest.mark.parametrize("seed", range(25))
def test_against_naive(seed):
    "Twenty-five times twenty small cases, equal to the millisecond."
    rng = np.random.default_rng([7, seed])
    for _ in range(20):
        case, stays, overflow = small_case(rng)
        found = serve(*case, stays=stays, overflow=overflow)
        slow = naive(*case, stays, overflow)
        for name, fast, other in zip(Served._fields, found, slow, strict=True):
            assert fast.tolist() == other, name


def test_naive_cases_hold_everything():
    "The small cases above do give up, overflow, carry over, jump the queue and use second lines."
    seen = np.zeros(5, int)
    for seed in range(25):
        rng = np.random.default_rng([7, seed])
        for _ in range(20):
            (at, line, priority, *_, main, second, _), stays, overflow = case = small_case(rng)
            found = serve(*case[0], stays=stays, overflow=overflow)
            served = found.start >= 0
            mine, hers = main[found.agent], second[found.agent]
            seen[0] += np.sum(found.left >= 0)
            seen[1] += np.sum(served & (mine != line) & (hers != line))
            seen[2] += np.sum(~served & (found.left < 0))
            jumped = np.diff(np.where(served, found.start, 10**9)) < 0
            seen[3] += np.sum(jumped & (np.diff(priority) > 0) & (np.diff(line) == 0))
            seen[4] += np.sum(served & (mine != line) & (hers == line))
    assert np.all(seen > 100), seen


@pytest.fixture(scope="module")
def day():
    "A busy day of three lines in two priorities, with breaks, second lines and an overflow."
    rng = np.random.default_rng(11)
    n, agents, hour = 30_000, 240, 3_600_000
    at = np.sort(rng.integers(0, 12 * hour, n))
    line, priority = rng.integers(0, 3, n), (rng.random(n) < 0.1).astype(int)
    patience, work = (rng.exponential(mean, n).astype(np.int64) for mean in (240_000, 380_000))
    first = rng.integers(0, 4, agents) * hour
    duty = (
        np.tile(np.arange(agents), 2),
        np.concatenate([first, first + int(4.5 * hour)]),
        np.concatenate([first + 4 * hour, first + 8 * hour]),
    )
    main, second = (
        np.arange(agents) % 3,
        np.where(np.arange(agents) % 5 == 0, (np.arange(agents) + 1) % 3, -1),
    )
    pace = rng.lognormal(0, 0.2, agents)
    case = (at, line, priority, patience, work, duty, main, second, pace)
    return case, serve(*case, overflow={0: (2, 60_000)})


def test_one_contact_at_a_time(day):
    _, served = day
    done = np.flatnonzero(served.start >= 0)
    done = done[np.lexsort((served.end[done], served.start[done], served.agent[done]))]
    same = np.diff(served.agent[done]) == 0
    assert np.all((served.start[done][1:] >= served.end[done][:-1])[same])


def test_only_on_duty_and_in_time(day):
    (at, _, _, patience, work, duty, _, _, pace), served = day
    done = served.start >= 0
    inside = np.zeros(len(at), bool)
    for agent, begin, end in zip(*duty, strict=True):
        inside |= (served.agent == agent) & (begin <= served.start) & (served.start < end)
    assert np.all(inside[done])
    assert np.all(served.start[done] - at[done] <= patience[done])
    assert np.all(served.start[done] >= at[done])
    took = np.floor(work[done] * pace[served.agent[done]] + 0.5)
    assert np.array_equal(served.end[done] - served.start[done], took)
    assert np.all((served.left[~done] <= (at + patience)[~done]) & (served.left[~done] >= 0))
    assert np.all(served.left[done] == -1)


def test_first_come_first_served(day):
    "Within line and priority nobody who came later begins earlier."
    (_, line, priority, *_), served = day
    for k in range(3):
        for p in range(2):
            start = served.start[(line == k) & (priority == p) & (served.start >= 0)]
            assert len(start) > 500 and np.all(np.diff(start) >= 0)


def test_priority(day):
    "When an ordinary caller is taken by the line's own agent, no urgent one is waiting."
    (at, line, priority, _, _, _, main, _, _), served = day
    gone = np.where(served.start >= 0, served.start, served.left)
    own = (served.start > at) & (priority == 0) & (main[served.agent] == line)
    for k in range(3):
        urgent = (line == k) & (priority == 1)
        came, went = np.sort(at[urgent]), np.sort(gone[urgent])
        moments = served.start[own & (line == k)]
        there = np.searchsorted(came, moments) - np.searchsorted(went, moments, "right")
        assert len(moments) > 500 and np.all(there <= 0)


def test_urgent_wait_less(day):
    (at, _, priority, *_), served = day
    wait = np.where(served.start >= 0, served.start, served.left) - at
    assert wait[priority == 1].mean() < 0.5 * wait[priority == 0].mean()


def test_same_again(day):
    case, served = day
    again = serve(*case, overflow={0: (2, 60_000)})
    assert all(np.array_equal(a, b) for a, b in zip(served, again, strict=True))
    shifted = serve(case[0] + 10**12, *case[1:5], (case[5][0], *(w + 10**12 for w in case[5][1:])),
                    *case[6:], overflow={0: (2, 60_000)})  # fmt: skip
    assert np.array_equal(shifted.agent, served.agent)


def one(at, patience, work=10, line=0, duty=(0, 50), **more):
    "One agent, window 0 to 50."
    n = len(at)
    columns = (at, np.full(n, line), np.zeros(n), patience, np.full(n, work))
    return serve(*columns, ([0], [duty[0]], [duty[1]]), [line], [-1], [1.0], **more)


def test_close():
    "The call that runs at 50 is finished; who waits goes at 50; who comes later goes at once."
    found = one([0, 45, 46, 60], [99, 99, 99, 99])
    assert found.start.tolist() == [0, 45, -1, -1] and found.end[1] == 55
    assert found.left.tolist() == [-1, -1, 50, 60]
    at_noon = one([0, 1, 20], [99, 99, 99], work=30, close=[12, 40])
    assert at_noon.start.tolist() == [0, -1, 30] and at_noon.left.tolist() == [-1, 12, -1]


def test_letters_stay_and_are_carried_over():
    found = one([0, 45, 46], [ENDLESS] * 3, stays=(0,))
    assert found.start.tolist() == [0, 45, -1] and found.left.tolist() == [-1, -1, -1]
    tomorrow = one([46, 120], [ENDLESS] * 2, stays=(0,), duty=(100, 150))
    assert tomorrow.start.tolist() == [100, 120]


def test_patience_to_the_millisecond():
    assert one([0, 5], [0, 5]).start.tolist() == [0, 10]
    assert one([0, 5], [0, 4]).left.tolist() == [-1, 9]


def test_nobody_and_nothing():
    none = np.zeros(0)
    assert all(
        len(a) == 0 for a in serve(none, none, none, none, none, (none,) * 3, [0], [-1], [1])
    )
    found = serve([5], [0], [0], [9], [9], (none,) * 3, none, none, none)
    assert found.start.tolist() == [-1] and found.left.tolist() == [5]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"at": [5, 4]}, "before"),
        ({"line": [0, -1]}, "line = -1"),
        ({"patience": [-3, 0]}, "patience = -3"),
        ({"work": [1]}, "2 of at, 1 of work"),
        ({"duty": ([3], [0], [9])}, "agents 3 to 3"),
        ({"duty": ([0], [9], [0])}, "ends before"),
        ({"pace": [0.0]}, "pace"),
        ({"overflow": {0: (0, 5)}}, "overflow"),
    ],
)
def test_refused(change, named):
    case = {"at": [0, 1], "line": [0, 0], "priority": [0, 0], "patience": [9, 9], "work": [5, 5]}
    case |= {"duty": ([0], [0], [50]), "main": [0], "second": [-1], "pace": [1.0]} | change
    with pytest.raises(BadInput, match=named):
        serve(**case)


# One agent on each of two lines, ms. Contact 0 (line 0, 10 ms) is passed on to line 1 and follows
# as contact 3 (5 ms). Line 1: contact 1 comes at 0 and takes 30 ms; contact 2 comes at 5, 4 ms.
# At 10 the second leg joins line 1 behind nobody of its rank and before contact 2: it has rank 2.
# At 30 it is taken (until 35), then contact 2 (35 to 39).
def test_second_leg_joins_its_queue_when_the_first_ends():
    found = serve(
        at=np.array([0, 0, 5, 5]),
        line=np.array([0, 1, 1, 1]),
        priority=np.array([0, 0, 0, 2]),
        patience=np.full(4, 1_000),
        work=np.array([10, 30, 4, 5]),
        duty=(np.array([0, 1]), np.array([0, 0]), np.array([100, 100])),
        main=np.array([0, 1]),
        second=np.array([-1, -1]),
        pace=np.ones(2),
        follows=np.array([-1, -1, -1, 0]),
    )
    assert found.start.tolist() == [0, 0, 35, 30]
    assert found.agent.tolist() == [0, 1, 1, 1]
    assert found.end.tolist() == [10, 30, 39, 35]


# The same, but the second leg waits 15 ms at most: it leaves at 10 + 15. And where the first leg
# is never served, the second never comes: it has neither a begin nor a moment of leaving.
def test_second_leg_has_patience_of_its_own():
    def run(first_patience, second_patience):
        return serve(
            at=np.array([0, 0, 0, 0]),
            line=np.array([0, 0, 1, 1]),
            priority=np.array([0, 0, 0, 2]),
            patience=np.array([1_000, first_patience, 1_000, second_patience]),
            work=np.array([10, 10, 60, 5]),
            duty=(np.array([0, 1]), np.array([0, 0]), np.array([100, 100])),
            main=np.array([0, 1]),
            second=np.array([-1, -1]),
            pace=np.ones(2),
            follows=np.array([-1, -1, -1, 1]),
        )

    impatient = run(1_000, 15)
    assert impatient.end[1] == 20
    assert (impatient.start[3], impatient.left[3]) == (-1, 35)
    never = run(5, 1_000)
    assert never.left[1] == 5
    assert (never.start[3], never.left[3]) == (-1, -1)


@pytest.mark.parametrize("seed", range(3))
def test_second_legs_never_overlap_and_never_come_early(seed):
    rng = np.random.default_rng(seed)
    n, agents = 3_000, 30
    passed = np.sort(rng.choice(n, 400, replace=False))
    at = np.sort(rng.integers(0, 30_000_000, n))
    found = serve(
        at=np.concatenate([at, np.full(400, at[-1])]),
        line=rng.integers(0, 2, n + 400),
        priority=np.concatenate([np.zeros(n, int), np.full(400, 2)]),
        patience=rng.exponential(150_000, n + 400).astype(int) + 1,
        work=rng.exponential(280_000, n + 400).astype(int) + 1,
        duty=(np.arange(agents), np.zeros(agents, int), np.full(agents, 31_000_000)),
        main=np.arange(agents) % 2,
        second=np.full(agents, -1),
        pace=np.ones(agents),
        follows=np.concatenate([np.full(n, -1), passed]),
    )
    second = found.start[n:] >= 0
    assert 200 < second.sum() < 400
    assert (found.start[n:][second] >= found.end[passed][second]).all()
    order = np.lexsort((found.start, found.agent))
    order = order[found.agent[order] >= 0]
    alike = np.diff(found.agent[order]) == 0
    assert (found.start[order][1:] >= found.end[order][:-1])[alike].all()
