"""A local Graph for tests and trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._native import LocalGraph as _Native

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Literal, Self

    from ._models import PersonCertification


class LocalGraph:
    """A server on this machine that answers like Microsoft Graph and keeps certifications in SQLite.

    It is not the service: use it for tests and trials. It stops when it is closed, or with the process.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        database: str | os.PathLike[str] | None = None,
        permissions: Literal["spec", "current"] = "spec",
        seed: str | os.PathLike[str] | None = None,
        users: int = 0,
        certifications: int = 0,
    ) -> None:
        """Start it; it is ready on return.

        Args:
            port: The port; 0 picks a free one.
            database: The SQLite file; without it everything is in memory.
            permissions: The specification's permission table, or that of the service's current pages.
            seed: A JSON Lines or CSV file of certifications to begin with.
            users: How many more users to make up.
            certifications: How many certifications each of them gets.
        """
        options = {
            "port": port,
            "database": None if database is None else str(database),
            "permissions": permissions,
            "seed": None if seed is None else str(seed),
            "users": users,
            "certifications": certifications,
        }
        self._native = _Native({name: value for name, value in options.items() if value is not None})

    @property
    def url(self) -> str:
        """The root to give a client as `base_url`."""
        return self._native.url

    def token(
        self,
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        kind: Literal["work", "personal", "app"] = "work",
    ) -> str:
        """Make an access token; by default of the example's user, with `User.ReadWrite.All`."""
        return cast("str", self._command("token", user=user, scopes=scopes, kind=kind))

    def add(self, user: str, certification: PersonCertification | Mapping[str, Any]) -> dict[str, Any]:
        """Store a certification in Graph's names, its read-only members included; return what is stored."""
        return cast("dict[str, Any]", self._command("add", user=user, certification=certification))

    def certifications(self, user: str | None = None) -> list[dict[str, Any]]:
        """The stored certifications, of one user or of all, straight from SQLite."""
        return cast("list[dict[str, Any]]", self._command("certifications", user=user))

    def users(self) -> list[dict[str, Any]]:
        """The users there are."""
        return cast("list[dict[str, Any]]", self._command("users"))

    def script(self, answers: Sequence[Mapping[str, Any]]) -> None:
        """Answer the next requests with these instead of the store's answers, in this order.

        Each may have `status`, `headers`, `body` (JSON or text), `repeat` (the text that many times) and `cut`
        (break off after so many bytes).
        """
        self._command("script", answers=answers)

    def requests(self) -> list[dict[str, Any]]:
        """The requests that came since the last reset: method, path, headers and body."""
        return cast("list[dict[str, Any]]", self._command("requests"))

    def reset(self) -> None:
        """Bring back the state of the start; forget scripted answers and requests."""
        self._command("reset")

    def close(self) -> None:
        """Stop it."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _command(self, name: str, **arguments: Any) -> Any:
        return self._native.command(name, {key: value for key, value in arguments.items() if value is not None})
