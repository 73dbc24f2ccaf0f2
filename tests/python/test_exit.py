"""Programs that end while something is under way: they end at once and with their own exit code."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import unittest

from support import Silent

# Generous for a slow machine. What hangs here hangs for a minute.
EXIT_SECONDS = 5

CREDENTIALS = """
    import asyncio, os, sys, threading, time
    from personcert import AsyncClient, Client, PersonCertError

    asked = threading.Event()

    def ready():
        os.write(1, b"ready\\n")
        asked.set()

    def sleeping():
        ready()
        time.sleep(60)

    def busy():
        ready()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass

    async def awaiting():
        ready()
        await asyncio.sleep(60)

    def late():
        ready()
        time.sleep(1)
        return "t"

    class Credential:
        def get_token(self, *scopes, **options):
            sleeping()

    class AsyncCredential:
        async def get_token(self, *scopes, **options):
            await awaiting()
"""

NAMES = ("sleeping", "busy", "awaiting", "late", "Credential()", "AsyncCredential()")


class Exit(unittest.TestCase):
    def start(self, code, *arguments):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CREDENTIALS) + textwrap.dedent(code), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "ready\n")
        return child

    def interrupts(self, child):
        """One Ctrl-C must end the program as Python ends on Ctrl-C."""
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        self.ends(child, -signal.SIGINT, "KeyboardInterrupt")

    def ends(self, child, code, words=""):
        """The program must end soon, with this exit code, saying this and nothing else on standard error."""
        began = time.monotonic()
        try:
            _, errors = child.communicate(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(f"still running after {EXIT_SECONDS} s")
        self.assertEqual(child.returncode, code, errors)
        if words:
            self.assertIn(words, errors)
        else:
            self.assertEqual(errors, "")
        return time.monotonic() - began

    def test_the_exit_code_survives_a_credential_that_is_running(self):
        code = f"""
            client = Client(base_url="http://127.0.0.1:1", credential=eval(sys.argv[1]))
            try:
                client.get("x", timeout=0.2)
            except PersonCertError as error:
                assert error.kind == "timeout", error
            sys.exit(7)
        """
        for name in NAMES:
            with self.subTest(name):
                self.ends(self.start(code, name), 7)

    def test_the_exit_code_survives_a_daemon_thread_in_a_call(self):
        code = """
            client = Client(base_url="http://127.0.0.1:1", credential=eval(sys.argv[1]))
            threading.Thread(target=lambda: client.get("x"), daemon=True).start()
            asked.wait(30)
            sys.exit(7)
        """
        for name in NAMES:
            with self.subTest(name):
                self.ends(self.start(code, name), 7)

    def test_the_exit_code_survives_a_running_credential_with_asyncio(self):
        code = """
            async def main():
                client = AsyncClient(base_url="http://127.0.0.1:1", credential=eval(sys.argv[1]))
                calls = [asyncio.ensure_future(client.get("x")) for _ in range(3)]
                done, pending = await asyncio.wait(calls, timeout=0.3)
                assert not done, done
                sys.exit(7)
            asyncio.run(main())
        """
        for name in NAMES:
            with self.subTest(name):
                self.ends(self.start(code, name), 7)

    def test_the_exit_code_survives_hooks_that_are_running(self):
        code = """
            def hook(attempt):
                ready()
                time.sleep(0.05)
            client = Client(base_url="http://127.0.0.1:1", token="t", on_retry=hook, retry_delay=0.001, max_attempts=100)
            other = AsyncClient(base_url="http://127.0.0.1:1", token="t", on_retry=hook, retry_delay=0.001, max_attempts=100)
            threading.Thread(target=lambda: client.get("x"), daemon=True).start()
            async def main():
                asyncio.ensure_future(other.get("x"))
                await asyncio.sleep(0.2)
            asyncio.run(main())
            sys.exit(7)
        """
        for _ in range(5):
            self.ends(self.start(code), 7)

    def test_one_ctrl_c_ends_a_call_whose_credential_is_running(self):
        code = """
            client = Client(base_url="http://127.0.0.1:1", credential=eval(sys.argv[1]))
            client.get("x")
        """
        for name in NAMES[:3]:
            with self.subTest(name):
                self.interrupts(self.start(code, name))

    def test_one_ctrl_c_ends_asyncio_while_a_credential_is_running(self):
        code = """
            client = AsyncClient(base_url="http://127.0.0.1:1", credential=eval(sys.argv[1]))
            async def main():
                await client.get("x")
            asyncio.run(main())
        """
        for name in NAMES[:3]:
            with self.subTest(name):
                self.interrupts(self.start(code, name))

    def test_one_ctrl_c_in_a_hook_ends_the_call(self):
        code = """
            def hook(attempt):
                ready()
                time.sleep(60)
            client = Client(base_url="http://127.0.0.1:1", token="t", on_retry=hook, max_attempts=100)
            client.get("x")
        """
        self.interrupts(self.start(code))

    def test_a_client_still_works_in_an_exit_handler(self):
        code = """
            import atexit
            from personcert import LocalGraph
            graph = LocalGraph()
            token = graph.token()
            client = Client(base_url=graph.url, credential=lambda: token)
            def last():
                assert list(client.list())
                print("read", flush=True)
            atexit.register(last)
            ready()
            sys.exit(7)
        """
        child = self.start(code)
        out, errors = child.communicate(timeout=30)
        self.assertEqual((out, errors, child.returncode), ("read\n", "", 7))

    def test_a_process_ends_with_calls_in_progress(self):
        code = """
            client = AsyncClient(base_url=sys.argv[1], token="t")
            blocking = Client(base_url=sys.argv[1], token="t")
            threading.Thread(target=lambda: blocking.get("x"), daemon=True).start()
            async def main():
                tasks = [asyncio.ensure_future(client.get("x")) for _ in range(100)]
                await asyncio.sleep(0.2)
            asyncio.run(main())
            ready()
        """
        with Silent() as server:
            self.ends(self.start(code, server.url), 0)


if __name__ == "__main__":
    unittest.main()
