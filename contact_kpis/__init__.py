"""Contact-centre KPIs with explicit conventions and honest intervals."""

__version__ = "0.1.0"
__all__ = ["Settings", "catalogue", "open_workspace"]

_HOMES = {
    "open_workspace": "contact_kpis.workspace",
    "catalogue": "contact_kpis.metrics.catalogue",
    "Settings": "contact_kpis.settings",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'contact_kpis' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
