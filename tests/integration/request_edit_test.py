"""What a plan has changed in requests on their way to a model server, and in nothing else."""
from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from exposition import Exposition
from http_client import Connection, Reply, chunked, request_bytes
from plans import Plan, at_weight, canary, route, version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

_PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json"}
_EVENTS = b"".join(b"data: %s\n\n" % event for event in (
    b'{"choices":[{"index":0,"delta":{"content":"Gr\xc3\xbc\xc3\x9fe"}}],"usage":null}',
    b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}'))
_USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":4,"total_tokens":11}}\n\n'
_DONE = b"data: [DONE]\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Server:
    """Streams a completion, and says its tokens when it is asked to: in chunks of a byte each."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while request := peer.request_with_body():
            self.bodies.append(request[1])
            options = json.loads(request[1]).get("stream_options") or {}
            stream = _EVENTS + (_USAGE if options.get("include_usage") else b"") + _DONE
            peer.send(_HEAD + b"".join(b"1\r\n%c\r\n" % byte for byte in stream) + b"0\r\n\r\n")


def _plan(origin: RawOrigin, on_version: Plan | None = None, **on_route: Any) -> Plan:
    return {"services": {"chat": {"versions": {"v1": {**version(origin), **(on_version or {})}}}},
            "routes": [route(**on_route)]}


def _post(weir: Weir, body: bytes, path: str = _PATH) -> Reply:
    with Connection(weir.port) as connection:
        return connection.request("POST", path, _JSON, body)


def _counted(weir: Weir, name: str) -> Exposition:
    def counted() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if name in metrics else None
    return wait_until(counted, f"{name} is in /metrics")


def test_a_stream_is_asked_for_its_tokens_and_its_client_sees_nothing_of_it(weir: Callable[..., Weir]) -> None:
    server = Server()
    with RawOrigin(server) as origin:
        running = weir(_plan(origin, {"prices": {"input": 1, "output": 2}}, inspect="openai"))
        assert _post(running, b'{"model":"m","stream":true,"messages":[]}').body == _EVENTS + _DONE
        metrics = _counted(running, "gen_ai_client_token_usage_sum")
        # Who asks himself is told.
        asked = b'{"stream":true,"stream_options":{"include_usage":true}}'
        assert _post(running, asked).body == _EVENTS + _USAGE + _DONE
        whole = b'{"model":"m"}'
        _post(running, whole)
        running.stop()
    assert json.loads(server.bodies[0]) == {"model": "m", "stream": True, "messages": [],
                                            "stream_options": {"include_usage": True}}
    assert server.bodies[1].rstrip(b" ") == asked and server.bodies[2].rstrip(b" ") == whole
    assert metrics.total("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 4
    assert metrics.total("weir_answers_cost_total") == 0.000015


def test_what_stands_behind_megabytes_is_found(weir: Callable[..., Weir]) -> None:
    server = Server()
    image = "\\\\/x" * (5 << 20)
    body = b'{"messages":[{"content":"%s"}],"model":"any","stream":true}' % image.encode()
    with RawOrigin(server) as origin:
        running = weir(_plan(origin, {"model": "llama-8b"}, inspect="openai", includeUsage="always"))
        assert _post(running, body).body == _EVENTS + _DONE
        running.stop()
    assert json.loads(server.bodies[0]) == {**json.loads(body), "model": "llama-8b",
                                            "stream_options": {"include_usage": True}}


def test_a_body_in_chunks_stays_one(weir: Callable[..., Weir]) -> None:
    sent: list[bytes] = []

    def serve(peer: Peer) -> None:
        while peer.head():
            sent.append(peer.chunks())
            peer.send(_HEAD + b"0\r\n\r\n")

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, inspect="openai", includeUsage="always"))
        with Connection(running.port) as connection:
            head = request_bytes("POST", _PATH, {**_JSON, "transfer-encoding": "chunked"})
            connection.send(head + chunked(b'{"stream":tr', b'ue}'))
            assert connection.reply("POST").status == 200
        running.stop()
    body = b"".join(line for line in sent[0].split(b"\r\n")[1::2])
    assert body == b'{"stream":true,"stream_options":{"include_usage":true}}'


@pytest.mark.parametrize("on_route", [{}, {"inspect": "openai"}, {"inspect": "anthropic", "includeUsage": "always"},
                                      {"inspect": "openai", "includeUsage": "never"}], ids=str)
def test_nothing_is_changed_where_nothing_is_asked(on_route: Plan, weir: Callable[..., Weir]) -> None:
    server = Server()
    body = b'{"stream":true}'
    with RawOrigin(server) as origin:
        running = weir(_plan(origin, **on_route))
        assert _post(running, body).body == _EVENTS + _DONE
        running.stop()
    assert server.bodies == [body]


def test_each_version_is_asked_for_its_own_model_and_so_is_a_second_try(weir: Callable[..., Weir]) -> None:
    bodies: list[bytes] = []

    def serve(peer: Peer) -> None:
        while request := peer.request_with_body():
            bodies.append(request[1])
            status = b"503 No" if len(bodies) == 1 else b"200 OK"
            peer.send(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\n\r\n")

    with RawOrigin(serve) as origin:
        retries = {"onStatus": [503], "nonIdempotent": True}
        running = weir(_plan(origin, {"model": 'a"b'}, inspect="auto", retries=retries))
        assert _post(running, b'{"model":"x","prompt":"p"}', "/generate").status == 200
        running.stop()
    assert [json.loads(body) for body in bodies] == [{"model": 'a"b', "prompt": "p"}] * 2


def test_each_version_is_asked_for_its_own_model_where_the_path_names_it(weir: Callable[..., Weir]) -> None:
    """RULE: both are in one server, as one Triton or TensorFlow Serving has them. Who names a version has chosen."""
    targets: list[bytes] = []

    def serve(peer: Peer) -> None:
        while request := peer.request_with_body():
            targets.append(request[0].split(b" ")[1])
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def asked(path: str, chosen: str) -> bytes:
        with Connection(running.port) as connection:
            assert connection.request("POST", path, {**_JSON, "x-version": chosen}, b"{}").status == 200
        return targets[-1]

    with RawOrigin(serve) as origin:
        overrides = [{"match": {"header": {"name": "x-version", "exact": name}}, "version": name} for name in ("v1", "v2")]
        plan = canary(origin, origin, at_weight(50), rollout={"overrides": overrides})
        plan["services"]["chat"]["versions"]["v1"]["modelPath"] = "bert/versions/12"
        plan["services"]["chat"]["versions"]["v2"]["modelPath"] = "bert-b"
        running = weir(plan)
        assert asked("/v2/models/bert/infer?a=b", "v1") == b"/v2/models/bert/versions/12/infer?a=b"
        assert asked("/v2/models/bert/infer?a=b", "v2") == b"/v2/models/bert-b/infer?a=b"
        assert asked("/v1/models/bert:predict", "v1") == b"/v1/models/bert/versions/12:predict"
        assert asked("/v2/./%6Dodels/bert/infer", "v1") == b"/v2/models/bert/versions/12/infer"
        assert asked("/v2/models/bert/versions/3/infer", "v1") == b"/v2/models/bert/versions/3/infer"
        assert asked("/v2/health/ready", "v1") == b"/v2/health/ready"
        running.stop()


def test_no_name_that_was_to_be_another_reaches_a_version(weir: Callable[..., Weir]) -> None:
    server = Server()
    with RawOrigin(server) as origin:
        running = weir(_plan(origin, {"model": "llama-8b"}, inspect="openai"))
        for body in (b'{"model":"gpt-4o","model":"gpt-4o-mini"}', b'{"mo\\u0064el":"gpt"}', b'{"Model":"gpt"}',
                     b'{"model":1,"model":2,"model":"x"}'):
            assert _post(running, body).status == 200
        running.stop()
    members = [dict.fromkeys(value for _, value in json.loads(body, object_pairs_hook=list)) for body in server.bodies]
    assert [list(values) for values in members] == [["llama-8b"]] * 3 + [["llama-8b", ""]]
