"""Whose day it is, and whose rule: sites in two zones, days that end after midnight, queues apart.

Four calls of 20 waited seconds, answered:

    call  site    queue  instant (UTC)        Haifa (+2)  Austin (-6)  centre (UTC)
    a     Haifa   gold   2026-03-02 22:30     3 March     -            2 March
    b     Austin  plain  2026-03-02 22:30     -           2 March      2 March
    c     Austin  gold   2026-03-03 03:00     -           2 March      3 March
    d     none    plain  2026-03-03 01:00     -           -            3 March
"""

import pandas as pd
import pytest

from contact_kpis import Settings, catalogue, open_workspace
from contact_kpis.errors import BadInput, BadSettings, NotComputable, UnknownName
from tests.builders import call, contacts

SITES = {"Haifa": {"zone": "Asia/Jerusalem"}, "Austin": {"zone": "America/Chicago"}}
CALLS = [
    call(at="2026-03-02 22:30", site="Haifa", queue_id="gold", wait=20, id="a"),
    call(at="2026-03-02 22:30", site="Austin", queue_id="plain", wait=20, id="b"),
    call(at="2026-03-03 03:00", site="Austin", queue_id="gold", wait=20, id="c"),
    call(at="2026-03-03 01:00", site=None, queue_id="plain", wait=20, id="d"),
]


def volumes(ws, **how):
    frame = ws.kpis("contact_volume", by=["day"], **how).frame
    return dict(zip(frame["day"].dt.day, frame["value"], strict=True))


def test_each_row_counts_on_the_day_of_its_site():
    ws = open_workspace({"contacts": contacts(CALLS)}, Settings(sites=SITES))
    assert volumes(ws) == {2: 2, 3: 2}
    by_site = ws.kpis("contact_volume", by=["day", "site"]).frame
    assert sorted(zip(by_site["day"].dt.day, by_site["site"], by_site["value"], strict=True)) == [
        (2, "Austin", 2),
        (3, "(missing)", 1),
        (3, "Haifa", 1),
    ]


def test_one_day_for_all_is_a_parameter_and_a_setting():
    frames = {"contacts": contacts(CALLS)}
    ws = open_workspace(frames, Settings(sites=SITES))
    assert volumes(ws, days="centre") == {2: 2, 3: 2}
    march_2 = ws.kpis("contact_volume", by=["site"], until="2026-03-02", days="centre").frame
    assert dict(zip(march_2["site"], march_2["value"], strict=True)) == {"Austin": 1, "Haifa": 1}
    told = open_workspace(frames, Settings(sites=SITES, report_days="centre"))
    assert told.kpis("contact_volume", by=["site"], until="2026-03-02").frame.equals(march_2)
    with pytest.raises(UnknownName, match="did you mean 'centre'"):
        ws.kpis("contact_volume", days="center")


def test_sites_may_stand_in_their_table():
    sites = pd.DataFrame({"site_id": list(SITES), "zone": [v["zone"] for v in SITES.values()]})
    ws = open_workspace({"contacts": contacts(CALLS), "sites": sites})
    assert volumes(ws) == {2: 2, 3: 2} and "started_report_on" in ws.tables["contacts"].columns
    with pytest.raises(BadSettings, match="did you mean 'Asia/Jerusalem'"):
        wrong = sites.assign(zone="Asia/Jerusalm")
        open_workspace({"contacts": contacts(CALLS), "sites": wrong})


def test_a_day_that_ends_at_four():
    ws = open_workspace({"contacts": contacts(CALLS)}, Settings(day_cutoff="04:00"))
    assert volumes(ws) == {2: 4}
    ws = open_workspace({"contacts": contacts(CALLS)}, Settings(day_cutoff="02:00"))
    assert volumes(ws) == {2: 3, 3: 1}


def test_a_project_cut_at_another_hour_is_refused(tmp_path):
    from contact_kpis.data.fitting import Imported, empty_quarantine, fit
    from contact_kpis.data.tables import write_project

    rows = fit("contacts", contacts(CALLS)).frame
    imported = Imported("test", {"contacts": rows}, empty_quarantine(), len(rows))
    folder = write_project(imported, tmp_path / "centre", Settings(day_cutoff="04:00"))
    assert volumes(open_workspace(folder)) == {2: 4}
    with pytest.raises(BadInput, match='day_cutoff = "04:00"'):
        open_workspace(folder, Settings(day_cutoff="00:00"))


class TestRulesOfAQueue:
    def level(self, metric, **how):
        ws = open_workspace({"contacts": contacts(CALLS)}, Settings(**how.pop("settings", {})))
        return ws.kpis(metric, **how).frame

    def test_a_queue_may_have_a_threshold_of_its_own(self):
        plain = catalogue["service_level"]
        gold = plain.where("queue", "gold", threshold_s=10)
        assert self.level(plain)["value"].tolist() == [100.0]
        assert self.level(gold)["value"].tolist() == [50.0]
        by_queue = self.level(gold, by=["queue"])
        assert dict(zip(by_queue["queue"], by_queue["value"], strict=True)) == {
            "gold": 0,
            "plain": 100,
        }
        assert gold.definition_id != plain.definition_id

    def test_the_settings_say_it_too(self):
        rules = {"service_level": (("queue", "gold", {"threshold_s": 10}),)}
        found = self.level("service_level", settings={"overrides": rules})
        assert found["value"].tolist() == [50.0]
        gold = catalogue["service_level"].where("queue", "gold", threshold_s=10)
        assert found["definition_id"].tolist() == [gold.definition_id]

    def test_the_order_of_rules_for_different_queues_changes_nothing_in_the_number(self):
        one = catalogue["service_level"].where("queue", "gold", threshold_s=10)
        both = one.where("channel", "voice", threshold_s=30)
        assert self.level(both)["value"].tolist() == [100.0]  # the later rule goes first

    def test_what_decides_which_rows_belong_together_is_one_for_all(self):
        with pytest.raises(UnknownName, match="one value for all"):
            catalogue["repeat_contact_rate"].where("queue", "gold", same_reason=True)

    def test_a_rule_for_a_team_is_refused_with_what_would_do(self):
        with pytest.raises(UnknownName, match="queue"):
            catalogue["service_level"].where("team", "north", threshold_s=10)

    def test_a_rule_for_a_queue_needs_queues(self):
        frame = contacts(CALLS).drop(columns="queue_id")
        gold = catalogue["service_level"].where("queue", "gold", threshold_s=10)
        with pytest.raises(NotComputable, match="queue_id"):
            open_workspace({"contacts": frame}).kpis(gold)


class TestThresholdsInTheData:
    QUEUES = pd.DataFrame(
        {
            "queue_id": ["gold", "gold"],
            "valid_from": pd.to_datetime(["2026-01-01", "2026-03-03"]),
            "valid_to": pd.to_datetime(["2026-03-03", None]),
            "sl_threshold_ms": [10_000, 30_000],
        }
    )

    def test_each_queue_is_held_to_its_own_threshold_at_the_time(self):
        ws = open_workspace({"contacts": contacts(CALLS), "queues": self.QUEUES})
        found = ws.kpis("service_level", by=["queue"]).frame
        # gold: a on 2 March against 10 s, missed; c on 3 March against 30 s, met. plain: 20 s.
        assert dict(zip(found["queue"], found["value"], strict=True)) == {"gold": 50, "plain": 100}
        own = catalogue["service_level"].using(threshold_s="queue")
        assert set(found["definition_id"]) == {own.definition_id}

    def test_unless_told_otherwise(self):
        frames = {"contacts": contacts(CALLS), "queues": self.QUEUES}
        told = Settings(conventions={"service_level": {"threshold_s": 20}})
        assert open_workspace(frames, told).kpis("service_level").frame["value"][0] == 100
        asked = catalogue["service_level"].using(threshold_s=15)
        assert open_workspace(frames).kpis(asked).frame["value"][0] == 0

    def test_without_thresholds_it_cannot_be_asked_for(self):
        own = catalogue["service_level"].using(threshold_s="queue")
        with pytest.raises(NotComputable, match="sl_threshold_ms"):
            open_workspace({"contacts": contacts(CALLS)}).kpis(own)
        with pytest.raises(UnknownName, match="or 'queue'"):
            catalogue["service_level"].using(threshold_s="own")


class TestWeeks:
    SITES = {
        "Haifa": {"zone": "Asia/Jerusalem", "week_start": "sunday"},
        "Austin": {"zone": "America/Chicago"},
    }
    # 1 March 2026 is a Sunday
    CALLS = [
        call(at="2026-03-01 10:00", site="Haifa", wait=20, id="h1"),
        call(at="2026-03-04 10:00", site="Haifa", wait=20, id="h2"),
        call(at="2026-03-01 18:00", site="Austin", wait=20, id="a1"),
        call(at="2026-03-04 18:00", site="Austin", wait=20, id="a2"),
    ]

    def weeks(self, **how):
        ws = open_workspace({"contacts": contacts(self.CALLS)}, Settings(sites=self.SITES))
        found = ws.kpis("contact_volume", by=["week", "site"], **how)
        rows = found.frame.sort_values(["site", "week"])
        names = zip(rows["site"], rows["week"].dt.strftime("%d %b"), rows["value"], strict=True)
        return list(names), found.days_of

    def test_each_site_begins_its_week_on_its_own_day(self):
        found, said = self.weeks()
        assert found == [("Austin", "23 Feb", 1), ("Austin", "02 Mar", 1), ("Haifa", "01 Mar", 2)]
        assert said == (
            "each site's own days (Haifa Asia/Jerusalem, Austin America/Chicago),"
            " else days of UTC, weeks from monday"
        )

    def test_by_the_centre_all_weeks_are_alike(self):
        found, said = self.weeks(days="centre")
        assert [week for _, week, _ in found] == ["23 Feb", "02 Mar", "23 Feb", "02 Mar"]
        assert said == "days of UTC, weeks from monday"

    def test_the_week_of_the_centre_follows_its_calendar(self):
        hours = {"always_open": True, "week_start": "saturday"}
        settings = Settings(calendar="shop", calendars={"shop": hours})
        ws = open_workspace({"contacts": contacts(self.CALLS)}, settings)
        found = ws.kpis("contact_volume", by=["week"])
        assert found.frame["week"].dt.day_name().tolist() == ["Saturday"]
        assert found.days_of == "days of UTC, weeks from saturday"
