"""The specification's change, made from Python against the Graph that the environment names."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "python"))

from personcert import Client  # noqa: E402

ID, USER = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f", "innocenty.popov@contoso.com"

with Client(base_url=os.environ["PERSONCERT_BASE_URL"], token=os.environ["PERSONCERT_TOKEN"]) as client:
    # The front end before this one has made the change already: start from the old values again.
    old = "International Academy of Marketing"
    client.update(ID, user=USER, issuing_authority=old, issuing_company=old)
    current = client.get(ID, user=USER)
    new = "International Academy of Marketing Excellence"
    updated = client.update(ID, user=USER, current=current, issuing_authority=new, issuing_company=new)
    print(f"sent: PATCH, client-request-id {updated.client_request_id}, answer {updated.status}")
    for change in updated.changed:
        print(f"  {change.name}: {change.before!r} -> {change.after!r}{'' if change.sent else ' (recalculated)'}")
