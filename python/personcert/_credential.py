"""Credentials of the program around, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable
    from typing import Protocol, Union

    class Token(Protocol):
        """A token and when it ends, as azure-identity's `AccessToken`."""

        @property
        def token(self) -> str: ...
        @property
        def expires_on(self) -> float: ...

    class TokenCredential(Protocol):
        """Anything that gets tokens, as azure-identity's credentials do."""

        def get_token(self, *scopes: str, **kwargs: Any) -> Token | Awaitable[Token]: ...

    Credential = Union[TokenCredential, Callable[[], Union[str, Awaitable[str]]]]


def provider(
    credential: Any, event_loop: Callable[[], AbstractEventLoop | None]
) -> Callable[[str, str | None], tuple[str, float | None]] | None:
    """What the client calls, on a thread of its own, when it needs a token: gives the token and when it ends.

    `credential` has `get_token(*scopes, claims=…)`, blocking or async, as azure-identity's have; or it is called and
    gives a token. `event_loop` is where what it gives is awaited.
    """
    if credential is None:
        return None

    def fetch(scope: str, claims: str | None) -> tuple[str, float | None]:
        get = getattr(credential, "get_token", None)
        if get is None:
            given = credential()
        else:
            given = get(scope, claims=claims) if claims else get(scope)
        if hasattr(given, "__await__"):
            given = _awaited(given, event_loop())
        if isinstance(given, str):
            return given, None
        return given.token, given.expires_on

    return fetch


def _awaited(given: Any, event_loop: AbstractEventLoop | None) -> Any:
    import asyncio

    async def wait() -> Any:
        return await given

    if event_loop is None:
        return asyncio.run(wait())
    return asyncio.run_coroutine_threadsafe(wait(), event_loop).result()
