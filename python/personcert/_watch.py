"""Attempts, told to logging and to `on_retry`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._models import Attempt


def hook(on_retry: Callable[[Attempt], object] | None) -> Callable[[Attempt], None] | None:
    """What the client calls with every attempt; None where nobody would notice, for it costs time."""
    # A program that has not imported logging has not asked for it.
    logging = sys.modules.get("logging")
    logger = logging.getLogger("personcert") if logging else None
    if on_retry is None and not (logger and logger.isEnabledFor(logging.INFO)):  # type: ignore[union-attr]
        return None

    def tell(attempt: Attempt) -> None:
        if logger:
            _log(logger, attempt)
        if on_retry and attempt.wait_ms is not None:
            on_retry(attempt)

    return tell


def _log(logger, attempt: Attempt) -> None:  # type: ignore[no-untyped-def]
    if attempt.notice:
        logger.warning(attempt.notice)
    facts = attempt.to_graph()
    again = attempt.wait_ms is not None
    words = "%(method)s %(target)s: %(said)s in %(durationMs).0f ms, attempt %(attempt)s [%(clientRequestId)s]"
    said = attempt.status or attempt.kind
    level, more = (20, f", again in {attempt.wait_ms:.0f} ms") if again else (10, "")
    logger.log(level, words + more, {"said": said, "clientRequestId": None, **facts}, extra={"personcert": facts})
