"""What the tests share."""

import socket
import unittest

from personcert import Client, InvalidInputError, LocalGraph

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
        self.assertEqual(error.parameter.split("[")[0], ".".join(changes))
        self.assertEqual(self.graph.requests(), [])
        self.assertIsInstance(error, ValueError)
