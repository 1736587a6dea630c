"""Who a user is, by what the JSON of the request says: the same key, wherever it stands, is on the same version."""
from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection, chunked, post, request_bytes
from origin import Origin
from plans import Plan, at_weight, canary, route, version
from polling import wait_until
from steering import WITHOUT_LATENCY, answered_by, begun
from weir_harness import Weir

_PATH = "/v1/chat/completions"
_JSON = {"content-type": "application/json"}
_WEIGHT = 25
_USERS = [f"user-{i}" for i in range(40)]
_ON_V1 = next(user for user in _USERS if arm(user, _WEIGHT) == "v1")
_ON_V2 = next(user for user in _USERS if arm(user, _WEIGHT) == "v2")

Serve = Callable[..., Weir]


@pytest.fixture(name="serve")
def _serve(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> Serve:
    """Sticky by these sources, in their order."""
    def start(*by: Plan, **top: Any) -> Weir:
        rollout = {"stickiness": {"by": list(by)}, "analysis": WITHOUT_LATENCY}
        plan = canary(origin("v1"), origin("v2"), at_weight(_WEIGHT), rollout=rollout, **top)
        return begun(weir({**plan, "limits": {"lookahead": "64KiB"}}))
    return start


def body_key(name: str) -> Plan:
    return {"body": name}


def version_of(weir: Weir, body: bytes, fields: dict[str, str] | None = None) -> str:
    return answered_by(post(weir.port, _PATH, body, {**_JSON, **(fields or {})}))


def counted(weir: Weir, name: str) -> float:
    return Exposition(weir.admin.metrics()).total(name)


_SAYS: dict[str, Callable[[str], Any]] = {
    "user": lambda key: {"user": key}, "prompt_cache_key": lambda key: {"prompt_cache_key": key},
    "safety_identifier": lambda key: {"safety_identifier": key}, "conversation": lambda key: {"conversation": {"id": key}},
    "metadata.user_id": lambda key: {"metadata": {"tier": "a", "user_id": key}},
    "metadata.session_id": lambda key: {"metadata": {"session_id": key}}}


@pytest.mark.parametrize("name", _SAYS)
def test_a_key_is_read_wherever_it_stands(name: str, serve: Serve) -> None:
    weir = serve(body_key(name))
    messages = {"model": "m", "messages": [{"role": "user", "content": "{\"user\":\"nobody\"}"}]}
    with Connection(weir.port) as connection:
        for i, user in enumerate(_USERS):
            said = {**messages, **_SAYS[name](user)} if i % 2 else {**_SAYS[name](user), **messages}
            reply = connection.request("POST", _PATH, _JSON, json.dumps(said).encode())
            assert answered_by(reply) == arm(user, _WEIGHT), user
    wait_until(lambda: sum(weir.admin.rollout()["requests_in_step"].values()) == len(_USERS), "all are judged")
    assert counted(weir, "weir_requests_unkeyed_total") == 0


def test_a_conversation_may_be_named_by_a_text(serve: Serve) -> None:
    weir = serve(body_key("conversation"))
    for user in (_ON_V1, _ON_V2):
        assert version_of(weir, json.dumps({"conversation": user, "input": "hello"}).encode()) == arm(user, _WEIGHT)


def test_the_first_of_the_list_that_a_request_has_counts(serve: Serve) -> None:
    weir = serve(body_key("user"), {"header": "x-user-id"}, body_key("prompt_cache_key"))
    both = json.dumps({"prompt_cache_key": _ON_V2, "user": _ON_V1}).encode()
    assert version_of(weir, both) == "v1"
    assert version_of(weir, both, {"x-user-id": _ON_V2}) == "v1"
    cache = json.dumps({"prompt_cache_key": _ON_V2, "user": ""}).encode()
    assert version_of(weir, cache) == "v2"
    assert version_of(weir, cache, {"x-user-id": _ON_V1}) == "v1"
    # What is no text is no key, and what is no JSON has none.
    assert version_of(weir, json.dumps({"user": 7, "prompt_cache_key": _ON_V2}).encode()) == "v2"
    assert answered_by(post(weir.port, _PATH, both, {"content-type": "text/plain", "x-user-id": _ON_V2})) == "v2"
    assert counted(weir, "weir_requests_unkeyed_total") == 0


def test_a_key_behind_the_bound_is_not_had(serve: Serve) -> None:
    weir = serve(body_key("user"), {"header": "x-user-id"})
    late = b'{"messages":"%s","user":"%s"}' % (b"x" * 200_000, _ON_V1.encode())
    for user in (_ON_V1, _ON_V2):  # the next of the list is
        assert version_of(weir, late, {"x-user-id": user}) == arm(user, _WEIGHT)
    assert counted(weir, "weir_requests_lookahead_exceeded_total") == 2
    assert counted(weir, "weir_requests_unkeyed_total") == 0
    version_of(weir, late)
    assert counted(weir, "weir_requests_unkeyed_total") == 1
    early = b'{"user":"%s","messages":"%s"}' % (_ON_V2.encode(), b"x" * 200_000)
    assert version_of(weir, early, {"x-user-id": _ON_V1}) == "v2"
    assert counted(weir, "weir_requests_lookahead_exceeded_total") == 3


def test_who_has_an_earlier_key_is_not_waited_for(serve: Serve) -> None:
    weir = serve({"header": "x-user-id"}, body_key("user"))
    head = request_bytes("POST", _PATH, {**_JSON, "x-user-id": _ON_V1, "Content-Length": "1000000"})
    with Connection(weir.port) as connection:
        connection.send(head + b'{"messages":')
        wait_until(lambda: counted(weir, "weir_upstream_connections") >= 1, "the origin is asked")


def test_the_body_goes_on_whole_however_it_comes(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    origins = origin("v1"), origin("v2")
    rollout = {"stickiness": {"by": [body_key("user")]}, "analysis": WITHOUT_LATENCY}
    running = begun(weir(canary(*origins, at_weight(_WEIGHT), rollout=rollout)))
    body = json.dumps({"messages": "x" * 50_000, "user": _ON_V2}).encode()
    message = request_bytes("POST", _PATH, _JSON, body)
    parts = request_bytes("POST", _PATH, {**_JSON, "Transfer-Encoding": "chunked"}) + chunked(body[:49_990], body[49_990:])
    with Connection(running.port) as connection:
        for whole in (message, parts):
            for cut in (len(whole) - 12, 300):
                connection.send(whole[:cut])
                connection.send(whole[cut:])
                assert answered_by(connection.reply("POST")) == "v2"
        waits = {**_JSON, "Expect": "100-continue", "Content-Length": str(len(body))}
        connection.send(request_bytes("POST", _PATH, waits))
        assert connection.head().status == 100
        connection.send(body)
        reply = connection.reply("POST")
        assert reply.interim == [] and answered_by(reply) == "v2"
    assert origins[1].counts().body_in == 5 * len(body)


def test_an_endpoint_may_be_chosen_by_it(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    balancing = {"policy": "hash", "by": [body_key("prompt_cache_key")]}
    endpoints = version(origin("a"), origin("b"), origin("c"))
    running = weir({"services": {"chat": {"versions": {"v1": {**endpoints, "loadBalancing": balancing}}}},
                    "routes": [route()]})

    def endpoint_of(key: str) -> str:
        return str(post(running.port, _PATH, json.dumps({"prompt_cache_key": key}).encode(), _JSON)["x-origin"])

    before = {user: endpoint_of(user) for user in _USERS}
    assert set(before.values()) == {"a", "b", "c"}
    assert {user: endpoint_of(user) for user in _USERS} == before
