"""Connections and event loops: when they are opened, reused and closed."""

import asyncio
import gc
import sys
import threading
import unittest

from support import ID, OneAnswerServer, Silent, Traps, descriptors, open_sockets, until

from personcert import AsyncClient, Client

LINUX = unittest.skipUnless(sys.platform == "linux", "needs /proc")


class IdleConnections(Traps):
    def test_create_never_uses_a_connection_that_the_server_closed(self):
        with OneAnswerServer(201) as server, Client(base_url=server.url, token="t", max_attempts=1) as client:
            for _ in range(30):
                self.assertEqual(client.create(display_name="x").id, ID)
                server.close_connection()
            self.assertEqual(server.requests, ["POST"] * 30)

    def test_update_never_needs_a_second_attempt_after_the_server_closed_the_connection(self):
        with OneAnswerServer() as server, Client(base_url=server.url, token="t") as client:
            for _ in range(30):
                self.assertEqual(client.update(ID, description="x").attempts, 1)
                server.close_connection()

    def test_lists_never_use_a_connection_that_the_server_closed(self):
        with OneAnswerServer(200, {"value": []}) as server:
            with Client(base_url=server.url, token="t", max_attempts=1) as client:
                for _ in range(30):
                    self.assertEqual(list(client.list()), [])
                    server.close_connection()

    def test_asyncio_never_uses_a_connection_that_the_server_closed(self):
        async def create(url):
            async with AsyncClient(base_url=url, token="t", max_attempts=1) as client:
                for _ in range(30):
                    self.assertEqual((await client.create(display_name="x")).id, ID)
                    server.close_connection()

        with OneAnswerServer(201) as server:
            asyncio.run(create(server.url))


class Closing(Traps):
    @LINUX
    def test_close_closes_the_connections_of_every_thread(self):
        before = open_sockets()
        together = threading.Barrier(17)
        clients = [Client(**self.settings()) for _ in range(17)]
        done = threading.Event()

        def work(client):
            client.get(ID)
            together.wait(30)
            done.wait(30)

        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        self.assertTrue(until(lambda: together.n_waiting == 0 and len(self.graph.requests()) == 17))
        for client in clients:
            client.close()
        # The server is in this process: its side of a connection is a socket too.
        self.assertTrue(until(lambda: open_sockets() == before), f"{open_sockets()} sockets, {before} at first")
        done.set()
        for thread in threads:
            thread.join(30)

    @LINUX
    def test_close_ends_a_list_that_is_half_read(self):
        self.graph.add("innocenty.popov@contoso.com", {"displayName": "Second"})
        before = open_sockets()
        client = Client(**self.settings())
        pages = client.list(top=1)
        next(pages)
        client.close()
        self.assertTrue(until(lambda: open_sockets() == before))
        with self.assertRaisesRegex(Exception, "closed"):
            next(pages)

    @LINUX
    def test_threads_that_end_leave_no_descriptors(self):
        def work():
            self.client.get(ID)

        work()
        before = descriptors()
        for _ in range(50):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(30)
        self.assertLessEqual(descriptors(), before)

    @LINUX
    def test_event_loops_closed_with_a_call_in_flight_leave_no_descriptors(self):
        def one(client):
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda *_: None)
            task = loop.create_task(client.get(ID))
            loop.run_until_complete(asyncio.sleep(0.001))
            self.assertFalse(task.done())
            loop.close()
            # Not for the log of the test: the task is destroyed while it is pending, as its program wants it.
            task._log_destroy_pending = False

        with Silent() as server:
            client = AsyncClient(base_url=server.url, token="t")
            one(client)
            gc.collect()
            before = descriptors()
            for _ in range(200):
                one(client)
            self.assertLess(descriptors() - before, 20)
            asyncio.run(client.close())


if __name__ == "__main__":
    unittest.main()
