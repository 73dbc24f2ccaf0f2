"""Reports attempts to `logging` and to `on_retry`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._models import Attempt


def hook(on_retry: Callable[[Attempt], object] | None) -> Callable[[Attempt], None] | None:
    """The function that the client calls with every attempt; None where it would do nothing, because it costs time."""
    # A program that has not imported logging has not set it up.
    logging = sys.modules.get("logging")
    logger = logging.getLogger("personcert") if logging else None
    if on_retry is None and not (logger and logger.isEnabledFor(logging.INFO)):  # type: ignore[union-attr]
        return None

    def report(attempt: Attempt) -> None:
        if logger:
            _log(logger, attempt)
        if on_retry and attempt.wait_ms is not None:
            on_retry(attempt)

    return report


def _log(logger, attempt: Attempt) -> None:  # type: ignore[no-untyped-def]
    if attempt.notice:
        logger.warning(attempt.notice)
    facts = attempt.to_graph()
    words = "%(method)s %(target)s: %(result)s in %(durationMs).0f ms, attempt %(attempt)s [%(clientRequestId)s]"
    result = attempt.status or attempt.kind
    level, more = (20, f", again in {attempt.wait_ms:.0f} ms") if attempt.wait_ms is not None else (10, "")
    logger.log(level, words + more, {"result": result, "clientRequestId": None, **facts}, extra={"personcert": facts})
