"""The client for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._completions import completion
from ._credential import TokenFetcher
from ._native import AsyncClient as _Native
from ._watch import hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._credential import Credential
    from ._models import Attempt, CertificationChanges, ClientOptions, Finding, PersonCertification, Prompt, UpdateResult


class AsyncClient:
    """Changes certifications on people's profiles, for asyncio.

    One client serves any number of event loops, one after the other or at once. `user` is an id or a user principal
    name; without it a call is about the person who is signed in. `timeout` is in seconds.
    """

    def __init__(
        self,
        *,
        credential: Credential | None = None,
        on_retry: Callable[[Attempt], object] | None = None,
        on_prompt: Callable[[Prompt], object] | None = None,
        **config: Unpack[ClientOptions],
    ) -> None:
        """Make a client with these settings; nothing is sent yet.

        `credential`, instead of a token, has `get_token(*scopes)`, blocking or async, as azure-identity's credentials have,
        or is a function that gives a token. It is asked when there is no token that still serves, from another thread.
        `on_retry` is called with each failed attempt that will be followed by another, from the thread that makes it.
        `on_prompt` is called with what a person has to do, where the settings want one to sign in; without it that goes to
        standard error. Every attempt goes to the logger `personcert` (debug; info for a retry), where logging is set up before.
        """
        self._fetcher = TokenFetcher(credential) if credential is not None else None
        self._native = _Native(cast("dict[str, Any]", config), hook(on_retry), self._fetcher, on_prompt)

    async def update(
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
        """Change a certification: a value sets, None clears, what is left out stays as it is.

        With `current`, the certification as it was read before, only what differs is sent, and nothing when nothing
        differs. With `verify` an outcome that stays unknown is settled by reading the certification afterwards.
        """
        arguments = {
            "id": id,
            "user": user,
            "changes": changes,
            "current": current,
            "verify": verify or None,
            "timeout": timeout,
            "traceparent": traceparent,
        }
        return cast("UpdateResult", await self._call("update", arguments))

    async def get(
        self,
        id: str,
        *,
        user: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> PersonCertification:
        """Read a certification; with `select`, these properties alone."""
        arguments = {"id": id, "user": user, "select": select, "timeout": timeout, "traceparent": traceparent}
        return cast("PersonCertification", await self._call("get", arguments))

    async def list(
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
    ) -> AsyncIterator[PersonCertification]:
        """Read all certifications, a page at a time as they are asked for; `top` is the size of a page."""
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
        pages = await self._call("list", arguments)
        while (page := await completion(pages.next)) is not None:
            for certification in page:
                yield certification

    async def create(
        self,
        *,
        user: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
        **values: Unpack[CertificationChanges],
    ) -> PersonCertification:
        """Add a certification with these values."""
        arguments = {"user": user, "values": values, "timeout": timeout, "traceparent": traceparent}
        return cast("PersonCertification", await self._call("create", arguments))

    async def delete(
        self,
        id: str,
        *,
        user: str | None = None,
        timeout: float | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Remove a certification."""
        await self._call("delete", {"id": id, "user": user, "timeout": timeout, "traceparent": traceparent})

    async def doctor(self, *, user: str | None = None, timeout: float | None = None) -> tuple[Finding, ...]:
        """Find out what can be known before a first write: about the token, the way to the service, its clock.

        Sends one read at the most and changes nothing.
        """
        arguments = {"user": user, "timeout": timeout}
        return cast("tuple[Finding, ...]", await self._call("doctor", arguments))

    async def close(self) -> None:
        """Give the connections up once the calls under way have ended; further calls fail."""
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        if self._fetcher is not None:
            # Not at the top: asyncio takes several times as long to import as the rest of this package.
            from asyncio import get_running_loop

            self._fetcher.event_loop = get_running_loop()
        return await completion(self._native.call, operation, arguments)
