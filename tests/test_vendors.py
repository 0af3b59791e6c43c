"""Presets of vendors: every convention exists, every source is known, the worked example comes out.

    T = 20 s, short = 5 s       within T                   after T
    answered                    70 (10 s)                  15 (40 s)
    abandoned                   10 (4 at 3 s, 6 at 12 s)   5 (60 s)      offered = 100

Printed values have two decimals; beside them is the exact fraction, and 1e-9 is the rounding of one
division.
"""

import csv
from collections import Counter
from pathlib import Path

import pytest

from contact_kpis import catalogue
from contact_kpis.errors import BadInput, NotComputable, UnknownName
from contact_kpis.metrics.sources import READ, SOURCES, cite, listed
from contact_kpis.metrics.vendors import (
    PRESETS,
    VENDORS,
    conventions_of,
    presets_of,
    read_presets,
    vendors_of,
)
from tests.builders import calls, one, open_ws

INTERVAL = [
    *calls(70, "answered", wait=10, talk=100),
    *calls(15, "answered", wait=40, talk=100),
    *calls(4, "abandoned", wait=3),
    *calls(6, "abandoned", wait=12),
    *calls(5, "abandoned", wait=60),
]
FLOWOUTS = calls(6, "flowed_out", wait=30)
NAMES = [f"{preset.vendor}.{preset.kpi}" for preset in PRESETS]


@pytest.fixture(scope="module")
def interval():
    return open_ws(INTERVAL)


@pytest.fixture(scope="module")
def interval_with_flowouts():
    return open_ws(INTERVAL + FLOWOUTS)


@pytest.mark.parametrize("preset", PRESETS, ids=NAMES)
def test_a_preset_chooses_conventions_that_exist(preset):
    chosen = dict(preset.chosen)
    values = catalogue[preset.kpi].using(**chosen).values
    assert {name: values[name] for name in chosen} == chosen
    assert set(preset.yours) <= set(values)
    assert not set(preset.yours) & set(chosen)


@pytest.mark.parametrize("preset", PRESETS, ids=NAMES)
def test_a_preset_says_where_it_stands(preset):
    assert preset.vendor in VENDORS
    assert preset.source in SOURCES
    for text in (preset.says, preset.unsaid, preset.differs):
        assert not text or text.endswith(".")
    assert preset.says
    assert presets_of(preset.vendor)[preset.kpi] is preset
    assert preset in vendors_of(preset.kpi)


def test_one_preset_for_a_vendor_and_a_kpi():
    assert max(Counter(NAMES).values()) == 1
    assert {preset.vendor for preset in PRESETS} == set(VENDORS)


@pytest.mark.parametrize(
    ("vendor", "printed", "fraction", "own"),
    [
        ("amazon_connect", 80.00, (70 + 10) / 100, {}),
        ("cisco_positive", 80.00, (70 + 10) / 100, {}),
        ("cisco_negative", 70.00, 70 / 100, {}),
        ("genesys", 70.00, 70 / 100, {}),
        ("vonage", 70.00, 70 / 100, {}),
        ("cisco_ignore", 77.78, 70 / (100 - 10), {}),
        ("xcally", 77.78, 70 / (70 + 15 + 5), {}),
        ("cxengage", 77.78, 70 / (100 - 10), {}),
        ("genesys_without_abandons", 82.35, 70 / (70 + 15), {}),
        ("nice", 82.35, 70 / (70 + 15), {}),
        ("genesys_without_shorts", 72.92, 70 / (100 - 4), {"short_abandon_s": 5}),
        ("twilio", 72.92, 70 / (100 - 4), {}),
        (
            "ringcentral",
            72.92,
            70 / (100 - 4),
            {"abandon_mode": "negative", "short_abandon_s": 5},
        ),
    ],
)
def test_service_level(interval, vendor, printed, fraction, own):
    preset = presets_of(vendor)["service_level"]
    row = one(interval, "service_level", **conventions_of(preset, **own, threshold_s=20))
    assert row["value"] == pytest.approx(100 * fraction, rel=1e-9)
    assert round(row["value"], 2) == printed


def test_service_level_with_flowouts(interval_with_flowouts):
    "70 answered in time, of 100 offered - 4 short + 6 flow-outs = 102."
    preset = presets_of("genesys_with_flowouts")["service_level"]
    chosen = conventions_of(preset, short_abandon_s=5)
    row = one(interval_with_flowouts, "service_level", **chosen)
    assert row["value"] == pytest.approx(100 * 70 / 102, rel=1e-9)
    assert round(row["value"], 2) == 68.63


def test_sixty_seconds_are_the_threshold_of_twilio(interval):
    "All 85 answered within 60 s, of 100 - 4: the default of one vendor is not that of another."
    chosen = conventions_of(presets_of("twilio")["service_level"])
    assert one(interval, "service_level", **chosen)["value"] == pytest.approx(100 * 85 / 96)


@pytest.mark.parametrize(
    ("vendor", "printed", "fraction", "own"),
    [
        ("amazon_connect", 15.00, 15 / 100, {}),
        ("genesys", 15.00, 15 / 100, {}),
        ("google_ccai", 11.46, (15 - 4) / (85 + 15 - 4), {"short_abandon_s": 5}),
    ],
)
def test_abandonment(interval, vendor, printed, fraction, own):
    preset = presets_of(vendor)["abandonment_rate"]
    row = one(interval, "abandonment_rate", **conventions_of(preset, **own))
    assert row["value"] == pytest.approx(100 * fraction, rel=1e-9)
    assert round(row["value"], 2) == printed


@pytest.mark.parametrize("preset", [p for p in PRESETS if p.yours], ids=lambda p: p.vendor)
def test_what_the_centre_must_tell_is_not_guessed(preset):
    with pytest.raises(NotComputable, match=preset.yours[0]):
        conventions_of(preset)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'genesys'"):
        presets_of("genesis")
    with pytest.raises(UnknownName, match="did you mean 'AWS-HM'"):
        cite(["GEN-SL", "AWS-HMD"])
    with pytest.raises(UnknownName, match="did you mean 'full'"):
        listed('KEY = ["ful", "Title"]')
    with pytest.raises(UnknownName, match="did you mean 'differs'"):
        read_presets('[a.aht]\nsource = "VOX"\nsays = "So."\ndifers = "No."')
    with pytest.raises(BadInput, match="a.aht. without says"):
        read_presets('[a.aht]\nsource = "VOX"')


def test_no_vendor_documents_it():
    assert vendors_of("fault_ownership_rate") == ()


def test_one_key_is_a_key_and_not_its_letters():
    assert cite("VOX") == cite(["VOX"]) == [SOURCES["VOX"].text]


def test_every_source_of_the_catalogue_is_known():
    table = Path(__file__).parent / "golden" / "specification.csv"
    with table.open(encoding="utf-8") as lines:
        keys = {key for row in csv.DictReader(lines) for key in row["sources"].split()}
    keys |= {key for metric in catalogue.values() for key in metric.sources}
    assert keys - set(SOURCES) == set()
    assert {f"S{number:03}" for number in range(5)} <= keys


def test_a_source_says_what_it_is():
    for key, source in SOURCES.items():
        assert source.key == key and source.text and source.read in READ
