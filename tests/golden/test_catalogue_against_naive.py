"""Every KPI of the catalogue against naive functions written from the words of its definition.

Two hands: the functions of `oracle_contacts`, `oracle_people` and `oracle_desk` were written without
a look at the declarations. Both compute one simulated centre: each convention of each KPI over the
whole of it, and each KPI over a month and over parts of the centre. What differed was settled by the
definition, never by the other number.
"""

from datetime import date, timedelta
from functools import cache

import pandas as pd
import pytest

from contact_kpis import catalogue, open_workspace
from contact_kpis.data.simulate import centre
from contact_kpis.metrics.asked import question
from contact_kpis.metrics.compute import span_of
from tests import oracle_contacts, oracle_desk, oracle_people

NAIVE = oracle_contacts.ORACLES | oracle_people.ORACLES | oracle_desk.ORACLES
LAST = date(2026, 2, 14)
SLICES = {
    "all": (date(2026, 1, 5), LAST, None),
    "january": (date(2026, 1, 12), date(2026, 1, 31), None),
    "site": (date(2026, 1, 5), LAST, {"site": "north"}),
    "channel": (date(2026, 1, 5), LAST, {"channel": "voice"}),
    "team": (date(2026, 1, 12), LAST, {"team": "north-billing-1"}),
    "customer_segment": (date(2026, 1, 5), LAST, {"customer_segment": "consumer plus"}),
}
CLOSES = {  # whose windows are open until the last day that the library looks at has closed
    *("channel_switch_rate", "contacts_per_resolution", "disloyalty_rate", "digital_failure_rate"),
    *("contained_no_callback_rate", "callback_completion_rate", "agent_repeat_rate"),
}
WINDOWS = {"window_d": 3, "window_h": 12, "gap_d": 4, "horizon_d": 7}  # six weeks hold them


@cache
def world():
    c = centre.make("small", contacts=20_000, weeks=6)
    ws = open_workspace(c.tables, c.settings)
    return ws, {name: ws.opened.backend.execute(t) for name, t in ws.tables.items()}


def variants(metric):
    "The conventions that are asked for, one changed at a time."
    yield {}
    for c in metric.conventions:
        others = [*c.allowed, *c.others]
        others += [WINDOWS[c.name]] if c.name in WINDOWS else []
        for value in dict.fromkeys(others):
            if value != c.default or type(value) is not type(c.default):
                yield {c.name: value}


CASES = [
    (kpi, tuple(chosen.items()), part)
    for kpi in NAIVE
    if kpi in catalogue
    for i, chosen in enumerate(variants(catalogue[kpi]))
    for part in (SLICES if i == 0 else ["all"])
    if part != "team" or not catalogue[kpi].table.startswith("ticket")  # teams are groups there
]


def naive(kpi, chosen, part):
    "What the naive function says; it is told when the last day of its tables closes."
    ws, tables = world()
    first, last, where = SLICES[part]
    told = {}
    if kpi in CLOSES:
        metric = catalogue[kpi].using(**dict(chosen))
        end = span_of(ws.opened, metric, question())[1] + timedelta(days=1)
        midnight = pd.Timestamp(end).tz_localize(ws.settings.zone).tz_convert("UTC")
        told = {"known_until": midnight.tz_localize(None)}
    return NAIVE[kpi](tables, first, last, where, **dict(chosen), **told)


@cache
def found(part):
    "All KPIs that can be asked for on one slice, in one question."
    ws, _ = world()
    first, last, where = SLICES[part]
    wanted = {}
    for kpi, chosen, own in CASES:
        metric = catalogue[kpi].using(**dict(chosen))
        if own == part and not any(not ws.can_cut(metric, d) for d in where or ()):
            wanted[metric.definition_id] = metric
    frame = ws.kpis(list(wanted.values()), where=where, since=first, until=last).frame
    return frame.set_index("definition_id")["value"].to_dict()


@pytest.mark.parametrize(
    "kpi, chosen, part",
    CASES,
    ids=lambda x: "-".join(map(str, sum(x, ()))) if type(x) is tuple else x,
)
def test_equals_the_naive_function(kpi, chosen, part):
    ws, _ = world()
    metric = catalogue[kpi].using(**dict(chosen))
    where = SLICES[part][2]
    if metric.definition_id not in found(part):
        assert not ws.can_cut(metric, next(iter(where)))  # and is refused, see tests of dimensions
        return
    value = found(part)[metric.definition_id]
    expected = naive(kpi, chosen, part)
    if expected is None:
        assert value != value, f"nothing to divide by, found {value}"
    else:
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
