"""Over several queues the interval is about days, not about which queues there are.

Two queues that differ for good, 90 % and 40 % in time, and days that are all alike: the truth is the
same every month, and nearly all the spread is that of independent calls.
"""

import numpy as np
import pandas as pd

from contact_kpis import open_workspace

DAYS, CALLS = 28, 40
SEEDS = np.random.SeedSequence(2024).spawn(40)


def month(seed):
    rng = np.random.default_rng(seed)
    on = np.repeat(pd.date_range("2026-02-02 10:00", periods=DAYS), 2 * CALLS)
    queue = np.tile(np.repeat(["fast", "slow"], CALLS), DAYS)
    in_time = rng.random(len(on)) < np.where(queue == "fast", 0.9, 0.4)
    return pd.DataFrame(
        {
            "contact_id": np.arange(len(on)),
            "channel": "voice",
            "queue_id": queue,
            "outcome": "answered",
            "started_at": on,
            "wait_ms": np.where(in_time, 5_000, 60_000),
        }
    )


def test_lasting_differences_between_queues_are_no_chance():
    """Mean standard error over 40 months within 15 % of the spread of the 40 values themselves.

    40 values give their spread to about 11 %; clusters of day x queue gave more than three times it.
    """
    found = [
        open_workspace({"contacts": month(s)}).kpis("service_level").frame.iloc[0] for s in SEEDS
    ]
    true_se = 100 * np.sqrt((0.9 * 0.1 + 0.4 * 0.6) / 2 / (2 * CALLS * DAYS))
    assert abs(np.mean([row["se"] for row in found]) / true_se - 1) < 0.15
    hits = sum(row["lower"] <= 65 <= row["upper"] for row in found)
    assert hits >= 34  # the 1 % quantile of Binomial(40, .95) is 34


def test_the_bank_by_day(data_dir):
    """Buckets of days against the delta method over the 28 days, from the rows, to 5 %.

    8.6 times what independent calls would give; a cluster for each day of each queue gave 6.9, because
    a bad day is bad in all queues.
    """
    from contact_kpis.data.sources import seelab
    from contact_kpis.settings import Settings

    log = seelab.read(data_dir / "anonymous_bank_1999_02_calls.txt")
    ws = open_workspace(dict(log.tables), Settings(**log.settings))
    row = ws.kpis("service_level").frame.iloc[0]
    calls = log.tables["contacts"]
    calls = calls[calls["outcome"].isin(["answered", "abandoned"])]
    on = calls["started_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Jerusalem").dt.date
    met = (calls["outcome"] == "answered") & (calls["wait_ms"] <= 20_000)
    days = met.astype(float).groupby(on).agg(["sum", "count"])
    share = days["sum"].sum() / days["count"].sum()
    residual = days["sum"] - share * days["count"]
    by_day = 100 * np.sqrt(28 / 27 * (residual**2).sum()) / days["count"].sum()
    alone = 100 * np.sqrt(share * (1 - share) / len(calls))
    assert round(by_day / alone, 1) == 8.6
    assert abs(row["se"] / by_day - 1) < 0.05
