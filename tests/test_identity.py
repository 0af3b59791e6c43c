"Chains of contacts by explicit links, and pseudonyms that hold everywhere or not at all."

import json

import numpy as np
import pandas as pd
import pytest

from contact_kpis import Settings, open_workspace
from contact_kpis.data.contract import tables
from contact_kpis.data.fitting import Imported, fit
from contact_kpis.data.identity import pseudonym, pseudonymise, root_ids
from contact_kpis.data.tables import write_project
from contact_kpis.errors import BadInput
from tests.builders import call, contacts

KEY = b"0123456789abcdef0123456789abcdef"
START = pd.Timestamp("2026-03-02 09:00")


def chain(*links):
    rows = [
        call(at=START + pd.Timedelta(minutes=i), id=name) | {"prev_id": before, "next_id": after}
        for i, (name, before, after) in enumerate(links)
    ]
    return contacts(rows)


class TestRoots:
    def test_links_in_both_directions_make_one_chain(self):
        frame = chain(("a", None, "b"), ("b", None, None), ("c", "b", None), ("d", None, None))
        assert root_ids(frame).tolist() == ["a", "a", "a", "d"]

    def test_the_root_is_the_earliest_record_whatever_points_where(self):
        frame = chain(("a", "c", None), ("b", None, None), ("c", "b", None))
        assert root_ids(frame).tolist() == ["a", "a", "a"]

    def test_a_record_that_is_not_there_still_holds_its_neighbours_together(self):
        frame = chain(("a", None, "gone"), ("b", "gone", None))
        assert root_ids(frame).tolist() == ["a", "a"]

    def test_a_root_that_the_source_gives_is_a_link(self):
        frame = chain(("a", None, None), ("b", None, None)).assign(root_id=["a", "a"])
        assert root_ids(frame).tolist() == ["a", "a"]

    def test_against_a_naive_walk(self):
        rng = np.random.default_rng(2024)
        names = [f"c{i:03d}" for i in range(300)]
        before = [names[rng.integers(300)] if rng.random() < 0.4 else None for _ in names]
        frame = chain(*((n, b, None) for n, b in zip(names, before, strict=True)))
        frame["started_at"] = pd.Timestamp("2026-03-02") + pd.to_timedelta(
            rng.permutation(300), "min"
        )
        near = {n: {n} for n in names}
        for n, b in zip(names, before, strict=True):
            if b:
                near[n].add(b)
                near[b].add(n)
        started = dict(zip(names, frame["started_at"], strict=True))
        want = []
        for n in names:
            seen, todo = set(), [n]
            while todo:
                at = todo.pop()
                if at not in seen:
                    seen.add(at)
                    todo += near[at]
            want.append(min(seen, key=started.get))
        assert root_ids(frame).tolist() == want

    def test_an_import_makes_them_and_says_how_many(self):
        ws = open_workspace({"contacts": chain(("a", None, "b"), ("b", None, None))})
        found = ws.tables["contacts"].execute().set_index("contact_id")["root_id"]
        assert found.to_dict() == {"a": "a", "b": "a"}
        assert any("1 records continue" in note for note in ws.notes)


def project(tmp_path, key=KEY, name="centre"):
    rows = [
        call(id="a", customer_id="4711", agent_id="Ann", talk=60),
        call(id="b", customer_id="4711", agent_id="Bob", talk=60),
        call(id="c", customer_id="4712", agent_id=None, talk=60),
        call(id="d", customer_id="4713-secret", agent_id="Ann", talk=-5),
    ]
    states = pd.DataFrame(
        {
            "agent_id": ["Ann", "Ann"],
            "started_at": pd.to_datetime(["2026-03-02 09:00", "2026-03-02 08:00"]),
            "ended_at": pd.to_datetime(["2026-03-02 09:30", "2026-03-02 09:10"]),
            "routing_status": "idle",
        }
    )
    done = {
        "contacts": fit("contacts", contacts(rows)),
        "agent_states": fit("agent_states", states),
    }
    aside = pd.concat([f.quarantine for f in done.values()], ignore_index=True)
    imported = Imported("test", {n: f.frame for n, f in done.items()}, aside, rows_in=6, kept=4)
    return write_project(imported, tmp_path / name, Settings(pseudonyms=True), key)


class TestPseudonyms:
    def test_one_person_has_one_pseudonym_in_every_table(self, tmp_path):
        ws = open_workspace(project(tmp_path))
        calls = ws.tables["contacts"].execute().set_index("contact_id")
        assert calls.loc["a", "customer_id"] == pseudonym("4711", KEY)
        assert calls.loc["b", "customer_id"] == calls.loc["a", "customer_id"]
        assert calls.loc["c", "customer_id"] != calls.loc["a", "customer_id"]
        assert pd.isna(calls.loc["c", "agent_id"])
        states = ws.tables["agent_states"].execute()
        assert set(states["agent_id"]) == {calls.loc["a", "agent_id"]} == {pseudonym("Ann", KEY)}

    def test_no_file_of_the_project_holds_a_key_of_a_person(self, tmp_path):
        folder = project(tmp_path)
        frames = [pd.read_parquet(f) for f in (folder / "data").glob("*.parquet")]
        said = " ".join(frame.to_csv() for frame in frames)
        said += (folder / "data" / "import.json").read_text() + (
            folder / "contact_kpis.toml"
        ).read_text()
        assert len(open_workspace(folder).quarantine) == 2, "the rows set aside are there"
        for secret in ("4711", "4712", "4713", "Ann", "Bob", KEY.decode()):
            assert secret not in said, secret

    def test_without_a_key_nothing_is_written(self, tmp_path):
        with pytest.raises(BadInput, match="--pseudonym-key"):
            project(tmp_path, key=None)
        assert not list(tmp_path.iterdir())

    def test_another_key_than_last_time_is_refused_and_the_data_stay(self, tmp_path):
        folder = project(tmp_path)
        before = {f.name: f.read_bytes() for f in (folder / "data").iterdir()}
        with pytest.raises(BadInput, match="another pseudonym key"):
            project(tmp_path, key=KEY[::-1])
        assert {f.name: f.read_bytes() for f in (folder / "data").iterdir()} == before

    def test_the_same_key_gives_the_same_files(self, tmp_path):
        one, two = project(tmp_path), project(tmp_path, name="again")
        for file in (one / "data").glob("*.parquet"):
            assert pd.read_parquet(file).equals(pd.read_parquet(two / "data" / file.name))
        told = [json.loads((f / "data" / "import.json").read_text()) for f in (one, two)]
        assert told[0]["pseudonym_key"] == told[1]["pseudonym_key"] != ""

    def test_a_short_key_is_refused(self):
        with pytest.raises(BadInput, match="16 or more"):
            pseudonymise({}, b"short")

    def test_every_column_that_names_a_person_is_marked(self):
        "A column of this name in any table is a person's key, and pseudonyms must reach it."
        people = {"customer_id", "requester_id", "agent_id", "assignee", "actor_id", "evaluator"}
        people |= {"reviewer_id", "given_by", "source_key", "agent_at_rating"}
        unmarked = [
            (t.name, c.name) for t in tables.values() for c in t.columns
            if c.name in people and not c.person
        ]  # fmt: skip
        assert not unmarked
