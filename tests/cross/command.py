"""The command on this platform: a local Graph, one update, sign-in with a stored session, token commands."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

WINDOWS = os.name == "nt"
PERSONCERT = Path(sys.argv.pop(1)).resolve()
ID = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f"
USER = "innocenty.popov@contoso.com"
PUBLIC_APP = "00000000-1111-2222-3333-444444444444"
COMPANY = "International Academy of Marketing Excellence"
# A limit for what must end; it is far above what an emulated program needs.
LIMIT = 120


class LocalGraph:
    """`personcert serve` as a process of its own."""

    def __init__(self) -> None:
        arguments = [PERSONCERT, "serve", "--until-eof", "--json"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ready = json.loads(self.process.stdout.readline())
        self.url, self.token = ready["url"], ready["token"]

    def tell(self, command: str, arguments: object) -> object:
        request = urllib.request.Request(f"{self.url}/_local/{command}", json.dumps(arguments).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=LIMIT) as response:
            return json.loads(response.read() or "null")

    def company(self) -> object:
        """The stored issuing company, read past the service's interface."""
        return self.tell("certifications", {"user": USER})[0].get("issuingCompany")

    def close(self) -> int:
        """Closes its standard input and waits for it."""
        self.process.stdin.close()
        code = self.process.wait(LIMIT)
        self.process.stdout.close()
        return code


class Command(unittest.TestCase):
    def setUp(self) -> None:
        self.graph = LocalGraph()
        self.addCleanup(self.graph.close)
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        self.home = Path(home.name)

    def environment(self, **more: str) -> dict[str, str]:
        names = ["APPDATA", "LOCALAPPDATA", "PATH", "SYSTEMROOT", "TEMP", "USERPROFILE", "WINEDEBUG", "WINEPREFIX"]
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**kept, "HOME": str(self.home), "PERSONCERT_BASE_URL": self.graph.url, **more}

    def run_command(self, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [PERSONCERT, *arguments],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
        )
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def test_an_update_is_applied_and_listed(self) -> None:
        token = {"PERSONCERT_TOKEN": self.graph.token}
        self.assertTrue(self.run_command("--version").stdout.startswith("personcert "))
        done = self.run_command("--json", "update", ID, "--set", f"issuingCompany={COMPANY}", **token)
        self.assertEqual(json.loads(done.stdout)["status"], 200)
        self.assertEqual(self.graph.company(), COMPANY)
        listed = json.loads(self.run_command("--json", "list", **token).stdout)
        self.assertEqual([item["issuingCompany"] for item in listed], [COMPANY])
        self.assertIn(ID, self.run_command("list", **token).stdout)

    def sign_in(self, *store: str) -> dict[str, object]:
        """Signs in by device code, then updates with the stored session; the account."""
        authority = {"PERSONCERT_AUTHORITY": self.graph.url, "AZURE_CLIENT_ID": PUBLIC_APP}
        self.graph.tell("approve", {})
        self.run_command("login", "--sign-in", "device-code", *store, **authority)
        account = json.loads(self.run_command("--json", "whoami", *store, **authority).stdout)
        session = ("--sign-in", "login", *store)
        self.run_command("update", ID, "--set", f"issuingCompany={COMPANY}", *session, **authority)
        self.assertEqual(self.graph.company(), COMPANY)
        self.run_command("logout", *store, **authority)
        self.run_command("whoami", *store, code=4, **authority)
        return account

    def test_a_session_is_stored_where_the_platform_stores_secrets(self) -> None:
        account = self.sign_in()
        self.assertEqual(account["username"], USER)
        if WINDOWS:
            self.assertEqual(account["storedIn"], "the keyring")

    def test_a_session_is_stored_in_the_named_file(self) -> None:
        file = self.home / "sessions" / "sign-in.json"
        account = self.sign_in("--token-cache-file", str(file))
        self.assertEqual(account["storedIn"], str(file))
        self.assertEqual(json.loads(file.read_text()), {})
        self.assertEqual(sorted(path.name for path in file.parent.iterdir()), ["sign-in.json", "sign-in.json.lock"])

    def test_a_token_command_runs_in_the_shell(self) -> None:
        line = f"echo {self.graph.token}"
        self.run_command("update", ID, "--set", f"issuingCompany={COMPANY}", "--token-command", line)
        self.assertEqual(self.graph.company(), COMPANY)

    def test_a_token_command_ends_with_the_call_and_so_do_its_programs(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(LIMIT)
            program = self.home / "wait.py"
            program.write_text("import socket, sys\nsocket.create_connection(('127.0.0.1', int(sys.argv[1]))).recv(1)\n")
            line = f'"{sys.executable}" "{program}" {server.getsockname()[1]}'
            running = subprocess.Popen(
                [PERSONCERT, "list", "--token-command", line, "--timeout", "20"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            connection, _ = server.accept()
            with connection:
                connection.settimeout(LIMIT)
                self.assertEqual(running.wait(LIMIT), 8)
                try:
                    self.assertEqual(connection.recv(1), b"", "the program that the shell started still runs")
                except ConnectionResetError:
                    pass


if __name__ == "__main__":
    unittest.main()
