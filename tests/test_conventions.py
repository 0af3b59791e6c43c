"""One KPI by several conventions: side by side, by vendor, and by a change that is dated.

Two weeks by threshold_s=20, and from 1 April, a Wednesday, by 30; every wait is 25 s:

    weeks from       16 Mar   23 Mar   30 Mar          6 Apr
    days                                30, 31 | 1-5
    service_level        0        0          0 | 100     100
"""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import pytest
from matplotlib.figure import Figure

from contact_kpis import catalogue, open_workspace
from contact_kpis.errors import BadSettings, ContactKpisError, UnknownName
from contact_kpis.metrics.vendors import PRESETS, VENDORS
from contact_kpis.settings import Settings, read_settings, settings_text
from tests.builders import call, calls, codes, contacts, is_null, metric, one, open_ws
from tests.small_centre import small_centre

# --- side by side -------------------------------------------------------------------------------


@cache
def compared(kpi, by=()):
    return catalogue[kpi].compare(small_centre(), by=list(by)).frame


COMPARED = ["service_level", "abandonment_rate", "repeat_contact_rate", "fcr_repeat_window", "aht"]


@pytest.mark.parametrize("kpi", COMPARED)
def test_a_comparison_has_a_line_per_way(kpi):
    found = compared(kpi)
    assert {"way", "value", "lower", "upper", "n", "why", "chosen"} <= set(found.columns)
    assert found["way"][0] == "as defined" and found["way"].is_unique
    assert found["chosen"].map(bool).all()
    known = found[found["value"].notna()]
    assert (known["lower"] <= known["value"]).all() and (known["value"] <= known["upper"]).all()


@pytest.mark.parametrize("kpi", COMPARED)
def test_as_defined_is_the_number_of_the_centre(kpi):
    first, alone = compared(kpi).iloc[0], small_centre().kpis(kpi).frame.iloc[0]
    for column in ("value", "lower", "upper", "n", "definition_id"):
        assert first[column] == alone[column], column
    assert not first["why"]


@pytest.mark.parametrize("kpi", COMPARED)
def test_each_way_is_the_number_by_that_convention(kpi):
    changed = [w.split("=") for w in compared(kpi)["way"] if "=" in w]
    assert changed
    mine = small_centre().metrics[kpi]
    for name, text in changed:
        declared = next(c for c in mine.conventions if c.name == name)
        value = next(v for v in [*declared.allowed, *declared.others, *declared.words]
                     if str(v) == text)  # fmt: skip
        row = compared(kpi).set_index("way").loc[f"{name}={text}"]
        other = mine.using(**{name: value})
        assert row["definition_id"] == other.definition_id
        if not is_null(row["value"]):
            assert row["value"] == small_centre().kpis(other).frame["value"][0]


@pytest.mark.parametrize("kpi", COMPARED)
def test_the_order_is_that_of_the_declarations(kpi):
    ways = list(compared(kpi)["way"])
    values = [
        f"{c.name}={v}"
        for c in catalogue[kpi].conventions
        for v in dict.fromkeys([*c.words, *c.allowed, *c.others])
    ]
    ours = [w for w in ways[1:] if "=" in w]
    theirs = ways[1 + len(ours) :]
    assert ways == ["as defined", *ours, *theirs]
    assert ours == [v for v in values if v in ours]
    vendors = list(dict.fromkeys(VENDORS[p.vendor] for p in PRESETS if p.kpi == kpi))
    assert theirs == [v for v in vendors if v in theirs]
    assert theirs == vendors


def test_the_order_does_not_follow_the_values():
    "One centre where the first way is the highest, one where it is the lowest."
    answers = calls(8, wait=5) + calls(2, "abandoned", wait=90)
    worse = calls(2, wait=5) + calls(8, "abandoned", wait=5)
    first, second = (open_ws(rows).compare("service_level").frame for rows in (answers, worse))
    assert first["way"].tolist() == second["way"].tolist()
    ranks = [f.dropna(subset="value")["value"].rank().tolist() for f in (first, second)]
    assert ranks[0] != ranks[1]


SMALL = [
    *calls(5, wait=5, queue_id="Q"),
    *calls(2, wait=50, queue_id="Q"),
    *calls(3, "abandoned", wait=5, queue_id="Q"),
    *calls(4, "abandoned", wait=50, queue_id="Q"),
    *calls(6, "flowed_out", wait=5, queue_id="Q"),
]


def test_why_the_ways_differ():
    found = open_ws(SMALL).compare("service_level").frame.set_index("way")
    why = {
        "abandon_mode=ignore": "denominator -3",
        "abandon_mode=positive": "numerator +3",
        "abandon_mode=drop_all": "denominator -7",
        "include_flowouts=True": "denominator +6",
        "Amazon Connect": "numerator +3, denominator +6",
    }
    assert {way: found["why"][way] for way in why} == why
    values = {"as defined": 5 / 14, "abandon_mode=ignore": 5 / 11, "abandon_mode=positive": 8 / 14}
    values |= {"abandon_mode=drop_all": 5 / 7, "Amazon Connect": 8 / 20}
    for way, value in values.items():
        assert found["value"][way] == pytest.approx(100 * value, abs=1e-9)


def test_rows_that_enter_are_not_set_off_against_rows_that_leave():
    "Two contacts of a customer: looked at from behind the second is the repeat, else the first."
    pair = [
        call(at=f"2026-03-{day:02} 10:00", wait=1, talk=2, customer_id="A", id=f"d{day}")
        for day in (2, 3)
    ]
    later = [call(at="2026-03-28 10:00", wait=1, talk=2, customer_id="B")]
    ws = open_ws(pair + later)
    back, ahead = (
        ws.rows(metric("repeat_contact_rate", direction=d)).set_index("contact_id")["is_numerator"]
        for d in ("look_back", "look_forward")
    )
    assert (back["d2"], back["d3"], ahead["d2"], ahead["d3"]) == (False, True, True, False)
    why = ws.compare("repeat_contact_rate").frame.set_index("way")["why"]["direction=look_forward"]
    assert "numerator" in why and "+1" in why and "-1" in why


def test_a_comparison_by_a_dimension():
    found = compared("service_level", ("channel",))
    for way, rows in found.groupby("way", sort=False):
        alone = compared("service_level").set_index("way").loc[way]
        if not is_null(alone["value"]):
            assert rows["n"].sum() == alone["n"], way
    first = found[found["way"] == "as defined"]
    plain = small_centre().kpis("service_level", by=["channel"]).frame
    assert first[["channel", "value", "n"]].astype(str).values.tolist() == (
        plain[["channel", "value", "n"]].astype(str).values.tolist()
    )
    assert list(dict.fromkeys(found["way"])) == list(compared("service_level")["way"])


def test_two_doors_to_one_comparison():
    ws = open_ws(SMALL)
    one_way, other = catalogue["service_level"].compare(ws), ws.compare("service_level")
    assert one_way.frame.astype(str).equals(other.frame.astype(str))
    there = ws.compare("service_level", where={"queue": "Q"}, since=date(2026, 3, 2))
    assert there.frame["value"].tolist()[0] == other.frame["value"].tolist()[0]


def test_a_comparison_can_be_drawn_and_shown():
    found = open_ws(SMALL).compare("service_level")
    figure = found.plot()
    assert isinstance(getattr(figure, "figure", figure), Figure)
    labels = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert any("as defined" in label for label in labels)
    assert "as defined" in repr(found) and "as defined" in found._repr_html_()


def test_a_vendor_of_the_question():
    ws = open_ws(SMALL)
    found = ws.kpis("service_level", conventions="amazon_connect").frame.iloc[0]
    assert found["value"] == 40
    assert (
        found["definition_id"]
        == catalogue.by_vendor("amazon_connect")["service_level"].definition_id
    )
    with pytest.raises(UnknownName, match="did you mean 'genesys'"):
        ws.kpis("service_level", conventions="gensys")


# --- a vendor in the settings -------------------------------------------------------------------


def settings_of(tmp_path, text):
    path = tmp_path / "contact_kpis.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_the_vendor_of_the_centre(tmp_path):
    settings = settings_of(tmp_path, '[centre]\nvendor = "amazon_connect"\n')
    ws = open_workspace({"contacts": contacts(SMALL)}, settings=settings)
    theirs = catalogue.by_vendor("amazon_connect")
    for kpi in ("service_level", "abandonment_rate", "asa"):
        assert ws.metrics[kpi].values == theirs[kpi].values
    assert one(ws, "asa")["definition_id"] == theirs["asa"].definition_id
    found = ws.kpis("service_level").frame.iloc[0]
    assert found["value"] == 40
    assert found["definition_id"] == theirs["service_level"].definition_id
    assert ws.compare("service_level").frame["definition_id"][0] == found["definition_id"]


def test_the_section_of_a_kpi_goes_before_the_vendor(tmp_path):
    text = '[centre]\nvendor = "amazon_connect"\n[kpis.service_level]\nabandon_mode = "ignore"\n'
    settings = settings_of(tmp_path, text)
    ws = open_workspace({"contacts": contacts(SMALL)}, settings=settings)
    values = ws.metrics["service_level"].values
    assert (values["abandon_mode"], values["include_flowouts"]) == ("ignore", True)
    assert ws.metrics["abandonment_rate"].values["denominator"] == "queued"


def test_an_unknown_vendor_of_the_centre(tmp_path):
    with pytest.raises(ContactKpisError, match="did you mean 'genesys'"):
        settings = settings_of(tmp_path, '[centre]\nvendor = "gensys"\n')
        open_workspace({"contacts": contacts(SMALL)}, settings=settings).kpis("asa")


# --- a change that is dated ---------------------------------------------------------------------

FIRST, DAY, LAST = date(2026, 3, 16), date(2026, 4, 1), date(2026, 4, 12)
BEFORE = DAY - timedelta(1)
OLD, NEW = catalogue["service_level"], catalogue["service_level"].using(threshold_s=30)
DATED = {"service_level": ((DAY, {"threshold_s": 30}),)}
KEYS = ["definition_id", "period_start_on", "period_end_on", "value", "n"]


@cache
def every_day():
    rows = []
    for i in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(i)
        rows += [
            call(at=f"{day} 10:0{j}", wait=25, talk=60, customer_id=f"k{i // 3}{j}",
                 agent_id=f"a{j}", queue_id="Q")
            for j in range(3)
        ]  # fmt: skip
    return contacts(rows)


@pytest.fixture(scope="module")
def dated():
    return open_workspace({"contacts": every_day()}, settings=Settings(changes=DATED))


@pytest.fixture(scope="module")
def plain():
    return open_workspace({"contacts": every_day()}, settings=Settings())


def lines(frame):
    return [
        (r.definition_id, r.period_start_on.date(), r.period_end_on.date(), r.value, r.n)
        for r in frame.itertuples()
    ]


def dates(row):
    return [c for c in row["caveats"] if c.startswith("definition_changes")]


def test_a_window_that_holds_the_day_has_two_definitions(dated):
    found = dated.kpis("service_level").frame
    assert lines(found) == [
        (OLD.definition_id, FIRST, BEFORE, 0, 48),
        (NEW.definition_id, DAY, LAST, 100, 36),
    ]
    assert [dates(row) for _, row in found.iterrows()] == [[], ["definition_changes=2026-04-01"]]


@pytest.mark.parametrize("by", [["day"], ["week"], ["month"], ["quarter"], ["week", "agent"]])
def test_rows_are_never_pooled_over_the_day(dated, plain, by):
    found = dated.kpis("service_level", by=by).frame
    old, new = (found[found["definition_id"] == m.definition_id] for m in (OLD, NEW))
    assert len(old) + len(new) == len(found)
    assert (old["value"] == 0).all() and (new["value"] == 100).all()
    assert (old["n"].sum(), new["n"].sum()) == (48, 36)
    assert not any(dates(row) for _, row in old.iterrows())
    assert all(dates(r) == ["definition_changes=2026-04-01"] for _, r in new.iterrows())
    whole = plain.kpis(OLD, by=by).frame
    keys = ["period_start_on", *by]
    pooled = found.groupby(keys, sort=False)["n"].sum()
    assert sorted(pooled) == sorted(whole.groupby(keys, sort=False)["n"].sum())


def test_a_week_that_holds_the_day_has_two_lines(dated):
    found = dated.kpis("service_level", by=["week"]).frame
    week = found[found["week"].astype(str).str.startswith("2026-03-30")]
    assert week["n"].tolist() == [6, 15]
    assert week["status"].tolist() == ["partial", "partial"]
    assert all("partial_period" in codes(row) for _, row in week.iterrows())
    rest = found.drop(week.index)
    assert len(rest) == 3 and "partial" not in set(rest["status"])


def test_a_week_that_begins_with_the_day_has_one_line():
    monday = {"service_level": ((date(2026, 3, 30), {"threshold_s": 30}),)}
    ws = open_workspace({"contacts": every_day()}, settings=Settings(changes=monday))
    found = ws.kpis("service_level", by=["week"]).frame
    assert found["value"].tolist() == [0, 0, 100, 100]
    assert "partial" not in set(found["status"])


@pytest.mark.parametrize(
    ("span", "definition", "value"),
    [
        ({"until": BEFORE}, OLD, 0),
        ({"until": date(2026, 3, 20)}, OLD, 0),
        ({"since": DAY}, NEW, 100),
        ({"since": date(2026, 4, 6)}, NEW, 100),
        ({"as_of": BEFORE}, OLD, 0),
    ],
)
def test_a_window_on_one_side_of_the_day_has_one_line(dated, plain, span, definition, value):
    found = dated.kpis("service_level", **span).frame
    assert lines(found) == lines(plain.kpis(definition, **span).frame)
    assert found["value"].tolist() == [value]
    assert found["status"].tolist() == plain.kpis(definition, **span).frame["status"].tolist()


@pytest.mark.parametrize("day", [date(2020, 1, 1), FIRST, date(2027, 1, 1), LAST + timedelta(1)])
@pytest.mark.parametrize("by", [[], ["week"]])
def test_a_change_outside_of_the_data_leaves_one_line(plain, day, by):
    "Without since and until the window is that of the data, and the change lies beside it."
    changes = {"service_level": ((day, {"threshold_s": 30}),)}
    ws = open_workspace({"contacts": every_day()}, settings=Settings(changes=changes))
    found, wanted = (w.kpis(NEW if day <= FIRST else OLD, by=by).frame for w in (ws, plain))
    assert lines(found) == lines(wanted)
    found = ws.kpis("service_level", by=by).frame
    assert lines(found) == lines(wanted)
    assert found["status"].tolist() == wanted["status"].tolist()


def test_several_changes_one_after_the_other():
    changes = ((date(2026, 3, 25), {"threshold_s": 10}), (DAY, {"threshold_s": 30}))
    ws = open_workspace(
        {"contacts": every_day()}, settings=Settings(changes={"service_level": changes})
    )
    found = ws.kpis("service_level").frame
    assert found["n"].tolist() == [27, 21, 36] and found["definition_id"].is_unique
    assert "definition_changes=2026-03-25" in found["caveats"][1]
    assert "definition_changes=2026-04-01" in found["caveats"][2]


def test_a_change_keeps_what_it_does_not_name():
    settings = Settings(
        conventions={"service_level": {"abandon_mode": "ignore"}},
        overrides={"service_level": (("queue", "other", {"threshold_s": 25}),)},
        changes=DATED,
    )
    ws = open_workspace({"contacts": every_day()}, settings=settings)
    before = OLD.using(abandon_mode="ignore").where("queue", "other", threshold_s=25)
    after = NEW.using(abandon_mode="ignore").where("queue", "other", threshold_s=25)
    found = ws.kpis("service_level").frame
    assert found["definition_id"].tolist() == [before.definition_id, after.definition_id]


def test_a_change_to_what_it_was_is_no_change():
    same = {"service_level": ((DAY, {"threshold_s": 20}),)}
    ws = open_workspace({"contacts": every_day()}, settings=Settings(changes=same))
    found = ws.kpis("service_level").frame
    assert not found.duplicated(subset=["definition_id", "period_start_on"]).any()
    assert found["n"].sum() == 84


def test_a_metric_is_taken_as_it_is(dated):
    for given in (OLD, NEW, OLD.using(threshold_s=5)):
        found = dated.kpis(given).frame
        assert lines(found)[0][:3] == (given.definition_id, FIRST, LAST)
        assert len(found) == 1 and not dates(found.iloc[0])


def test_a_metric_beside_its_id(dated):
    "Three lines: the metric over all, and the id by its two definitions."
    ten = OLD.using(threshold_s=10)
    found = dated.kpis([ten, "service_level"]).frame
    assert sorted(lines(found)) == sorted(
        [
            (ten.definition_id, FIRST, LAST, 0, 84),
            (OLD.definition_id, FIRST, BEFORE, 0, 48),
            (NEW.definition_id, DAY, LAST, 100, 36),
        ]
    )
    found = dated.kpis([OLD, "service_level"]).frame
    assert (OLD.definition_id, FIRST, LAST, 0, 84) in lines(found)
    assert not found.duplicated(subset=KEYS).any()


def test_other_kpis_of_the_question_are_not_cut(dated):
    found = dated.kpis(["asa", "service_level", "abandonment_rate"]).frame
    assert found.groupby("metric")["n"].apply(list).to_dict() == {
        "asa": [84],
        "service_level": [48, 36],
        "abandonment_rate": [84],
    }


def test_a_window_of_a_kpi_looks_across_the_day(plain):
    "A contact of 31 March that is repeated on 1 April is one by the old definition."
    changes = {"fcr_repeat_window": ((DAY, {"window_d": 1}),)}
    ws = open_workspace({"contacts": every_day()}, settings=Settings(changes=changes))
    old, new = catalogue["fcr_repeat_window"], metric("fcr_repeat_window", window_d=1)
    wanted = lines(plain.kpis(old, until=BEFORE).frame) + lines(plain.kpis(new, since=DAY).frame)
    assert lines(ws.kpis("fcr_repeat_window").frame) == wanted


def test_a_vendor_of_the_question_keeps_the_centres_change(dated):
    "Genesys leaves the threshold to the centre, and the centre changed it on a day."
    before = dated.kpis("service_level", conventions="genesys", until=BEFORE).frame
    assert before["value"].tolist() == [0]
    both = dated.kpis("service_level", conventions="genesys").frame
    assert both["value"].tolist() == [0, 100]


def test_a_change_is_compared_under_one_definition(dated, plain):
    found = dated.kpis("service_level", by=["week"]).change().frame
    known = found[found["difference"].notna()]
    assert len(known) and (known["difference"] == 0).all()
    wanted = plain.kpis(NEW, by=["week"], since=date(2026, 4, 6)).change().frame.iloc[0]
    mine = dated.kpis("service_level", by=["week"], since=date(2026, 4, 6)).change().frame
    assert mine[["definition_id", "value", "value_before"]].values.tolist() == [
        [wanted["definition_id"], 100, 100]
    ]
    assert mine["before_start_on"][0] == wanted["before_start_on"]


def test_the_metrics_of_a_workspace_are_those_of_its_last_day(dated):
    assert dated.metrics["service_level"].definition_id == NEW.definition_id


@pytest.mark.parametrize(("span", "hits"), [({"until": BEFORE}, 0), ({"since": DAY}, 36), ({}, 36)])
def test_the_rows_behind_a_number_follow_the_definition_of_their_day(dated, span, hits):
    rows = dated.rows("service_level", **span)
    assert rows["is_numerator"].sum() == hits
    people = dated.rows("service_level", per="agent", **span)
    assert people["numerator"].sum() == hits
    assert people["denominator"].sum() == dated.kpis("service_level", **span).frame["n"].sum()


def test_a_comparison_before_the_day_is_as_defined_then(dated):
    for span in ({"until": BEFORE}, {"since": DAY}):
        first = dated.compare("service_level", **span).frame.iloc[0]
        alone = dated.kpis("service_level", **span).frame.iloc[0]
        assert (first["value"], first["definition_id"]) == (alone["value"], alone["definition_id"])


def test_what_is_near_a_kpi_follows_the_definition_of_its_day():
    "Called again after three days: failed within 7 days, and not within one."
    rows = [
        call(at=f"2026-03-{day:02} 10:00", wait=1, talk=9, customer_id="k", agent_id="a")
        for day in (2, 5)
    ]
    rows += calls(2, at="2026-04-20 10:00", wait=1, talk=9, agent_id="a")
    changes = {"fcr_repeat_window": ((DAY, {"window_d": 1}),)}
    ws = open_workspace({"contacts": contacts(rows)}, settings=Settings(changes=changes))
    asked = {"since": date(2026, 3, 2), "until": date(2026, 3, 4)}
    assert ws.kpis("fcr_repeat_window", **asked).frame["value"].tolist() == [0]
    assert ws.near("fcr_repeat_window", **asked).failed == 1


# --- in the file --------------------------------------------------------------------------------

SECTION = '[kpis.service_level.from."{}"]\n{} = {}\n'


def test_a_dated_change_in_the_file(tmp_path):
    settings = settings_of(tmp_path, SECTION.format("2026-04-01", "threshold_s", 30))
    assert settings.changes == DATED
    ws = open_workspace({"contacts": every_day()}, settings=settings)
    assert ws.kpis("service_level").frame["value"].tolist() == [0, 100]


def test_the_order_in_the_file_does_not_matter(tmp_path):
    text = SECTION.format("2026-04-01", "threshold_s", 30)
    text += SECTION.format("2025-01-01", "threshold_s", 10)
    days = [day for day, _ in settings_of(tmp_path, text).changes["service_level"]]
    assert days == [date(2025, 1, 1), DAY]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(changes=DATED),
        Settings(vendor="genesys"),
        Settings(
            changes=DATED
            | {"aht": ((DAY, {"components": "talk_wrap"}), (LAST, {"components": "talk_hold"}))},
            conventions={"service_level": {"abandon_mode": "ignore"}, "asa": {}},
            overrides={"service_level": (("queue", 'x"]\n[centre', {"threshold_s": 25}),)},
            vendor="genesys",
        ),
    ],
    ids=["a change", "a vendor", "all"],
)
def test_settings_written_and_read(tmp_path, settings):
    read = settings_of(tmp_path, settings_text(settings))
    assert read == settings
    assert settings_text(read) == settings_text(settings)


@pytest.mark.parametrize(
    "day", ["2026-04-31", "2026-4-1", "01.04.2026", "soon", "", "1026-04-01", "2026-04-01T00:00"]
)
def test_a_date_that_is_none(tmp_path, day):
    with pytest.raises(BadSettings, match="contact_kpis.toml, line 1"):
        settings_of(tmp_path, SECTION.format(day, "threshold_s", 30))


REFUSED = {
    "a convention": (SECTION.format(DAY, "treshold_s", 30), "did you mean 'threshold_s'"),
    "a KPI": (
        SECTION.format(DAY, "threshold_s", 30).replace("service", "sevice"),
        "did you mean 'service_level'",
    ),
    "a value": (SECTION.format(DAY, "threshold_s", '"soon"'), "threshold_s"),
    "a value of several": (
        SECTION.format(DAY, "abandon_mode", '"ignored"'),
        "did you mean 'ignore'",
    ),
    "a section": (
        SECTION.format(DAY, "threshold_s", 30).replace("from", "form"),
        "did you mean 'from'",
    ),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused(tmp_path, text, said):
    with pytest.raises(ContactKpisError, match=said):
        settings = settings_of(tmp_path, text)
        open_workspace({"contacts": contacts(SMALL)}, settings=settings).kpis("service_level")


def test_a_change_in_settings_that_were_not_read_is_checked_too(plain):
    for kpi, chosen in (
        ("sevice_level", {"threshold_s": 30}),
        ("service_level", {"treshold_s": 1}),
    ):
        settings = replace(Settings(), changes={kpi: ((DAY, chosen),)})
        with pytest.raises(UnknownName, match="did you mean"):
            open_workspace({"contacts": contacts(SMALL)}, settings=settings).kpis("service_level")
