"Every input of every KPI exists in the contract, and what a table feeds follows from the KPIs."

import pytest

from contact_kpis import catalogue
from contact_kpis.data.contract import Reference, tables
from contact_kpis.errors import UnknownName
from contact_kpis.metrics.asked import KEYS


@pytest.mark.parametrize("kpi", catalogue)
def test_inputs_of_a_kpi_exist(kpi):
    metric = catalogue[kpi]
    if metric.is_declared_only:
        assert metric.estimator and not metric.table
        return
    contract = tables[metric.table]
    assert metric.inputs and set(metric.inputs) <= set(contract.names)
    assert {*metric.needs, *metric.uses} <= set(tables)


def test_dimensions_are_columns_of_some_table():
    known = {c.name for t in tables.values() for c in t.columns}
    assert set(KEYS.values()) <= known


def test_what_a_table_feeds():
    assert {"occupancy", "adherence", "tenure_mix"} <= set(catalogue.fed_by("agent_states"))
    assert "sla_attainment" in catalogue.fed_by("ticket_sla")
    assert set(catalogue.fed_by("tickets")) == {
        k for k, m in catalogue.items() if {"tickets", "status_intervals"} & {m.table, *m.needs}
    }
    assert catalogue.fed_by("feedback") == ()
    with pytest.raises(UnknownName, match="did you mean 'tickets'"):
        catalogue.fed_by("ticket")


def test_the_tables_of_the_data_model():
    "Both lists of the data model; what they hold as lists are tables of their own."
    named = """
        contacts contact_segments queue_events agent_states agents schedules absences tickets
        ticket_events surveys emotions self_service_sessions digital_events checkout_sessions
        customers customer_identity subscriptions customer_events orders leads costs
        qa_evaluations qa_items certifications targets hierarchy actions calendars reason_map
        sites queues queue_intervals agent_intervals contact_texts contact_attributes survey_items
        agent_skills hierarchy_edges attempts status_intervals ticket_sla complaints reviews
        employee_surveys finance change_log forecasts annotations feedback journey_definitions
    """
    assert set(named.split()) == set(tables)


def test_each_table_is_of_one_piece():
    for name, table in tables.items():
        assert len(set(table.names)) == len(table.names), name
        assert all(table[key].required for key in table.key), name
        assert not table.event or table[table.event].kind == "timestamp", name
        for column in table.columns:
            assert not (column.derived and column.required), (name, column.name)
            assert column.text and column.person in ("", "customer", "agent"), (name, column.name)
            assert not (column.free_text and column.allowed), (name, column.name)
        for rule in table.rules:
            if isinstance(rule, Reference):
                assert tables[rule.table][rule.target].kind == table[rule.column].kind


def test_free_text_is_no_dimension():
    "What people said may stand in a table, and never becomes a label of a report."
    free = {c.name for t in tables.values() for c in t.columns if c.free_text}
    assert {"comment", "text", "answer", "detail"} <= free
    assert not free & set(KEYS.values())
