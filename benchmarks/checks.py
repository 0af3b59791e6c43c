"""The checks of 20 million contacts: each rule in this library beside hand-written SQL of the same.

`python benchmarks/checks.py` takes the contacts of benchmarks/kpis.py, gives them ends, chains,
customers and agents, adds agents' states, and plants twenty faults of each sort (once; the same
ones every time). Every contender counts in a process of its own; that all counts and examples agree
is asserted before anything is timed again. Prints a table and writes checks.json and CHECKS.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kpis

HERE = Path(__file__).resolve().parent
ROUNDS = 5
N_AGENTS = 2_000
FAULTS = 20  # of each sort
OVER_READING, OVER_SQL = 1.5, 1.3
MOST_SECONDS, MOST_MEMORY_GB = 30.0, 6.0


# ------------------------------------------------------------------------------------------- data
# `i` is the number of a contact or a state; one in {every} has a fault of each sort.
CONTACTS = """
WITH numbered AS (
    SELECT *, substr(contact_id, 2)::BIGINT AS i, hash(contact_id) AS h FROM '{source}'
)
SELECT * EXCLUDE (i, h) REPLACE (
        CASE WHEN i % {every} = 3 THEN 'c' || (i - 1) ELSE contact_id END AS contact_id,
        CASE WHEN i % {every} = 7 THEN 'fax' ELSE channel END AS channel,
        CASE WHEN i % {every} = 9 THEN NULL ELSE outcome END AS outcome,
        CASE WHEN i % {every} = 11 THEN 'queue_99' ELSE queue_id END AS queue_id,
        CASE WHEN i % {every} = 13 THEN -1
            WHEN i % {every} < 60 AND outcome = 'abandoned' THEN NULL ELSE wait_ms END AS wait_ms
    ),
    started_at + to_milliseconds(CASE WHEN i % {every} = 15 THEN -1000
        ELSE 20000 + coalesce(wait_ms, 0) + coalesce(talk_ms, 0) END) AS ended_at,
    CASE WHEN i % {every} = 17 THEN 'lost'
        WHEN i % {every} = 21 THEN 'c' || (i + 500)
        WHEN h % 10 = 0 THEN 'c' || greatest(0, i - 1 - (h >> 8)::BIGINT % 1000)
        ELSE contact_id END AS root_id,
    CASE WHEN i % {every} = 19 THEN 'nobody' ELSE 'k' || customer_no END AS customer_id,
    'a' || (h >> 16) % {agents} AS agent_id
FROM numbered
"""
STATES = """
WITH numbered AS (
    SELECT i, 'a' || i % {agents} AS agent_id,
        TIMESTAMP '2025-01-01' + to_seconds(i // {agents} * 600 + hash(i) % 300) AS started_at
    FROM range({states}) AS r(i)
), ends AS (
    SELECT *, lead(started_at, 1, started_at + INTERVAL 5 MINUTE)
        OVER (PARTITION BY agent_id ORDER BY started_at) AS next_at
    FROM numbered
)
SELECT agent_id, started_at,
    CASE WHEN i % {every_state} = 5 THEN next_at + INTERVAL 1 SECOND ELSE next_at END AS ended_at,
    CASE WHEN i % 5 = 4 THEN 'away' ELSE 'on_queue' END AS presence,
    CASE WHEN i % 5 = 4 THEN 'off_queue' WHEN i % 2 = 0 THEN 'idle' ELSE 'interacting' END
        AS routing_status,
    started_at::DATE AS started_on, 0::BIGINT AS started_half_hour
FROM ends ORDER BY started_at, agent_id
"""
QUEUES = "SELECT format('queue_{{:02d}}', i) AS queue_id, TIMESTAMP '2025-01-01' AS valid_from\n"
QUEUES += "FROM range(20) AS r(i)"
AGENTS = "SELECT 'a' || i AS agent_id, TIMESTAMP '2025-01-01' AS valid_from\n"
AGENTS += "FROM range({agents}) AS r(i)"
CUSTOMERS = "SELECT 'k' || i AS customer_id FROM range(2000000) AS r(i)"
TABLES = {
    "contacts": CONTACTS,
    "agent_states": STATES,
    "queues": QUEUES,
    "agents": AGENTS,
    "customers": CUSTOMERS,
}


def project(work: Path, n_contacts: int) -> Path:
    return work / f"checks_{n_contacts}"


def make(work: Path, n_contacts: int) -> None:
    "Write the project to check; one that is whole is left alone."
    import duckdb

    source, folder = kpis.project(work, n_contacts), project(work, n_contacts)
    kpis.make_project(source, n_contacts)
    if (folder / "contact_kpis.toml").exists():
        return
    (folder / "data").mkdir(parents=True, exist_ok=True)
    values = {"source": source / "data" / "contacts.parquet", "every": n_contacts // FAULTS}
    values |= {"agents": N_AGENTS, "states": n_contacts // 4}
    values |= {"every_state": n_contacts // 4 // FAULTS}
    with duckdb.connect() as db:
        for name, sql in TABLES.items():
            file = folder / "data" / f"{name}.parquet"
            query = sql.format(**values)
            db.execute(f"COPY ({query}) TO '{file}' (ROW_GROUP_SIZE {kpis.ROW_GROUP})")
    text = (source / "contact_kpis.toml").read_text(encoding="utf-8")
    (folder / "contact_kpis.toml").write_text(text, encoding="utf-8")


# ------------------------------------------------------------------------------------ the library
def opened(folder: Path):
    from contact_kpis import open_workspace

    ws = open_workspace(folder)
    ws.opened.backend.raw_sql(f"SET threads = {kpis.THREADS}")
    return ws.opened


def view_of(part: str, found):
    "The view that a part of this benchmark stands for."
    from contact_kpis.data import checks
    from contact_kpis.data.contract import tables

    if part == "rows":
        return checks._own_view(found, tables["contacts"])
    if part == "chain":
        return checks._CHAINS
    table, rule, column = PARTS[part][1:]
    views = checks.contract_views(tables[table])
    return next(v for v in views if (v.rules[0].name, v.rules[0].column) == (rule, column))


def with_library(part: str, folder: Path):
    "Open the data; gives what is to be timed."
    found = opened(folder)
    return lambda: everything(found) if part == "everything" else one_view(part, found)


def everything(found) -> dict:
    from contact_kpis.data import checks

    frame = checks.check(found).frame
    return {f"{r.rule} {r.column}": int(r.count) for r in frame.itertuples(index=False)}


def one_view(part: str, found) -> dict:
    from contact_kpis.data import checks

    view = view_of(part, found)
    query = checks.scan(view.make(found), view.rules, view.key, view.weight)
    row = found.backend.execute(query).iloc[0]
    counts = {f"{r.name} {r.column}": row[f"n{i}"] for i, r in enumerate(view.rules)}
    words = {f"{r.name} {r.column} e.g.": row[f"example{i}"] for i, r in enumerate(view.rules)}
    known = {name: word if isinstance(word, str) else None for name, word in words.items()}
    return {name: int(count) for name, count in counts.items()} | known


# ------------------------------------------------------------------------------------ by hand
CHANNELS = "('voice', 'voicemail', 'chat', 'email', 'message', 'social', 'task', 'other')"
CHECKED = "contact_id channel outcome started_at enqueued_at ended_at direction"
CHECKED += " wait_ms talk_ms hold_ms wrap_ms"
ROWS = {
    **{f"required {c}": f"{c} IS NULL" for c in ("contact_id", "channel", "outcome", "started_at")},
    "allowed channel": f"channel NOT IN {CHANNELS}",
    "allowed outcome": f"outcome NOT IN {kpis.OUTCOMES}",
    "allowed direction": "direction NOT IN ('inbound', 'outbound')",
    **{f"minimum {c}": f"{c} < 0" for c in ("wait_ms", "talk_ms", "hold_ms", "wrap_ms")},
    "needed wait_ms": "outcome = 'abandoned' AND wait_ms IS NULL",
    "needed enqueued_at": "outcome = 'abandoned' AND enqueued_at IS NULL",
    "order started_at, ended_at": "ended_at < started_at",
    "order started_at, enqueued_at": "enqueued_at < started_at",
}
EACH = "count(*) FILTER ({rule}), min(contact_id) FILTER ({rule})"
READ = "count({column}), min({column}), max({column})"
SQL = {
    "reading": "SELECT "
    + ", ".join(READ.format(column=c) for c in CHECKED.split())
    + " FROM contacts",
    "rows": "SELECT " + ", ".join(EACH.format(rule=r) for r in ROWS.values()) + " FROM contacts",
    "key": """
        SELECT coalesce(sum(n - 1), 0), min(contact_id) FROM (
            SELECT contact_id, count(*) AS n FROM contacts
            WHERE contact_id IS NOT NULL GROUP BY contact_id HAVING count(*) > 1)""",
    "queue": """
        SELECT count(*), min(queue_id) FROM contacts ANTI JOIN queues USING (queue_id)
        WHERE queue_id IS NOT NULL""",
    "customer": """
        SELECT count(*), min(customer_id) FROM contacts ANTI JOIN customers USING (customer_id)
        WHERE customer_id IS NOT NULL""",
    "root": """
        SELECT count(*), min(c.root_id)
        FROM contacts AS c ANTI JOIN contacts AS r ON c.root_id = r.contact_id
        WHERE c.root_id <> c.contact_id""",
    "chain": """
        SELECT count(*) FILTER (r.root_id <> r.contact_id),
            min(c.contact_id) FILTER (r.root_id <> r.contact_id),
            count(*) FILTER (c.started_at < r.started_at),
            min(c.contact_id) FILTER (c.started_at < r.started_at)
        FROM contacts AS c JOIN contacts AS r ON c.root_id = r.contact_id
        WHERE c.root_id <> c.contact_id""",
    "overlap": """
        SELECT count(*), min(agent_id || '|' || started_at::VARCHAR) FROM (
            SELECT agent_id, started_at, max(ended_at) OVER (
                PARTITION BY agent_id ORDER BY started_at, ended_at
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier_end
            FROM agent_states)
        WHERE started_at < earlier_end""",
    "agent_key": """
        SELECT coalesce(sum(n - 1), 0), min(agent_id || '|' || started_at::VARCHAR) FROM (
            SELECT agent_id, started_at, count(*) AS n FROM agent_states
            GROUP BY agent_id, started_at HAVING count(*) > 1)""",
}


def with_sql(part: str, folder: Path):
    "Open the data; gives what is to be timed."
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {kpis.THREADS}")
    for file in (folder / "data").glob("*.parquet"):
        db.execute(f"CREATE VIEW {file.stem} AS FROM '{file}'")
    return lambda: counted(part, db.execute(SQL[part]).fetchone())


def counted(part: str, row: tuple) -> dict:
    if part == "reading":
        return {}
    names = list(ROWS) if part == "rows" else NAMES[part]
    counts = {name: int(row[2 * i]) for i, name in enumerate(names)}
    return counts | {f"{name} e.g.": row[2 * i + 1] for i, name in enumerate(names)}


# Label, and the table, rule and column of the view that counts it.
PARTS = {
    "rows": ("15 rules of a contact, one scan", "contacts", "", ""),
    "key": ("contact_id is unique", "contacts", "key", "contact_id"),
    "queue": ("queue_id is in queues (20)", "contacts", "reference", "queue_id"),
    "customer": ("customer_id is in customers (2 million)", "contacts", "reference", "customer_id"),
    "root": ("root_id is in contacts", "contacts", "reference", "root_id"),
    "chain": ("the root is its own root and began first", "contacts", "", ""),
    "agent_key": ("agent_id, started_at is unique", "agent_states", "key", "agent_id, started_at"),
    "overlap": ("states of an agent do not overlap", "agent_states", "overlap", "started_at"),
}
NAMES = {p: [f"{rule} {column}"] for p, (_, _, rule, column) in PARTS.items() if rule}
NAMES["chain"] = ["chain root_id", "chain_start root_id"]
RUNS = [("sql", "reading"), *((side, p) for p in PARTS for side in ("sql", "library"))]
RUNS += [("library", "everything")]
SIDES = {"sql": with_sql, "library": with_library}


# ---------------------------------------------------------------------------------------- running
def one_run(side: str, part: str, work: Path, n_contacts: int) -> dict:
    "Time one contender in this process, after a small run that imports what it needs."
    SIDES[side](part, project(work, kpis.WARM_UP))()
    ask = SIDES[side](part, project(work, n_contacts))
    begin, before = time.perf_counter(), time.process_time()
    found = ask()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    numbers = {"seconds": seconds, "cpu": cpu, "peak_gb": peak, "load": os.getloadavg()[0]}
    return {name: round(number, 3) for name, number in numbers.items()} | {"found": found}


def child(*given: str) -> str:
    "What this script prints in a process of its own."
    command = [sys.executable, __file__, *given]
    env = os.environ | {"PYTHONWARNINGS": "ignore"}
    run = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"failed: {' '.join(given)}")
    return run.stdout


def assert_equal(found: dict[str, dict]) -> int:
    "Both sides count the same and name the same example; every planted fault is among them."
    for part in PARTS:
        assert found[f"library {part}"] == found[f"sql {part}"], part
        if part != "agent_key":
            counts = [v for v in found[f"sql {part}"].values() if isinstance(v, int)]
            assert any(counts), f"{part}: nothing is broken, so nothing was compared"
    whole = found["library everything"]
    single = {k: v for p in PARTS for k, v in found[f"library {p}"].items() if isinstance(v, int)}
    assert {k: v for k, v in single.items() if v}.items() <= whole.items()
    return sum(single.values())


def run_all(work: Path, n_contacts: int) -> dict:
    "Rounds over all contenders, so that a busy minute does not hit one of them alone."
    common = ["--work", str(work), "--contacts", str(n_contacts)]
    print("making the data, once ...", flush=True)
    child("--make", *common)
    runs: dict[str, list[dict]] = {f"{side} {part}": [] for side, part in RUNS}
    for turn in range(ROUNDS):
        for side, part in RUNS:
            runs[f"{side} {part}"].append(json.loads(child("--run", side, part, *common)))
            last = runs[f"{side} {part}"][-1]
            print(f"round {turn + 1}  {part:12}{side:10}{last['seconds']:8.2f} s", flush=True)
        if turn == 0:
            broken = assert_equal({k: r[0]["found"] for k, r in runs.items()})
            print(f"equal results: {broken:,} broken rows, counted by both", flush=True)
    load = sum(r["load"] for found in runs.values() for r in found) / len(RUNS) / ROUNDS
    best = {
        what: {k: min(r[what] for r in found) for k, found in runs.items()}
        for what in ("seconds", "cpu")
    }
    return {
        "contacts": n_contacts,
        "states": n_contacts // 4,
        "broken": broken,
        "threads": kpis.THREADS,
        "machine": kpis.machine(),
        "load": round(load, 1),
        "versions": kpis.versions(),
        "best_s": best["seconds"],
        "best_cpu_s": best["cpu"],
        "peak_gb": {k: max(r["peak_gb"] for r in found) for k, found in runs.items()},
        "found": {k: r[0]["found"] for k, r in runs.items()},
        "seconds": {k: [r["seconds"] for r in found] for k, found in runs.items()},
        "cpu_s": {k: [r["cpu"] for r in found] for k, found in runs.items()},
    }


# ------------------------------------------------------------------------------------ the results
def pairs() -> list[tuple[str, str, str, float]]:
    "Label, the hand-written side, the library's side and the largest ratio of each comparison."
    label = PARTS["rows"][0]
    reading = (
        f"{label}, against reading their columns",
        "sql reading",
        "library rows",
        OVER_READING,
    )
    same = [(PARTS[p][0], f"sql {p}", f"library {p}", OVER_SQL) for p in PARTS]
    return [reading, *same]


def table(results: dict) -> str:
    "The comparisons as a markdown table."
    best, cpu, peak = results["best_s"], results["best_cpu_s"], results["peak_gb"]
    lines = ["| | by hand, s | library, s | ratio | ratio of CPU time | peak memory, GB |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for label, theirs, ours, _ in pairs():
        seconds = f"{best[theirs]:.2f} | {best[ours]:.2f} | {best[ours] / best[theirs]:.2f}"
        lines.append(f"| {label} | {seconds} | {cpu[ours] / cpu[theirs]:.2f} | {peak[ours]:.2f} |")
    name = "library everything"
    return "\n".join(
        [*lines, f"| everything, `check` | | {best[name]:.2f} | | | {peak[name]:.2f} |"]
    )


def verdict(results: dict) -> str:
    best, name = results["best_s"], "library everything"
    ratios = [(best[ours] / best[theirs], most) for _, theirs, ours, most in pairs()]
    seconds, peak = best[name], results["peak_gb"][name]
    held = all(ratio <= most for ratio, most in ratios)
    held = held and seconds <= MOST_SECONDS and peak <= MOST_MEMORY_GB
    return (
        f"All rules of a row take {ratios[0][0]:.2f} times the reading of their columns, each rule at"
        f" most {max(r for r, _ in ratios[1:]):.2f} times the hand-written SQL of the same, everything"
        f" {seconds:.1f} s and {peak:.2f} GB. Asked for are at most {OVER_READING} times,"
        f" {OVER_SQL} times, {MOST_SECONDS:.0f} s and {MOST_MEMORY_GB:.0f} GB:"
        f" {'held' if held else 'MISSED'}."
    )


TEXT = """# Speed of the checks

`python benchmarks/checks.py` wrote this page and checks.json.

{n:,} simulated contacts of one year, {states:,} states of {agents:,} agents, 2 million customers, in
parquet files; twenty faults of each sort are planted. {cores} cores, {memory} GB of memory, {system};
{threads} threads for every engine.

{table}

{verdict}

## What is compared

Both sides read the same files and give, for each rule, how many rows break it and the smallest key
among them. That all of them agree, and that the planted faults are found, is asserted before
anything is timed again. *Reading their columns* is the SQL that asks for count, smallest and largest
value of each column that a rule of a row reads. *Everything* is `check`: the rules of all five
tables, references, chains, spans, contacts that end on another day, and the sentences.

Each run is a process of its own. Timed is the question alone, after the imports, a small run on
{warm:,} contacts and the opening of the files; the library's time contains the making of its SQL,
some hundredths of a second. Best of five, in rounds
over all contenders, each ratio beside that of processor time, which other work on the machine moves
less: the load average was {load} on {cores} cores, the contender's own work included. Peak memory
is the largest resident size of the process, imports included.

## Versions

{versions}
"""


def page(results: dict) -> str:
    return TEXT.format(
        n=results["contacts"],
        states=results["states"],
        agents=N_AGENTS,
        cores=results["machine"]["cores"],
        memory=results["machine"]["memory_gb"],
        system=results["machine"]["system"],
        load=results["load"],
        threads=results["threads"],
        table=table(results),
        verdict=verdict(results),
        warm=kpis.WARM_UP,
        versions=", ".join(f"{k} {v}" for k, v in results["versions"].items()),
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder of the data, kept for the next run")
    parser.add_argument("--contacts", type=int, default=kpis.N_CONTACTS)
    parser.add_argument("--run", nargs=2, metavar=("SIDE", "PART"), help="run this one only, here")
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.work = given.work or Path(tempfile.gettempdir()) / "contact_kpis_benchmark"
    if given.work.resolve().is_relative_to(HERE.parent):
        parser.error("--work is inside the repository; name a folder elsewhere")
    return given


def main() -> None:
    given = arguments()
    if given.make:
        for n in (kpis.WARM_UP, given.contacts):
            make(given.work, n)
    elif given.run:
        print(json.dumps(one_run(*given.run, given.work, given.contacts)))
    else:
        results = run_all(given.work, given.contacts)
        print(f"\n{table(results)}\n\n{verdict(results)}")
        if given.contacts == kpis.N_CONTACTS:
            text = json.dumps(results, indent=1) + "\n"
            (HERE / "checks.json").write_text(text, encoding="utf-8")
            (HERE / "CHECKS.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
