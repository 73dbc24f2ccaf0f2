"""The caller's credential."""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from typing import Protocol, Union

    from ._native import TokenReply

    class Token(Protocol):
        """A token with its expiry, like azure-identity's `AccessToken`."""

        @property
        def token(self) -> str: ...
        @property
        def expires_on(self) -> float: ...

    class TokenCredential(Protocol):
        """Anything that gets tokens the way azure-identity's credentials do."""

        def get_token(self, *scopes: str, **kwargs: Any) -> Token | Awaitable[Token]: ...

    Credential = Union[TokenCredential, Callable[[], Union[str, Awaitable[str]]]]

_LOOP_CHECK_SECONDS = 0.05


class _EventLoopStopped(Exception):
    """The event loop stopped before the credential returned, and calls now come from another one."""


class TokenFetcher:
    """Fetches tokens from a credential, each on a daemon thread: the program can end while the credential works.

    `credential` has `get_token(*scopes, claims=…)`, blocking or async, as azure-identity's have, or is a function that
    returns a token. An awaitable is awaited on `event_loop`, the loop of the latest call, or else on a loop of its own.
    """

    def __init__(self, credential: Any) -> None:
        self._credential = credential
        self.event_loop: AbstractEventLoop | None = None

    def __call__(self, scope: str, claims: str | None, reply: TokenReply) -> None:
        """Start fetching a token; `reply` receives it."""
        try:
            _thread.start_new_thread(self._fetch, (scope, claims, reply))
        except RuntimeError:
            # Python 3.12 starts no thread in an exit handler.
            self._fetch(scope, claims, reply)

    def _fetch(self, scope: str, claims: str | None, reply: TokenReply) -> None:
        try:
            token = self._get(scope, claims, reply)
            if isinstance(token, str):
                reply.set(token, None)
            else:
                reply.set(token.token, token.expires_on)
        except BaseException as error:
            reply.fail(f"{type(error).__name__}: {error}")

    def _get(self, scope: str, claims: str | None, reply: TokenReply) -> Any:
        get_token = getattr(self._credential, "get_token", None)
        while True:
            if get_token is None:
                token = self._credential()
            else:
                token = get_token(scope, claims=claims) if claims else get_token(scope)
            if not hasattr(token, "__await__"):
                return token
            try:
                return self._await(token, reply)
            except _EventLoopStopped:
                continue

    def _await(self, awaitable: Awaitable[Any], reply: TokenReply) -> Any:
        # Not at the top: asyncio takes several times as long to import as the rest of this package.
        import asyncio
        from concurrent.futures import wait

        async def token() -> Any:
            return await awaitable

        loop = self.event_loop
        if loop is None:
            return asyncio.run(token())
        coroutine = token()
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, loop)
            while not wait([future], _LOOP_CHECK_SECONDS).done:
                if reply.is_abandoned() or not loop.is_running():
                    self._check(loop, future, reply)
            return future.result()
        finally:
            if loop.is_closed():
                _close_unstarted(coroutine)
                _close_unstarted(awaitable)

    def _check(self, loop: AbstractEventLoop, future: Future[Any], reply: TokenReply) -> None:
        """Stop waiting where nothing will come of it. A loop that is only paused may run again."""
        abandoned = reply.is_abandoned()
        if not abandoned and self.event_loop is loop and not loop.is_closed():
            return
        if not loop.is_closed():
            future.cancel()
        if abandoned:
            raise RuntimeError("the call was given up")
        if self.event_loop is loop:
            raise RuntimeError("the event loop was closed before the credential returned")
        raise _EventLoopStopped


def _close_unstarted(awaitable: Any) -> None:
    """Close a coroutine that nothing will start; Python would warn about it."""
    from inspect import CORO_CREATED, getcoroutinestate, iscoroutine

    if iscoroutine(awaitable) and getcoroutinestate(awaitable) == CORO_CREATED:
        awaitable.close()
