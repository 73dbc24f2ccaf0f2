from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Any, final

from ._models import Attempt, PersonCertification, Prompt

def main(args: list[str]) -> int: ...
@final
class Client:
    def __new__(
        cls,
        config: dict[str, Any],
        hook: Callable[[Attempt], None] | None,
        credential: Callable[[str, str | None], tuple[str, float | None]] | None,
        prompt: Callable[[Prompt], object] | None,
    ) -> Client: ...
    def call(self, operation: str, arguments: dict[str, Any]) -> Any: ...
    def close(self) -> None: ...

@final
class Unread:
    def attribute(self, name: str) -> Any: ...

@final
class Pages:
    def next(self) -> tuple[PersonCertification, ...] | None: ...

@final
class Inbox:
    @staticmethod
    def open(event_loop: AbstractEventLoop) -> Inbox: ...
    def drain(self) -> None: ...
    def abort(self, ticket: int) -> None: ...

@final
class AsyncClient:
    def __new__(
        cls,
        config: dict[str, Any],
        hook: Callable[[Attempt], None] | None,
        credential: Callable[[str, str | None], tuple[str, float | None]] | None,
        prompt: Callable[[Prompt], object] | None,
    ) -> AsyncClient: ...
    def call(self, inbox: Inbox, future: Future[Any], operation: str, arguments: dict[str, Any]) -> int: ...
    def close(self) -> None: ...

@final
class AsyncPages:
    def next(self, inbox: Inbox, future: Future[Any]) -> int: ...

@final
class LocalGraph:
    def __new__(cls, options: dict[str, Any]) -> LocalGraph: ...
    @property
    def url(self) -> str: ...
    def command(self, name: str, arguments: dict[str, Any]) -> Any: ...
    def close(self) -> None: ...
