"""Repeat contacts and first contact resolution: contacts against issues, window edges, pending.

1e-9 is the rounding of one division.
"""

import pytest

from tests.builders import call, calls, codes, is_null, one, open_ws

# The data must run on for the issues to mature: one stranger on the last day of March.
QUIET_END = [call(at="2026-03-31 12:00:00", customer_id="Z", wait=1)]


def visits(customer, *days, **known):
    """Contacts of one customer at noon on these days of March 2026."""
    return [
        call(at=f"2026-03-{day:02d} 12:00:00", customer_id=customer, wait=1, **known)
        for day in days
    ]


def test_contacts_against_issues():
    """A calls three times, B once, C twice, all within a week:

        A  x--x--x        3 contacts, 2 repeats, 1 failed issue
        B  x              1 contact,             1 solved issue
        C  x--x           2 contacts, 1 repeat,  1 failed issue

    FCR = 1 of 3 issues = 33.3 %; repeat contacts = 3 of 6 = 50 %; 1 - FCR = 66.7 % is neither.
    """
    ws = open_ws(visits("A", 2, 4, 6) + visits("B", 3) + visits("C", 5, 7) + QUIET_END)
    until = "2026-03-30"
    fcr = one(ws, "fcr_repeat_window", until=until, as_of="2026-03-31")
    assert fcr["value"] == pytest.approx(100 / 3, rel=1e-9)
    assert fcr["n"] == 3
    repeats = one(ws, "repeat_contact_rate", until=until, as_of="2026-03-31")
    assert repeats["value"] == pytest.approx(50.0, rel=1e-9)
    assert repeats["n"] == 6
    ahead = one(
        ws, "repeat_contact_rate", direction="look_forward", until=until, as_of="2026-03-31"
    )
    assert ahead["value"] == pytest.approx(50.0, rel=1e-9), "A, A and C are followed by another"


@pytest.mark.parametrize(
    ("second", "repeats"),
    [("2026-03-09 12:00:00", 1), ("2026-03-09 12:00:01", 0), ("2026-03-02 12:00:01", 1)],
)
def test_the_window_is_closed_at_exactly_n_days(second, repeats):
    "7 days to the second is a repeat, one second later is not."
    ws = open_ws(visits("A", 2) + [call(at=second, customer_id="A", wait=1)] + QUIET_END)
    until = "2026-03-30"
    rate = one(ws, "repeat_contact_rate", until=until)
    assert rate["value"] == pytest.approx(100 * repeats / 2, rel=1e-9)
    fcr = one(ws, "fcr_repeat_window", until=until)
    assert fcr["value"] == pytest.approx(0.0 if repeats else 100.0, abs=1e-9)
    assert fcr["n"] == (1 if repeats else 2), "a repeat is no issue of its own"


def test_a_window_in_days_is_taken_in_days():
    "Six days apart: a repeat within 7 days, none within 5."
    ws = open_ws(visits("A", 2, 8) + QUIET_END)
    assert one(ws, "repeat_contact_rate", until="2026-03-30")["value"] == pytest.approx(
        50, rel=1e-9
    )
    shorter = one(ws, "repeat_contact_rate", window_d=5, until="2026-03-30")
    assert shorter["value"] == 0.0


def test_a_chain_goes_on_while_the_gaps_are_short():
    """Days 2, 8, 14: each six days after the one before, so one issue of three contacts.

    The third is 12 days after the first and still a repeat of the second.
    """
    ws = open_ws(visits("A", 2, 8, 14) + QUIET_END)
    fcr = one(ws, "fcr_repeat_window", until="2026-03-30")
    assert fcr["n"] == 1 and fcr["value"] == 0.0
    rate = one(ws, "repeat_contact_rate", until="2026-03-30")
    assert rate["value"] == pytest.approx(100 * 2 / 3, rel=1e-9)


def test_pending_issues_are_on_neither_side():
    """The data end with 31 March. Issues of the 20th and 24th are over, those of the 26th and 30th
    may still see a repeat: 7 days after the 24th, noon, is the 31st, noon.

        A 20 ........ closed, solved        B 24 --- 28   closed, failed
        C 26 ........ pending               D 30 31       pending, although a repeat is already seen
    """
    ws = open_ws(visits("A", 20) + visits("B", 24, 28) + visits("C", 26) + visits("D", 30, 31))
    row = one(ws, "fcr_repeat_window")
    assert row["n"] == 2
    assert row["value"] == pytest.approx(50.0, rel=1e-9)
    assert row["pending"] == 2


def test_all_pending_is_null_with_a_caveat():
    row = one(open_ws(visits("A", 30) + visits("B", 31)), "fcr_repeat_window")
    assert is_null(row["value"])
    assert row["pending"] == 2
    assert codes(row), "a null value says why"


def test_looking_forward_waits_for_the_window():
    "Contacts of the 20th (followed on the 22nd), the 22nd (not followed), the 30th (pending)."
    ws = open_ws(visits("A", 20, 22) + visits("B", 30) + visits("Z", 31))
    row = one(ws, "repeat_contact_rate", direction="look_forward")
    assert row["n"] == 2
    assert row["value"] == pytest.approx(50.0, rel=1e-9)
    assert row["pending"] == 2


def test_the_same_reason():
    """A: bill, then delivery two days later. Without reasons one issue, with them two."""
    ws = open_ws(
        visits("A", 2, reason_code="bill") + visits("A", 4, reason_code="delivery") + QUIET_END
    )
    until = "2026-03-30"
    any_reason = one(ws, "repeat_contact_rate", until=until)
    assert any_reason["value"] == pytest.approx(50.0, rel=1e-9)
    same = one(ws, "repeat_contact_rate", same_reason=True, until=until)
    assert same["value"] == 0.0
    fcr = one(ws, "fcr_repeat_window", same_reason=True, until=until)
    assert fcr["n"] == 2 and fcr["value"] == pytest.approx(100.0, rel=1e-9)


def test_a_chain_of_one_reason_is_not_cut_by_another():
    "bill on the 2nd, delivery on the 3rd, bill on the 4th: the second bill is a repeat."
    rows = (
        visits("A", 2, reason_code="bill")
        + visits("A", 3, reason_code="delivery")
        + visits("A", 4, reason_code="bill")
    )
    ws = open_ws(rows + QUIET_END)
    same = one(ws, "repeat_contact_rate", same_reason=True, until="2026-03-30")
    assert same["value"] == pytest.approx(100 / 3, rel=1e-9)


def test_the_same_channel():
    "Voice, then chat: a repeat across channels, none within one."
    ws = open_ws(visits("A", 2) + visits("A", 4, channel="chat") + QUIET_END)
    until = "2026-03-30"
    assert one(ws, "repeat_contact_rate", until=until)["value"] == pytest.approx(50.0, rel=1e-9)
    within = one(ws, "repeat_contact_rate", cross_channel=False, until=until)
    assert within["value"] == 0.0


def test_contacts_without_a_customer_are_on_neither_side_and_are_reported():
    "Two of five contacts are identified, one of them is a repeat: 50 % of two, and a caveat."
    ws = open_ws(visits("A", 2, 3) + visits(None, 2, 3, 4) + QUIET_END)
    row = one(ws, "repeat_contact_rate", until="2026-03-30")
    assert row["value"] == pytest.approx(50.0, rel=1e-9)
    assert row["n"] == 2
    shares = [
        c for c in row["caveats"] if "=" in c and float(c.split("=")[1]) == pytest.approx(0.4)
    ]
    assert shares, f"the identified share 0.40 is printed: {row['caveats']}"


def test_strangers_are_not_one_customer():
    "Contacts without a key have nothing to compare: no value."
    row = one(open_ws(visits(None, 2, 3, 4) + calls(2, wait=1)), "repeat_contact_rate")
    assert is_null(row["value"])
    assert codes(row), "a null value says why"


def test_a_phantom_is_no_repeat():
    ws = open_ws(visits("A", 2) + visits("A", 3, outcome="phantom") + QUIET_END)
    row = one(ws, "repeat_contact_rate", until="2026-03-30")
    assert row["value"] == 0.0 and row["n"] == 1


def test_a_call_to_the_customer_is_no_repeat_of_theirs():
    "Somebody rang back on the 3rd: not a further contact from the same customer."
    ws = open_ws(visits("A", 2) + visits("A", 3, direction="outbound") + QUIET_END)
    fcr = one(ws, "fcr_repeat_window", until="2026-03-30")
    assert fcr["n"] == 1
    assert fcr["value"] == pytest.approx(100.0, rel=1e-9)


def test_an_issue_that_began_before_the_period_is_not_of_the_period():
    "Contacts on the 2nd and the 4th, asked for from the 3rd: one repeat of one contact, no issue."
    ws = open_ws(visits("A", 2, 4) + QUIET_END)
    asked = {"since": "2026-03-03", "until": "2026-03-10", "as_of": "2026-03-31"}
    rate = one(ws, "repeat_contact_rate", **asked)
    assert rate["value"] == pytest.approx(100.0, rel=1e-9) and rate["n"] == 1
    fcr = one(ws, "fcr_repeat_window", **asked)
    assert is_null(fcr["value"])
