"""The simulated centre of six weeks, opened once for all modules that ask it the same things."""

from functools import cache

from contact_kpis import open_workspace
from contact_kpis.data.simulate import centre

TABLES = (
    "contacts", "contact_segments", "queues", "sites", "agents", "agent_states", "change_log",
    "self_service_sessions", "reason_map", "tickets", "ticket_events",
)  # fmt: skip


@cache
def small_centre():
    made = centre.make("small", contacts=20_000, weeks=6)
    return open_workspace({name: made.tables[name] for name in TABLES}, made.settings)
