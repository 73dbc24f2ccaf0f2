"""Every public name, used as its types say: type checkers must find nothing here."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any

from personcert import (
    AsyncClient,
    Attempt,
    AuthError,
    CertificationChanges,
    CertificationValues,
    PropertyChange,
    Client,
    ClientOptions,
    Finding,
    Identity,
    IdentitySet,
    InferenceData,
    InferenceDataChanges,
    InvalidInputError,
    LocalGraph,
    NotFoundError,
    PermissionDeniedError,
    PersonCertError,
    PersonCertification,
    Prompt,
    PersonDataSources,
    PersonDataSourcesChanges,
    ProfileSourceAnnotation,
    ThrottledError,
    UpdateResult,
)

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"


def members(certification: PersonCertification) -> Mapping[str, Any]:
    """The members of a result and their types."""
    end: datetime.date | None = certification.end_date
    authority: str | None = certification.issuing_authority
    searchable: bool | None = certification.is_searchable
    by: IdentitySet | None = certification.created_by
    who: Identity | None = by.user if by else None
    name: str | None = who.display_name if who else None
    inference: InferenceData | None = certification.inference
    score: float | None = inference.confidence_score if inference else None
    source: PersonDataSources | None = certification.source
    sources: tuple[ProfileSourceAnnotation, ...] | None = certification.sources
    print(end, authority, searchable, name, score, source, sources, certification.extra)
    return certification.to_graph()


def changes(updated: UpdateResult) -> None:
    """What an update did."""
    every: tuple[PropertyChange, ...] = updated.changed
    for change in every:
        print(change.name, change.before, change.after, change.sent)
    if updated.certification:
        members(updated.certification)
    print(updated.warnings, updated.status, updated.attempts, updated.request_id, updated.client_request_id)


def blocking(graph: LocalGraph) -> None:
    """The five operations, and every error."""
    options: ClientOptions = {"base_url": graph.url, "token": graph.token(), "timeout": 5}
    told: list[Attempt] = []
    prompts: list[Prompt] = []
    with Client(sign_in="device-code", client_id="x", tenant_id="y", base_url=graph.url, on_prompt=prompts.append):
        print([(prompt.message, prompt.address, prompt.code) for prompt in prompts])
    graph.app("z", secret="s", certificate=None, public=False, roles=["User.ReadWrite.All"])
    graph.approve(user_code="x", user=None, decline=True)
    graph.lifetime(60)
    graph.challenge({"access_token": {"acrs": {"value": "c1"}}}, user=None)
    graph.revoke(user=None)
    print(graph.federated(), graph.sign_ins())
    with Client(**options, on_retry=told.append) as client:
        findings: tuple[Finding, ...] = client.doctor(user=None)
        print([(finding.name, finding.ok, finding.message) for finding in findings])
        current = client.get(ID, user="innocenty.popov@contoso.com", select=["id", "end_date"], timeout=3)
        inference: InferenceDataChanges = {"confidence_score": 0.5, "user_has_verified_accuracy": None}
        wanted: CertificationChanges = {"issuing_authority": "Contoso", "inference": inference}
        try:
            changes(client.update(ID, current=current, end_date=datetime.date(2030, 1, 1), thumbnail_url=None))
            changes(client.update(ID, user=None, timeout=2.5, **wanted))
            changes(client.update(ID, allowed_audiences=["contacts", "organization"], start_date="2020-01-01"))
            origin: PersonDataSourcesChanges = {"type": ["Manual"]}
            values: CertificationValues = {"display_name": "New", "source": origin}
            created = client.create(timeout=3, **values)
            for certification in client.list(top=10, orderby="displayName", filter=None, skip=0):
                members(certification)
            client.delete(created.id or "", user=None)
        except InvalidInputError as error:
            print(error.parameter, isinstance(error, ValueError))
        except (AuthError, PermissionDeniedError, NotFoundError) as error:
            print(error.status, error.code, error.service_message, error.request_id, error.client_request_id)
        except ThrottledError as error:
            print(error.retry_after, error.attempts)
        except PersonCertError as error:
            print(error.kind, error.outcome, error.target, error.diagnostic, error.date)
    client.close()


async def concurrent(graph: LocalGraph) -> None:
    """The same with asyncio."""
    async with AsyncClient(base_url=graph.url, token=graph.token(user=None, scopes=["User.ReadWrite"])) as client:
        certification, updated = await asyncio.gather(client.get(ID), client.update(ID, description="New"))
        members(certification)
        changes(updated)
        created: PersonCertification = await client.create(display_name="New")
        await client.delete(created.id or "")
        print([item.display_name async for item in client.list()])
    await client.close()

    async def sign_in() -> str:
        return graph.token()

    async with AsyncClient(base_url=graph.url, credential=sign_in) as client:
        print(await client.doctor(timeout=3))


def main() -> None:
    """Run it all against a local Graph."""
    with LocalGraph(port=0, permissions="spec", users=2, certifications=1) as graph:
        blocking(graph)
        graph.add("innocenty.popov@contoso.com", {"displayName": "Added"})
        graph.script([{"status": 200, "body": {"id": ID}}])
        asyncio.run(concurrent(graph))
        print(graph.users(), graph.certifications(), graph.requests())
        graph.reset()


if __name__ == "__main__":
    main()
