"""What all results have in common."""

from __future__ import annotations

from datetime import date
from typing import Any


class Record:
    """A result with snake_case attributes; `to_graph()` gives it in Graph's names."""

    # The attributes with Graph's names for them, in the order of the core's table.
    _names: tuple[tuple[str, str], ...] = ()

    def to_graph(self) -> dict[str, Any]:
        """The object as Graph writes it: camelCase names, dates as text, nulls where the service wrote nulls."""
        nulls: frozenset[str] = getattr(self, "_nulls", frozenset())
        graph: dict[str, Any] = {}
        for name, wire in self._names:
            value = getattr(self, name)
            if value is not None or name in nulls:
                graph[wire] = _plain(value)
        graph.update(getattr(self, "extra", {}))
        return graph


class Name(str):
    """The name of an attribute of a certification; `graph` is Graph's name for it."""

    graph: str

    def __new__(cls, text: str, graph: str = "") -> Name:
        name = super().__new__(cls, text)
        name.graph = graph or text
        return name


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_graph()
    if isinstance(value, Name):
        return value.graph
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
