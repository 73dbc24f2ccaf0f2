"""Ctrl-C typed at the command's terminal. The arguments are the command, with the emulator that runs it."""

from __future__ import annotations

import os
import pty
import socket
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = sys.argv[1:]
CTRL_C = b"\x03"
# A limit for what must happen; it is far above what an emulated program needs.
LIMIT = 120


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.execvpe(COMMAND[0], [*COMMAND, *arguments], {**os.environ, **environment})

    def output(self) -> Iterator[bytes]:
        while True:
            try:
                more = os.read(self.descriptor, 4096)
            except OSError:  # The other side is closed.
                return
            if not more:
                return
            yield more

    def read_until(self, text: bytes) -> None:
        seen = b""
        for more in self.output():
            seen += more
            if text in seen:
                return
        raise AssertionError(f"{text!r} was not printed: {seen!r}")

    def press(self, key: bytes) -> int:
        """Presses a key and waits for the end; the exit code."""
        os.write(self.descriptor, key)
        for _ in self.output():
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        os.close(self.descriptor)
        return code


@contextmanager
def silent_server() -> Iterator[socket.socket]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT)
        yield server


class CtrlC(unittest.TestCase):
    def test_it_stops_the_local_graph(self) -> None:
        terminal = Terminal("serve")
        terminal.read_until(b"Ctrl-C")
        self.assertEqual(terminal.press(CTRL_C), 0)

    def test_it_cancels_a_call(self) -> None:
        with silent_server() as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            terminal = Terminal("list", PERSONCERT_BASE_URL=url, PERSONCERT_TOKEN="token")
            connection, _ = server.accept()
            with connection:
                self.assertTrue(connection.recv(1))
                self.assertEqual(terminal.press(CTRL_C), 5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
