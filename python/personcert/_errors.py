"""What calls raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal


class PersonCertError(Exception):
    """What went wrong. The text is one line for people, the attributes are for programs. Unknown ones are None."""

    # generated: attributes, by `cargo xtask stubs` from the core's table
    kind: Literal[
        "invalid_input",
        "auth",
        "permission",
        "not_found",
        "conflict",
        "throttled",
        "service",
        "network",
        "timeout",
        "cancelled",
        "protocol",
    ]
    """What went wrong, in terms of what the caller can do about it."""
    outcome: Literal["not_sent", "refused", "unknown"]
    """Whether the change was applied."""
    parameter: str | None
    """The invalid argument in the caller's spelling, such as `end_date` or `changes.endDate`."""
    target: str | None
    """The method and the path of the request, without the host."""
    status: int | None
    """The HTTP status of the response."""
    code: str | None
    """The service's outermost error code. The service sometimes leaves it empty."""
    inner_codes: list[str] | None
    """The more specific codes inside the error, from the outside in."""
    service_message: str | None
    """The service's own message, which may be empty. Don't branch on it."""
    request_id: str | None
    """The service's id for the request, which Microsoft's support asks for."""
    client_request_id: str | None
    """The client's id for the request, sent with it."""
    date: str | None
    """The service's clock when it answered (`Date` header)."""
    diagnostic: str | None
    """The `x-ms-ags-diagnostic` header, which Microsoft's support asks for."""
    retry_after: float | None
    """The number of seconds that the service asks to wait before the next attempt."""
    attempts: int | None
    """The number of times that the request was sent."""
    # end of generated: attributes


class InvalidInputError(PersonCertError, ValueError):
    """The call itself is wrong: an argument, a setting, or a value the service refused."""


class AuthError(PersonCertError):
    """No token is available, or the service did not accept it."""


class PermissionDeniedError(PersonCertError):
    """The token is valid but does not allow this."""


class NotFoundError(PersonCertError):
    """The user or the certification does not exist, or cannot be edited through Graph."""


class ThrottledError(PersonCertError):
    """Too many requests; `retry_after` says how many seconds to wait."""


_BY_KIND: dict[str, type[PersonCertError]] = {
    "invalid_input": InvalidInputError,
    "auth": AuthError,
    "permission": PermissionDeniedError,
    "not_found": NotFoundError,
    "throttled": ThrottledError,
}


def from_core(message: str, attributes: Mapping[str, Any]) -> PersonCertError:
    """Make the exception for an error of the core."""
    error = _BY_KIND.get(attributes["kind"], PersonCertError)(message)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error
