"""The Python module on this platform: one update each, blocking and with asyncio, then many at once."""

from __future__ import annotations

import asyncio
import platform
import sys
import unittest

from personcert import AsyncClient, Client, LocalGraph, NotFoundError

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"
CALLS = 50


class Module(unittest.TestCase):
    def setUp(self) -> None:
        self.graph = LocalGraph()
        self.addCleanup(self.graph.close)
        self.settings = {"base_url": self.graph.url, "token": self.graph.token()}

    def company(self) -> object:
        return self.graph.certifications("innocenty.popov@contoso.com")[0]["issuingCompany"]

    def test_blocking(self) -> None:
        with Client(**self.settings) as client:
            self.assertEqual(client.update(ID, issuing_company="Blocking").status, 200)
            self.assertEqual(self.company(), "Blocking")
            with self.assertRaises(NotFoundError):
                client.get("11111111-1111-1111-1111-111111111111")

    def test_asyncio(self) -> None:
        async def update() -> list[int]:
            async with AsyncClient(**self.settings) as client:
                await client.update(ID, issuing_company="Asyncio")
                calls = (client.update(ID, issuing_authority=f"Authority {call}") for call in range(CALLS))
                return [result.status for result in await asyncio.gather(*calls)]

        self.assertEqual(asyncio.run(update()), [200] * CALLS)
        self.assertEqual(self.company(), "Asyncio")

    def test_a_cancelled_call_leaves_the_loop_usable(self) -> None:
        async def cancel() -> str | None:
            async with AsyncClient(**self.settings) as client:
                self.graph.faults([{"method": "GET", "delay": {"fixed": 30}, "times": 1}])
                task = asyncio.create_task(client.get(ID))
                while not any(request["method"] == "GET" for request in self.graph.requests()):
                    await asyncio.sleep(0)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                return (await client.get(ID)).id

        self.assertEqual(asyncio.run(cancel()), ID)


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}, {sys.platform}", flush=True)
    unittest.main()
