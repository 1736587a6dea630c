"""What a version has made only it has: requests that name a response, a conversation, a file or a batch go to who made it."""
from __future__ import annotations

import itertools
import json
import threading
from typing import Any, Callable, Iterator

import pytest
from assignment import arm
from exposition import Exposition
from http_client import Connection, Reply, request_bytes
from plans import Plan, at_weight, canary, route
from polling import wait_until
from raw_origin import Peer, RawOrigin
from steering import WITHOUT_LATENCY, begun, set_weight
from weir_harness import Weir

_JSON = {"content-type": "application/json"}
_WEIGHT = 25
_ON_V1 = next(user for user in map(str, itertools.count()) if arm(user, _WEIGHT) == "v1")
_ON_V2 = next(user for user in map(str, itertools.count()) if arm(user, _WEIGHT) == "v2")
_PREFIX = {"responses": "resp", "conversations": "conv", "files": "file", "batches": "batch"}


class Server:
    """Keeps what it makes, as the OpenAI API does: 404 for what another one has made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.made: set[str] = set()
        self.asked = 0
        self._number = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        while request := peer.request_with_body():
            head, body = request
            with self._lock:
                self.asked += 1
                method, target, _ = head.split(b" ", 2)
                answer = self._answer(method, target, body)
            peer.send(answer)

    def _answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        _, _, kind, *rest = target.decode().removesuffix("/compact").removesuffix("/input_tokens").split("/")
        asked = json.loads(body) if body.startswith(b"{") else {}
        named = [*rest[:1], *(asked[name] for name in ("previous_response_id", "input_file_id") if name in asked)]
        if conversation := asked.get("conversation"):
            named.append(conversation if isinstance(conversation, str) else conversation["id"])
        if not set(named) <= self.made:
            return self._reply(404, {"error": {"message": f"no {named}"}})
        if method == b"POST" and not rest:
            made = {"id": self._make(kind), "object": kind}
            if asked.get("stream"):
                return self._events(made)
            return self._reply(200, made)
        if not rest:
            return self._reply(200, {"object": "list", "data": [{"id": "model"}]})
        done = {"output_file_id": self._make("files")} if kind == "batches" else {}
        return self._reply(200, {"id": rest[0], **done})

    def _make(self, kind: str) -> str:
        made = f"{_PREFIX[kind]}_{self.name}_{next(self._number)}"
        self.made.add(made)
        return made

    def _reply(self, status: int, said: Any) -> bytes:
        body = json.dumps(said).encode()
        return (b"HTTP/1.1 %d X\r\nx-origin: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                % (status, self.name.encode(), len(body))) + body

    def _events(self, made: dict[str, str]) -> bytes:
        events = b'event: response.created\ndata: {"type":"response.created","response":%s}\n\n' % json.dumps(made).encode()
        events += b'data: {"type":"response.completed","response":%s}\n\n' % json.dumps(made).encode()
        head = b"HTTP/1.1 200 OK\r\nx-origin: %s\r\ncontent-type: text/event-stream\r\n" % self.name.encode()
        return head + b"content-length: %d\r\n\r\n" % len(events) + events


@pytest.fixture(name="servers")
def _servers() -> Iterator[dict[str, Server]]:
    yield {name: Server(name) for name in ("v1", "v2")}


@pytest.fixture(name="plan")
def _plan(servers: dict[str, Server]) -> Iterator[Plan]:
    with RawOrigin(servers["v1"]) as v1, RawOrigin(servers["v2"]) as v2:
        yield canary(v1, v2, at_weight(_WEIGHT), rollout={"analysis": WITHOUT_LATENCY}, workers=3,
                     routes=[route(inspect="openai")])


@pytest.fixture(name="served")
def _served(weir: Callable[..., Weir], plan: Plan) -> Iterator[Weir]:
    running = begun(weir(plan))
    yield running
    running.stop()


def ask(weir: Weir, method: str, path: str, said: Any = None, user: str = _ON_V1) -> Reply:
    """On a connection of its own, which any of the workers may get."""
    body = b"" if said is None else json.dumps(said).encode()
    with Connection(weir.port) as connection:
        return connection.request(method, path, {**_JSON, "x-user-id": user}, body)


def made_by(weir: Weir, path: str, user: str, said: Any = None) -> str:
    reply = ask(weir, "POST", path, said or {"model": "m"}, user)
    assert reply.status == 200, reply
    first = next(line for line in reply.body.decode().splitlines() if "{" in line)
    told = json.loads(first.removeprefix("data: "))
    return str(told.get("response", told)["id"])


def counted(weir: Weir, name: str) -> float:
    return Exposition(weir.admin.metrics()).total(name)


def _status(reply: Reply) -> tuple[int, str | None]:
    assert reply["x-weir-version"] == reply["x-origin"]
    return reply.status, reply["x-weir-version"]


@pytest.mark.parametrize("kind", _PREFIX)
def test_what_is_named_in_the_path_is_asked_of_who_made_it(kind: str, served: Weir) -> None:
    # Whoever asks, and on whichever worker.
    for maker, other in ((_ON_V1, _ON_V2), (_ON_V2, _ON_V1)):
        version = arm(maker, _WEIGHT)
        made = made_by(served, f"/v1/{kind}", maker)
        for method, tail in itertools.product(("GET", "DELETE"), ("", "/content")):
            for _ in range(4):
                assert _status(ask(served, method, f"/v1/{kind}/{made}{tail}", user=other)) == (200, version)
    assert counted(served, "weir_requests_returned_total") == 32
    assert _status(ask(served, "GET", f"/v1/{kind}/unknown", user=_ON_V2)) == (404, "v2")


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_named_in_the_body_is_too(stream: bool, served: Weir) -> None:
    long = "x" * 100_000
    for maker, other in ((_ON_V1, _ON_V2), (_ON_V2, _ON_V1)):
        version = arm(maker, _WEIGHT)
        response = made_by(served, "/v1/responses", maker, {"model": "m", "stream": stream})
        conversation = made_by(served, "/v1/conversations", maker)
        file = made_by(served, "/v1/files", maker)
        for said in ({"input": long, "previous_response_id": response}, {"conversation": conversation, "input": long},
                     {"input": long, "conversation": {"id": conversation}}):
            for path in ("/v1/responses", "/v1/responses/compact", "/v1/responses/input_tokens"):
                assert _status(ask(served, "POST", path, said, other)) == (200, version)
        batch = made_by(served, "/v1/batches", other, {"input_file_id": file})
        assert batch.startswith(f"batch_{version}_")
        # A file that it has made is told by the batch alone.
        output = json.loads(ask(served, "GET", f"/v1/batches/{batch}", user=other).body)["output_file_id"]
        assert _status(ask(served, "GET", f"/v1/files/{output}/content", user=other)) == (200, version)


def test_a_conversation_goes_on_where_it_is_when_the_weight_moves(served: Weir) -> None:
    last = made_by(served, "/v1/responses", _ON_V2)
    set_weight(served, 0)
    for _ in range(3):
        reply = ask(served, "POST", "/v1/responses", {"previous_response_id": last}, _ON_V2)
        assert _status(reply) == (200, "v2")
        last = json.loads(reply.body)["id"]
    assert _status(ask(served, "POST", "/v1/responses", {"input": "hello"}, _ON_V2)) == (200, "v1")


def test_they_are_no_evidence(served: Weir) -> None:
    set_weight(served, 30)
    made = [made_by(served, "/v1/files", user) for user in (_ON_V1, _ON_V2)]
    for name in made * 5:
        assert ask(served, "GET", f"/v1/files/{name}", user=_ON_V1).status == 200
    ask(served, "GET", "/v1/models", user=_ON_V1)
    wait_until(lambda: served.admin.rollout()["requests_in_step"]["baseline"] >= 2, "requests are judged")
    assert served.admin.rollout()["requests_in_step"] == {"baseline": 2, "candidate": 1}
    assert counted(served, "weir_requests_returned_total") == 10


def test_to_a_candidate_that_is_rolled_back_nobody_returns(served: Weir) -> None:
    made = made_by(served, "/v1/files", _ON_V2)
    served.cli("abort", "chat")
    served.wait_phase("rolledBack")
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V2)) == (404, "v1")


def test_nor_after_the_next_plan_or_a_retry(served: Weir, plan: Plan) -> None:
    made = made_by(served, "/v1/files", _ON_V2)
    others = made_by(served, "/v1/files", _ON_V1)
    served.cli("abort", "chat")
    served.wait_phase("rolledBack")
    chat = {**plan["services"]["chat"], "weights": {"v1": 100, "v2": 0}}
    served.write({**{key: value for key, value in plan.items() if key != "rollouts"}, "services": {"chat": chat}})
    served.cli("reload")
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V2)) == (404, "v1")
    served.write(plan)
    served.cli("reload")
    served.wait_phase("rolledBack")
    served.cli("retry", "chat")
    begun(served)
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V1)) == (404, "v1")
    # The baseline's are where they were, and what is made now is found again.
    assert _status(ask(served, "GET", f"/v1/files/{others}", user=_ON_V2)) == (200, "v1")
    made = made_by(served, "/v1/files", _ON_V2)
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V1)) == (200, "v2")


def test_a_reload_forgets_nothing_and_a_version_takes_with_it_what_it_made(served: Weir, plan: Plan) -> None:
    made = made_by(served, "/v1/files", _ON_V2)
    served.write({**plan, "routes": [route(inspect="auto")]})
    served.cli("reload")
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V1)) == (200, "v2")
    alone = {"chat": {"versions": {"v1": plan["services"]["chat"]["versions"]["v1"]}}}
    served.write({**{key: value for key, value in plan.items() if key != "rollouts"}, "services": alone})
    served.cli("reload")
    assert _status(ask(served, "GET", f"/v1/files/{made}", user=_ON_V1)) == (404, "v1")


def test_it_may_be_turned_off(weir: Callable[..., Weir], plan: Plan) -> None:
    plan["services"]["chat"]["createdIds"] = "off"
    running = begun(weir(plan))
    made = made_by(running, "/v1/files", _ON_V2)
    assert _status(ask(running, "GET", f"/v1/files/{made}", user=_ON_V1)) == (404, "v1")
    running.stop()


def test_nothing_is_held_before_anything_was_made(served: Weir, servers: dict[str, Server]) -> None:
    assert ask(served, "GET", "/v1/models").status == 200  # nobody keeps it
    head = request_bytes("POST", "/v1/responses", {**_JSON, "x-user-id": _ON_V1, "Content-Length": "1000"})
    with Connection(served.port) as connection:
        connection.send(head + b'{"input":')
        wait_until(lambda: counted(served, "weir_upstream_connections") >= 1, "the origin is asked")
    made_by(served, "/v1/files", _ON_V1)
    assert servers["v1"].asked >= 2


def test_a_name_behind_the_bound_is_not_looked_for(weir: Callable[..., Weir], plan: Plan) -> None:
    running = begun(weir({**plan, "limits": {"lookahead": "64KiB"}}))
    made = made_by(running, "/v1/responses", _ON_V2)
    late = {"input": "x" * 200_000, "previous_response_id": made}
    assert _status(ask(running, "POST", "/v1/responses", late, _ON_V1)) == (404, "v1")
    assert counted(running, "weir_requests_lookahead_exceeded_total") == 1
    running.stop()
