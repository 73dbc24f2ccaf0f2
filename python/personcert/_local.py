"""A local Graph for tests and trials."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from ._native import LocalGraph as _Native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Literal, Self

    from ._models import Fault, PersonCertification, Rate, ScriptedAnswer


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

    # generated: commands, by `cargo xtask stubs` from the local Graph's table
    def token(
        self,
        *,
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        kind: Literal["work", "personal", "app"] | None = None,
    ) -> str:
        """Creates an access token that is valid for an hour.

        Args:
            user: The user's id or user principal name. Default: the specification's user.
            scopes: The permissions. Default: `User.ReadWrite.All`.
            kind: `work`, `personal`, or `app` for an application without a user. Default: `work`.
        """
        arguments = {"user": user, "scopes": scopes, "kind": kind}
        return cast("str", self._native.command("token", arguments))

    def add(self, user: str, certification: PersonCertification | Mapping[str, Any]) -> dict[str, Any]:
        """Stores a certification and returns it as stored.

        Args:
            user: The user's id or user principal name; a missing user is created.
            certification: The certification in Graph's names, read-only properties included.
        """
        arguments = {"user": user, "certification": certification}
        return cast("dict[str, Any]", self._native.command("add", arguments))

    def certifications(self, user: str | None = None) -> list[dict[str, Any]]:
        """Returns the stored certifications of a user, directly from SQLite.

        Args:
            user: The user's id or user principal name. Default: the specification's user.
        """
        arguments = {"user": user}
        return cast("list[dict[str, Any]]", self._native.command("certifications", arguments))

    def users(self) -> list[dict[str, Any]]:
        """Returns the users."""
        return cast("list[dict[str, Any]]", self._native.command("users", {}))

    def script(self, answers: Sequence[ScriptedAnswer]) -> None:
        """Sends these responses to the next requests, in this order.

        Args:
            answers: The responses, in the order in which they are sent.
        """
        arguments = {"answers": answers}
        self._native.command("script", arguments)

    def faults(self, faults: Sequence[Fault]) -> None:
        """Adds faults. A request takes the first fault that matches it and is not used up.

        Args:
            faults: The faults, added to the existing ones.
        """
        arguments = {"faults": faults}
        self._native.command("faults", arguments)

    def throttle(
        self,
        *,
        app: Rate | None = None,
        tenant: Rate | None = None,
        user: Rate | None = None,
        mailbox: int | None = None,
        retry_after: Literal["integer", "decimal", "date", "absent", "garbage"] | None = None,
    ) -> None:
        """Sets limits; requests over a limit get 429. Without arguments it removes all limits.

        Args:
            app: The rate of each application.
            tenant: The rate of all requests.
            user: The rate for each user.
            mailbox: The number of requests in flight for one user.
            retry_after: How `Retry-After` is written: `integer` (default), `decimal`, `date`, `absent`, `garbage`. It is rounded up, so it is never early.
        """
        arguments = {"app": app, "tenant": tenant, "user": user, "mailbox": mailbox, "retry_after": retry_after}
        self._native.command("throttle", arguments)

    def clock(
        self,
        *,
        freeze: bool | None = None,
        now: str | None = None,
        skew: float | None = None,
        advance: float | None = None,
    ) -> str:
        """Freezes, releases, sets or moves the clock, and returns its time. Tokens, `Date`, timestamps, `Retry-After` and the limits follow it.

        Args:
            freeze: True freezes the clock, false returns to real time.
            now: The time at which to freeze it, such as `2030-01-01T00:00:00Z`. Default: the current time.
            skew: The seconds by which it is ahead of the time.
            advance: The seconds by which to advance it.
        """
        arguments = {"freeze": freeze, "now": now, "skew": skew, "advance": advance}
        return cast("str", self._native.command("clock", arguments))

    def seed(self, seed: int) -> None:
        """Restarts the random generator: with the same seed the same ids and random faults follow, and with a frozen clock the same requests get the same bytes.

        Args:
            seed: The seed.
        """
        arguments = {"seed": seed}
        self._native.command("seed", arguments)

    def snapshot(self) -> int:
        """Keeps a copy of the users and certifications and returns its number. At most 16 copies are kept, across resets."""
        return cast("int", self._native.command("snapshot", {}))

    def restore(self, snapshot: int) -> None:
        """Restores the users and certifications of a snapshot.

        Args:
            snapshot: The number that `snapshot` returned.
        """
        arguments = {"snapshot": snapshot}
        self._native.command("restore", arguments)

    def requests(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        user: str | None = None,
        status: int | None = None,
    ) -> list[dict[str, Any]]:
        """Returns the requests since the last reset, or those that match: at most 10,000 requests and 32 MiB, and of a body 1 MiB.

        Args:
            method: Only requests with this method.
            path: Only requests with this path; `*` matches any text.
            user: Only requests about this user.
            status: Only requests that got this status.
        """
        arguments = {"method": method, "path": path, "user": user, "status": status}
        return cast("list[dict[str, Any]]", self._native.command("requests", arguments))

    def addresses(self) -> dict[str, Any]:
        """Returns addresses on this machine where connections fail, which open on first use."""
        return cast("dict[str, Any]", self._native.command("addresses", {}))

    def ca_file(self) -> str:
        """Returns the path of the PEM file with the authority behind `https`."""
        return cast("str", self._native.command("caFile", {}))

    def app(
        self,
        client_id: str,
        *,
        secret: str | None = None,
        certificate: str | None = None,
        public: bool | None = None,
        roles: Sequence[str] | None = None,
    ) -> None:
        """Registers an application.

        Args:
            client_id: The client id.
            secret: The secret.
            certificate: The certificate, as PEM text.
            public: Whether it is a public client, with which users sign in on their own machines.
            roles: The application permissions. Default: `User.ReadWrite.All`.
        """
        arguments = {
            "client_id": client_id,
            "secret": secret,
            "certificate": certificate,
            "public": public,
            "roles": roles,
        }
        self._native.command("app", arguments)

    def approve(self, *, user_code: str | None = None, user: str | None = None, decline: bool | None = None) -> None:
        """Approves or declines a device sign-in.

        Args:
            user_code: The code that the device shows. Default: every device sign-in from now on.
            user: The user who signs in. Default: the specification's user.
            decline: Whether to decline the sign-in instead.
        """
        arguments = {"user_code": user_code, "user": user, "decline": decline}
        self._native.command("approve", arguments)

    def lifetime(self, seconds: int) -> None:
        """Sets the lifetime of new access tokens.

        Args:
            seconds: The lifetime in seconds. Must be from 1 to 86400.
        """
        arguments = {"seconds": seconds}
        self._native.command("lifetime", arguments)

    def revoke(self, user: str | None = None) -> None:
        """Revokes the sessions of a user: the tokens get 401 and cannot be renewed.

        Args:
            user: The user's id or user principal name. Default: the specification's user.
        """
        arguments = {"user": user}
        self._native.command("revoke", arguments)

    def challenge(self, claims: Mapping[str, Any], user: str | None = None) -> None:
        """Refuses tokens that were not requested with these claims, with 401 and a claims challenge.

        Args:
            claims: The claims, such as `{"access_token": {"acrs": {"value": "c1"}}}`.
            user: The user whose tokens are refused. Default: all users.
        """
        arguments = {"claims": claims, "user": user}
        self._native.command("challenge", arguments)

    def federated(self) -> str:
        """Creates a token of another issuer, which every application here trusts."""
        return cast("str", self._native.command("federated", {}))

    def sign_ins(self) -> list[dict[str, Any]]:
        """Returns the token requests since the last reset. They are not part of `requests`."""
        return cast("list[dict[str, Any]]", self._native.command("signIns", {}))

    def reset(self) -> None:
        """Restores the state of the start, without responses, faults, limits, clock, seed and sign-ins. Snapshots are kept."""
        self._native.command("reset", {})
    # end of generated: commands

    def close(self) -> None:
        """Stop it."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
