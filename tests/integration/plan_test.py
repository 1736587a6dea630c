"""What is wrong with a plan, said by the program with the exact place of each problem."""
from __future__ import annotations

import functools
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
from typing import Any, Callable

import jsonschema
import pytest
import yaml
from http_client import Connection, get
from origin import Origin
from plans import one_version
from polling import wait_until
from ports import free_port
from weir_harness import Admin, Weir, program, run_cli

StartOrigin = Callable[..., Origin]

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))

LISTENERS = 'listeners: [ { address: "127.0.0.1:8080" } ]\n'
SERVICES = """\
services:
  chat:
    versions:
      v1: { endpoints: ["http://127.0.0.1:9001"] }
      v2: { endpoints: ["http://127.0.0.1:9002"] }
"""
ROUTES = "routes: [ { match: { pathPrefix: / }, service: chat } ]\n"
ROLLOUT = "rollouts: { chat: { baseline: v1, candidate: v2 } }\n"
PLAN = LISTENERS + SERVICES + ROUTES + ROLLOUT

# Stands in a text before each place where a problem is expected.
MARK = "«"


class Check:
    """`weir check` of a text."""

    def __init__(self, directory: pathlib.Path, text: str, **environment: str):
        self.file = directory / "plan.yaml"
        self.file.write_text(text.replace(MARK, ""))
        done = subprocess.run([program(), "check", str(self.file)], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **environment}, check=False)
        self.code, self.output, self.errors = done.returncode, done.stdout, done.stderr
        found = re.findall(rf"^{re.escape(str(self.file))}:(\d+):(\d+): (error|warning): (.*)$", self.errors, re.M)
        self.places = [(int(line), int(column)) for line, column, _, _ in found]
        self.severities = [severity for _, _, severity, _ in found]
        self.problems = [what for _, _, _, what in found]


def marked(text: str) -> list[tuple[int, int]]:
    """Line and column, from 1, of what stands behind each mark."""
    places = []
    for number, line in enumerate(text.split("\n"), start=1):
        for count, mark in enumerate(re.finditer(MARK, line)):
            places.append((number, mark.start() - count + 1))
    return places


def expect_problems(directory: pathlib.Path, text: str, *problems: str, severity: str = "error") -> Check:
    """Exactly these problems, in order, at the marked places."""
    check = Check(directory, text)
    assert check.places == marked(text), check.errors
    for said, wanted in zip(check.problems, problems, strict=True):
        assert wanted in said, check.errors
    assert set(check.severities) == {severity}
    assert check.code == (2 if severity == "error" else 1)
    errors = len(problems) if severity == "error" else 0
    assert check.errors.endswith(f"{check.file}: {errors} error(s), {len(problems) - errors} warning(s)\n")
    assert check.output == ""
    return check


Expect = Callable[..., Check]


@pytest.fixture
def expect(tmp_path: pathlib.Path) -> Expect:
    return functools.partial(expect_problems, tmp_path)


def test_a_good_plan_is_clean(tmp_path: pathlib.Path) -> None:
    check = Check(tmp_path, PLAN)
    assert (check.code, check.errors) == (0, "") and check.output == f"{check.file}: nothing is wrong\n"


def test_keys(expect: Expect) -> None:
    expect(PLAN + "timeouts: { header: 5s, «header: 6s }\n«timeouts: { drain: 1s }\n",
           "timeouts.header is given twice", "timeouts is given twice")
    expect(LISTENERS + SERVICES + "      «v2: { endpoints: [\"http://127.0.0.1:9003\"] }\n" + ROUTES + ROLLOUT,
           "services.chat.versions.v2 is given twice")
    expect(PLAN + "«worker: 2\n«timeout: { header: 5s }\nlimits: { «bodi: 1MiB }\n«xyzzy: 1\n",
           "worker is no known key; did you mean workers?", "timeout is no known key; did you mean timeouts?",
           "limits.bodi is no known key; did you mean body?", "xyzzy is no known key")
    expect(PLAN.replace("v1, candidate", "v1, «Candidate: v2, candidate"),
           "rollouts.chat.Candidate is no known key; did you mean candidate?")
    expect(PLAN + "timeouts: { «<<: { header: 5s } }\n", "merge keys are not read")


def test_what_is_missing(expect: Expect, tmp_path: pathlib.Path) -> None:
    check = Check(tmp_path, "workers: 2\n")
    assert check.code == 2 and [problem.split()[0] for problem in check.problems] == ["listeners", "services", "routes"]
    expect(LISTENERS + "services: { chat: «{ } }\n" + ROUTES, "services.chat.versions is missing")
    expect(PLAN.replace("candidate: v2", "").replace("chat: { b", "chat: «{ b"), "rollouts.chat.candidate is missing")
    expect(PLAN.replace("[ {", "«[ ] # {", 1), "listeners is empty")
    for text in ("", "# nothing\n"):
        assert Check(tmp_path, text).code == 2
    for text in ("- 1\n", "just words\n"):
        assert "the file is no plan" in Check(tmp_path, text).problems[0]


def test_units(expect: Expect) -> None:
    expect(PLAN + 'timeouts: { header: «10, bodyIdle: «10sec, keepAlive: «"1 m", total: «-1s, connect: «ten }\n',
           *["expected a duration with a unit (ms, s, m, h, d), such as 30s"] * 5)
    expect(PLAN + "limits: { body: «64MB, field: «1.5, fieldCount: «10KiB, connections: «0 }\n",
           "expected a size with a unit", "expected a size with a unit", "a whole number", "a whole number")
    expect(PLAN.replace("v2 }", "v2, analysis: { maxFalseRollback: «1, holdback: «101% } }"),
           "a percentage with its sign", "a percentage in steps of 0.0001, from 0 to 50")
    expect(PLAN + "workers: «two\nversionHeader: «maybe\npreset: «edges\n",
           "a whole number", "true or false", "one of edge, sidecar")


def test_weights(expect: Expect, tmp_path: pathlib.Path) -> None:
    steps = "steps: [ {{ setWeight: {} }} ] }} }}\n"
    for weight in ("«101", "«-1", "«0.00001", "«ten", "«1e1", "«100.0001"):
        expect(PLAN.replace("v2 } }\n", "v2, " + steps.format(weight)),
               "a percentage in steps of 0.0001, from 0 to 100")
    for weight in ("0.0001", "95", "100", "12.5%"):
        assert Check(tmp_path, PLAN.replace("v2 } }\n", "v2, " + steps.format(weight))).code == 0, weight
    waits = Check(tmp_path, PLAN.replace("v2 } }\n", "v2, " + steps.format("0")))
    assert waits.code == 1 and "at setWeight 0 the candidate gets no requests" in waits.problems[0]
    block = """\
rollouts:
  chat:
    baseline: v1
    candidate: v2
    steps:
      - setWeight: 5
      - hold: { atLeast: 1m }
      - setWeight: «97
      - setWeight: «99
"""
    expect(LISTENERS + SERVICES + ROUTES + block, *["leaves less than the holdback of 5% on the baseline"] * 2)

    def static(one: str, two: str, mark: str = "") -> str:
        return LISTENERS + SERVICES + f"    weights: {mark}{{ v1: {one}, v2: {two} }}\n" + ROUTES

    expect(static("90", "20", MARK), "weights sum to 110%; expected 100%")
    assert Check(tmp_path, static("99.9999", "0.0001")).code == 0
    assert Check(tmp_path, static("100", "0")).code == 0
    expect(LISTENERS + SERVICES + "    weights: { v1: 90, v3: «10 }\n" + ROUTES, 'chat has no version "v3"')
    expect(static("90", "10", MARK) + ROLLOUT, "both weights and a rollout")
    expect(LISTENERS + SERVICES.replace("versions", "«versions") + ROUTES,
           "several versions, and nothing says how to split")


def test_routes(expect: Expect, tmp_path: pathlib.Path) -> None:
    def routes(*entries: str) -> str:
        return LISTENERS + SERVICES + ROLLOUT + "routes:\n" + "".join(f"  - {entry}\n" for entry in entries)

    expect(routes("{ match: { pathPrefix: / }, service: chat }", "«{ match: { pathPrefix: /v1 }, service: chat }"),
           "routes[1] can never be reached: routes[0] takes all that it matches")
    expect(routes("{ match: { pathPrefix: /v1 }, service: chat }", "{ match: { pathPrefix: / }, service: chat }",
                            "«{ match: { pathExact: /x, host: a.example, method: GET }, service: chat }"),
           "routes[2] can never be reached: routes[1]")
    for first in ("host: a.example", "method: POST", "headers: [ { name: x } ]", "pathExact: /v1"):
        text = routes(f"{{ match: {{ {first} }}, service: chat }}", "{ match: { pathPrefix: /v1 }, service: chat }")
        assert Check(tmp_path, text).code == 0, first
    expect(routes("{ match: { pathPrefix: / }, service: «chatt }"), 'there is no service "chatt"; expected one of chat')
    for path in ("v1", "/a?b", "/a/../b", "/%7euser", "/a b"):
        expect(routes(f'{{ match: {{ pathPrefix: «"{path}" }}, service: chat }}'), "a path in its normal form")
    for host in ("a.example:80", "a b", "*", "a.*.example", "*.[::1]"):
        expect(routes(f'{{ match: {{ host: «"{host}" }}, service: chat }}'), "a host without its port")
    for method in ("get", "G T", "TRACE"):
        expect(routes(f'{{ match: {{ method: «"{method}" }}, service: chat }}'), "a method in capitals")
    expect(routes("{ match: { headers: [ { name: «Connection } ] }, service: chat }"), "the proxy takes it off first")
    expect(routes("{ match: { headers: [ { name: x } ] }, service: chat }",
                  '«{ match: { headers: [ { name: x, exact: "1" } ] }, service: chat }'),
           "routes[1] can never be reached: routes[0] takes all that it matches")
    expect(routes("{ match: «{ pathPrefix: /, pathExact: / }, service: chat }"), "both pathPrefix and pathExact")
    expect(routes("{ name: a, match: { pathPrefix: /a }, service: chat }",
                            "«{ name: a, match: { pathPrefix: /b }, service: chat }"), "the name a is taken")


def test_rollouts(expect: Expect, tmp_path: pathlib.Path) -> None:
    expect(PLAN.replace("candidate: v2", "candidate: «v3"), 'chat has no version "v3"; expected one of v1, v2')
    expect(PLAN.replace("baseline: v1", "baseline: «v0"), 'chat has no version "v0"')
    expect(PLAN.replace("candidate: v2", "candidate: «v1"), "baseline and candidate are the same version")
    expect(PLAN.replace("v2 } }\n", "v2 }, images: «{ baseline: v1, candidate: v2 } }\n"),
           'there is no service "images"')
    expect(PLAN.replace("v2 } }\n", "v2, strategy: «blue } }\n"), "one of canary, blueGreen, shadow, aa")
    override = "overrides: [ {}{{ match: {{ header: {{ name: x-v, exact: v2 }} }}, version: {}{} }} ]"

    def with_rule(mark: str, version: str, rest: str, plan: str = PLAN) -> str:
        return plan.replace("candidate: v2 }", "candidate: v2, " + override.format(mark, version, rest) + " }")

    expect(with_rule("«", "v2", ""), "any client may choose version v2; expected from: [addresses]",
           severity="warning")
    assert Check(tmp_path, with_rule("", "v2", ", from: [10.0.0.0/8, 127.0.0.1, \"::1\"]")).code == 0
    assert Check(tmp_path, with_rule("", "v2", "", "preset: sidecar\n" + PLAN)).code == 0
    expect(with_rule("", "«v9", ", from: [10.0.0.0/8]"), 'chat has no version "v9"')
    expect(with_rule("", "v2", ", from: [«10.0.0.0/33, «office]"), *["an address or a network"] * 2)
    expect(PLAN.replace("v2 } }\n", "v2, analysis: «off } }\n"),
           "nothing is judged, and a bad candidate is not taken back", severity="warning")


def test_addresses(expect: Expect, tmp_path: pathlib.Path) -> None:
    expect(PLAN.replace('[ { address: "127.0.0.1:8080" } ]',
                                  '[ { address: ":8080" }, { address: «"8081" }, { address: «":8080" } ]'),
           '"8081"; expected host:port', "listeners[2].address is taken by another listener")
    expect(PLAN.replace('[ { address: "127.0.0.1:8080" } ]',
                        '[ { address: ":8080" }, { address: "[::]:8080" }, { address: «"localhost:8080" } ]'),
           "listeners[2].address is taken by another listener")
    expect(PLAN.replace('["http://127.0.0.1:9001"]', '[«"127.0.0.1:9001", «"http://h:99999", «"http://h/path", «"https://h:0"]'),
           *["expected http://host:port"] * 4)
    expect(PLAN + "admin: { address: «\"0.0.0.0:9901\" }\n", "is not loopback, and there is no admin.token")
    for address in ("127.0.0.1:99999", "example.com:80", "::1:80", "[::1]x:80", "127.example.com:80"):
        expect(PLAN.replace('"127.0.0.1:8080"', f'«"{address}"'), "host:port, the host in digits")
        expect(PLAN + f'admin: {{ address: «"{address}" }}\n', "host:port, the host in digits")
    expect(PLAN.replace('"127.0.0.1:8080"', '«"localhost:9901"'), "is the admin API's, 127.0.0.1:9901")
    expect(PLAN.replace('"127.0.0.1:8080"', '"*:8080", allow: «["::/0"]'), "so nobody may", severity="warning")
    for address in ("localhost:8080", "*:8080", ":8080"):
        assert Check(tmp_path, PLAN.replace("127.0.0.1:8080", address)).code == 0


def test_an_access_log_has_to_have_a_place(expect: Expect, tmp_path: pathlib.Path) -> None:
    expect(PLAN + f"accessLog: {{ path: «{tmp_path} }}\n", "it is a directory; expected a file in a folder that is there")
    expect(PLAN + f"accessLog: {{ path: «{tmp_path}/none/a.log }}\n", f"there is no folder {tmp_path}/none")
    for path in (tmp_path / "a.log", "a.log", "-"):
        assert Check(tmp_path, PLAN + f'accessLog: {{ path: "{path}" }}\n').code == 0
    assert not (tmp_path / "a.log").exists()


def test_every_address_of_both_kinds_can_be_listened_on(origin: StartOrigin, new_weir: Callable[..., Weir]) -> None:
    gateway = new_weir(one_version(origin("one")))
    both = [f"0.0.0.0:{gateway.port}", f"[::]:{gateway.port}"]
    gateway.write({**gateway.plan, "listeners": [{"address": address} for address in both]})
    gateway.start()
    assert sorted(gateway.admin.status()["listeners"]) == sorted(both)
    for host in ("127.0.0.1", "::1"):
        client = http.client.HTTPConnection(host, gateway.port, timeout=15)
        client.request("GET", "/")
        assert client.getresponse().headers["x-origin"] == "one"
        client.close()


def test_names(expect: Expect) -> None:
    long = "a" * 65
    for cookie in (r"a\r\nX-Evil: 1", "a b;=c", long):
        expect(PLAN.replace("v2 } }\n", f'v2, stickiness: {{ by: [ {{ cookie: «"{cookie}" }} ] }} }} }}\n'),
               "a cookie's name")
    for name in (r"v1\r\nX-Evil: 1", "a b", "a/b", "ä", long):
        expect(PLAN.replace("      v2:", f'      v2: {{ endpoints: ["http://127.0.0.1:9002"] }}\n      «"{name}":'),
               "a name: letters, digits")
        expect(PLAN.replace("{ match", f'{{ name: «"{name}", match'), "a name: letters, digits")
    expect(PLAN.replace("v2 } }\n", "v2, stickiness: { by: [ { header: «host } ] } } }\n"), "the proxy takes it off first")


def test_bounds(expect: Expect) -> None:
    """What would refuse every request, cut every one, or overflow a clock."""
    for key in ("header", "bodyIdle", "connect", "drain", "drainDelay"):
        expect(PLAN + f"timeouts: {{ {key}: «none }}\n", "a duration")
    for key in ("header", "bodyIdle", "keepAlive", "connect", "responseHeader", "responseIdle", "total"):
        expect(PLAN + f"timeouts: {{ {key}: «0s }}\n", "from 1ms to")
    for key in ("requestLine", "field", "fields", "responseFields", "buffer"):
        for value in ("none", "0B", "100GiB"):
            expect(PLAN + f"limits: {{ {key}: «{value} }}\n", "a size")
    expect(PLAN + "workers: «4294967295\n", "from 1 to 1024")
    for stage in ("hold: { atLeast: «none }", "hold: { atMost: «none }", "pause: { duration: «none }"):
        expect(PLAN.replace("v2 } }\n", f"v2, steps: [ {{ setWeight: 5 }}, {{ {stage} }} ] }} }}\n"), "a duration")

    def guard(text: str) -> str:
        return PLAN.replace("v2 } }\n", f"v2, analysis: {{ guards: [ {{ {text} }} ] }} }} }}\n")

    expect(guard("metric: errorRate, allowedDegradation: { relative: «9000000000% }"), "from 0% to 1000%")
    expect(guard("metric: latency, allowedDegradation: { absolute: «none }"), "or for times a duration")
    expect(guard("metric: latency, quantile: «1e-300, allowedDegradation: { relative: 10% }"), "from 0.01 to 0.9999")


@pytest.mark.parametrize("end", ["most", "none"])
def test_a_plan_at_its_bounds_serves(origin: StartOrigin, new_weir: Callable[..., Weir], end: str) -> None:
    """With every timeout and limit of the reference page at its upper bound, or at none where that is a value."""
    page = (ROOT / "docs" / "config-reference.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [\w ]+, from \w+ to (\w+)(, or none)? \| [^|]*\|", page, re.M)
    given = {key: "none" if end == "none" and none else most for key, most, none in rows}

    def of(section: str) -> dict[str, Any]:
        body = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
        keys = re.findall(r"^\| `(\w+)` \|", body, re.M)
        return {key: int(given[key]) if given[key].isdigit() else given[key] for key in keys}

    assert of("timeouts")["drain"] == "1d" and of("limits")["pending"] == 10_000_000
    gateway = new_weir(one_version(origin("v1"), timeouts={**of("timeouts"), "drainDelay": "0s"}, limits=of("limits")))
    gateway.start()
    with Connection(gateway.port) as client:
        for _ in range(2):
            assert client.request("POST", "/", body=b"b").status == 200
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0


def test_keys_stand_where_they_work(expect: Expect, tmp_path: pathlib.Path) -> None:
    for key in ("pending: 1", "upstreamConnections: 1, pending: 1"):
        assert Check(tmp_path, PLAN.replace("service: chat }", f"service: chat, limits: {{ {key} }} }}")).code == 0
        assert Check(tmp_path, PLAN.replace('8080" }', f'8080", limits: {{ {key} }} }}')).code == 0
    for key in ("endpointPending: 1", "endpointConnections: 1"):
        expect(PLAN.replace("service: chat }", f"service: chat, limits: {{ «{key} }} }}"), "it on the file alone")
        expect(PLAN.replace('8080" }', f'8080", limits: {{ «{key} }} }}'), "it on the file alone")
    for section, keys in {"limits": ("connections: 1", "requestLine: 1KiB", "field: 1KiB", "fields: 1KiB",
                                     "fieldCount: 5"),
                          "timeouts": ("header: 1s", "keepAlive: 1s")}.items():
        for key in keys:
            expect(PLAN.replace("service: chat }", f"service: chat, {section}: {{ «{key} }} }}"),
                   "it on the file or a listener")
            assert Check(tmp_path, PLAN.replace('8080" }', f'8080", {section}: {{ {key} }} }}')).code == 0


def test_limits_and_timeouts_that_contradict_each_other(expect: Expect) -> None:
    def warned(text: str, what: str) -> None:
        expect(text, what, severity="warning")
    on_route = "service: chat, limits: { upstreamConnections: «2000 } }"
    warned(PLAN.replace("service: chat }", on_route), "more than any version of chat may have (1024)")
    warned(PLAN.replace('8080" }', '8080", limits: { pending: «2000 } }'), "more than any version may have (1024)")
    endpoints = '9001"], limits: { upstreamConnections: 8, endpointConnections: «9 } }'
    warned(PLAN.replace('9001"] }', endpoints), "one endpoint may have more")
    warned(PLAN + "workers: 4\nlimits: { upstreamConnections: «2 }\n", "together they allow 4")
    warned(PLAN + "limits: { field: «64KiB }\n", "one field may have more bytes (field: 64KiB) than all together")
    warned(PLAN + "timeouts: { total: 1s, connect: «2s }\n", "connect (2s) is longer than total (1s)")
    warned(PLAN + "workers: 4\nlimits: { memory: «1MiB, buffer: 1MiB }\n", "too small for both directions")


def test_guards(expect: Expect) -> None:
    def guards(*entries: str) -> str:
        return PLAN.replace("v2 } }\n", f"v2, analysis: {{ guards: «[ {', '.join(entries)} ] }} }} }}\n")

    off = [f"{{ metric: {name}, enabled: false }}"
           for name in ("errorRate", "capacityRate", "clientErrorRate", "clientAbortRate", "latency")]
    expect(guards(*off), "takes every guard away: nothing is judged", severity="warning")


def test_documents(tmp_path: pathlib.Path) -> None:
    check = Check(tmp_path, PLAN + "---\n" + PLAN)
    lines = PLAN.count("\n")
    assert check.code == 2 and check.places == [(lines + 1, 1)] and "a second document" in check.problems[0]
    # A syntax error is reported alone: what comes of guessing behind it would be noise.
    check = Check(tmp_path, "service: 1\nlisteners: [ { address: x ]\nworkers: many\n")
    assert check.code == 2 and len(check.problems) == 1
    assert "not valid YAML" in check.problems[0] and check.places[0][0] == 2
    check = Check(tmp_path, "workers: 2\n\tlisteners: []\n")
    assert check.code == 2 and len(check.problems) == 1 and "not valid YAML" in check.problems[0]


def test_aliases_are_bounded(tmp_path: pathlib.Path) -> None:
    # A plan of a few lines that would expand to billions of nodes.
    lines = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 12)]
    check = Check(tmp_path, "\n".join(lines) + "\n")
    assert check.code == 2 and "aliases expand to more than a plan can need" in check.problems[0]
    # And one that is nested deeper than a stack.
    check = Check(tmp_path, "a: " + "[" * 100_000 + "\n")
    assert check.code == 2 and len(check.problems) == 1
    # Ordinary aliases are read.
    shared = PLAN.replace('9001"]', '9001"], limits: &same { pending: 9 }').replace('9002"]', '9002"], limits: *same')
    assert Check(tmp_path, shared).code == 0


def test_all_problems_at_once_in_the_order_of_the_file(expect: Expect) -> None:
    text = ("«worker: 2\n" + LISTENERS + SERVICES + "routes: [ { match: { pathPrefix: / }, service: «images } ]\n"
            "rollouts: { chat: { baseline: v1, candidate: «v9, steps: [ { setWeight: «200 } ] } }\n"
            "timeouts: { header: «5 }\nstate: «here\n")
    check = expect(text, "worker is no known key", 'no service "images"', 'no version "v9"', "setWeight",
                   "a duration with a unit", "state")
    done = run_cli("check", str(check.file), "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 2 and not report["ok"]
    assert [(problem["line"], problem["column"]) for problem in report["problems"]] == check.places
    # The program that is to serve it lists the same, and does not serve.
    run = run_cli("run", str(check.file))
    assert run.returncode == 1
    for line in check.errors.splitlines()[:-1]:
        assert line in run.stderr


def test_a_file_that_is_no_text(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "plan.yaml"
    for content in (b"\0" * 100, bytes(range(256)), b"\xff\xfe" + PLAN.encode("utf-16-le")):
        file.write_bytes(content)
        assert run_cli("check", str(file)).returncode == 2
    file.write_bytes(PLAN.encode() + b"# caf\xe9\n")
    assert "no text in UTF-8" in run_cli("check", str(file)).stderr
    assert "it is a directory" in run_cli("check", str(tmp_path)).stderr


SECRET = "a-secret-that-nobody-may-print"


def test_a_secret_comes_from_the_environment_or_a_file(expect: Expect, tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text(SECRET + "\n")
    for source in ("{ env: THE_TOKEN }", f"{{ file: {tmp_path}/token }}"):
        check = Check(tmp_path, PLAN + f"admin: {{ address: \"0.0.0.0:9901\", token: {source} }}\n", THE_TOKEN=SECRET)
        assert check.code == 0 and SECRET not in check.output
    expect(PLAN + "admin: { token: «{ env: NO_SUCH_VARIABLE } }\n", "environment variable NO_SUCH_VARIABLE is empty")
    expect(PLAN + "admin: { token: «{ file: /no/such/file } }\n", "file /no/such/file is empty or cannot be read")


def test_a_secret_in_the_plan_itself_is_refused_and_not_repeated(tmp_path: pathlib.Path) -> None:
    check = Check(tmp_path, PLAN + f"admin: {{ token: {SECRET} }}\n")
    assert check.code == 2 and SECRET not in check.errors
    assert check.problems == ["admin.token: it stands in the file itself; expected { env: NAME } or { file: PATH }"]
    done = run_cli("check", str(check.file), "--format", "json")
    assert done.returncode == 2 and SECRET not in done.stdout


def test_a_secret_is_printed_nowhere(origin: StartOrigin, new_weir: Callable[..., Weir],
                                     tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text(SECRET + "\n")
    gateway = new_weir(one_version(origin("v1")), token=SECRET)
    gateway.write(one_version(9, admin={"address": f"127.0.0.1:{gateway.admin.port}",
                                        "token": {"file": str(tmp_path / "token")}}))
    gateway.launch()
    wait_until(gateway.admin.ready, "the weir is ready")
    printed = gateway.cli("status", "--format", "json").stdout + gateway.cli("status").stdout
    printed += gateway.cli("reload").stdout + gateway.cli("history", "--format", "json").stdout
    printed += gateway.admin.metrics()
    gateway.admin.call("GET", "/api/v1/status", fields={"authorization": f"Bearer {SECRET}x"})
    gateway.admin.call("GET", f"/api/v1/status?token={SECRET}", fields={"authorization": "Bearer none"})
    gateway.file.write_text(gateway.file.read_text().replace('"workers": 2', '"workers": "two"'))
    printed += gateway.cli("reload", check=False).stderr
    gateway.stop()
    assert "reload_refused" in gateway.log() and "admin_refused" in gateway.log()
    assert SECRET not in printed + gateway.log()


def test_without_a_file_two_urls_are_split(origin: StartOrigin, tmp_path: pathlib.Path) -> None:
    baseline, candidate, port = origin("baseline"), origin("candidate"), free_port()
    done = run_cli("run", "--baseline", "http://127.0.0.1:1")
    assert done.returncode == 2 and "--candidate" in done.stderr
    # The default plan's admin address, 127.0.0.1:9901, has to be free.
    admin = Admin(9901)
    with (tmp_path / "stderr.log").open("wb") as errors:
        process = subprocess.Popen([program(), "run", "--baseline", f"http://127.0.0.1:{baseline.port}", "--candidate",
                                    f"http://127.0.0.1:{candidate.port}", "--listen", f"127.0.0.1:{port}"],
                                   stderr=errors, cwd=tmp_path)
    try:
        def serves() -> bool:
            assert process.poll() is None, (tmp_path / "stderr.log").read_text()
            return admin.ready()

        wait_until(serves, "it serves")
        names = [service["name"] for service in admin.status()["services"]]
        assert len(names) == 1
        wait_until(lambda: admin.rollout(names[0])["step_id"] > 0, "the rollout has begun")
        assert get(port, "/")["x-weir-version"] is not None
        with Connection(port) as client:
            assert {client.request("GET", "/")["x-origin"] for _ in range(50)} <= {"baseline", "candidate"}
        status, body = admin.post("reload")
        assert status == 409 and "without a plan file" in body
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "stderr.log").read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(path.relative_to(ROOT / "examples")) for path in EXAMPLES])
def test_an_example_passes(example: pathlib.Path) -> None:
    done = run_cli("check", str(example), cwd=example.parent)
    assert (done.returncode, done.stderr) == (0, "")
    schema(yaml.safe_load(example.read_text()))


def plans_of(page: pathlib.Path) -> list[str]:
    """The YAML blocks of a page that are whole plans: what a reader would copy into a file."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.M | re.S)
    return [block for block in blocks if re.search(r"^services:", block, re.M)]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_plan_on_a_page_passes(tmp_path: pathlib.Path) -> None:
    assert plans_of(ROOT / "README.md")
    for page in PAGES:
        for text in plans_of(page):
            check = Check(tmp_path, text)
            assert (check.code, check.errors) == (0, ""), (page, check.errors)
            schema(yaml.safe_load(text))


def test_the_reference_page_is_the_programs_own() -> None:
    assert EXAMPLES
    assert (ROOT / "docs" / "config-reference.md").read_text() == run_cli("schema", "--reference").stdout


def schema(plan: Any) -> None:
    document = json.loads(run_cli("schema").stdout)
    jsonschema.Draft7Validator(document).validate(plan)


def test_the_schema_refuses_what_the_program_refuses(tmp_path: pathlib.Path) -> None:
    validator = jsonschema.Draft7Validator(json.loads(run_cli("schema").stdout))
    bad = [PLAN + "worker: 2\n", PLAN + "timeouts: { header: 10 }\n", PLAN + "limits: { body: 64MB }\n",
           PLAN + "preset: edges\n", PLAN + "workers: 0\n", PLAN.replace("baseline: v1, ", ""), SERVICES,
           PLAN.replace("v2 } }\n", "v2, steps: [ { setWeight: 101 } ] } }\n"),
           PLAN.replace("v2 } }\n", "v2, steps: [ { setWeight: 5, hold: {} } ] } }\n"),
           PLAN + "admin: { token: plain }\n",
           PLAN.replace("v2 } }\n", "v2, steps: [ { setWeight: 0.00000001 } ] } }\n"),
           PLAN.replace("v2 } }\n", 'v2, steps: [ { setWeight: "200%" } ] } }\n'),
           PLAN + "timeouts: { connect: none }\n", PLAN + "limits: { buffer: none }\n",
           PLAN.replace("service: chat }", "service: chat, limits: { endpointPending: 5 } }"),
           PLAN.replace('8080" }', '8080", limits: { endpointPending: 5 } }'),
           PLAN.replace("service: chat }", "service: chat, timeouts: { header: 5s } }"),
           PLAN.replace("pathPrefix: /", "method: get"), PLAN.replace("pathPrefix: /", 'pathPrefix: "/a?b"'),
           PLAN.replace("pathPrefix: /", 'host: "a.example:80"'), PLAN.replace("      v2:", '      "a b":'),
           PLAN.replace("v2 } }\n", 'v2, stickiness: { by: [ { cookie: "a b" } ] } } }\n')]
    for text in bad:
        assert Check(tmp_path, text).code == 2, text
        assert not validator.is_valid(yaml.safe_load(text)), text
    good = [PLAN, PLAN + "timeouts: { total: none }\nlimits: { body: none }\n",
            PLAN.replace('8080" }', '8080", limits: { connections: 5, pending: 5 } }'),
            PLAN.replace("service: chat }", "service: chat, limits: { upstreamConnections: 5, pending: 5 } }"),
            PLAN.replace('9001"] }', '9001"], limits: { pending: 5, endpointPending: none } }'),
            PLAN.replace("pathPrefix: /", "headers: [ { name: x-beta, exact: true } ]"),
            PLAN.replace("v2 } }\n", 'v2, steps: [ { setWeight: 0.0001 }, { setWeight: "12.5%" } ] } }\n')]
    for text in good:
        assert Check(tmp_path, text).code == 0, text
        assert validator.is_valid(yaml.safe_load(text)), text
