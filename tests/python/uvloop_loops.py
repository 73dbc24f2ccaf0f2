"""The client on uvloop's event loop."""

import asyncio

import uvloop

from personcert import AsyncClient, LocalGraph, NotFoundError

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"


async def work(graph):
    """Many calls at once, a list, an error, a cancelled call."""
    async with AsyncClient(base_url=graph.url, token=graph.token()) as client:
        got = await asyncio.gather(*(client.get(ID) for _ in range(200)))
        assert [certification.id for certification in got] == [ID] * 200
        assert [certification.id async for certification in client.list()] == [ID]
        try:
            await client.get("22222222-c1e3-0fb4-e3c1-b40fe3c1b40f")
        except NotFoundError as error:
            assert error.status == 404
        else:
            raise AssertionError("no error")
    silent = graph.addresses()["silent"]
    async with AsyncClient(base_url=silent, token="t") as client:
        try:
            await asyncio.wait_for(client.get(ID), 0.05)
        except asyncio.TimeoutError:
            return
        raise AssertionError("no timeout")


with LocalGraph() as graph:
    for _ in range(20):
        loop = uvloop.new_event_loop()
        loop.run_until_complete(work(graph))
        loop.close()
print("uvloop: 20 event loops, all calls ended as they should")
