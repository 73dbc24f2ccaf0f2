"""Runs tests/cases/*.json through the Python package, blocking and with asyncio. Each case is one test per client.

Needs the standard library alone. One case: python3 -m unittest -v tests/python/test_cases.py -k NAME
"""

import asyncio
import json
import logging
import re
import tempfile
import unittest
from pathlib import Path

from personcert import AsyncClient, Client, LocalGraph, PersonCertError

CASES = Path(__file__).resolve().parent.parent / "cases"
IDENTITY = CASES.parent / "identity"
RETRY_DELAY_SECONDS = 0.001


class WrongCall(Exception):
    """Python itself refused the arguments, which is its `invalid_input`: the package was not called."""


def snake(name):
    """Python's spelling of a name, or of a dotted path of names."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda letter: "_" + letter[1].lower(), name)


def snake_keys(value):
    """The same object with Python's names, nested ones included."""
    if isinstance(value, dict):
        return {snake(name): snake_keys(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [snake_keys(inner) for inner in value]
    return value


def apply(method, arguments):
    """Call a method with a case's arguments."""
    given = {snake(name): value for name, value in arguments.items()}
    if isinstance(given.get("select"), list):
        given["select"] = [snake(name) if isinstance(name, str) else name for name in given["select"]]
    spread = {**given.pop("changes", {}), **given.pop("values", {})}
    positional = [given.pop("id")] if "id" in given and method.__name__ != "list" else []
    try:
        return method(*positional, **given, **snake_keys(spread))
    except TypeError as error:
        if re.search(r"\(\) (missing|got)|got multiple values", str(error)):
            raise WrongCall(str(error)) from error
        raise


def to_graph(result):
    """A result in Graph's names."""
    if isinstance(result, (list, tuple)):
        return [to_graph(item) for item in result]
    return result.to_graph() if hasattr(result, "to_graph") else result


def call(settings, operation, arguments):
    """Make the call with the blocking client."""
    with Client(**settings) as client:
        result = apply(getattr(client, operation), arguments)
        return to_graph(list(result) if operation == "list" else result)


async def call_async(settings, operation, arguments):
    """Make the call with the asyncio client."""
    async with AsyncClient(**settings) as client:
        result = apply(getattr(client, operation), arguments)
        if operation == "list":
            return to_graph([item async for item in result])
        return to_graph(await result)


def differences(expected, found, path):
    """Report where `found` differs: objects are compared as subsets, lists item by item, true is not 1."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name not in found:
                yield f"{path}.{name} is missing"
            else:
                yield from differences(value, found[name], f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path} has {len(found)} items, expected {len(expected)}: {found!r:.300}"
        for index, (value, other) in enumerate(zip(expected, found)):
            yield from differences(value, other, f"{path}[{index}]")
    elif isinstance(expected, bool) != isinstance(found, bool) or expected != found:
        yield f"{path} is {found!r:.300}, expected {expected!r:.300}"


def check_error(expected, error):
    """Compare an error's attributes; of its message a part is enough."""
    for name, value in expected.items():
        name = snake(name)
        if name == "message":
            if value not in str(error) and snake(value) not in str(error):
                yield f"the error's message is {str(error)!r}, which does not contain {value!r}"
            continue
        if name == "parameter":
            # Members are keyword arguments here, so errors name them alone.
            value = re.sub(r"^(changes|values)\.", "", snake(value))
        yield from differences(value, getattr(error, name), f"error ({error}).{name}")


class Log(logging.Handler):
    """Keeps every record that the package logs, as text."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record) + repr(vars(record)))


class CaseTests(unittest.TestCase):
    """One test per case is added below; a subclass says how a call is made."""

    front_end = ""

    @classmethod
    def setUpClass(cls):
        cls.passed = cls.excluded = 0
        cls.graph = LocalGraph()
        cls.folder = tempfile.TemporaryDirectory()
        cls.log = Log()
        cls.logger = logging.getLogger("personcert")
        cls.logger.addHandler(cls.log)
        cls.logger.setLevel(logging.DEBUG)
        cls.logger.propagate = False

    @classmethod
    def tearDownClass(cls):
        cls.logger.removeHandler(cls.log)
        cls.logger.setLevel(logging.NOTSET)
        cls.logger.propagate = True
        cls.folder.cleanup()
        cls.graph.close()
        # `cargo xtask test` compares this with the number of cases in the files.
        print(f"{cls.front_end}: {cls.passed} cases passed, {cls.excluded} excluded", flush=True)

    def run_case(self, case):
        """Run one case and fail with everything that differs."""
        reason = case.get("exclude", {}).get("python")
        if reason:
            type(self).excluded += 1
            self.skipTest(reason)
        problems = list(self.check(case))
        if problems:
            self.fail("\n".join(problems))
        type(self).passed += 1

    def check(self, case):
        """Make the case's call and report what differs."""
        given = case.get("given", {})
        self.prepare(given, case.get("server"))
        settings = self.settings(given)
        result = error = None
        try:
            result = self.call(settings, **case["call"])
        except (PersonCertError, WrongCall) as raised:
            error = raised
        yield from self.leaks(settings, error)
        expected = case.get("error")
        if isinstance(error, WrongCall):
            if not expected or (expected["kind"], expected["outcome"]) != ("invalid_input", "not_sent"):
                yield f"Python refused the call: {error}"
        elif expected:
            yield from check_error(expected, error) if error else ["no error was raised"]
        elif error:
            yield f"raised {error.kind}: {error}"
        else:
            yield from differences(case["result"], result, "result")
        if "requests" in case:
            yield from differences(case["requests"], self.graph.requests(), "requests")
        if "signIns" in case:
            yield from differences(case["signIns"], self.graph.sign_ins(), "signIns")
        if "stored" in case:
            stored = case["stored"]
            found = [item for item in self.graph.certifications(stored["user"]) if item["id"] == stored["id"]]
            yield from differences([stored["certification"]], found, "stored")

    def prepare(self, given, answers):
        """Bring the local Graph into the state that the case describes."""
        self.graph.reset()
        for stored in given.get("certifications", []):
            self.graph.add(**stored)
        self.graph.faults(given.get("faults", []))
        for name, arguments in given.get("commands", []):
            arguments = {snake(key): self.fill(value) for key, value in arguments.items()}
            getattr(self.graph, snake(name))(**arguments)
        if answers:
            self.graph.script(answers)

    def settings(self, given):
        """The settings of the case's client."""
        settings = {"base_url": self.graph.url, "retry_delay": RETRY_DELAY_SECONDS}
        settings.update({snake(name): self.fill(value) for name, value in given.get("config", {}).items()})
        token = given.get("token", {})
        if isinstance(token, dict):
            token = self.graph.token(**token)
        if token is not None:
            settings.setdefault("token", token)
        return settings

    def fill(self, value):
        """The value with every placeholder `{…}` replaced."""
        if isinstance(value, dict):
            return {name: self.fill(inner) for name, inner in value.items()}
        if not isinstance(value, str) or not value.startswith("{"):
            return value
        name = value.strip("{}")
        temporary = Path(self.folder.name)
        if name == "cache":
            (temporary / "sign-in.json").unlink(missing_ok=True)
            return str(temporary / "sign-in.json")
        if name == "federated":
            (temporary / name).write_text(self.graph.federated(), "utf-8")
            return str(temporary / name)
        if name == "certificate":
            return (IDENTITY / "client.pem").read_text("utf-8")
        if "." in name:
            return str(IDENTITY / name)
        return {**self.graph.addresses(), "local": self.graph.url, "ca": self.graph.ca_file()}[name]

    def leaks(self, settings, error):
        """Report secrets in the log or the error, and a token that another server received."""
        texts = [*self.log.lines]
        if error:
            texts += [str(error), repr(error), repr(vars(error)), repr(error.__cause__)]
        self.log.lines.clear()
        secrets = [str(settings.get(name, "")) for name in ("token", "client_secret", "certificate_password")]
        # An access token from a sign-in starts with eyJ, as every JSON web token does.
        secrets = ["eyJ", *(secret for secret in secrets if len(secret) > 8)]
        if any(secret in text for secret in secrets for text in texts):
            yield "a secret is in the log or in the error"
        if any(request.get("elsewhere") and request.get("authorization") for request in self.graph.requests()):
            yield "another server received the token"


class Blocking(CaseTests):
    """The cases with `Client`."""

    front_end = "python"

    def call(self, settings, operation, arguments):
        return call(settings, operation, arguments)


class Asyncio(CaseTests):
    """The cases with `AsyncClient`."""

    front_end = "python (asyncio)"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loop = asyncio.new_event_loop()
        cls.addClassCleanup(cls.loop.close)

    def call(self, settings, operation, arguments):
        return self.loop.run_until_complete(call_async(settings, operation, arguments))


def add_tests(tests):
    """Give the class one test per case, named after it."""
    for file in sorted(CASES.iterdir()):
        for case in json.loads(file.read_text("utf-8")):
            name = "test_" + re.sub(r"\W+", "_", case["name"]).strip("_")
            while hasattr(tests, name):
                name += "_"

            def test(self, case=case):
                self.run_case(case)

            test.__doc__ = case["name"]
            setattr(tests, name, test)


def load_tests(loader, *_):
    """The two classes with tests; their base has none."""
    return unittest.TestSuite(loader.loadTestsFromTestCase(tests) for tests in (Blocking, Asyncio))


add_tests(Blocking)
add_tests(Asyncio)

if __name__ == "__main__":
    unittest.main()
