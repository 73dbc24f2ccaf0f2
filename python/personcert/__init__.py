"""Change the certifications (training, not TLS) on people's Microsoft 365 profiles.

>>> from personcert import Client, LocalGraph
>>> with LocalGraph() as graph, Client(base_url=graph.url, token=graph.token()) as client:
...     updated = client.update("0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f", issuing_authority="Contoso")
...     [change.name for change in updated.changed]
['issuing_authority']
"""

from typing import TYPE_CHECKING, Any

from ._async_client import AsyncClient
from ._client import Client
from ._errors import (
    AuthError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    PersonCertError,
    ThrottledError,
)
from ._local import LocalGraph

if TYPE_CHECKING:
    from ._models import (
        Attempt,
        CertificationChanges,
        CertificationValues,
        PropertyChange,
        ClientOptions,
        Finding,
        Identity,
        IdentitySet,
        InferenceData,
        InferenceDataChanges,
        PersonCertification,
        PersonDataSources,
        PersonDataSourcesChanges,
        ProfileSourceAnnotation,
        Prompt,
        UpdateResult,
    )
else:
    # For type checkers; at run time each is a dict.
    CertificationChanges = CertificationValues = ClientOptions = dict
    InferenceDataChanges = PersonDataSourcesChanges = dict

__all__ = [
    "AsyncClient",
    "Attempt",
    "AuthError",
    "CertificationChanges",
    "CertificationValues",
    "PropertyChange",
    "Client",
    "ClientOptions",
    "Finding",
    "Identity",
    "IdentitySet",
    "InferenceData",
    "InferenceDataChanges",
    "InvalidInputError",
    "LocalGraph",
    "NotFoundError",
    "PermissionDeniedError",
    "PersonCertError",
    "PersonCertification",
    "PersonDataSources",
    "PersonDataSourcesChanges",
    "ProfileSourceAnnotation",
    "Prompt",
    "ThrottledError",
    "UpdateResult",
]


def __getattr__(name: str) -> Any:
    """Import the classes of results on first access: they take most of the import time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _models

    return getattr(_models, name)
