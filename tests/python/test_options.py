"""Every option of every function, used once with a value that shows. Standard library alone."""

import asyncio
import inspect
import tempfile
import unittest
from pathlib import Path

from support import ID

from personcert import AsyncClient, Client, LocalGraph

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALL = {"user": "innocenty.popov@contoso.com", "timeout": 30.0, "traceparent": TRACE}
OPTIONS = {
    "update": {**CALL, "verify": True},
    "get": {**CALL, "select": ["id", "end_date"]},
    "list": {**CALL, "select": ["id"], "filter": "displayName ne 'x'", "orderby": "displayName desc", "top": 5, "skip": 0},
    "create": CALL,
    "delete": CALL,
    "doctor": CALL,
}
START = {
    "port": 0,
    "host": "127.0.0.1",
    "expose": True,
    "permissions": "current",
    "users": 2,
    "certifications": 1,
    "random_seed": 1,
    "tls": True,
    "tls_alert": False,
}


def keywords(function, *others):
    """The names of a function's keyword parameters."""
    parameters = inspect.signature(function).parameters.values()
    return {item.name for item in parameters if item.kind is item.KEYWORD_ONLY} - set(others)


class Options(unittest.TestCase):
    def setUp(self):
        self.graph = LocalGraph()
        self.addCleanup(self.graph.close)
        self.settings = {"base_url": self.graph.url, "token": self.graph.token()}

    def test_no_option_of_a_call_is_left_out_here(self):
        for client in (Client, AsyncClient):
            for name, options in OPTIONS.items():
                self.assertEqual(keywords(getattr(client, name), "current"), set(options), name)
        folder_and_files = {"database", "seed", "faults"}
        self.assertEqual(keywords(LocalGraph.__init__), set(START) | folder_and_files)

    def test_every_option_of_every_call(self):
        with Client(**self.settings) as client:
            current = client.get(ID, **OPTIONS["get"])
            client.update(ID, current=current, description="a", **OPTIONS["update"])
            self.assertEqual(len(list(client.list(**OPTIONS["list"]))), 1)
            created = client.create(display_name="b", **OPTIONS["create"])
            client.delete(created.id, **OPTIONS["delete"])
            client.doctor(**OPTIONS["doctor"])
        self.check_requests()

    def test_every_option_of_every_asyncio_call(self):
        async def calls():
            async with AsyncClient(**self.settings) as client:
                current = await client.get(ID, **OPTIONS["get"])
                await client.update(ID, current=current, description="a", **OPTIONS["update"])
                self.assertEqual(len([item async for item in client.list(**OPTIONS["list"])]), 1)
                created = await client.create(display_name="b", **OPTIONS["create"])
                await client.delete(created.id, **OPTIONS["delete"])
                await client.doctor(**OPTIONS["doctor"])

        asyncio.run(calls())
        self.check_requests()

    def check_requests(self):
        requests = self.graph.requests()
        self.assertEqual([request["method"] for request in requests], ["GET", "PATCH", "GET", "POST", "DELETE", "GET"])
        for request in requests:
            self.assertTrue(request["path"].startswith("/beta/users/innocenty.popov@contoso.com/"), request["path"])
            self.assertEqual(request["headers"]["traceparent"], TRACE)
        for part in ("$select=id", "$filter=", "$orderby=", "$top=5", "$skip=0"):
            self.assertIn(part, requests[2]["path"])

    def test_every_option_of_a_local_graph(self):
        with tempfile.TemporaryDirectory() as folder:
            seed, faults, database = (Path(folder, name) for name in ("seed.jsonl", "faults.json", "graph.sqlite"))
            seed.write_text('{"user": "seeded@contoso.com", "certification": {"displayName": "Seeded"}}\n')
            faults.write_text('[{"method": "DELETE", "act": {"answer": {"status": 503}}}]')
            with LocalGraph(**START, database=database, seed=seed, faults=faults) as graph:
                self.assertTrue(graph.url.startswith("https://127.0.0.1:"))
                names = [user["userPrincipalName"] for user in graph.users()]
                self.assertTrue({"user0@contoso.com", "user1@contoso.com", "seeded@contoso.com"} <= set(names), names)
                self.assertEqual(len(graph.certifications("user1@contoso.com")), 1)
                first = graph.add("user0@contoso.com", {"displayName": "a"})["id"]
                self.assertTrue(database.exists())
            with LocalGraph(random_seed=1, users=2, certifications=1, seed=seed) as again:
                self.assertEqual(again.add("user0@contoso.com", {"displayName": "a"})["id"], first)

    def test_every_option_of_a_command_of_the_local_graph(self):
        graph = self.graph
        rate = {"rate": 50}
        graph.throttle(app=rate, tenant={**rate, "burst": 10}, user=rate, mailbox=4, retry_after="decimal")
        graph.throttle()
        where = {"method": "PATCH", "path": "/beta/*", "user": "innocenty.popov@contoso.com"}
        when = {"nth": 1, "times": 1, "probability": 1.0}
        answer = {"status": 418, "headers": {"x-a": "b"}, "body": {}, "repeat": 1}
        graph.faults([{**where, **when, "delay": {"fixed": 0.01}, "act": {"answer": answer}}])
        graph.faults([{"step": 0, "delay": {"log_normal": {"median": 0.01, "sigma": 1}}, "act": {"redirect": "sameHost", "status": 307}}])
        graph.script([{"status": 200, "headers": [["x-a", "b"]], "body": "text", "repeat": 2, "cut": 3}])
        self.assertEqual(graph.requests(method="PATCH", path="/beta/*", user="x", status=200), [])
        self.assertTrue(graph.clock(freeze=True, now="2030-01-01T00:00:00Z").startswith("2030-01-01"))
        self.assertTrue(graph.clock(skew=1.0, advance=59.0).startswith("2030-01-01T00:01:00"))
        graph.app("z", secret="s", certificate=None, public=False, roles=["User.ReadWrite.All"])
        graph.challenge({"access_token": {"acrs": {"value": "c1"}}}, user="innocenty.popov@contoso.com")
        graph.approve(user_code=None, user="innocenty.popov@contoso.com", decline=True)
        self.assertTrue(graph.token(user="innocenty.popov@contoso.com", scopes=["User.Read"], kind="personal"))


if __name__ == "__main__":
    unittest.main()
