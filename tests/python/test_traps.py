"""What only Python can do wrong: odd values, signals, event loops, threads, forks. Standard library alone."""

import asyncio
import copy
import datetime
import gc
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from personcert import AsyncClient, Client, InvalidInputError, LocalGraph, NotFoundError, PersonCertError

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"


class Silent:
    """A server that takes connections and never answers."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.listener.close()


class Traps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.graph = LocalGraph()
        cls.token = cls.graph.token()

    @classmethod
    def tearDownClass(cls):
        cls.graph.close()

    def setUp(self):
        self.graph.reset()
        self.client = Client(base_url=self.graph.url, token=self.token)

    def tearDown(self):
        self.client.close()

    def settings(self):
        return {"base_url": self.graph.url, "token": self.token}

    def refused(self, words, **changes):
        with self.assertRaises(InvalidInputError) as caught:
            self.client.update(ID, **changes)
        error = caught.exception
        self.assertEqual((error.kind, error.outcome), ("invalid_input", "not_sent"))
        self.assertIn(words, str(error))
        self.assertEqual(error.parameter.split("[")[0], ".".join(["changes", *changes]))
        self.assertEqual(self.graph.requests(), [])
        self.assertIsInstance(error, ValueError)


class Values(Traps):
    def test_dates_go_in_and_come_out(self):
        updated = self.client.update(ID, end_date=datetime.date(2031, 2, 3), start_date="2021-01-01")
        self.assertEqual(self.graph.requests()[0]["body"], '{"endDate":"2031-02-03","startDate":"2021-01-01"}')
        self.assertEqual(updated.certification.end_date, datetime.date(2031, 2, 3))
        self.assertEqual({change.name for change in updated.changed}, {"end_date", "start_date"})
        self.assertEqual(updated.to_graph()["changed"][0]["name"], "endDate")

    def test_a_datetime_is_refused_with_the_reason(self):
        self.refused("has a time", end_date=datetime.datetime(2030, 1, 1))

    def test_values_json_does_not_have(self):
        for number in (float("nan"), float("inf"), -float("inf")):
            self.refused("not a number JSON has", description=number)
        self.refused("lone surrogate", description="half \ud83d of it")
        self.refused("too large", description=10**30)
        self.refused("type set", description={"a"})
        self.refused("type bytes", description=b"text")
        self.refused("type object", description=object())
        self.refused("type type", description=Client)

    def test_true_is_not_one(self):
        self.refused("the boolean true", description=True)
        self.refused("the number 1", description=1)
        with self.assertRaises(InvalidInputError):
            self.client.update(ID, inference={"user_has_verified_accuracy": 1})
        with self.assertRaises(InvalidInputError):
            self.client.update(ID, inference={"confidence_score": True})

    def test_cycles_depth_and_size_are_bounded(self):
        cycle = []
        cycle.append(cycle)
        self.refused("nested too deeply", description=cycle)
        deep = "x"
        for _ in range(100_000):
            deep = [deep]
        self.refused("nested too deeply", description=deep)
        self.refused("too many values", description=[0] * 10_001)
        wide = [[0] * 200 for _ in range(100)]
        self.refused("too many values", description=wide)
        while isinstance(deep, list):
            deep = deep[0]

    def test_cyclic_dicts_and_odd_names(self):
        member = {}
        member["a"] = member
        for inference, words in ((member, "nested too deeply"), ({1: 2}, "name must be text"), ({"\ud800": 1}, "surrogate")):
            with self.assertRaises(InvalidInputError) as caught:
                self.client.update(ID, inference=inference)
            self.assertIn(words, str(caught.exception))

    def test_what_an_object_raises_is_passed_on(self):
        class Odd:
            def to_graph(self):
                raise ZeroDivisionError

        class Endless:
            def to_graph(self):
                return self

        with self.assertRaises(ZeroDivisionError):
            self.client.update(ID, description=Odd())
        self.refused("nested too deeply", description=Endless())
        changing = {}

        class Changing:
            def to_graph(self):
                changing["more"] = 1
                return 1

        changing["confidence_score"] = Changing()
        self.client.update(ID, inference=changing)

    def test_a_misspelt_keyword_names_the_nearest(self):
        self.refused("did you mean `issuing_authority`?", issuing_authorty="x")
        self.refused("can't be changed", created_by="x")
        with self.assertRaises(InvalidInputError) as caught:
            Client(tokn="x")
        self.assertIn("did you mean `token`?", str(caught.exception))

    def test_results_are_values(self):
        certification = self.client.get(ID)
        with self.assertRaises(AttributeError):
            certification.description = "x"
        self.assertEqual(certification, self.client.get(ID))
        self.assertEqual(pickle.loads(pickle.dumps(certification)), certification)
        self.assertEqual(copy.deepcopy(certification).to_graph(), certification.to_graph())
        self.assertIn("issuing_authority='International", repr(certification))
        [stored] = self.graph.certifications("innocenty.popov@contoso.com")
        graph = certification.to_graph()
        self.assertEqual({name: graph.get(name) for name in stored}, stored)

    def test_current_sends_what_differs(self):
        current = self.client.get(ID)
        same = self.client.update(ID, current=current, issuing_authority=current.issuing_authority)
        self.assertEqual((same.changed, same.status), ((), None))
        updated = self.client.update(ID, current=current, issuing_authority="New", end_date=current.end_date)
        self.assertEqual(self.graph.requests()[-1]["body"], '{"issuingAuthority":"New"}')
        self.assertIn("issuing_authority", [change.name for change in updated.changed])

    def test_members_nobody_knows_are_kept(self):
        self.graph.script([{"status": 200, "body": {"id": "x", "new": {"a": [1, 1.5, None, True, 2**63]}, "endDate": 7}}])
        certification = self.client.get(ID)
        self.assertEqual(certification.extra, {"new": {"a": [1, 1.5, None, True, 2**63]}, "endDate": 7})
        self.assertEqual(certification.to_graph()["endDate"], 7)

    def test_errors_are_picklable_and_tell(self):
        with self.assertRaises(NotFoundError) as caught:
            self.client.get("22222222-c1e3-0fb4-e3c1-b40fe3c1b40f")
        error = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((error.kind, error.status, str(error)), ("not_found", 404, str(caught.exception)))

    def test_lists_are_lazy_and_outlive_their_thread(self):
        self.graph.add("innocenty.popov@contoso.com", {"displayName": "Second"})
        pages = self.client.list(top=1)
        self.assertEqual(self.graph.requests(), [])
        rest = []
        next(pages)
        thread = threading.Thread(target=lambda: rest.extend(pages))
        thread.start()
        thread.join()
        self.assertEqual(len(rest), 1)

    def test_a_closed_client_says_so(self):
        self.client.close()
        with self.assertRaises(PersonCertError) as caught:
            self.client.get(ID)
        self.assertIn("closed", str(caught.exception))


class Waiting(Traps):
    def test_ctrl_c_ends_a_call(self):
        code = (
            "import sys, personcert\n"
            "client = personcert.Client(base_url=sys.argv[1], token='t')\n"
            "print('ready', flush=True)\n"
            "try:\n    client.get('x')\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
        )
        with Silent() as server:
            child = subprocess.Popen([sys.executable, "-c", code, server.url], stdout=subprocess.PIPE, text=True)
            self.assertEqual(child.stdout.readline(), "ready\n")
            time.sleep(0.3)
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=10)
            self.assertEqual((out, child.returncode), ("interrupted\n", 0))
            self.assertLess(time.monotonic() - began, 2)

    def test_a_time_limit_is_in_seconds(self):
        with Silent() as server, Client(base_url=server.url, token="t") as client:
            began = time.monotonic()
            with self.assertRaises(PersonCertError) as caught:
                client.update(ID, timeout=0.2, description="x")
            self.assertEqual((caught.exception.kind, caught.exception.outcome), ("timeout", "unknown"))
            self.assertLess(time.monotonic() - began, 5)

    def test_many_event_loops_share_one_client(self):
        client = AsyncClient(**self.settings())

        async def one(text):
            await client.update(ID, description=text)
            return [item.description async for item in client.list()]

        for at in range(100):
            self.assertEqual(asyncio.run(one(f"text {at}")), [f"text {at}"])

    def test_many_calls_at_once(self):
        async def many():
            async with AsyncClient(**self.settings()) as client:
                return await asyncio.gather(*(client.get(ID) for _ in range(200)))

        self.assertEqual(len(asyncio.run(many())), 200)

    def test_cancelled_tasks_stop_and_the_client_goes_on(self):
        async def cancel(url):
            async with AsyncClient(base_url=url, token="t") as silent, AsyncClient(**self.settings()) as client:
                tasks = [asyncio.ensure_future(silent.get(ID)) for _ in range(10)]
                await asyncio.sleep(0.05)
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertTrue(all(isinstance(end, asyncio.CancelledError) for end in ended))
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(silent.get(ID), 0.05)
                return (await client.get(ID)).id

        with Silent() as server:
            began = time.monotonic()
            self.assertEqual(asyncio.run(cancel(server.url)), ID)
            self.assertLess(time.monotonic() - began, 3)

    def test_errors_reach_asyncio(self):
        async def wrong():
            async with AsyncClient(**self.settings()) as client:
                with self.assertRaises(NotFoundError):
                    await client.get("22222222-c1e3-0fb4-e3c1-b40fe3c1b40f")
                with self.assertRaises(InvalidInputError):
                    await client.update(ID, end_date=datetime.datetime(2030, 1, 1))
            with self.assertRaises(PersonCertError):
                await client.get(ID)

        asyncio.run(wrong())

    def test_a_loop_without_add_reader(self):
        class Loop(asyncio.SelectorEventLoop):
            wanted = False

            def add_reader(self, descriptor, callback, *arguments):
                if self.wanted:
                    raise NotImplementedError
                return super().add_reader(descriptor, callback, *arguments)

        async def many():
            Loop.wanted = True
            async with AsyncClient(**self.settings()) as client:
                return await asyncio.gather(*(client.get(ID) for _ in range(20)))

        loop = Loop()
        try:
            self.assertEqual(len(loop.run_until_complete(many())), 20)
        finally:
            loop.close()

    def test_threads_share_one_client(self):
        counts = []

        def work():
            for _ in range(25):
                self.client.get(ID)
            counts.append(25)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(sum(counts), 200)


class Watching(Traps):
    def test_retries_are_told_while_they_happen(self):
        self.graph.faults([{"times": 2, "act": {"answer": {"status": 503}}}])
        told = []

        def watch(attempt):
            told.append((attempt.attempt, attempt.status, attempt.kind, len(self.graph.requests())))

        with Client(**self.settings(), retry_delay=0.001, on_retry=watch) as client:
            self.assertEqual(client.update(ID, description="x").attempts, 3)
        self.assertEqual(told, [(1, 503, "service", 1), (2, 503, "service", 2)])

    def test_retries_are_told_with_asyncio(self):
        self.graph.faults([{"times": 1, "act": "resetAfterReading"}])
        told = []

        async def update():
            async with AsyncClient(**self.settings(), retry_delay=0.001, on_retry=told.append) as client:
                return await client.update(ID, description="x")

        self.assertEqual(asyncio.run(update()).attempts, 2)
        self.assertEqual([(attempt.kind, attempt.outcome, attempt.wait_ms >= 0) for attempt in told], [("network", "unknown", True)])

    def test_a_hook_that_fails_or_calls_back_does_no_harm(self):
        seen = []

        def hook(attempt):
            try:
                client.get(ID)
            except PersonCertError as error:
                seen.append(str(error))
            raise ZeroDivisionError

        self.graph.faults([{"times": 1, "act": {"answer": {"status": 503}}}])
        unraisable, sys.unraisablehook = sys.unraisablehook, lambda event: seen.append(event.exc_type)
        try:
            with Client(**self.settings(), retry_delay=0.001, on_retry=hook) as client:
                self.assertEqual(client.update(ID, description="x").attempts, 2)
        finally:
            sys.unraisablehook = unraisable
        self.assertEqual(seen[1], ZeroDivisionError)
        self.assertIn("under way", seen[0])

    def test_attempts_are_logged(self):
        logger = logging.getLogger("personcert")
        with self.assertLogs(logger, logging.DEBUG) as logs, Client(**self.settings(), retry_delay=0.001) as client:
            self.graph.faults([{"times": 1, "act": {"answer": {"status": 503}}}])
            client.get(ID)
        first, second = logs.records
        self.assertEqual((first.levelno, second.levelno), (logging.INFO, logging.DEBUG))
        self.assertIn("GET /me/profile/certifications/{id}: 503 in", first.getMessage())
        self.assertEqual(second.personcert["status"], 200)
        self.assertNotIn(ID, "".join(logs.output))

    def test_nothing_is_sent_after_a_task_was_cancelled(self):
        async def cancel():
            waiting = asyncio.Event()
            loop = asyncio.get_running_loop()
            settings = {**self.settings(), "retry_delay": 0.2, "max_attempts": 100}
            async with AsyncClient(**settings, on_retry=lambda _: loop.call_soon_threadsafe(waiting.set)) as client:
                task = asyncio.ensure_future(client.update(ID, description="x"))
                await waiting.wait()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                sent = len(self.graph.requests())
                await asyncio.sleep(0.5)
                self.assertEqual(len(self.graph.requests()), sent)
                self.graph.reset()
                self.assertEqual((await client.get(ID)).id, ID)

        self.graph.faults([{"act": {"answer": {"status": 503}}}])
        asyncio.run(cancel())


class Token:
    def __init__(self, token):
        self.token, self.expires_on = token, time.time() + 3600


class Credential:
    def __init__(self, token):
        self.token, self.asked = token, []

    def get_token(self, *scopes, **options):
        self.asked.append((scopes, options))
        return Token(self.token)


class AsyncCredential(Credential):
    async def get_token(self, *scopes, **options):
        self.loop = asyncio.get_running_loop()
        return super().get_token(*scopes, **options)


class Credentials(Traps):
    def test_credential_objects_and_functions(self):
        for credential in (Credential(self.token), AsyncCredential(self.token), lambda: self.token):
            with Client(base_url=self.graph.url, credential=credential) as client:
                self.assertEqual([client.get(ID).id, client.get(ID).id], [ID, ID])
            if not callable(credential):
                self.assertEqual(credential.asked, [(("https://graph.microsoft.com/.default",), {})])

    def test_credentials_with_asyncio(self):
        async def get(credential):
            async with AsyncClient(base_url=self.graph.url, credential=credential) as client:
                self.assertEqual({(await get).id for get in [client.get(ID) for _ in range(3)]}, {ID})
                return asyncio.get_running_loop()

        async def function():
            return self.token

        credential = AsyncCredential(self.token)
        self.assertIs(asyncio.run(get(credential)), credential.loop)
        asyncio.run(get(function))
        asyncio.run(get(Credential(self.token)))

    def test_claims_are_passed_on(self):
        claims = "eyJhY2Nlc3NfdG9rZW4iOnt9fQ"
        header = {"WWW-Authenticate": f'Bearer realm="", error="insufficient_claims", claims="{claims}"'}
        self.graph.faults([{"times": 1, "act": {"answer": {"status": 401, "headers": header}}}])
        credential = Credential(self.token)
        with Client(base_url=self.graph.url, credential=credential) as client:
            client.get(ID)
        self.assertEqual([options for _, options in credential.asked], [{}, {"claims": '{"access_token":{}}'}])

    def test_a_credential_that_fails(self):
        def broken():
            raise LookupError("no vault here")

        for credential, words in ((broken, "LookupError: no vault here"), (lambda: 1, "token"), (object(), "callable")):
            with Client(base_url=self.graph.url, credential=credential) as client:
                with self.assertRaises(PersonCertError) as caught:
                    client.get(ID)
            self.assertEqual((caught.exception.kind, caught.exception.outcome), ("auth", "not_sent"))
            self.assertIn(words, str(caught.exception))
        self.assertEqual(self.graph.requests(), [])


class Bounds(Traps):
    def test_memory_stays_bounded_whatever_comes(self):
        code = (
            "import resource, sys, personcert\n"
            "client = personcert.Client(base_url=sys.argv[1], token=sys.argv[2], max_attempts=1)\n"
            f"client.get('{ID}')\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "for _ in range(int(sys.argv[3])):\n"
            "    try:\n"
            f"        client.get('{ID}')\n"
            "        sys.exit('no error')\n"
            "    except personcert.PersonCertError as error:\n"
            "        assert error.kind in ('protocol', 'service'), error\n"
            "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
        )
        acts = ["gzipBomb", "endless", "largeError", "deep"]
        self.graph.faults([{"nth": 1}, *({"times": 1, "act": act} for act in acts)])
        child = subprocess.run(
            [sys.executable, "-c", code, self.graph.url, self.token, str(len(acts))],
            capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.assertEqual(child.returncode, 0, child.stderr)
        self.assertLess(int(child.stdout), 64)


def in_a_spawned_process(settings):
    with Client(**settings) as client:
        return [client.get(ID).id for _ in range(5)]


class Processes(Traps):
    def test_spawned_processes(self):
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            self.assertEqual(pool.map(in_a_spawned_process, [self.settings()] * 4), [[ID] * 5] * 4)


@unittest.skipUnless(hasattr(os, "fork"), "no fork here")
class Fork(Traps):
    def child(self, work):
        """Do the work in a forked child, which must end well within 20 seconds."""
        process = os.fork()
        if process == 0:
            try:
                work()
                os._exit(0)
            except BaseException as error:
                print(f"child: {error!r}", file=sys.stderr, flush=True)
                os._exit(1)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return self.assertEqual(os.waitstatus_to_exitcode(status), 0)
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return self.fail("the child hung")

    def test_blocking_calls_after_fork(self):
        self.client.get(ID)
        pages = self.client.list()

        def work():
            self.client.get(ID)
            try:
                list(pages)
            except PersonCertError as error:
                assert "fork" in str(error), error
            else:
                raise AssertionError("the parent's list went on in the child")
            gc.collect()

        for _ in range(3):
            self.child(work)
            self.client.get(ID)
        self.assertEqual(len(list(pages)), 1)

    def test_asyncio_after_fork(self):
        client = AsyncClient(**self.settings())

        async def get():
            return (await client.get(ID)).id

        asyncio.run(get())
        for _ in range(3):
            self.child(lambda: asyncio.run(get()))
            self.assertEqual(asyncio.run(get()), ID)


class Package(unittest.TestCase):
    def run_python(self, code):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    def test_a_process_ends_with_calls_under_way(self):
        code = (
            "import asyncio, sys, threading, personcert, time\n"
            "client = personcert.AsyncClient(base_url='{0}', token='t')\n"
            "sync = personcert.Client(base_url='{0}', token='t')\n"
            "threading.Thread(target=lambda: sync.get('x'), daemon=True).start()\n"
            "async def main():\n"
            "    tasks = [asyncio.ensure_future(client.get('x')) for _ in range(100)]\n"
            "    await asyncio.sleep(0.2)\n"
            "asyncio.run(main())\n"
        )
        with Silent() as server:
            ended = self.run_python(code.format(server.url))
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_asyncio_is_not_imported_unless_used(self):
        ended = self.run_python("import sys, personcert; sys.exit('asyncio' in sys.modules)")
        self.assertEqual(ended.returncode, 0)

    def test_every_public_name_is_there(self):
        ended = self.run_python("from personcert import *; import personcert; print(personcert.__all__)")
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_the_command(self):
        ended = subprocess.run(
            [sys.executable, "-m", "personcert", "--help"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("update", ended.stdout)


if __name__ == "__main__":
    unittest.main()
