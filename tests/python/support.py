"""Helpers of the tests."""

import json
import os
import signal
import socket
import threading
import time
import unittest

from personcert import Client, InvalidInputError, LocalGraph

# A shell starts background jobs with Ctrl-C ignored, and so would every process that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"


class Silent:
    """A server that accepts connections and never answers."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.connections = []
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def receive(self, count=1):
        """Wait until this many more requests have arrived."""
        for _ in range(count):
            connection, _ = self.listener.accept()
            self.connections.append(connection)
            connection.recv(1)


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
        self.assertEqual(error.parameter.split("[")[0], ".".join(changes))
        self.assertEqual(self.graph.requests(), [])
        self.assertIsInstance(error, ValueError)


class OneAnswerServer:
    """A raw server that answers one request per connection and closes the connection when the test says so."""

    def __init__(self, status=200, body=None):
        self.status, self.body = status, json.dumps(body or {"id": ID}).encode()
        self.requests = []
        self._close, self._closed = threading.Semaphore(0), threading.Semaphore(0)

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._close.release()
        # `close` alone doesn't end an `accept` that is waiting.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                self.requests.append(reader.readline().decode().split(" ")[0])
                length = 0
                while (line := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                reader.read(length)
                head = f"HTTP/1.1 {self.status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
                connection.sendall(head.encode() + self.body)
                self._close.acquire()
            self._closed.release()

    def close_connection(self):
        """Close the idle connection, and return when it is closed."""
        self._close.release()
        if not self._closed.acquire(timeout=10):
            raise TimeoutError


def open_sockets():
    """How many sockets this process has open."""

    def is_socket(name):
        try:
            return os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:  # Closed meanwhile.
            return False

    return sum(map(is_socket, os.listdir("/proc/self/fd")))


def descriptors():
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def until(condition, seconds=10):
    """Wait until the condition holds; false when it does not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
