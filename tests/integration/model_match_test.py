"""Routes by the model that a request asks for in its body: wherever it stands, however the body comes, and to whom it
then goes whole."""
from __future__ import annotations

import json
import socket
from typing import Any, Callable, Iterator

import pytest
from exposition import Exposition
from http_client import Connection, Reply, chunked, request_bytes
from plans import Plan, version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

_PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json"}
_RULES: dict[str, Plan] = {"small": {"exact": "s"}, "large": {"prefix": "meta-llama/"}, "none": {"absent": True}}
_KIB = 1024


class Server:
    """Keeps what it is sent, whole."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while head := peer.head():
            if b"chunked" in head.lower():
                self.bodies.append(b"".join(peer.chunks().split(b"\r\n")[1::2]))
            else:
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                self.bodies.append(peer.body(int(length[0].split(b":")[1])) if length else b"")
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def plan(origin: RawOrigin, on_routes: Plan | None = None, **top: Any) -> Plan:
    """A service a rule, whose version is called as the rule is; all that fits none goes to `rest`."""
    routes = [{"name": name, "match": {"pathPrefix": "/v1/", "model": rule}, "service": name, **(on_routes or {})}
              for name, rule in _RULES.items()]
    routes.append({"name": "rest", "match": {"pathPrefix": "/"}, "service": "rest"})
    return {"services": {name: {"versions": {name: version(origin)}} for name in [*_RULES, "rest"]},
            "routes": routes, **top}


def asks(model: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": "{\"model\":\"s\"}"}], "model": model}).encode()


@pytest.fixture(name="server")
def _server() -> Server:
    return Server()


@pytest.fixture(name="served")
def _served(server: Server, weir: Callable[..., Weir]) -> Iterator[Weir]:
    with RawOrigin(server) as origin:
        running = weir(plan(origin, limits={"lookahead": "64KiB"}))
        yield running
        running.stop()


def taken(weir: Weir, body: bytes, path: str = _PATH, fields: dict[str, str] | None = None) -> Any:
    with Connection(weir.port) as connection:
        return connection.request("POST", path, fields or _JSON, body)["x-weir-version"]


def test_a_route_is_taken_by_the_model_and_the_body_goes_on_as_it_came(served: Weir, server: Server) -> None:
    cases = [(asks("s"), "small"), (asks("meta-llama/Llama-3"), "large"), (asks("S"), "rest"),
             (b'{"model":"meta-llama\\/Llama-3"}', "large"), (b'{"messages":[]}', "none"), (b"{}", "none"),
             (b'{"model":7}', "none"), (b"[1]", "none"), (b'{"model":"s', "none"), (b'{"model":"s"} ', "small")]
    for body, expected in cases:
        assert taken(served, body) == expected, body
    assert server.bodies == [body for body, _ in cases]


def test_what_is_no_json_has_no_model(served: Weir) -> None:
    assert taken(served, b'{"model":"s"}', fields={"content-type": "text/plain"}) == "none"
    assert taken(served, b'{"model":"s"}', fields={**_JSON, "content-encoding": "gzip"}) == "none"
    with Connection(served.port) as connection:
        assert connection.request("GET", "/v1/models")["x-weir-version"] == "none"
        assert connection.request("POST", _PATH, _JSON)["x-weir-version"] == "none"


def test_who_gets_no_such_route_is_not_waited_for(served: Weir) -> None:
    with Connection(served.port) as connection:
        connection.send(request_bytes("POST", "/other", {**_JSON, "Expect": "100-continue", "Content-Length": "5"}))
        assert connection.head().status == 100
        connection.send(b"hello")
        assert connection.reply("POST")["x-weir-version"] == "rest"


def test_a_body_may_be_cut_anywhere(served: Weir, server: Server) -> None:
    body = asks("meta-llama/x")
    message = request_bytes("POST", _PATH, _JSON, body)
    chunks = request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"}) + chunked(body[:40], body[40:])
    for whole in (message, chunks):
        with Connection(served.port) as connection:
            for at in range(len(whole) - 200, len(whole)):
                connection.send(whole[:at])
                connection.send(whole[at:])
                assert connection.reply("POST")["x-weir-version"] == "large", whole[at:]
        # One byte at a time.
        with Connection(served.port) as connection:
            for byte in whole:
                connection.send(bytes([byte]))
            assert connection.reply("POST")["x-weir-version"] == "large"
    assert server.bodies == [body] * len(server.bodies)


def test_a_second_request_may_follow_at_once(served: Weir, server: Server) -> None:
    with Connection(served.port) as connection:
        head = request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"})
        connection.send(head + chunked(asks("s")) + request_bytes("POST", _PATH, _JSON, asks("none of them")))
        assert connection.reply("POST")["x-weir-version"] == "small"
        assert connection.reply("POST")["x-weir-version"] == "rest"
    assert server.bodies[1] == asks("none of them")


def test_a_client_that_waits_is_told_once_to_go_on(served: Weir) -> None:
    body = asks("s")
    fields = {**_JSON, "Expect": "100-continue", "Content-Length": str(len(body))}
    with Connection(served.port) as connection:
        connection.send(request_bytes("POST", _PATH, fields))
        assert connection.head().status == 100
        connection.send(body)
        reply = connection.reply("POST")
    assert (reply.status, reply.interim, reply["x-weir-version"]) == (200, [], "small")


def counted(weir: Weir, name: str, **labels: str) -> float:
    return Exposition(weir.admin.metrics()).total(name, **labels)


def test_what_is_not_found_in_time_is_not_there(served: Weir, server: Server) -> None:
    long = b'{"messages":"%s","model":"s"}' % (b"x" * (300 * _KIB))
    assert taken(served, long) == "none"
    early = b'{"model":"s","messages":"%s"}' % (b"x" * (300 * _KIB))
    assert taken(served, early) == "small"
    assert server.bodies == [long, early]
    assert counted(served, "weir_requests_lookahead_exceeded_total") == 1


def test_twenty_megabytes_are_looked_through_where_a_plan_says_so(server: Server, weir: Callable[..., Weir]) -> None:
    body = b'{"messages":"%s","model":"s"}' % (b"\\n" * (10 << 20))
    with RawOrigin(server) as origin:
        running = weir(plan(origin, limits={"lookahead": "32MiB"}))
        assert taken(running, body) == "small"
        wait_until(lambda: counted(running, "weir_buffer_bytes") < 1 << 20, "the body's memory is free again")
        running.stop()
    assert server.bodies == [body]


def test_the_limit_of_the_route_that_is_taken_holds(server: Server, weir: Callable[..., Weir]) -> None:
    with RawOrigin(server) as origin:
        made = plan(origin, {"limits": {"body": "100B"}}, limits={"body": "50B"})
        running = weir(made)
        fits, longer = asks("s"), asks("s" + " " * 100)
        assert len(fits) < 100 < len(longer)
        assert taken(running, fits) == "small"
        for body in (longer.replace(b"s  ", b"meta-llama/"), asks("meta-llama/" + "x" * 100)):
            for message in (request_bytes("POST", _PATH, _JSON, body),
                            request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"}) + chunked(body)):
                with Connection(running.port) as connection:
                    connection.send(message)
                    reply = connection.reply("POST")
                    assert (reply.status, reply["x-weir-reason"]) == (413, "body_too_large"), body
        running.stop()
    assert server.bodies == [fits]


def test_a_route_may_answer_by_itself(server: Server, weir: Callable[..., Weir]) -> None:
    with RawOrigin(server) as origin:
        made = plan(origin)
        made["routes"].insert(3, {"match": {"pathPrefix": "/v1/"}, "respond": {"status": 404, "body": "no such model"}})
        running = weir(made)
        with Connection(running.port) as connection:
            for framing in ({}, {"Transfer-Encoding": "chunked"}):
                body = chunked(asks("x")) if framing else asks("x")
                connection.send(request_bytes("POST", _PATH, {**_JSON, **framing}, body))
                assert connection.reply("POST").body == b"no such model"
            # Of a body that is not read to its end the rest is dropped.
            connection.send(request_bytes("POST", _PATH, _JSON, b'{"model":"x","y":"%s"}' % (b"z" * 50_000)))
            assert connection.reply("POST").body == b"no such model"
            assert connection.request("POST", _PATH, _JSON, asks("s"))["x-weir-version"] == "small"
        running.stop()


def refused(weir: Weir, message: bytes) -> tuple[int, Any]:
    with Connection(weir.port) as connection:
        connection.send(message)
        reply: Reply = connection.reply("POST")
        assert connection.at_end()
        return reply.status, reply["x-weir-reason"]


def test_who_may_come_to_no_such_route_is_refused_by_his_head(server: Server, new_weir: Callable[..., Weir]) -> None:
    begun = {**_JSON, "Content-Length": "100"}
    keys = {"keys": [{"name": "team-a", "key": {"env": "KEY_A"}}]}
    with RawOrigin(server) as origin:
        made = plan(origin)
        for route in made["routes"][:2]:
            route["apiKeys"] = keys
        made["routes"][2]["deny"] = ["127.0.0.0/8"]
        made["routes"][3]["apiKeys"] = keys
        running = new_weir(made).start(KEY_A="sesame")
        assert refused(running, request_bytes("POST", _PATH, begun)) == (401, "api_key_needed")
        # Whether the second route is meant is known by the model alone.
        with Connection(running.port) as connection:
            connection.send(request_bytes("POST", _PATH, {**begun, "X-Api-Key": "sesame"}) + b'{"model":"m')
            wait_until(lambda: counted(running, "weir_requests_active") == 1, "it is looked into")
            connection.send(b'eta-llama/"' + b" " * 77 + b"}")
            reply = connection.reply("POST")
            assert reply["x-weir-version"] == "large", (reply.status, reply.body)
        running.stop()


def test_who_may_come_to_the_last_of_them_is_looked_into(server: Server, new_weir: Callable[..., Weir]) -> None:
    with RawOrigin(server) as origin:
        made = plan(origin, {"apiKeys": {"keys": [{"name": "team-a", "key": {"env": "KEY_A"}}]}})
        running = new_weir(made).start(KEY_A="sesame")
        assert taken(running, asks("t")) == "rest"
        with Connection(running.port) as connection:
            assert connection.request("POST", _PATH, _JSON, asks("s")).status == 401
        running.stop()


def test_a_body_that_is_broken_is_refused(served: Weir, server: Server) -> None:
    head = request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"})
    assert refused(served, head + b"5\r\n{\"a\":\r\nzz\r\n")[0] == 400
    assert not server.bodies


def test_a_client_that_does_not_send_is_told_so(server: Server, weir: Callable[..., Weir]) -> None:
    with RawOrigin(server) as origin:
        running = weir(plan(origin, timeouts={"bodyIdle": "50ms"}))
        message = request_bytes("POST", _PATH, {**_JSON, "Content-Length": "100"}) + b'{"messages":'
        assert refused(running, message) == (408, "body_timeout")
        assert counted(running, "weir_requests_refused_total") == 1
        running.stop()
    assert not server.bodies


@pytest.mark.parametrize("leave", ["reset", "half_close"])
def test_a_client_may_leave_meanwhile(leave: str, served: Weir, server: Server) -> None:
    with Connection(served.port) as connection:
        connection.send(request_bytes("POST", _PATH, {**_JSON, "Content-Length": "100"}) + b'{"messages":')
        wait_until(lambda: counted(served, "weir_requests_active") == 1, "the request has begun")
        if leave == "half_close":
            connection.half_close()
            assert connection.at_end()
        else:
            connection.reset()
        wait_until(lambda: counted(served, "weir_requests_active") == 0, "the request is over")
    assert not server.bodies
    assert taken(served, asks("s")) == "small"


def test_a_request_is_sent_again_whole(weir: Callable[..., Weir]) -> None:
    bodies: list[bytes] = []

    def serve(peer: Peer) -> None:
        while request := peer.request_with_body():
            bodies.append(request[1])
            peer.send(b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % (b"503 No" if len(bodies) % 2 else b"200 OK"))

    retries = {"onStatus": [503], "body": "1KiB"}
    with RawOrigin(serve) as origin:
        running = weir(plan(origin, {"retries": retries}))
        # Looked at to the end or not, kept for a retry or longer than that.
        short, long = asks("s"), b'{"model":"s","x":"%s"}' % (b"y" * 100_000)
        whole = b'{"x":"%s","model":"s"}' % (b"y" * 100_000)
        with Connection(running.port) as connection:
            assert connection.request("POST", _PATH, _JSON, short).status == 200
            assert connection.request("POST", _PATH, _JSON, long).status == 503
            bodies.append(b"")
            assert connection.request("POST", _PATH, _JSON, whole).status in (200, 503)
        running.stop()
    assert bodies[:3] == [short, short, long] and set(bodies[4:]) == {whole}


def test_a_slow_reader_of_a_looked_at_body_loses_nothing(weir: Callable[..., Weir]) -> None:
    bodies: list[bytes] = []

    def serve(peer: Peer) -> None:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * _KIB)
        if request := peer.request_with_body():
            bodies.append(request[1])
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    body = b'{"x":"%s","model":"s","y":"%s"}' % (b"a" * 500_000, bytes(range(48, 58)) * 100_000)
    with RawOrigin(serve) as origin:
        running = weir(plan(origin))
        assert taken(running, body) == "small"
        running.stop()
    assert bodies == [body]


def test_the_memory_of_held_bodies_is_bounded(server: Server, weir: Callable[..., Weir]) -> None:
    with RawOrigin(server) as origin:
        running = weir(plan(origin, workers=1, limits={"memory": "1MiB", "lookahead": "64MiB"}))
        body = b'{"messages":"%s","model":"s"}' % (b"x" * (4 << 20))
        with Connection(running.port) as connection:
            connection.send(request_bytes("POST", _PATH, {**_JSON, "Content-Length": str(len(body))}))
            try:
                connection.send(body)
            except (ConnectionResetError, BrokenPipeError):
                pass  # it was told before it had sent all
            reply = connection.reply("POST")
            assert (reply.status, reply["x-weir-reason"], reply["retry-after"]) == (503, "overloaded", "1")
        assert taken(running, asks("s")) == "small"
        running.stop()
