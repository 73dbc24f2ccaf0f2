"""Clients that are never closed, and objects that are dropped at an awkward moment."""

import asyncio
import gc
import os
import sys
import threading
import unittest
import weakref

from support import ID, Silent, Traps, open_sockets, until

from personcert import AsyncClient, Client, PersonCertError

LINUX = unittest.skipUnless(sys.platform == "linux", "needs /proc")
CALLBACKS = ("credential", "on_retry", "on_prompt")


class Owner:
    """An object with a client whose callback is one of its own methods."""

    def __init__(self, kind, callback, token, **settings):
        self.saved_token = token
        settings = {**settings, callback: getattr(self, callback)}
        if callback != "credential":
            settings["token"] = token
        self.client = kind(**settings)

    def credential(self):
        return self.saved_token

    def on_retry(self, attempt):
        pass

    def on_prompt(self, prompt):
        pass


def threads():
    """How many threads this process has, Python's or not."""
    return len(os.listdir("/proc/self/task"))


@LINUX
class Collection(Traps):
    def collected(self, make):
        """Of 100 objects, none may be left after a collection, nor their connections and threads."""
        make()
        gc.collect()
        self.assertTrue(until(lambda: not [t for t in threading.enumerate() if t.name == "personcert"]))
        sockets, running = open_sockets(), threads()
        left = [weakref.ref(make()) for _ in range(100)]
        gc.collect()
        self.assertEqual([ref for ref in left if ref() is not None], [])
        self.assertTrue(until(lambda: threads() <= running), f"{threads()} threads, {running} at first")
        self.assertTrue(until(lambda: open_sockets() <= sockets), f"{open_sockets()} sockets, {sockets} at first")

    def test_blocking_clients_whose_callbacks_refer_to_their_owner_are_collected(self):
        for callback in CALLBACKS:

            def make(callback=callback):
                owner = Owner(Client, callback, self.token, base_url=self.graph.url)
                owner.client.get(ID)
                return owner

            with self.subTest(callback):
                self.collected(make)

    def test_asyncio_clients_whose_callbacks_refer_to_their_owner_are_collected(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        for callback in CALLBACKS:

            def make(callback=callback):
                owner = Owner(AsyncClient, callback, self.token, base_url=self.graph.url)
                loop.run_until_complete(owner.client.get(ID))
                return owner

            with self.subTest(callback):
                self.collected(make)

    def test_half_read_lists_that_refer_to_their_owner_are_collected(self):
        self.graph.add("innocenty.popov@contoso.com", {"displayName": "Second"})

        def make():
            owner = Owner(Client, "on_retry", self.token, base_url=self.graph.url)
            owner.pages = owner.client.list(top=1)
            next(owner.pages)
            return owner

        self.collected(make)

    def test_a_client_without_callbacks_needs_no_collection(self):
        gc.disable()
        self.addCleanup(gc.enable)
        for kind in (Client, AsyncClient):
            left = weakref.ref(kind(**self.settings()))
            self.assertIsNone(left())
            left = weakref.ref(kind(base_url=self.graph.url, credential=lambda: "t"))
            self.assertIsNone(left())

    def test_a_call_that_waits_keeps_its_client(self):
        told = []
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        with Silent() as server:
            client = AsyncClient(base_url=server.url, token="t", on_retry=told.append, attempt_timeout=0.05)
            loop.create_task(client.get(ID, timeout=5))
            loop.run_until_complete(asyncio.sleep(0.01))
            del client
            gc.collect()
            # The task keeps the client: the call goes on.
            loop.run_until_complete(asyncio.sleep(0.5))
        self.assertTrue(told)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))


class Dropping(Traps):
    def test_a_half_read_list_can_be_dropped_in_a_hook(self):
        self.graph.add("innocenty.popov@contoso.com", {"displayName": "Second"})
        self.graph.faults([{"path": "*certifications/*", "times": 1, "act": {"answer": {"status": 503}}}])
        lists = []

        def begin():
            pages = Client(**self.settings()).list(top=1)
            next(pages)
            lists.append(pages)

        # On another thread: the list is the last that knows of that client.
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(30)
        gc.collect()
        errors = []
        unraisable, sys.unraisablehook = sys.unraisablehook, errors.append
        try:
            hook = lambda _: lists.clear()  # noqa: E731
            with Client(**self.settings(), retry_delay=0.001, on_retry=hook) as client:
                self.assertEqual(client.get(ID).id, ID)
        finally:
            sys.unraisablehook = unraisable
        self.assertEqual((lists, errors), ([], []))

    def test_a_client_can_be_closed_in_its_own_hook(self):
        self.graph.faults([{"times": 1, "act": {"answer": {"status": 503}}}])
        client = Client(**self.settings(), retry_delay=0.001, on_retry=lambda _: client.close())
        self.assertEqual(client.get(ID).id, ID)
        with self.assertRaisesRegex(PersonCertError, "closed"):
            client.get(ID)

    def test_clients_can_be_made_used_elsewhere_and_dropped_in_a_hook(self):
        self.graph.faults([{"times": 1, "act": {"answer": {"status": 503}}}])
        got = []

        def hook(_):
            client = Client(**self.settings())
            thread = threading.Thread(target=lambda: got.append(client.get(ID).id))
            thread.start()
            thread.join(30)
            # The same client as the one whose call waits for this hook.
            thread = threading.Thread(target=lambda: got.append(watched.get(ID).id))
            thread.start()
            thread.join(30)

        with Client(**self.settings(), retry_delay=0.001, on_retry=hook) as watched:
            self.assertEqual(watched.get(ID).id, ID)
        self.assertEqual(got, [ID, ID])


if __name__ == "__main__":
    unittest.main()
