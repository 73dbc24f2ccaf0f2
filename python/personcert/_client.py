"""The client for blocking calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._credential import TokenFetcher
from ._native import Client as _Native
from ._watch import hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._credential import Credential
    from ._models import (
        Attempt,
        CertificationChanges,
        CertificationValues,
        ClientOptions,
        Finding,
        PersonCertification,
        Prompt,
        UpdateResult,
    )
    from ._native import Pages


class Client:
    """Changes certifications on people's profiles.

    One client serves any number of threads, and forked children. Times are in seconds.
    """

    def __init__(
        self,
        *,
        credential: Credential | None = None,
        on_retry: Callable[[Attempt], object] | None = None,
        on_prompt: Callable[[Prompt], object] | None = None,
        **settings: Unpack[ClientOptions],
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            credential: Instead of a token: an object with `get_token(*scopes)`, blocking or async, such as a credential of
                azure-identity, or a function that returns a token. It is called on another thread when a token is needed.
            on_retry: Called with each failed attempt that will be retried, on the thread that made the attempt.
            on_prompt: Called with what the user must do to sign in. Default: print it to standard error.
            settings: See `ClientOptions`.

        Every attempt is logged to the logger `personcert` (debug; info for a retry), if logging is set up first.
        """
        self._fetcher = TokenFetcher(credential) if credential is not None else None
        self._native = _Native(cast("dict[str, Any]", settings), hook(on_retry), self._fetcher, on_prompt)

    # generated: operations, by `cargo xtask stubs` from the core's table
    def update(
        self,
        id: str,
        *,
        user: str | None = None,
        current: PersonCertification | None = None,
        verify: bool = False,
        timeout: float | None = None,
        traceparent: str | None = None,
        **changes: Unpack[CertificationChanges],
    ) -> UpdateResult:
        """Change a certification: only what is set or cleared is sent, every other property keeps its value.

        Args:
            id: The certification's id.
            changes: The properties to change.
            user: The user's object id or user principal name. Default: the signed-in user.
            current: The certification as it was read before. Only what differs from it is sent, and nothing if nothing differs.
            verify: Whether to settle an unknown outcome by reading the certification afterwards.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {
            "id": id,
            "changes": changes,
            "user": user,
            "current": current,
            "verify": verify,
            "timeout": timeout,
            "traceparent": traceparent,
        }
        return cast("UpdateResult", self._call("update", arguments))

    def get(
        self,
        id: str,
        *,
        user: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> PersonCertification:
        """Read a certification.

        Args:
            id: The certification's id.
            user: The user's object id or user principal name. Default: the signed-in user.
            select: The names of the properties to read. Default: all.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {"id": id, "user": user, "select": select, "timeout": timeout, "traceparent": traceparent}
        return cast("PersonCertification", self._call("get", arguments))

    def list(
        self,
        *,
        user: str | None = None,
        select: Sequence[str] | None = None,
        filter: str | None = None,
        orderby: str | None = None,
        top: int | None = None,
        skip: int | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> Iterator[PersonCertification]:
        """Read a user's certifications, fetching each page when it is needed.

        Args:
            user: The user's object id or user principal name. Default: the signed-in user.
            select: The names of the properties to read. Default: all.
            filter: An OData filter, such as `displayName eq 'Fire safety'`.
            orderby: An OData order, such as `displayName desc`.
            top: The number of certifications per page.
            skip: The number of certifications to skip.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {
            "user": user,
            "select": select,
            "filter": filter,
            "orderby": orderby,
            "top": top,
            "skip": skip,
            "timeout": timeout,
            "traceparent": traceparent,
        }
        return _items(self._call("list", arguments))

    def create(
        self,
        *,
        user: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
        **values: Unpack[CertificationValues],
    ) -> PersonCertification:
        """Add a certification to a user's profile.

        Args:
            values: The properties of the new certification.
            user: The user's object id or user principal name. Default: the signed-in user.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {"values": values, "user": user, "timeout": timeout, "traceparent": traceparent}
        return cast("PersonCertification", self._call("create", arguments))

    def delete(
        self,
        id: str,
        *,
        user: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Delete a certification.

        Args:
            id: The certification's id.
            user: The user's object id or user principal name. Default: the signed-in user.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {"id": id, "user": user, "timeout": timeout, "traceparent": traceparent}
        self._call("delete", arguments)

    def doctor(
        self,
        *,
        user: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> tuple[Finding, ...]:
        """Check token, permissions, network and clock before the first change. Sends at most one read and changes nothing.

        Args:
            user: The user's object id or user principal name. Default: the signed-in user.
            timeout: Time limit for the call; for a list, for each page. Default: the client's.
            traceparent: A W3C trace context to send along.
        """
        arguments = {"user": user, "timeout": timeout, "traceparent": traceparent}
        return cast("tuple[Finding, ...]", self._call("doctor", arguments))
    # end of generated: operations

    def close(self) -> None:
        """Give the connections up; further calls fail."""
        self._native.close()

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        return self._native.call(operation, arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _items(pages: Pages) -> Iterator[PersonCertification]:
    while (page := pages.next()) is not None:
        yield from page
