"""Runs tests/cases/*.json through the Python package, blocking and with asyncio. Needs the standard library alone."""

import asyncio
import json
import logging
import re
import shutil
import sys
import tempfile
from pathlib import Path

from personcert import AsyncClient, Client, LocalGraph, PersonCertError

CASES = Path(__file__).resolve().parent.parent / "cases"
IDENTITY = CASES.parent / "identity"
PLACE = Path(tempfile.mkdtemp())
RETRY_DELAY = 0.001
SECRETS = []


class WrongCall(Exception):
    """Python itself refused the arguments: that is its `invalid_input`, before the package is asked."""


def snake(name):
    """Python's spelling of a name, or of a dotted path of names."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda letter: "_" + letter[1].lower(), name)


def snake_keys(value):
    """The same object with Python's names, those within it too."""
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
    place = [given.pop("id")] if "id" in given and method.__name__ != "list" else []
    try:
        return method(*place, **given, **snake_keys(spread))
    except TypeError as error:
        if re.search(r"\(\) (missing|got)|got multiple values", str(error)):
            raise WrongCall(str(error)) from error
        raise


def filled(value, graph):
    """The value with what they stand for in the place of all `{…}`."""
    if isinstance(value, dict):
        return {name: filled(inner, graph) for name, inner in value.items()}
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    name = value.strip("{}")
    if name == "cache":
        (PLACE / "sign-in.json").unlink(missing_ok=True)
        return str(PLACE / "sign-in.json")
    if name == "federated":
        (PLACE / name).write_text(graph.federated(), "utf-8")
        return str(PLACE / name)
    if name == "certificate":
        return (IDENTITY / "client.pem").read_text("utf-8")
    if "." in name:
        return str(IDENTITY / name)
    return {**graph.addresses(), "local": graph.url, "ca": graph.ca_file()}[name]


def config(case, graph):
    """The settings of the case's client."""
    given = case.get("given", {})
    settings = {snake(name): value for name, value in given.get("config", {}).items()}
    settings.setdefault("base_url", graph.url)
    settings.setdefault("retry_delay", RETRY_DELAY)
    settings = {name: filled(value, graph) for name, value in settings.items()}
    token = given.get("token", {})
    if isinstance(token, dict):
        token = graph.token(**token)
    if token is not None:
        settings.setdefault("token", token)
    for name in ("token", "client_secret", "certificate_password"):
        if len(str(settings.get(name, ""))) > 8:
            SECRETS.append(str(settings[name]))
    return settings


def wire(result):
    """A result in Graph's names."""
    if isinstance(result, (list, tuple)):
        return [wire(item) for item in result]
    return result.to_graph() if hasattr(result, "to_graph") else result


def call(case, graph):
    """Carry the case out, blocking."""
    with Client(**config(case, graph)) as client:
        method = getattr(client, case["call"]["operation"])
        result = apply(method, case["call"]["arguments"])
        return wire(list(result) if case["call"]["operation"] == "list" else result)


async def call_async(case, graph):
    """Carry the case out with asyncio."""
    async with AsyncClient(**config(case, graph)) as client:
        method = getattr(client, case["call"]["operation"])
        result = apply(method, case["call"]["arguments"])
        if case["call"]["operation"] == "list":
            return wire([item async for item in result])
        return wire(await result)


def differences(expected, found, place):
    """Where `found` isn't what was expected: objects as subsets, lists one by one, true is not 1."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name not in found:
                yield f"{place}.{name} is missing"
            else:
                yield from differences(value, found[name], f"{place}.{name}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{place} has {len(found)} items, not {len(expected)}: {found!r:.300}"
        for at, (value, other) in enumerate(zip(expected, found)):
            yield from differences(value, other, f"{place}[{at}]")
    elif isinstance(expected, bool) != isinstance(found, bool) or expected != found:
        yield f"{place} is {found!r:.300}, not {expected!r:.300}"


def check_error(expected, error):
    """Where the error isn't what was expected."""
    expected = {snake(name): value for name, value in expected.items()}
    for name in ("kind", "outcome", "status", "code", "attempts", "retry_after"):
        if name in expected and getattr(error, name) != expected[name]:
            yield f"error.{name} is {getattr(error, name)!r}, not {expected[name]!r} ({error})"
    if "parameter" in expected:
        # Members are keyword arguments here, so errors name them alone.
        parameter = re.sub(r"^(changes|values)\.", "", snake(expected["parameter"]))
        if error.parameter != parameter:
            yield f"error.parameter is {error.parameter!r}, not {parameter!r}"
    wanted = expected.get("message", "")
    if wanted not in str(error) and snake(wanted) not in str(error):
        yield f"error says {str(error)!r}, not {wanted!r}"


class Log(logging.Handler):
    """Every word that is logged."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record) + repr(vars(record)))


LOG = Log()


def leaks(case, graph, error):
    """Where a token can be seen, and who got one without being the configured host."""
    said = [*LOG.lines, *([str(error), repr(error), repr(vars(error)), repr(error.__cause__)] if error else [])]
    # A token that was got by signing in begins so, as every JSON web token does.
    for secret in [*SECRETS, "eyJ"]:
        if any(secret in line for line in said):
            yield "a secret was logged or is in the error"
    SECRETS.clear()
    LOG.lines.clear()
    if any(request.get("elsewhere") and request.get("authorization") for request in graph.requests()):
        yield "another server got the token"


def check(case, graph, carry_out):
    """Carry the case out and say what is wrong."""
    graph.reset()
    for stored in case.get("given", {}).get("certifications", []):
        graph.add(**stored)
    graph.faults(case.get("given", {}).get("faults", []))
    for name, arguments in case.get("given", {}).get("commands", []):
        given = filled(arguments, graph)
        getattr(graph, snake(name))(**{snake(key): value for key, value in given.items()})
    answers = case.get("server")
    if answers:
        graph.script(answers)
    error = result = None
    try:
        result = carry_out(case, graph)
    except PersonCertError as raised:
        error = raised
    except WrongCall as raised:
        error = raised
    if isinstance(error, WrongCall):
        if (case.get("error", {}).get("kind"), case.get("error", {}).get("outcome")) != ("invalid_input", "not_sent"):
            yield f"Python refused the call: {error}"
    elif "error" in case:
        yield from check_error(case["error"], error) if error else ["no error was raised"]
    elif error:
        yield f"raised {error.kind}: {error}"
    else:
        yield from differences(case["result"], result, "result")
    yield from leaks(case, graph, error)
    if "requests" in case:
        yield from differences(case["requests"], graph.requests(), "requests")
    if "signIns" in case:
        yield from differences(case["signIns"], graph.sign_ins(), "signIns")
    if "stored" in case:
        wanted = case["stored"]
        found = [item for item in graph.certifications(wanted["user"]) if item["id"] == wanted["id"]]
        yield from differences([wanted["certification"]], found, "stored")


def run(name, cases, graph, carry_out):
    """Run all cases; true when none failed."""
    passed, excluded, failed = 0, 0, 0
    for case in cases:
        if "python" in case.get("exclude", {}):
            excluded += 1
            continue
        try:
            wrong = list(check(case, graph, carry_out))
        except Exception as error:  # A case must not end the run.
            wrong = [f"raised {type(error).__name__}: {error}"]
        passed += not wrong
        failed += bool(wrong)
        for line in wrong:
            print(f"FAILED {name}: {case['name']}: {line}")
    print(f"{name}: {passed} cases passed, {excluded} excluded" + (f", {failed} FAILED" if failed else ""))
    return passed > 0 and not failed


def main():
    """Run every case, first blocking, then with asyncio."""
    cases = [case for file in sorted(CASES.glob("*.json")) for case in json.loads(file.read_text("utf-8"))]
    names = [case["name"] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"names used twice: {', '.join(sorted(twice))}")
    logging.getLogger("personcert").setLevel(logging.DEBUG)
    logging.getLogger("personcert").addHandler(LOG)
    logging.getLogger("personcert").propagate = False
    with LocalGraph() as graph:
        done = run("python", cases, graph, call)
        loop = asyncio.new_event_loop()
        done &= run("python (asyncio)", cases, graph, lambda *case: loop.run_until_complete(call_async(*case)))
        loop.close()
    shutil.rmtree(PLACE)
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
