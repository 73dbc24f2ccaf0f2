"""A local Graph for tests and trials."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from ._native import LocalGraph as _Native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Literal, Self

    from ._models import PersonCertification


class LocalGraph:
    """A server on this machine that answers like Microsoft Graph and keeps certifications in SQLite.

    It is not the service: use it for tests and trials. It stops when it is closed, or with the process.
    """

    # generated: options, by `cargo xtask stubs` from the local Graph's table
    def __init__(
        self,
        *,
        port: int | None = None,
        host: str | None = None,
        expose: bool = False,
        database: str | os.PathLike[str] | None = None,
        permissions: Literal["spec", "current"] | None = None,
        seed: str | os.PathLike[str] | None = None,
        users: int | None = None,
        certifications: int | None = None,
        random_seed: int | None = None,
        faults: str | os.PathLike[str] | None = None,
        tls: bool = False,
        tls_alert: bool = False,
    ) -> None:
        """Start it; it is ready on return.

        Args:
            port: The port. Default: 0, a free one.
            host: The address to listen on. Default: 127.0.0.1.
            expose: Whether other machines may reach it; required for a `host` that is not this machine's own.
            database: The SQLite file. Default: memory.
            permissions: `spec` for the specification's permission table, where the application permission `User.ReadWrite.All` allows changes; `current` for that of the service's current pages, where no application may change anything. Default: `spec`.
            seed: A JSON Lines or CSV file of certifications to start with.
            users: The number of users to generate (`user0@contoso.com` and so on).
            certifications: The number of certifications of each generated user.
            random_seed: The seed of the random generator, which makes ids and random faults repeatable.
            faults: A JSON file with a list of faults to start with. It is read again at each reset.
            tls: Whether to serve https, with a certificate for `127.0.0.1` and `localhost` from an authority made for this run.
            tls_alert: Whether to end every TLS handshake with an alert.
        """
        options = {
            "port": port,
            "host": host,
            "expose": expose,
            "database": None if database is None else os.fspath(database),
            "permissions": permissions,
            "seed": None if seed is None else os.fspath(seed),
            "users": users,
            "certifications": certifications,
            "random_seed": random_seed,
            "faults": None if faults is None else os.fspath(faults),
            "tls": tls,
            "tls_alert": tls_alert,
        }
        self._native = _Native(options)
    # end of generated: options

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
        (break off after this number of bytes).
        """
        self._command("script", answers=answers)

    def requests(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        user: str | None = None,
        status: int | None = None,
    ) -> list[dict[str, Any]]:
        """The requests that came since the last reset: method, path, headers, body and the status they got.

        All of them, or those of a method, a path (`*` stands for anything), a user, a status.
        """
        given = self._command("requests", method=method, path=path, user=user, status=status)
        return cast("list[dict[str, Any]]", given)

    def faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Misbehave: each request takes the first of these that matches it and is not used up.

        The document on the local Graph lists what a fault can match and do.
        """
        self._command("faults", faults=faults)

    def throttle(self, limits: Mapping[str, Any]) -> None:
        """Answer 429 beyond these limits, such as `{"app": {"rate": 50, "burst": 10}, "mailbox": 4}`; `{}` ends it."""
        self._command("throttle", **limits)

    def clock(
        self, *, freeze: bool | None = None, now: str | None = None, advance: float | None = None, skew: float | None = None
    ) -> str:
        """Freeze, set, advance (seconds) or skew (seconds) its clock; return its time."""
        return cast("str", self._command("clock", freeze=freeze, now=now, advance=advance, skew=skew))

    def seed(self, seed: int) -> None:
        """Start everything random anew: the same seed and requests give the same answers."""
        self._command("seed", seed=seed)

    def snapshot(self) -> int:
        """Keep the stored state; `restore` brings it back."""
        return cast("int", self._command("snapshot")["snapshot"])

    def restore(self, snapshot: int) -> None:
        """Bring a kept state back."""
        self._command("restore", snapshot=snapshot)

    def addresses(self) -> dict[str, str]:
        """Addresses on this machine that behave badly or otherwise: closed, full, silent, tlsAlert, elsewhere, https."""
        return cast("dict[str, str]", self._command("addresses"))

    def ca_file(self) -> str | None:
        """The PEM file with the certificate authority of its https addresses, where there are any."""
        return cast("str | None", self._command("ca"))

    def app(
        self,
        client_id: str,
        *,
        secret: str | None = None,
        certificate: str | None = None,
        public: bool = False,
        roles: Sequence[str] | None = None,
    ) -> None:
        """Register an application: with a secret or a certificate (PEM text), or a public one for people's sign-in.

        There are two from the start: the public `00000000-1111-2222-3333-444444444444`, and
        `11111111-2222-3333-4444-555555555555` with the secret `local-secret`.
        """
        self._command("app", clientId=client_id, secret=secret, certificate=certificate, public=public, roles=roles)

    def approve(self, user_code: str | None = None, *, user: str | None = None, decline: bool = False) -> None:
        """Sign a user in with a device's code, or decline it; without a code, with every one from now on."""
        self._command("approve", userCode=user_code, user=user, decline=decline)

    def lifetime(self, seconds: int) -> None:
        """Set the lifetime of access tokens issued from now on."""
        self._command("lifetime", seconds=seconds)

    def revoke(self, user: str | None = None) -> None:
        """End a user's sessions: their tokens are refused from now on, and can't be renewed."""
        self._command("revoke", user=user)

    def challenge(self, claims: Mapping[str, Any], user: str | None = None) -> None:
        """Refuse tokens, of one user or of all, that were not asked for with these claims (claims challenge)."""
        self._command("challenge", claims=claims, user=user)

    def federated(self) -> str:
        """Make a token of another issuer that every application here trusts: what a federated token file holds."""
        return cast("str", self._command("federated"))

    def sign_ins(self) -> list[dict[str, Any]]:
        """The token requests since the last reset: grant, application, user, and how they ended."""
        return cast("list[dict[str, Any]]", self._command("signIns"))

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
