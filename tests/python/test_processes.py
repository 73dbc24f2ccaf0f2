"""Processes, forks and memory."""

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support import ID, Traps

from personcert import AsyncClient, AuthError, Client, PersonCertError

PUBLIC = "00000000-1111-2222-3333-444444444444"


class Bounds(Traps):
    def test_hostile_responses_need_bounded_memory(self):
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


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class Fork(Traps):
    def child(self, work):
        """Run the work in a forked child, which must succeed within 20 seconds."""
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

    def test_a_child_forked_during_a_token_fetch_fetches_its_own_token(self):
        parent, asked, answer = os.getpid(), threading.Event(), threading.Event()
        self.addCleanup(answer.set)

        def credential():
            if os.getpid() == parent:
                asked.set()
                answer.wait(30)
            return self.token

        def in_asyncio():
            async def get():
                return (await client.get(ID)).id

            return asyncio.run(get())

        for kind, get in ((Client, lambda: client.get(ID).id), (AsyncClient, in_asyncio)):
            with self.subTest(kind.__name__):
                asked.clear()
                answer.clear()
                client = kind(base_url=self.graph.url, credential=credential)
                got = []
                thread = threading.Thread(target=lambda get=get, got=got: got.append(get()))
                thread.start()
                self.assertTrue(asked.wait(30))
                self.child(lambda get=get: self.assertEqual([get(), get()], [ID, ID]))
                answer.set()
                thread.join(30)
                self.assertEqual(got, [ID])

    def test_a_call_imports_nothing_that_a_fork_could_interrupt(self):
        code = (
            "import sys, personcert\n"
            "client = personcert.Client(base_url=sys.argv[1], token=sys.argv[2])\n"
            "before = set(sys.modules)\n"
            f"assert client.get('{ID}').id == '{ID}'\n"
            "assert client.update('" + ID + "', description='x').changed[0].name\n"
            "try:\n    client.get('x')\nexcept personcert.NotFoundError:\n    pass\n"
            "print(sorted(set(sys.modules) - before))\n"
        )
        child = subprocess.run(
            [sys.executable, "-c", code, self.graph.url, self.token], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.assertEqual((child.stdout, child.stderr), ("[]\n", ""))

    def test_children_forked_while_threads_make_calls_can_make_calls(self):
        stop, errors = threading.Event(), []
        client = Client(**self.settings())

        def work():
            try:
                while not stop.is_set():
                    client.get(ID)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                self.child(lambda: client.get(ID))
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        self.assertEqual(errors, [])

    def test_a_client_closed_before_a_fork_stays_closed(self):
        self.client.get(ID)
        self.client.close()

        def work():
            with self.assertRaisesRegex(PersonCertError, "closed"):
                self.client.get(ID)

        self.child(work)

    def test_a_child_leaves_the_connections_of_the_parent_alone(self):
        self.client.get(ID)
        self.child(lambda: (self.client.get(ID), self.client.close(), gc.collect()))
        with Client(**self.settings(), max_attempts=1) as other:
            other.get(ID)
        self.assertEqual([self.client.get(ID).id for _ in range(3)], [ID] * 3)

    def sign_in(self, user, file):
        """Sign a user in with the command, into this file."""
        self.graph.approve(user=user)
        login = [sys.executable, "-m", "personcert", "login", "--sign-in", "device-code", "--client-id", PUBLIC]
        place = ["--token-cache-file", file, "--base-url", self.graph.url, "--authority", self.graph.url]
        ended = subprocess.run(
            [*login, *place], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_a_child_keeps_to_the_account_of_its_parents_client(self):
        async def get():
            return (await awaited.get(ID)).id

        def other_account(get):
            with self.assertRaisesRegex(AuthError, "another account signed in"):
                get()

        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "sign-in.json")
            self.sign_in("innocenty.popov@contoso.com", file)
            place = {"base_url": self.graph.url, "authority": self.graph.url, "token_cache_file": file}
            blocking, awaited = Client(**place, sign_in="login"), AsyncClient(**place, sign_in="login")
            gets = [lambda: blocking.get(ID).id, lambda: asyncio.run(get())]
            self.assertEqual([get() for get in gets], [ID, ID])
            self.sign_in("adele_adatum.com#EXT#@contoso.com", file)
            for get_one in gets:
                self.child(lambda get_one=get_one: other_account(get_one))
            blocking.close()

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

    def test_asyncio_is_not_imported_unless_used(self):
        ended = self.run_python("import sys, personcert; sys.exit('asyncio' in sys.modules)")
        self.assertEqual(ended.returncode, 0)

    def test_every_public_name_can_be_imported(self):
        ended = self.run_python("from personcert import *; import personcert; print(personcert.__all__)")
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_the_command_runs_as_a_module(self):
        ended = subprocess.run(
            [sys.executable, "-m", "personcert", "--help"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("update", ended.stdout)


if __name__ == "__main__":
    unittest.main()
