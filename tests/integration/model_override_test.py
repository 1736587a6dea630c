"""Overrides by the model that a request asks for: who names a version's own model gets that version, and is never
judged."""
from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from exposition import Exposition
from http_client import Connection, chunked, request_bytes
from origin import Origin
from plans import Plan, at_weight, canary
from polling import wait_until
from steering import WITHOUT_LATENCY, answered_by, begun, set_weight
from weir_harness import Weir

_PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json", "x-user-id": "user-1"}


def named(model: str, version: str, **rest: Any) -> Plan:
    return {"match": {"model": {"exact": model}}, "version": version, **rest}


_OVERRIDES = [named("llama-2", "v2"), named("llama-1", "v1"),
              {"match": {"model": {"exact": "llama-2"}, "header": {"name": "x-try", "exact": "1"}}, "version": "v1"}]


@pytest.fixture(name="origins")
def _origins(origin: Callable[..., Origin]) -> tuple[Origin, Origin]:
    return origin("v1"), origin("v2")


@pytest.fixture(name="plan")
def _plan(origins: tuple[Origin, Origin]) -> Plan:
    return canary(*origins, at_weight(0), rollout={"overrides": _OVERRIDES, "analysis": WITHOUT_LATENCY},
                  limits={"lookahead": "64KiB"})


@pytest.fixture(name="served")
def _served(weir: Callable[..., Weir], plan: Plan) -> Weir:
    """Nobody is on the candidate but by an override."""
    return begun(weir(plan))


def asks(model: str, messages: str = "hello") -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": messages}], "model": model}).encode()


def answers(weir: Weir, body: bytes, fields: dict[str, str] | None = None) -> str:
    with Connection(weir.port) as connection:
        return answered_by(connection.request("POST", _PATH, fields or _JSON, body))


def counted(weir: Weir, name: str, **labels: str) -> float:
    return Exposition(weir.admin.metrics()).total(name, **labels)


def test_who_names_a_versions_model_gets_it(served: Weir) -> None:
    assert answers(served, asks("llama-2")) == "v2"
    assert answers(served, asks("llama-1")) == "v1"
    assert answers(served, asks("llama")) == "v1"
    assert answers(served, asks("LLAMA-2")) == "v1"
    assert answers(served, asks("llama-2"), {**_JSON, "content-encoding": "gzip"}) == "v1"
    set_weight(served, 95)  # user-1 is on the candidate now
    assert answers(served, asks("llama")) == "v2"
    assert answers(served, asks("llama-1")) == "v1"
    wait_until(lambda: counted(served, "weir_requests_overridden_total") == 3, "they are counted")


def test_they_are_counted_and_are_no_evidence(served: Weir) -> None:
    set_weight(served, 95)
    for _ in range(5):
        answers(served, asks("llama-2"))
        answers(served, asks("llama-1"))
    for _ in range(7):
        answers(served, asks("llama"))
    wait_until(lambda: served.admin.rollout()["requests_in_step"]["candidate"] >= 7, "requests are judged")
    assert served.admin.rollout()["requests_in_step"] == {"baseline": 0, "candidate": 7}
    assert counted(served, "weir_requests_overridden_total") == 10


def test_the_body_goes_on_whole_however_it_comes(served: Weir, origins: tuple[Origin, Origin]) -> None:
    body = asks("llama-2", "x" * 30_000)
    message = request_bytes("POST", _PATH, _JSON, body)
    parts = request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"}) + chunked(body[:20_000], body[20_000:])
    for whole in (message, parts):
        with Connection(served.port) as connection:
            for cut in (len(whole) - 20, 200, len(whole) - 3):
                connection.send(whole[:cut])
                connection.send(whole[cut:])
                assert answered_by(connection.reply("POST")) == "v2"
    assert origins[1].counts().body_in == 6 * len(body)


def test_a_model_behind_the_bound_chooses_nothing(served: Weir) -> None:
    assert answers(served, asks("llama-2", "x" * 200_000)) == "v1"
    assert counted(served, "weir_requests_lookahead_exceeded_total") == 1
    assert answers(served, b'{"model":"llama-2","messages":"%s"}' % (b"x" * 200_000)) == "v2"


def test_who_may_not_choose_is_not_waited_for(weir: Callable[..., Weir], plan: Plan) -> None:
    rollout = {**plan["rollouts"]["chat"], "overrides": [named("llama-2", "v2", **{"from": ["127.0.0.2/32"]})]}
    running = begun(weir({**plan, "rollouts": {"chat": rollout}}))
    # Nothing of its body has come when the origin is asked: it says itself that the client may go on.
    with Connection(running.port) as connection:
        connection.send(request_bytes("POST", _PATH, {**_JSON, "Content-Length": "1000000"}) + b'{"model":"llama-2",')
        wait_until(lambda: counted(running, "weir_upstream_connections") >= 1, "the origin is asked")
    assert answers(running, asks("llama-2")) == "v1"


def test_a_route_and_an_override_may_both_go_by_it(weir: Callable[..., Weir], plan: Plan) -> None:
    routes = [{"name": "llama", "match": {"pathPrefix": "/v1/", "model": {"prefix": "llama"}}, "service": "chat"},
              {"name": "rest", "match": {"pathPrefix": "/"}, "service": "chat"}]
    running = begun(weir({**plan, "routes": routes}))
    assert answers(running, asks("llama-2")) == "v2"
    assert answers(running, asks("llama-3")) == "v1"
    assert answers(running, b'{"model":"llama-2","messages":"%s"}' % (b"x" * 100_000)) == "v2"
    # A look that has ended without a model is not begun again.
    assert answers(running, b'{"messages":"%s"}' % (b"x" * 100_000)) == "v1"
    wait_until(lambda: counted(running, "weir_requests_total", route="rest") == 1, "the request is counted")
    assert counted(running, "weir_requests_lookahead_exceeded_total") == 1


def test_no_model_reaches_a_rolled_back_candidate(served: Weir) -> None:
    assert answers(served, asks("llama-2")) == "v2"
    served.cli("abort", "chat")
    served.wait_phase("rolledBack")
    assert answers(served, asks("llama-2")) == "v1"


def test_a_client_that_does_not_send_it_is_told_so(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir({**plan, "timeouts": {"bodyIdle": "50ms"}}))
    with Connection(running.port) as connection:
        connection.send(request_bytes("POST", _PATH, {**_JSON, "Content-Length": "100"}) + b'{"messages":')
        reply = connection.reply("POST")
        assert (reply.status, reply["x-weir-reason"], reply["x-weir-version"]) == (408, "body_timeout", None)
