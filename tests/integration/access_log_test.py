"""What a weir writes down: a line for each request, and its own events on standard error."""
from __future__ import annotations

import json
import pathlib
import re
import signal
import subprocess
from typing import Any, Callable, Iterator

import pytest
from http_client import Connection, Truncated, get, post, request_bytes
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, one_version, route, version
from polling import wait_until
from ports import free_port
from weir_harness import Weir, end_now, program

StartOrigin = Callable[..., Origin]

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Logged:
    """A weir with arguments of its own, its standard output and error in files."""

    def __init__(self, weir: Weir, *arguments: str):
        self.weir = weir
        self.stdout = weir.directory / "stdout.log"
        with self.stdout.open("wb") as out, weir.stderr.open("wb") as errors:
            self.process = subprocess.Popen([program(), "run", str(weir.file), *arguments], stdout=out, stderr=errors,
                                            cwd=weir.directory)
        wait_until(self._ready, "the weir is ready")

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.weir.log()
        return self.weir.admin.ready()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.weir.log()


@pytest.fixture
def logged(new_weir: Callable[..., Weir]) -> Iterator[Callable[..., Logged]]:
    started: list[Logged] = []

    def start(plan: Plan, *arguments: str) -> Logged:
        started.append(Logged(new_weir(plan), *arguments))
        return started[-1]

    yield start
    for one in started:
        end_now(one.process)
        one.weir.check_log()


def lines(path: pathlib.Path) -> list[Any]:
    """Whole lines, each a JSON object."""
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def wait_lines(path: pathlib.Path, count: int) -> list[Any]:
    wait_until(lambda: path.exists() and len(lines(path)) >= count, f"{count} lines in {path.name}")
    return lines(path)


def test_what_an_answer_was_is_in_the_line(origin: StartOrigin, logged: Callable[..., Logged],
                                          tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    plan = one_version(origin("v1", tokens=4, model="tiny-qa"), routes=[route(prefix="/seen", inspect="openai"), route()])
    plan["services"]["chat"]["versions"]["v1"]["prices"] = {"input": 2, "output": 10}
    gateway = logged(plan, "--access-log", str(path))
    asked = json.dumps({"messages": [], "model": "tiny"}).encode()
    for target in ("/seen", "/unseen"):
        post(gateway.weir.port, target, asked, {"content-type": "application/json"})
    line = {line["path"]: line for line in wait_lines(path, 2)}
    seen, unseen = line["/seen"], line["/unseen"]
    assert seen["first_output_ms"] > 0
    said = {"answer": "ok", "model": "tiny", "response_model": "tiny-qa", "finish_reason": "stop", "tokens_in": 7, "tokens_out": 4, "tokens_cached": 0,
            "tokens_reasoning": 0, "cost": 0.000054}
    assert {name: seen.get(name) for name in said} == said
    assert not unseen.keys() & {*said, "first_output_ms", "chunk_gap_ms"}
    gateway.end()


def test_one_line_a_request(origin: StartOrigin, logged: Callable[..., Logged], tmp_path: pathlib.Path) -> None:
    server = origin("v1")
    path = tmp_path / "access.log"
    plan = one_version(server)
    plan["routes"] = [route(prefix="/hang/short", timeouts={"responseHeader": "100ms"}), route(name="everything")]
    gateway = logged(plan, "--access-log", str(path))
    port = gateway.weir.port

    def one(count: int) -> Any:
        return wait_lines(path, count)[count - 1]

    assert get(port, "/bytes/1000?q=1", {"User-Agent": "test", "X-Request-Id": "theirs"}).status == 200
    line = one(1)
    assert TIME.match(line.pop("time")) and line.pop("latency_ms") > 0 and line.pop("duration_ms") > 0
    assert line.pop("headers_ms") > 0 and re.fullmatch("[0-9a-f]{32}", line.pop("request_id"))
    assert re.fullmatch("[0-9a-f]{32}", line.pop("trace_id"))
    assert line == {"client": "127.0.0.1", "peer": "127.0.0.1", "listener": f"127.0.0.1:{port}", "scheme": "http",
                    "method": "GET", "host": "weir.test", "path": "/bytes/1000?q=1", "protocol": "HTTP/1.1",
                    "status": 200, "class": "ok", "service": "chat", "route": "everything", "version": "v1",
                    "assigned": "only", "attempts": 1, "bytes_in": 0, "bytes_out": 1000, "user_agent": "test"}
    for count, target in enumerate(("/status/404", "/status/500", "/status/429", "/hang/short"), start=2):
        get(port, target)
        one(count)
    with Connection(port) as client:
        client.send(request_bytes("GET", "/hang"))
        wait_until(lambda: server.counts().waiting == 1, "the request is at the origin")
        client.half_close()
    one(6)
    with Connection(port) as client:
        client.send(request_bytes("GET", "/cut/length"))
        with pytest.raises((Truncated, ConnectionResetError)):
            client.reply()
    written = wait_lines(path, 7)
    assert [(line["class"], line.get("status")) for line in written[1:]] == [
        ("http_4xx", 404), ("http_5xx", 500), ("capacity", 429), ("timeout", 504), ("client_abort", None),
        ("truncated", 200)]
    assert [line["route"] for line in written[1:]] == ["everything"] * 3 + ["route-1"] + ["everything"] * 2
    assert [line.get("reason") for line in written[1:]] == [None] * 3 + ["timeout"] + [None] * 2
    gateway.end()
    assert len(lines(path)) == 7


def test_what_is_refused_has_its_line(origin: StartOrigin, logged: Callable[..., Logged],
                                      tmp_path: pathlib.Path) -> None:
    """What no version has any part in belongs to no version, but happened."""
    path = tmp_path / "access.log"
    plan = one_version(origin("v1"), accessLog={"path": str(path)}, timeouts={"header": "100ms"})
    plan["routes"] = [route(prefix="/there", limits={"body": "1KiB"})]
    gateway = logged(plan)
    port = gateway.weir.port
    replies = []

    def ask(data: bytes) -> None:
        with Connection(port) as client:
            client.send(data)
            replies.append(client.reply())
        wait_lines(path, len(replies))

    ask(b"GET / HTTP/1.1\r\n\r\n")
    ask(b"GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n")
    ask(b"POST /there HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n")
    ask(b"GET / HT")
    ask(b"GET /there HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n")
    ask(b"TRACE /there?token=S3CRET&q=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\n\r\n")
    ask(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n")
    ask(b"GET /there HTTP/2.0\r\nHost: a\r\n\r\n")
    ask(b'GET /the"re\x00 HTTP/1.1\r\nHost: a\r\n\r\n')
    ask(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    ask(b"\x16\x03\x01 is no method\r\n\r\n")
    ask(b"OPTIONS /there HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
    written = lines(path)
    assert [(line["status"], line.get("reason"), line.get("path")) for line in written] == [
        (400, "missing_host", "/"), (404, "no_route", "/elsewhere"), (413, "body_too_large", "/there"),
        (408, "header_timeout", "/"), (431, "too_many_fields", "/there"),
        (405, "trace_not_allowed", "/there?token=[redacted]&q=1"), (501, "connect_not_supported", "a:443"),
        (505, "unsupported_version", "/there"), (400, "bad_target", '/the"re'),
        (414, "request_line_too_long", "/" + "a" * 4095), (400, "bad_method", None), (200, None, "/there")]
    assert [(line.get("method"), line.get("protocol"), line.get("host"), line.get("user_agent"))
            for line in written[3:11]] == [
        ("GET", None, None, None), ("GET", "HTTP/1.1", None, None), ("TRACE", "HTTP/1.1", "a", "me"),
        ("CONNECT", "HTTP/1.1", None, None), ("GET", None, None, None), ("GET", None, None, None),
        ("GET", None, None, None), (None, None, None, None)]
    for line, reply in zip(written, replies):
        assert line["request_id"] == reply["x-request-id"] and line["client"] == "127.0.0.1"
        assert line["listener"] == f"127.0.0.1:{port}" and "version" not in line and "class" not in line


def test_a_client_cannot_forge_a_line_or_leave_a_secret(origin: StartOrigin, logged: Callable[..., Logged],
                                                        tmp_path: pathlib.Path) -> None:
    text, as_json = tmp_path / "text.log", tmp_path / "json.log"
    line_of_text = '%client% "%method% %path%" "%user_agent%" %header:authorization% %header:x-mine% %status%'
    own = {"headers": ["Authorization", "cookie", "x-api-key", "x-mine", "referer"], "redact": ["X-Mine", "sid"]}
    plans = [one_version(origin("v1"), accessLog={"path": str(as_json), **own}),
             one_version(origin("v1"), accessLog={"path": str(text), "format": line_of_text, "redact": own["redact"]})]
    for plan, path in zip(plans, (as_json, text)):
        gateway = logged(plan)
        with Connection(gateway.weir.port) as client:
            client.send(b'GET /a"b\\c?token=S3CRET&Api_Key=S3CRET&%73id=S3CRET&q=1 HTTP/1.1\r\nHost: a\r\n'
                        b'User-Agent: a" \xff\x80\t{"status":200}\r\nAuthorization: Bearer S3CRET\r\nX-Mine: S3CRET\r\n'
                        b'Cookie: s=S3CRET\r\nX-Api-Key: S3CRET\r\nReferer: http://a/?password=S3CRET\r\n\r\n')
            assert client.reply().status == 200
        gateway.end()
        assert b"S3CRET" not in path.read_bytes()
        assert path.read_bytes().count(b"\n") == 1 and path.read_bytes().isascii()
    assert text.read_text().startswith('127.0.0.1 "GET /a\\"b\\\\c?token=[redacted]&Api_Key=[redacted]&')
    assert text.read_text().endswith('&q=1" "a\\" \\xff\\x80\\x09{\\"status\\":200}" [redacted] [redacted] 200\n')
    line = lines(as_json)[0]
    assert line["path"] == '/a"b\\c?token=[redacted]&Api_Key=[redacted]&%73id=[redacted]&q=1'
    assert line["user_agent"] == 'a" \xff\x80\t{"status":200}' and line["status"] == 200
    assert line["header:referer"] == "http://a/?password=[redacted]"
    assert {line[f"header:{name}"] for name in ("authorization", "cookie", "x-api-key", "x-mine")} == {"[redacted]"}


def test_no_secret_is_in_a_url_either(origin: StartOrigin, logged: Callable[..., Logged], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    own = {"path": str(path), "headers": ["referer", "x-original-url", "x-bearer"]}
    gateway = logged(one_version(origin("v1"), accessLog=own))
    with Connection(gateway.weir.port) as client:
        client.send(b"GET /?PHPSESSID=S3CRET&connect.sid=S3CRET&ticket=S3CRET&SAMLResponse=S3CRET&_csrf=S3CRET"
                    b"&to=https%3A%2F%2Fme%3AS3CRET%40x%2Fcb%3Ftoken%3DS3CRET%26a%3D1&q=1 HTTP/1.1\r\nHost: a\r\n"
                    b"Referer: https://me:S3CRET@a/?next=%252Fx%253Fa%253DS3CRET&b=2\r\nX-Bearer: S3CRET\r\n"
                    b"X-Original-Url: /y?access_token=S3CRET&c=3\r\n\r\n")
        assert client.reply().status == 200
    gateway.end()
    assert b"S3CRET" not in path.read_bytes()
    line = lines(path)[0]
    assert line["path"] == ("/?PHPSESSID=[redacted]&connect.sid=[redacted]&ticket=[redacted]&SAMLResponse=[redacted]"
                            "&_csrf=[redacted]&to=https%3A%2F%2F[redacted]%40x%2Fcb%3F[redacted]&q=1")
    assert line["header:referer"] == "https://[redacted]@a/?next=%252Fx%253F[redacted]&b=2"
    assert line["header:x-original-url"] == "/y?access_token=[redacted]&c=3"


def test_a_field_without_quotes_is_one_field_too(origin: StartOrigin, logged: Callable[..., Logged],
                                                 tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    text = '%user_agent% %header:x-a%|%status% [%user_agent%] "%user_agent%"'
    gateway = logged(one_version(origin("v1"), accessLog={"path": str(path), "format": text}))
    with Connection(gateway.weir.port) as client:
        client.send(b'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a] 200 "b"\r\nX-A: x|500\r\n\r\n')
        assert client.reply().status == 200
    gateway.end()
    assert path.read_text() == ('a]\\x20200\\x20\\"b\\" x\\x7c500|200 [a\\x5d\\x20200\\x20\\"b\\"] '
                                '"a] 200 \\"b\\""\n')


def test_a_renamed_log_loses_no_line(origin: StartOrigin, logged: Callable[..., Logged],
                                     tmp_path: pathlib.Path) -> None:
    """As logrotate does it: rename, SIGUSR1; and by `weir reload`."""
    path = tmp_path / "access.log"
    gateway = logged(one_version(origin("v1"), accessLog={"path": str(path), "format": "%status% %path%"}))
    with Load(gateway.weir.port, rate=400) as load:
        for turn in range(6):
            before = load.tally().answered
            wait_until(lambda: load.tally().answered >= before + 100, "traffic flows")
            path.rename(tmp_path / f"access.log.{turn}")
            if turn % 2 == 0:
                gateway.process.send_signal(signal.SIGUSR1)
            else:
                gateway.weir.cli("reload")
            wait_until(path.exists, "the log is opened anew")
        tally = load.stop()
    gateway.end()
    parts = [tmp_path / f"access.log.{turn}" for turn in range(6)] + [path]
    written = [line for part in parts for line in part.read_text().splitlines()]
    assert len(written) == tally.answered and all(line.startswith("200 /") for line in written)
    assert all(part.read_text().endswith("\n") for part in parts if part.stat().st_size > 0)
    assert sum(part.stat().st_size > 0 for part in parts) >= 6


def test_a_reload_changes_the_log(origin: StartOrigin, logged: Callable[..., Logged],
                                  tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    plan = one_version(origin("v1"))
    gateway = logged(plan)

    def reload(log: Any) -> None:
        gateway.weir.write({**plan, "accessLog": log} if log else plan)
        gateway.weir.cli("reload")

    get(gateway.weir.port, "/none")
    reload({"path": str(first), "format": "%path%"})
    get(gateway.weir.port, "/first")
    reload({"path": str(second), "format": "= %path%"})
    get(gateway.weir.port, "/second")
    reload(None)
    get(gateway.weir.port, "/none")
    wait_until(lambda: second.read_text() == "= /second\n", "what was left when the plan wanted it no more is written")
    assert first.read_text() == "/first\n"
    gateway.weir.write({**plan, "accessLog": {"path": str(tmp_path)}})
    refused = gateway.weir.cli("reload", check=False)
    assert refused.returncode == 1 and f"cannot write the access log {tmp_path}" in refused.stderr
    reload({"path": str(first), "format": "%path%"})
    get(gateway.weir.port, "/again")
    gateway.end()
    assert first.read_text() == "/first\n/again\n"


def test_the_command_line_says_where(origin: StartOrigin, logged: Callable[..., Logged],
                                     tmp_path: pathlib.Path) -> None:
    plan = one_version(origin("v1"), accessLog={"path": str(tmp_path / "plan.log"), "format": "%path%"})
    gateway = logged(plan, "--access-log", str(tmp_path / "line.log"))
    get(gateway.weir.port, "/a")
    gateway.weir.cli("reload")
    get(gateway.weir.port, "/b")
    gateway.end()
    assert (tmp_path / "line.log").read_text() == "/a\n/b\n" and not (tmp_path / "plan.log").exists()


def test_a_line_says_which_version_and_why(origin: StartOrigin, logged: Callable[..., Logged],
                                           tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    rule = {"match": {"header": {"name": "x-version", "exact": "v2"}}, "version": "v2", "from": ["127.0.0.0/8"]}
    stickiness = {"by": [{"header": "x-user-id"}, {"cookie": "weir"}]}
    gateway = logged(canary(origin("v1"), origin("v2"), at_weight(50),
                            rollout={"overrides": [rule], "stickiness": stickiness}), "--access-log", str(path))
    wait_until(lambda: gateway.weir.admin.rollout()["step_id"] > 0, "the rollout has begun")
    step = gateway.weir.admin.rollout()["step_id"]
    for count, (fields, assigned) in enumerate((({"x-user-id": "one"}, "hash"), ({}, "new_cookie"),
                                                ({"x-version": "v2", "x-user-id": "one"}, "override")), start=1):
        served = get(gateway.weir.port, "/", fields)["x-weir-version"]
        line = wait_lines(path, count)[-1]
        assert (line["version"], line["assigned"]) == (served, assigned)
        assert line["step"] == step
    gateway.end()


def test_every_request_of_a_load_has_its_line(origin: StartOrigin, logged: Callable[..., Logged],
                                              tmp_path: pathlib.Path) -> None:
    path = tmp_path / "access.log"
    path.write_text('{"a line": "of before"}\n')
    gateway = logged(one_version(origin("v1")), "--access-log", str(path))
    with Load(gateway.weir.port, rate=400) as load:
        wait_until(lambda: load.tally().answered >= 600, "traffic flows")
        tally = load.stop()
    gateway.end()
    written = lines(path)
    # Appended to what was there, and whole at the end.
    assert written[0] == {"a line": "of before"}
    assert len(written) - 1 == tally.answered and path.read_text().endswith("}\n")


def test_to_standard_output(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--access-log", "-")
    get(gateway.weir.port, "/")
    get(gateway.weir.port, "/")
    gateway.end()
    assert [line["class"] for line in lines(gateway.stdout)] == ["ok", "ok"]
    # The weir's own events are on standard error, and nowhere else.
    assert {line["event"] for line in lines(gateway.weir.stderr)} >= {"listening", "serving", "ended"}


def test_without_it_nothing_is_said_of_requests(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")))
    before = len(lines(gateway.weir.stderr))
    get(gateway.weir.port, "/a-path-of-this-test")
    assert len(lines(gateway.weir.stderr)) == before
    gateway.end()
    assert gateway.stdout.read_bytes() == b"" and "a-path-of-this-test" not in gateway.weir.log()


def test_a_log_that_cannot_be_written_is_no_start(origin: StartOrigin, new_weir: Callable[..., Weir],
                                                  tmp_path: pathlib.Path) -> None:
    weir = new_weir(one_version(origin("v1")))
    done = subprocess.run([program(), "run", str(weir.file), "--access-log", str(tmp_path)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and f"cannot write the access log {tmp_path}" in done.stderr


@pytest.mark.parametrize("place", ["plan.yaml", "weir.db", "weir.db.lock", "weir.db.mark"])
@pytest.mark.parametrize("link", ["itself", "symbolic", "hard"])
def test_a_log_takes_the_place_of_no_other_file(place: str, link: str, origin: StartOrigin,
                                                new_weir: Callable[..., Weir]) -> None:
    weir = new_weir(one_version(origin("v1"))).start()
    weir.kill()  # all files are there
    path = weir.directory / place
    name = path if link == "itself" else weir.directory / "access.log"
    if link == "symbolic":
        name.symlink_to(path)
    elif link == "hard":
        name.hardlink_to(path)
    with_log = weir.directory / "with-log.yaml"
    with_log.write_text(json.dumps({**weir.plan, "accessLog": {"path": str(name)}}))
    commands = [["run", str(weir.file), "--access-log", str(name)]]
    if place != "plan.yaml":
        commands += [["run", str(with_log)], ["check", str(with_log)]]
    plan = weir.file.read_bytes()
    for command in commands:
        done = subprocess.run([program(), *command], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (1, 2) and '"serving"' not in done.stderr
        assert (str(name) in done.stderr and str(path) in done.stderr) or "accessLog.path is state.path" in done.stderr
    assert weir.file.read_bytes() == plan


@pytest.mark.parametrize("verb", ["run", "check"])
def test_a_log_takes_the_place_of_no_plan(verb: str, origin: StartOrigin, new_weir: Callable[..., Weir]) -> None:
    weir = new_weir(one_version(origin("v1")))
    weir.write({**weir.plan, "accessLog": {"path": str(weir.file)}})
    done = subprocess.run([program(), verb, weir.file.name], cwd=weir.directory, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode in (1, 2) and f"{weir.file}: it is the plan's file, plan.yaml" in done.stderr


def test_events_in_json(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--log-format", "json")
    gateway.weir.cli("reload")
    gateway.end()
    events = lines(gateway.weir.stderr)
    assert len(events) == len(gateway.weir.log().splitlines())
    for event in events:
        assert TIME.match(event["time"]) and event["level"] in ("info", "warn", "error") and event["event"]
    by_name = {event["event"]: event for event in events}
    assert by_name["listening"]["address"] == f"127.0.0.1:{gateway.weir.port}" and by_name["listening"]["workers"] == 2
    assert by_name["serving"]["plan"] == str(gateway.weir.file)
    assert by_name["decision"]["decision"] == "drain" and by_name["ended"]["requests_cut"] == 0


def test_events_in_words(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    gateway = logged(one_version(origin("v1")), "--log-format", "text")
    gateway.end()
    log = gateway.weir.log()
    assert f"listening address=127.0.0.1:{gateway.weir.port} workers=2" in log
    assert "{" not in log and "\x1b" not in log


def test_at_debug_what_is_decided_for_a_request_is_told(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    server, dead = origin("v1"), free_port()
    plan = one_version(server, workers=1, timeouts={"upstreamIdle": "60s"})
    plan["services"]["chat"]["versions"]["v1"] = {**version(dead, server), "loadBalancing": {"policy": "roundRobin"}}
    plan["routes"] = [route(prefix="/there", name="all")]
    gateway = logged(plan)

    def told(event: str) -> list[Any]:
        return [line for line in lines(gateway.weir.stderr) if line["event"] == event]

    get(gateway.weir.port, "/there")
    gateway.weir.cli("log-level", "debug")
    with Connection(gateway.weir.port) as client:
        def refused() -> list[Any]:
            assert client.request("GET", "/there?token=S3CRET", {"Cookie": "s=S3CRET"}).status == 200
            return [line for line in told("request_attempt") if line["result"] == "connect"]
        first = wait_until(refused, "the endpoint that refuses has its turn")[0]
        assert client.request("GET", "/elsewhere").status == 404
    wait_until(lambda: told("request_answered"), "what the weir answers by itself is told")
    gateway.weir.cli("log-level", "info")
    get(gateway.weir.port, "/there")
    gateway.end()

    common = {"level": "debug", "event": "request_attempt", "request_id": first["request_id"], "route": "all",
              "service": "chat", "version": "v1", "assigned": "only", "step": 0, "asked": "v1"}
    its = [line for line in told("request_attempt") if line["request_id"] == first["request_id"]]
    assert all(TIME.match(line.pop("time")) for line in its)
    assert its == [
        {**common, "attempt": 1, "endpoint": f"http://127.0.0.1:{dead}", "connection": "none", "result": "connect",
         "status": 0, "then": "retry"},
        {**common, "attempt": 2, "endpoint": f"http://127.0.0.1:{server.port}", "connection": "new", "result": "ok",
         "status": 200, "then": "end"}]  # what has just broken may have broken for all connections that were kept
    assert "reused" in {line["connection"] for line in told("request_attempt")}
    assert [(line["status"], line["reason"]) for line in told("request_answered")] == [(404, "no_route")]
    ids = [line["request_id"] for line in told("request_attempt") if line["then"] == "end"]
    assert len(ids) == len(set(ids)) == server.counts().requests - 2
    assert "S3CRET" not in gateway.weir.log() and "/there" not in gateway.weir.log()


def test_what_there_was_no_room_to_tell_at_debug_is_counted(origin: StartOrigin,
                                                            logged: Callable[..., Logged]) -> None:
    plan = one_version(origin("v1"), workers=1)
    plan["routes"] = [route(prefix="/there")]
    gateway = logged(plan, "--log-level", "debug")

    def count(event: str) -> list[Any]:
        return [line.get("count", 1) for line in lines(gateway.weir.stderr) if line["event"] == event]

    sent = 0
    while not count("request_lines_dropped"):
        with Connection(gateway.weir.port) as client:
            client.send(request_bytes("GET", "/elsewhere") * 1000)  # in less time than lines are fetched in
            for _ in range(1000):
                assert client.reply().status == 404
        sent += 1000
        assert sent < 200_000, "there is room for all of it"
    gateway.end()
    assert sum(count("request_answered")) + sum(count("request_lines_dropped")) == sent


def test_the_level_says_how_much(origin: StartOrigin, logged: Callable[..., Logged]) -> None:
    server = origin("v1")

    def levels(level: str) -> list[str]:
        gateway = logged(one_version(server), "--log-level", level)
        text = gateway.weir.file.read_text()
        gateway.weir.file.write_text("nonsense: true\n")
        gateway.weir.cli("reload", check=False)
        gateway.weir.file.write_text(text)
        gateway.end()
        return sorted({line["level"] for line in lines(gateway.weir.stderr)})

    assert "info" in levels("info") and "error" in levels("info")
    assert "info" not in levels("warn") and "error" in levels("warn")
    assert levels("error") == ["error"]
    assert levels("off") == []
