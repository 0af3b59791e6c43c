"A folder of plain CSV files: what pandas would do silently is not done."

import pandas as pd

from contact_kpis import open_workspace

HEADER = "contact_id,channel,outcome,started_at,queue_id\n"


def opened(folder, text):
    (folder / "contacts.csv").write_text(text, encoding="utf-8")
    return open_workspace(folder).tables["contacts"].execute()


def test_a_queue_called_na_is_not_missing(tmp_path):
    found = opened(tmp_path, HEADER + "1,voice,answered,2026-03-02 09:00,NA\n")
    assert found["queue_id"].tolist() == ["NA"]


def test_an_empty_cell_is(tmp_path):
    found = opened(tmp_path, HEADER + "1,voice,answered,2026-03-02 09:00,\n")
    assert found["queue_id"].isna().all()


def test_the_first_column_does_not_become_an_index(tmp_path):
    "Each row has one comma more than the header; pandas would shift all columns by one."
    found = opened(tmp_path, HEADER + "1,voice,answered,2026-03-02 09:00,NW,\n")
    assert found["contact_id"].tolist() == ["1"]
    assert found["started_at"].tolist() == [pd.Timestamp("2026-03-02 09:00")]
