"""Calls in Python: signals, event loops, threads, hooks and credentials."""

import asyncio
import datetime
import logging
import signal
import subprocess
import sys
import threading
import time

from support import ID, Silent, Traps

from personcert import AsyncClient, Client, InvalidInputError, NotFoundError, PersonCertError


class Calls(Traps):
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
            server.receive()
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=10)
            self.assertEqual((out, child.returncode), ("interrupted\n", 0))
            self.assertLess(time.monotonic() - began, 2)

    def test_timeout_is_in_seconds(self):
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

    def test_200_calls_at_once(self):
        async def many():
            async with AsyncClient(**self.settings()) as client:
                return await asyncio.gather(*(client.get(ID) for _ in range(200)))

        self.assertEqual(len(asyncio.run(many())), 200)

    def test_cancelled_tasks_stop_and_the_client_still_works(self):
        async def cancel(server):
            async with AsyncClient(base_url=server.url, token="t") as silent, AsyncClient(**self.settings()) as client:
                tasks = [asyncio.ensure_future(silent.get(ID)) for _ in range(10)]
                await asyncio.to_thread(server.receive, 4)  # the others wait: `max_per_user`
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertTrue(all(isinstance(end, asyncio.CancelledError) for end in ended))
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(silent.get(ID), 0.05)
                return (await client.get(ID)).id

        with Silent() as server:
            began = time.monotonic()
            self.assertEqual(asyncio.run(cancel(server)), ID)
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

    def test_event_loops_without_add_reader(self):
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


class Hooks(Traps):
    def test_on_retry_is_called_as_retries_happen(self):
        self.graph.faults([{"times": 2, "act": {"answer": {"status": 503}}}])
        told = []

        def watch(attempt):
            told.append((attempt.attempt, attempt.status, attempt.kind, len(self.graph.requests())))

        with Client(**self.settings(), retry_delay=0.001, on_retry=watch) as client:
            self.assertEqual(client.update(ID, description="x").attempts, 3)
        self.assertEqual(told, [(1, 503, "service", 1), (2, 503, "service", 2)])

    def test_on_retry_is_called_with_asyncio(self):
        self.graph.faults([{"times": 1, "act": "resetAfterReading"}])
        told = []

        async def update():
            async with AsyncClient(**self.settings(), retry_delay=0.001, on_retry=told.append) as client:
                return await client.update(ID, description="x")

        self.assertEqual(asyncio.run(update()).attempts, 2)
        [attempt] = told
        self.assertEqual((attempt.kind, attempt.outcome), ("network", "unknown"))
        self.assertGreaterEqual(attempt.wait_ms, 0)

    def test_a_hook_that_raises_or_calls_the_client_breaks_nothing(self):
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

    def test_a_credential_moves_on_when_its_event_loop_stops(self):
        token, awaited = self.token, []

        async def credential():
            awaited.append(asyncio.get_running_loop())
            if len(awaited) == 1:
                await asyncio.sleep(60)
            return token

        for close in (False, True):
            with self.subTest(closed=close):
                awaited.clear()
                stopped, running = asyncio.new_event_loop(), asyncio.new_event_loop()
                stopped.set_exception_handler(lambda *_: None)
                client = AsyncClient(base_url=self.graph.url, credential=credential)
                task = stopped.create_task(client.get(ID))
                task._log_destroy_pending = False

                async def until_awaited():
                    while not awaited:
                        await asyncio.sleep(0.001)

                stopped.run_until_complete(until_awaited())
                if close:
                    stopped.close()
                calls = [running.run_until_complete(client.get(ID, timeout=4)) for _ in range(3)]
                self.assertEqual([call.id for call in calls], [ID] * 3)
                self.assertEqual(awaited, [stopped, running])
                if not close:
                    task.cancel()
                    stopped.run_until_complete(asyncio.gather(task, return_exceptions=True))
                stopped.close()
                running.close()

    def test_a_cancelled_call_cancels_its_credential(self):
        async def give_up():
            asked, cancelled = asyncio.Event(), asyncio.Event()

            async def credential():
                asked.set()
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled.set()
                    raise

            async with AsyncClient(base_url=self.graph.url, credential=credential) as client:
                task = asyncio.ensure_future(client.get(ID))
                await asked.wait()
                task.cancel()
                await asyncio.wait_for(cancelled.wait(), 10)

        asyncio.run(give_up())

    def test_a_refresh_on_a_stopped_event_loop_does_not_delay_later_calls(self):
        awaited = []

        class Short:
            def __init__(self, token):
                self.token, self.expires_on = token, time.time() + 0.6

        async def credential():
            awaited.append(asyncio.get_running_loop())
            if len(awaited) == 2:
                await asyncio.sleep(60)
            return Short(self.token)

        stopped, running = asyncio.new_event_loop(), asyncio.new_event_loop()
        client = AsyncClient(base_url=self.graph.url, credential=credential)

        async def until_renewed():
            while len(awaited) < 2:
                await client.get(ID)

        stopped.run_until_complete(until_renewed())
        time.sleep(0.7)
        began = time.monotonic()
        for _ in range(3):
            self.assertEqual(running.run_until_complete(client.get(ID)).id, ID)
        self.assertLess(time.monotonic() - began, 4)
        self.assertIs(awaited[2], running)
        for loop in (stopped, running):
            loop.run_until_complete(asyncio.sleep(0))
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def test_timeout_bounds_every_operation_while_a_credential_hangs(self):
        hung = threading.Event()
        self.addCleanup(hung.set)

        def credential():
            hung.wait(60)
            return self.token

        calls = {
            "get": lambda client: client.get(ID, timeout=0.2),
            "list": lambda client: list(client.list(timeout=0.2)),
            "create": lambda client: client.create(display_name="x", timeout=0.2),
            "update": lambda client: client.update(ID, description="x", timeout=0.2),
            "verified update": lambda client: client.update(ID, description="x", verify=True, timeout=0.2),
            "delete": lambda client: client.delete(ID, timeout=0.2),
        }
        for name, call in calls.items():
            with self.subTest(name), Client(base_url=self.graph.url, credential=credential) as client:
                began = time.monotonic()
                with self.assertRaises(PersonCertError) as caught:
                    call(client)
                self.assertLess(time.monotonic() - began, 5)
                self.assertEqual((caught.exception.kind, caught.exception.outcome), ("timeout", "not_sent"))
        with Client(base_url=self.graph.url, credential=credential) as client:
            began = time.monotonic()
            [token, *_] = client.doctor(timeout=0.2)
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual((token.name, token.ok), ("token", False))

    def test_claims_are_passed_on(self):
        claims = "eyJhY2Nlc3NfdG9rZW4iOnt9fQ"
        header = {"WWW-Authenticate": f'Bearer realm="", error="insufficient_claims", claims="{claims}"'}
        self.graph.faults([{"times": 1, "act": {"answer": {"status": 401, "headers": header}}}])
        credential = Credential(self.token)
        with Client(base_url=self.graph.url, credential=credential) as client:
            client.get(ID)
        self.assertEqual([options for _, options in credential.asked], [{}, {"claims": '{"access_token":{}}'}])

    def test_failures_of_a_credential_are_auth_errors(self):
        def broken():
            raise LookupError("no vault here")

        for credential, words in ((broken, "LookupError: no vault here"), (lambda: 1, "token"), (object(), "callable")):
            with Client(base_url=self.graph.url, credential=credential) as client:
                with self.assertRaises(PersonCertError) as caught:
                    client.get(ID)
            self.assertEqual((caught.exception.kind, caught.exception.outcome), ("auth", "not_sent"))
            self.assertIn(words, str(caught.exception))
        self.assertEqual(self.graph.requests(), [])


if __name__ == "__main__":
    unittest.main()
