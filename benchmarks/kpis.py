"""Eight KPIs by day x channel x queue from one parquet file: this library beside hand-written code.

`python benchmarks/kpis.py` makes a project of 20 million contacts in a temporary folder (once; the
seed is fixed), lets every contender compute the same bucket sums, values and n in a process of its
own, asserts that all agree, prints a table and writes results.json and RESULTS.md beside this file.
A child process is called as `kpis.py --contender NAME`; nothing heavy is imported in the parent,
because a child's peak memory starts at its parent's.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
N_CONTACTS = 20_000_000
WARM_UP = 20_000
DAYS = 365
SEED = 2024
ROW_GROUP = 262_144  # as an import writes it
THREADS = 2
SLOWEST_RATIO = 1.2  # the library over hand-written SQL
MOST_MEMORY_GB = 4.0

CHANNELS = ("voice", "chat", "email", "message")
QUEUES = tuple(f"queue_{i:02d}" for i in range(20))
OUTCOMES = ("answered", "abandoned", "left_ivr", "callback", "flowed_out", "phantom")
OUTCOME_SHARES = (0.85, 0.075, 0.03, 0.02, 0.02, 0.005)
KPIS = (
    *("contact_volume", "abandonment_rate", "short_abandon_rate", "service_level", "asa"),
    *("avg_time_to_abandon", "longest_wait", "aht"),
)

CELL = ["day", "channel", "queue"]
# The sums behind the KPIs; `longest` is a maximum.
SUMS = ["offered", "abandoned", "short", "in_time", "eligible", "answer_wait"]
SUMS += ["waited_answered", "abandon_wait", "waited", "longest", "handle", "handled"]
# value = factor * numerator / denominator, n = denominator; without a denominator, a count.
PARTS = {
    "contact_volume": ("offered", None, 1),
    "abandonment_rate": ("abandoned", "offered", 100),
    "short_abandon_rate": ("short", "offered", 100),
    "service_level": ("in_time", "eligible", 100),
    "asa": ("answer_wait", "waited_answered", 0.001),
    "avg_time_to_abandon": ("abandon_wait", "abandoned", 0.001),
    "aht": ("handle", "handled", 0.001),
}


# ------------------------------------------------------------------------------------------- data
def contacts_of_day(rng, day: int, n: int, first: int):
    "One day of contacts in order of arrival, as an Arrow table."
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    def words(codes, names):
        indices = pa.array(codes, type=pa.int8(), mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, list(names)).cast(pa.string())

    def milliseconds(values, known):
        return pa.array(values.astype(np.int64), mask=~known)

    hour = np.clip(rng.normal(13, 4, n), 0, 23.999)
    second = np.sort(np.where(rng.random(n) < 0.1, rng.random(n) * 24, hour) * 3600)
    start = np.datetime64("2025-01-01", "us") + np.timedelta64(day, "D")
    started = start + (second * 1e6).astype("timedelta64[us]")
    outcome = rng.choice(len(OUTCOMES), n, p=OUTCOME_SHARES).astype(np.int8)
    enqueued = ~np.isin(outcome, (2, 5))
    queue = np.where(enqueued, rng.choice(len(QUEUES), n), -1).astype(np.int8)
    wait = np.where((outcome == 0) & (rng.random(n) < 0.4), 0, rng.exponential(45_000, n))
    answered = outcome == 0
    number = pc.cast(pa.array(np.arange(first, first + n)), pa.string())
    columns = {
        "contact_id": pc.binary_join_element_wise("c", number, ""),
        "channel": words(rng.choice(4, n, p=(0.55, 0.2, 0.15, 0.1)).astype(np.int8), CHANNELS),
        "outcome": words(outcome, OUTCOMES),
        "started_at": pa.array(started),
        "enqueued_at": pa.array(started + np.timedelta64(20, "s"), mask=~enqueued),
        "direction": words((rng.random(n) < 0.08).astype(np.int8), ("inbound", "outbound")),
        "queue_id": words(queue, QUEUES),
        "wait_ms": milliseconds(wait, enqueued),
        "talk_ms": milliseconds(rng.gamma(2, 120_000, n), answered & (rng.random(n) < 0.995)),
        "hold_ms": milliseconds(rng.exponential(20_000, n), answered & (rng.random(n) < 0.3)),
        "wrap_ms": milliseconds(rng.exponential(40_000, n), answered & (rng.random(n) < 0.9)),
        "started_on": pa.array(np.full(n, start.astype("datetime64[D]"))),
        "started_half_hour": pa.array((second // 1800).astype(np.int64)),
        "customer_no": pa.array(rng.integers(0, 2_000_000, n), mask=rng.random(n) < 0.1),
        "queue_no": pa.array(queue.astype(np.int64), mask=queue < 0),
    }
    return pa.table(columns)


def make_project(folder: Path, n_contacts: int) -> None:
    "Write a project folder, week by week; a folder that is whole is left alone."
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if (folder / "contact_kpis.toml").exists():
        return
    (folder / "data").mkdir(parents=True, exist_ok=True)
    seeds = np.random.SeedSequence(SEED).spawn(DAYS + 1)
    weight = np.where(np.arange(DAYS) % 7 < 5, 1.2, 0.5)
    share = weight / weight.sum()
    counts = np.random.default_rng(seeds[DAYS]).multinomial(n_contacts, share)
    first = np.concatenate([[0], np.cumsum(counts)])
    writer = None
    for monday in range(0, DAYS, 7):
        days = range(monday, min(monday + 7, DAYS))
        rngs = [np.random.default_rng(seeds[day]) for day in days]
        parts = [
            contacts_of_day(r, d, counts[d], first[d]) for r, d in zip(rngs, days, strict=True)
        ]
        week = pa.concat_tables(parts)
        writer = writer or pq.ParquetWriter(folder / "data" / "contacts.parquet", week.schema)
        writer.write_table(week, row_group_size=ROW_GROUP)
    writer.close()
    text = '[centre]\nname = "Benchmark"\nzone = "UTC"\nsimulated = true\n'
    (folder / "contact_kpis.toml").write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------- contenders
# Each returns (bucket sums, values and n per cell); what it returns is pandas or polars.
def with_library(folder: Path):
    from contact_kpis import open_workspace

    ws = open_workspace(folder)
    ws.opened.backend.raw_sql(f"SET threads = {THREADS}")
    return ws.kpis(KPIS, by=CELL)


def with_library_query(folder: Path):
    "The library's query alone, as an Arrow table: no values, no intervals, no caveats."
    from contact_kpis import open_workspace
    from contact_kpis.metrics import asked, compute

    ws = open_workspace(folder)
    ws.opened.backend.raw_sql(f"SET threads = {THREADS}")
    asked = compute.query(ws.opened, [ws.metrics[k] for k in KPIS], asked.question(CELL), True)
    return ws.opened.backend.to_pyarrow(asked[0]), asked


SQL = """
WITH flags AS (
    SELECT
        started_on AS day, channel, queue_id AS queue, outcome, wait_ms,
        (started_on - DATE '1970-01-01') * 24 + started_half_hour // 2 AS hour_no,
        outcome <> 'phantom' AND coalesce(direction, 'inbound') = 'inbound' AS inbound,
        inbound AND enqueued_at IS NOT NULL AS queued,
        inbound AND outcome = 'answered' AS answered,
        queued OR answered AS offered,
        queued AND outcome = 'abandoned' AS abandoned,
        offered AND wait_ms IS NOT NULL AS waited,
        outcome = 'answered' AND talk_ms IS NOT NULL AS handled,
        talk_ms + coalesce(hold_ms, 0) + coalesce(wrap_ms, 0) AS handle_ms,
        hour_no % 2147483647 AS h0,
        (h0 * 48271 + 12345) % 2147483647 AS h1,
        (h1 * 69621 + 54321) % 2147483647 AS h2,
        (h2 >> 16) & 127 AS bucket
    FROM read_parquet('{file}')
)
SELECT
    day, channel, queue, bucket,
    count(*) FILTER (offered) AS offered,
    count(*) FILTER (abandoned) AS abandoned,
    count(*) FILTER (abandoned AND wait_ms <= 5000) AS short,
    count(*) FILTER (answered AND wait_ms <= 20000) AS in_time,
    count(*) FILTER (waited AND outcome <> 'flowed_out') AS eligible,
    coalesce(sum(wait_ms) FILTER (answered), 0)::BIGINT AS answer_wait,
    count(wait_ms) FILTER (answered) AS waited_answered,
    coalesce(sum(wait_ms) FILTER (abandoned), 0)::BIGINT AS abandon_wait,
    count(*) FILTER (waited) AS waited,
    max(wait_ms) FILTER (waited) AS longest,
    coalesce(sum(handle_ms) FILTER (handled), 0)::BIGINT AS handle,
    count(*) FILTER (handled) AS handled
FROM flags
GROUP BY ALL
"""


def with_sql(folder: Path):
    import duckdb

    with duckdb.connect() as db:
        db.execute(f"SET threads = {THREADS}")
        buckets = db.execute(SQL.format(file=folder / "data" / "contacts.parquet")).df()
    return buckets, cells(buckets)


def cells(buckets):
    "Value and n per cell from bucket sums, in pandas."
    import numpy as np

    how = dict.fromkeys(SUMS, "sum") | {"longest": "max"}
    keys = buckets[CELL].astype({"channel": "category", "queue": "category"})
    sums = buckets.drop(columns=[*CELL, "bucket"]).groupby(
        [keys[k] for k in CELL], observed=True, dropna=False, sort=False
    )
    sums = sums.agg(how).reset_index()
    out = sums[CELL].copy()
    for kpi, (top, bottom, factor) in PARTS.items():
        n = sums[bottom or top]
        out[kpi] = factor * sums[top] / n.where(n > 0, np.nan) if bottom else sums[top]
        out[f"{kpi}_n"] = n
    return out.assign(longest_wait=sums["longest"] / 1000, longest_wait_n=sums["waited"])


def with_pandas(folder: Path):
    import pandas as pd

    columns = ["started_on", "channel", "queue_id", "started_half_hour", "outcome"]
    columns += ["direction", "enqueued_at", "wait_ms", "talk_ms", "hold_ms", "wrap_ms"]
    t = pd.read_parquet(folder / "data" / "contacts.parquet", columns=columns)
    days = pd.to_datetime(t.pop("started_on"))
    hour = days.astype("datetime64[s]").astype("int64") // 3600 + t.pop("started_half_hour") // 2
    h = (hour % 2147483647 * 48271 + 12345) % 2147483647
    bucket = (h * 69621 + 54321) % 2147483647 // 65536 % 128
    inbound = (t["outcome"] != "phantom") & (t.pop("direction").fillna("inbound") == "inbound")
    reached = t["outcome"] == "answered"
    queued, answered = inbound & t.pop("enqueued_at").notna(), inbound & reached
    offered, abandoned = queued | answered, queued & (t["outcome"] == "abandoned")
    waited, handled = offered & t["wait_ms"].notna(), reached & t["talk_ms"].notna()
    handle = t.pop("talk_ms") + t.pop("hold_ms").fillna(0) + t.pop("wrap_ms").fillna(0)
    wait, flowed_out = t.pop("wait_ms"), t.pop("outcome") == "flowed_out"
    data = {"offered": offered, "abandoned": abandoned}
    data |= {"short": abandoned & (wait <= 5000), "in_time": answered & (wait <= 20000)}
    data |= {"eligible": waited & ~flowed_out, "answer_wait": wait.where(answered, 0)}
    data |= {"waited_answered": answered & wait.notna(), "waited": waited}
    data |= {"abandon_wait": wait.where(abandoned, 0), "longest": wait.where(waited)}
    data |= {"handle": handle.where(handled, 0), "handled": handled}
    keys = [days.rename("day"), t["channel"].astype("category")]
    keys += [t["queue_id"].astype("category").rename("queue"), bucket.rename("bucket")]
    grouped = pd.DataFrame(data)[SUMS].groupby(keys, observed=True, dropna=False, sort=False)
    buckets = grouped.agg(dict.fromkeys(SUMS, "sum") | {"longest": "max"}).reset_index()
    return buckets, cells(buckets)


def _with_polars(folder: Path, engine: str):
    import polars as pl

    c = pl.col
    t = pl.scan_parquet(folder / "data" / "contacts.parquet")
    hour = c("started_on").cast(pl.Int32).cast(pl.Int64) * 24 + c("started_half_hour") // 2
    t = t.with_columns(h=hour % 2147483647)
    t = t.with_columns(h=(c("h") * 48271 + 12345) % 2147483647)
    t = t.with_columns(bucket=(c("h") * 69621 + 54321) % 2147483647 // 65536 % 128)
    inbound = (c("outcome") != "phantom") & (c("direction").fill_null("inbound") == "inbound")
    reached = c("outcome") == "answered"
    t = t.with_columns(inbound=inbound, queued=inbound & c("enqueued_at").is_not_null())
    t = t.with_columns(
        answered=c("inbound") & reached,
        abandoned=c("queued") & (c("outcome") == "abandoned"),
        handled=reached & c("talk_ms").is_not_null(),
        handle=c("talk_ms") + c("hold_ms").fill_null(0) + c("wrap_ms").fill_null(0),
    )
    t = t.with_columns(offered=c("queued") | c("answered"))
    t = t.with_columns(waited=c("offered") & c("wait_ms").is_not_null())
    wait = c("wait_ms")
    grouped = t.group_by(
        day="started_on", channel="channel", queue="queue_id", bucket="bucket"
    ).agg(
        *(c(name).sum().cast(pl.Int64) for name in ("offered", "abandoned")),
        short=(c("abandoned") & (wait <= 5000)).sum().cast(pl.Int64),
        in_time=(c("answered") & (wait <= 20000)).sum().cast(pl.Int64),
        eligible=(c("waited") & (c("outcome") != "flowed_out")).sum().cast(pl.Int64),
        answer_wait=pl.when("answered").then(wait).otherwise(0).sum(),
        waited_answered=(c("answered") & wait.is_not_null()).sum().cast(pl.Int64),
        abandon_wait=pl.when("abandoned").then(wait).otherwise(0).sum(),
        waited=c("waited").sum().cast(pl.Int64),
        longest=pl.when("waited").then(wait).max(),
        handle=pl.when("handled").then("handle").otherwise(0).sum(),
        handled=c("handled").sum().cast(pl.Int64),
    )
    buckets = grouped.collect(engine=engine)
    how = [c(s).max() if s == "longest" else c(s).sum() for s in SUMS]
    sums = buckets.group_by(CELL).agg(how)
    values = {"longest_wait": c("longest") / 1000, "longest_wait_n": c("waited")}
    for kpi, (top, bottom, factor) in PARTS.items():
        values[f"{kpi}_n"] = c(bottom or top)
        ratio = pl.when(c(bottom) > 0).then(factor * c(top) / c(bottom)) if bottom else c(top)
        values[kpi] = ratio
    return buckets, sums.select(*CELL, **values)


def with_polars(folder: Path):
    return _with_polars(folder, "in-memory")


def with_polars_streaming(folder: Path):
    return _with_polars(folder, "streaming")


CONTENDERS = {
    "sql": ("DuckDB SQL by hand", with_sql, 3),
    "library": ("contact_kpis, `ws.kpis`", with_library, 3),
    "library_query": ("contact_kpis, its query alone", with_library_query, 3),
    "polars_streaming": ("polars, streaming", with_polars_streaming, 3),
    "polars": ("polars, in memory", with_polars, 3),
    "pandas": ("pandas", with_pandas, 1),
}


# ---------------------------------------------------------------------------------- equal results
def plain(name: str, found):
    "Bucket sums and cells of a contender as pandas frames of one form."
    if name == "library":
        return library_buckets(found), library_cells(found)
    if name == "library_query":
        return query_buckets(*found), None
    buckets, cells_ = (f if hasattr(f, "columns") and hasattr(f, "loc") else f.to_pandas()
                       for f in found)  # fmt: skip
    return tidy(buckets, [*CELL, "bucket"]), tidy(cells_, CELL)


def tidy(frame, keys):
    "Same types, same order, no index."
    import pandas as pd

    out = frame.copy()
    out["day"] = pd.to_datetime(out["day"]).astype("datetime64[s]")
    for name in ("channel", "queue"):
        out[name] = out[name].astype("object").fillna("(missing)").astype("str")
    out[out.columns.difference(CELL)] = out[out.columns.difference(CELL)].astype("float64")
    out = out[[*keys, *sorted(out.columns.difference(keys))]]
    return out.sort_values(keys, ignore_index=True)


def library_buckets(estimates):
    "The bucket sums that Estimates carry, under the names of this benchmark."
    sums = {s.metric.id: s for s in estimates.sums}
    one = sums["contact_volume"]
    data = {name: one.keys[name].to_numpy()[one.cell] for name in CELL}
    data |= {"bucket": one.bucket, "offered": one.num}
    data |= {"longest": sums["longest_wait"].num, "waited": sums["longest_wait"].den}
    for kpi, (top, bottom, _) in PARTS.items():
        if bottom:
            assert (sums[kpi].cell == one.cell).all() and (sums[kpi].bucket == one.bucket).all()
            data |= {top: sums[kpi].num, bottom: sums[kpi].den}
    return tidy(__import__("pandas").DataFrame(data), [*CELL, "bucket"])


def library_cells(estimates):
    wide = estimates.frame.pivot(index=CELL, columns="metric", values=["value", "n"])
    wide.columns = [kpi if part == "value" else f"{kpi}_n" for part, kpi in wide.columns]
    return tidy(wide.reset_index(), CELL)


def query_buckets(answer, asked):
    at = {one.metric.id: one.columns for one in asked[1]}
    names = {"d0": "day", "d1": "channel", "d2": "queue"}
    answer = answer.to_pandas()
    out = answer.rename(columns=names)[[*CELL, "bucket"]].copy()
    out["offered"] = answer[at["contact_volume"]["num"]]
    out["longest"] = answer[at["longest_wait"]["num"]]
    out["waited"] = answer[at["longest_wait"]["den"]]
    for kpi, (top, bottom, _) in PARTS.items():
        if bottom:
            out[top], out[bottom] = answer[at[kpi]["num"]], answer[at[kpi]["den"]]
    return tidy(out, [*CELL, "bucket"])


def assert_equal(work: Path) -> tuple[int, int]:
    "Counts and sums exactly, values to 1e-9; gives the numbers of buckets and cells."
    import pandas as pd

    def stored(name: str, part: str):
        return pd.read_parquet(work / f"{name}.{part}.parquet")

    buckets, found = stored("sql", "buckets"), stored("sql", "cells")
    for name in CONTENDERS:
        pd.testing.assert_frame_equal(stored(name, "buckets"), buckets, check_exact=True)
        if name == "library_query":
            continue
        other = stored(name, "cells")
        whole = [c for c in found if c.endswith("_n")] + CELL
        pd.testing.assert_frame_equal(other[whole], found[whole], check_exact=True)
        pd.testing.assert_frame_equal(other, found, rtol=1e-9, atol=0)
    return len(buckets), len(found)


# ---------------------------------------------------------------------------------------- running
def one_run(name: str, work: Path, n_contacts: int, keep: bool) -> dict[str, float]:
    "Time one contender in this process, after a small run that imports what it needs."
    compute = CONTENDERS[name][1]
    compute(project(work, WARM_UP))
    begin = time.perf_counter()
    found = compute(project(work, n_contacts))
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if keep:
        buckets, cells_ = plain(name, found)
        buckets.to_parquet(work / f"{name}.buckets.parquet")
        if cells_ is not None:
            cells_.to_parquet(work / f"{name}.cells.parquet")
    return {"seconds": round(seconds, 3), "peak_gb": round(peak, 3)}


def project(work: Path, n_contacts: int) -> Path:
    return work / f"contacts_{n_contacts}"


def child(*arguments: str) -> str:
    "What this script prints in a process of its own."
    env = os.environ | {"POLARS_MAX_THREADS": str(THREADS), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, *arguments]
    run = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"failed: {' '.join(arguments)}")
    return run.stdout


def run_all(work: Path, n_contacts: int) -> dict:
    "Rounds over all contenders, so that a busy minute does not hit one of them alone."
    common = ["--work", str(work), "--contacts", str(n_contacts)]
    print("making the data, once ...", flush=True)
    child("--make", *common)
    runs: dict[str, list[dict]] = {name: [] for name in CONTENDERS}
    for turn in range(max(times for _, _, times in CONTENDERS.values())):
        for name, (label, _, times) in CONTENDERS.items():
            if turn < times:
                keep = ["--keep"] if turn == 0 else []
                runs[name].append(json.loads(child("--contender", name, *keep, *common)))
                print(f"round {turn + 1}  {label:32}{runs[name][-1]['seconds']:8.2f} s", flush=True)
        if turn == 0:
            buckets, cells_ = json.loads(child("--compare", *common))
            print(f"equal results: {cells_:,} cells, {buckets:,} bucket rows", flush=True)
    return {
        "contacts": n_contacts,
        "cells": cells_,
        "bucket_rows": buckets,
        "kpis": list(KPIS),
        "threads": THREADS,
        "machine": machine(),
        "versions": versions(),
        "runs": runs,
        "best_s": {name: min(r["seconds"] for r in found) for name, found in runs.items()},
        "peak_gb": {name: max(r["peak_gb"] for r in found) for name, found in runs.items()},
    }


def machine() -> dict:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cores": os.cpu_count(), "memory_gb": round(memory), "system": platform.system()}


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("contact_kpis", "duckdb", "ibis-framework", "pandas", "numpy", "polars", "pyarrow")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


# ------------------------------------------------------------------------------------ the results
def table(results: dict) -> str:
    "The contenders as a markdown table."
    best, floor = results["best_s"], results["best_s"]["sql"]
    lines = ["| | seconds | over SQL | peak memory, GB |", "| --- | ---: | ---: | ---: |"]
    for name, (label, _, times) in CONTENDERS.items():
        label += " (one run)" if times == 1 else ""
        peak = results["peak_gb"][name]
        lines.append(f"| {label} | {best[name]:.2f} | {best[name] / floor:.2f} | {peak:.2f} |")
    return "\n".join(lines)


def verdict(results: dict) -> str:
    ratio = results["best_s"]["library"] / results["best_s"]["sql"]
    peak = results["peak_gb"]["library"]
    held = ratio <= SLOWEST_RATIO and peak <= MOST_MEMORY_GB
    return (
        f"`ws.kpis` takes {ratio:.2f} times the hand-written SQL and {peak:.2f} GB; asked for are"
        f" at most {SLOWEST_RATIO} times and {MOST_MEMORY_GB:.0f} GB: {'held' if held else 'MISSED'}."
    )


TEXT = """# Speed of the KPIs

`python benchmarks/kpis.py` wrote this page and results.json.

{n:,} simulated contacts of one year in one parquet file; {kpis} by day x channel x queue:
{cells:,} cells, {buckets:,} rows of bucket sums (a cell's clusters, its local hours, are
hashed into 128 buckets). {cores} cores, {memory} GB of memory, {system}; {threads} threads for every engine.

{table}

{verdict}

## What is compared

Every contender reads the same file and returns the same two things: the bucket sums (12 numbers
per row), and value and n of the eight KPIs per cell. Counts and sums are equal exactly, values to
1e-9; this is asserted before anything is timed again or written. The SQL computes value and n from its
bucket sums in pandas; polars stays in polars.

The library does more than that in its time: it opens the project, reads the first and last day,
counts what its caveats need (contacts without a handle time, hold and wrap that are not recorded),
and gives each of the {lines:,} lines its interval, its caveats and its status. *Its query alone* is
the SQL that it sends, with those counts, brought to Arrow; values, intervals and caveats are not in it.

Each run is a process of its own. Timed is the work after the imports and after a small run on
{warm:,} contacts; the file is in the system's cache. Best of three, in rounds over all contenders; pandas
runs once. Peak memory is the largest resident size of the process, imports included.

## Versions

{versions}
"""


def page(results: dict) -> str:
    return TEXT.format(
        n=results["contacts"],
        kpis=", ".join(results["kpis"]),
        cells=results["cells"],
        lines=results["cells"] * len(results["kpis"]),
        buckets=results["bucket_rows"],
        cores=results["machine"]["cores"],
        memory=results["machine"]["memory_gb"],
        system=results["machine"]["system"],
        threads=results["threads"],
        table=table(results),
        verdict=verdict(results),
        warm=WARM_UP,
        versions=", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder of the data, kept for the next run")
    parser.add_argument("--contacts", type=int, default=N_CONTACTS)
    parser.add_argument("--contender", choices=CONTENDERS, help="run this one only, here")
    for flag in ("--make", "--keep", "--compare"):
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.work = given.work or Path(tempfile.gettempdir()) / "contact_kpis_benchmark"
    if given.work.resolve().is_relative_to(HERE.parent):
        parser.error("--work is inside the repository; name a folder elsewhere")
    return given


def main() -> None:
    given = arguments()
    if given.make:
        for n in (WARM_UP, given.contacts):
            make_project(project(given.work, n), n)
    elif given.compare:
        print(json.dumps(assert_equal(given.work)))
    elif given.contender:
        print(json.dumps(one_run(given.contender, given.work, given.contacts, given.keep)))
    else:
        results = run_all(given.work, given.contacts)
        print(f"\n{table(results)}\n\n{verdict(results)}")
        if given.contacts == N_CONTACTS:
            text = json.dumps(results, indent=1) + "\n"
            (HERE / "results.json").write_text(text, encoding="utf-8")
            (HERE / "RESULTS.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
