"""Updates made by Python packages: `bench.py CONTENDER URL IN_FLIGHT COUNT`. Prints what one update costs as JSON.

With COUNT 0: prints `ready` after the first update, then the time to import and the memory that is resident.
"""

import json
import sys
import time

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"
PATH = f"/beta/me/profile/certifications/{ID}"
VALUE = "International Academy of Marketing Excellence"
HEADERS = {"Authorization": "Bearer t", "Accept": "application/json", "Content-Type": "application/json"}


def body():
    return json.dumps({"issuingAuthority": VALUE, "issuingCompany": VALUE})


def personcert(url):
    import personcert

    client = personcert.Client(base_url=url, token="t", max_per_user=32)

    def update():
        updated = client.update(ID, issuing_authority=VALUE, issuing_company=VALUE)
        assert updated.certification.id == ID

    return update


def urllib3(url):
    import urllib3

    http = urllib3.PoolManager()

    def update():
        response = http.request("PATCH", url + PATH, body=body(), headers=HEADERS)
        assert response.status == 200 and json.loads(response.data)["id"] == ID

    return update


def personcert_asyncio(url):
    import personcert

    client = personcert.AsyncClient(base_url=url, token="t", max_per_user=32)

    async def update():
        updated = await client.update(ID, issuing_authority=VALUE, issuing_company=VALUE)
        assert updated.certification.id == ID

    return update, client.close


def aiohttp(url):
    import aiohttp

    session = aiohttp.ClientSession(headers=HEADERS)

    async def update():
        async with session.patch(url + PATH, data=body()) as response:
            assert response.status == 200 and (await response.json())["id"] == ID

    return update, session.close


def cost(before, began, count):
    return {"cpu_us": (time.process_time() - before) * 1e6 / count, "wall_us": (time.perf_counter() - began) * 1e6 / count}


def blocking(update, count):
    for _ in range(count // 10):
        update()
    before, began = time.process_time(), time.perf_counter()
    for _ in range(count):
        update()
    return cost(before, began, count)


async def concurrent(contender, url, in_flight, count):
    import asyncio

    update, close = contender(url)

    async def some(times):
        for _ in range(times):
            await update()

    await asyncio.gather(*(some(count // 10 // in_flight) for _ in range(in_flight)))
    before, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(some(count // in_flight) for _ in range(in_flight)))
    spent = cost(before, began, count)
    await close()
    return spent


def first(contender, url):
    began = time.perf_counter()
    __import__({"personcert": "personcert", "urllib3": "urllib3"}[contender.__name__])
    imported = (time.perf_counter() - began) * 1e3
    contender(url)()
    print("ready", flush=True)
    with open("/proc/self/statm") as pages:
        resident = int(pages.read().split()[1]) * 4096 / 1e6
    return {"import_ms": imported, "resident_mb": resident}


def main():
    name, url, in_flight, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    contender = globals()[name]
    if count == 0:
        print(json.dumps(first(contender, url)))
    elif name in ("personcert", "urllib3"):
        print(json.dumps(blocking(contender(url), count)))
    else:
        import asyncio

        print(json.dumps(asyncio.run(concurrent(contender, url, in_flight, count))))


main()
