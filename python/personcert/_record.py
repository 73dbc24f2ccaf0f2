"""The base class of all results."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from ._native import LazyRecord


def nothing() -> None:
    """The default of a member. A factory, because a default value on the class would hide `__getattr__`."""


class Record:
    """A result with snake_case attributes; `to_graph()` returns it with Graph's names.

    A result of a call makes each attribute on first access: making all of them takes longer than the call, and programs
    read few.
    """

    # The attributes and Graph's names for them, in the order of the core's table.
    _names: tuple[tuple[str, str], ...] = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    _nulls: frozenset[str]

    if not TYPE_CHECKING:  # With it, a type checker would accept misspelt attributes.

        def __getattr__(self, name: str) -> Any:
            lazy: LazyRecord | None = self.__dict__.get("_lazy")
            if lazy is None or name.startswith("__"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            value = self.__dict__[name] = lazy.attribute(name)
            return value

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_graph(self) -> dict[str, Any]:
        """The object as Graph writes it: camelCase names, dates as text, nulls where the service sent nulls."""
        graph: dict[str, Any] = {}
        for name, wire in self._names:
            value = getattr(self, name)
            if value is not None or name in self._nulls:
                graph[wire] = _plain(value)
        graph.update(getattr(self, "extra", {}))
        return graph


class PropertyName(str):
    """The name of a certification's attribute; `graph` is Graph's name for it."""

    graph: str

    def __new__(cls, text: str, graph: str = "") -> PropertyName:
        name = super().__new__(cls, text)
        name.graph = graph or text
        return name


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_graph()
    if isinstance(value, PropertyName):
        return value.graph
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
