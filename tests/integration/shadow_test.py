"""Copies of requests go to the candidate; nobody sees what it answers."""
from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from exposition import Exposition
from http_client import Connection, get
from plans import Plan, canary, route
from polling import wait_until
from raw_origin import Peer, RawOrigin
from steering import begun
from weir_harness import Weir

_PROMPT = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]}).encode()
_JSON = {"content-type": "application/json"}


class Model(RawOrigin):
    """Answers each request with `reply`, and keeps what it was sent."""

    def __init__(self, reply: bytes):
        self.reply = reply
        self.requests: list[tuple[bytes, bytes]] = []
        super().__init__(self._serve)

    def _serve(self, peer: Peer) -> None:
        while head := peer.head():
            length = int(fields(head).get("content-length", "0"))
            body = peer.chunks() if "transfer-encoding" in fields(head) else peer.body(length)
            self.requests.append((head, body))
            peer.send(self.reply)


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def shadow(baseline: Any, candidate: Any, *, mirror: Plan | None = None, **top: Any) -> Plan:
    """Everything is copied, unless `mirror` says otherwise."""
    plan = canary(baseline, candidate, [], **top)
    rollout = {**plan["rollouts"]["chat"], "strategy": "shadow", "mirror": {"percent": 100, **(mirror or {})}}
    del rollout["steps"]
    return {**plan, "rollouts": {"chat": rollout}}


def fields(head: bytes) -> dict[str, str]:
    lines = head.decode().split("\r\n")[1:-2]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def counted(weir: Weir, name: str, value: float, **labels: str) -> Exposition:
    def has() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if metrics.total(name, **labels) == value else None
    return wait_until(has, f"{name} is {value}")


def test_the_candidate_gets_a_copy_and_the_client_the_baselines_answer(weir: Callable[..., Weir]) -> None:
    with Model(answer(b'{"from":"v1"}')) as v1, Model(answer(b'{"from":"v2"}', "500 Broken")) as v2:
        running = begun(weir(shadow(v1, v2)))
        with Connection(running.port) as connection:
            reply = connection.request("POST", "/v1/ask?x=1", {**_JSON, "x-user-id": "a"}, _PROMPT)
            assert (reply.status, reply["x-weir-version"], reply.body) == (200, "v1", b'{"from":"v1"}')
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        counted(running, "weir_shadow_copies_total", 1)
        metrics = counted(running, "weir_requests_total", 1)
        # It is no request of the candidate's, whatever it answers.
        assert metrics.labels("weir_requests_total", "version") == {"v1"}
        assert metrics.labels("weir_requests_total", "class") == {"ok"}
        (head, body), (copied_head, copied_body) = v1.requests[0], v2.requests[0]
        assert copied_head.startswith(b"POST /v1/ask?x=1 HTTP/1.1\r\n") and copied_body == body == _PROMPT
        assert fields(copied_head) == {**fields(head), "x-weir-shadow": "true"}
        rollout = running.admin.rollout()
        assert (rollout["phase"], rollout["weight_percent"], rollout["mirror_percent"]) == ("running", 0, 100)
        counted(running, "weir_shadow_active", 0)
        running.stop()


def test_the_copy_asks_for_the_candidates_model(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        plan = shadow(v1, v2, routes=[route(inspect="openai")])
        plan["services"]["chat"]["versions"]["v2"]["model"] = "a-much-larger-one"
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            assert connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT).status == 200
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        assert v1.requests[0][1] == _PROMPT
        assert json.loads(v2.requests[0][1]) == {**json.loads(_PROMPT), "model": "a-much-larger-one"}
        running.stop()


def test_no_client_can_say_that_its_request_is_a_copy(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(shadow(v1, v2, mirror={"methods": ["GET"]})))
        with Connection(running.port) as connection:
            connection.request("POST", "/", {**_JSON, "x-weir-shadow": "true"}, _PROMPT)
            connection.request("GET", "/", {"x-weir-shadow": "true"})
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        assert ["x-weir-shadow" in fields(head) for head, _ in v1.requests] == [False, False]
        assert v2.requests[0][0].startswith(b"GET / ")
        running.stop()


def test_a_trusted_hops_copy_is_passed_on_as_one_and_not_copied_again(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(shadow(v1, v2, trustedHops=["127.0.0.1"])))
        with Connection(running.port) as connection:
            connection.request("GET", "/copied", {"x-weir-shadow": "true"})
            connection.request("GET", "/live")
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        assert [fields(head).get("x-weir-shadow") for head, _ in v1.requests] == ["true", None]
        assert v2.requests[0][0].startswith(b"GET /live ")
        running.stop()


def test_a_step_copies_while_it_lasts(weir: Callable[..., Weir]) -> None:
    steps: list[Plan] = [{"setWeight": 0}, {"mirror": {"percent": 100}}, {"pause": {}}, {"setWeight": 1}, {"pause": {}}]
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(canary(v1, v2, steps, rollout={"stickiness": {"by": [{"header": "x-none"}]}})))
        assert get(running.port, "/")["x-weir-version"] == "v1"
        wait_until(lambda: len(v2.requests) == 1, "the copy has come, though the step is in a pause")
        running.cli("promote", "chat")
        wait_until(lambda: running.admin.rollout()["mirror_percent"] == 0, "the step is over")
        with Connection(running.port) as connection:
            versions = [connection.request("GET", "/")["x-weir-version"] for _ in range(50)]
        counted(running, "weir_shadow_copies_total", 1)
        assert len(v2.requests) == 1 + versions.count("v2")
        running.stop()


def test_the_share_is_of_requests_and_by_their_ids(weir: Callable[..., Weir]) -> None:
    """The same requests are copied again; a higher share copies them and more."""
    ids = [f"request-{i}" for i in range(300)]

    def copied(share: float) -> set[str]:
        with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
            running = begun(weir(shadow(v1, v2, mirror={"percent": share, "inFlight": 100_000},
                                        trustedHops=["127.0.0.1"])))
            with Connection(running.port) as connection:
                for name in ids:
                    connection.request("GET", "/", {"x-request-id": name})
            total = Exposition(running.admin.metrics()).total("weir_shadow_copies_total")
            wait_until(lambda: Exposition(running.admin.metrics()).total("weir_shadow_active") == 0, "all are done")
            running.stop()
            assert total <= len(v2.requests)
            return {fields(head)["x-request-id"] for head, _ in v2.requests}

    some, more = copied(20), copied(50)
    assert some < more and 30 < len(some) < 90 and 110 < len(more) < 190
    assert copied(20) == some


def test_a_command_ends_the_copies_and_none_moves_the_weight(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(shadow(v1, v2)))
        for command in (["promote", "chat"], ["promote", "chat", "--full"], ["weight", "chat", "5"]):
            refused = running.cli(*command, check=False)
            assert refused.returncode == 1 and "gets copies of requests, and no users" in refused.stderr, refused
        running.cli("abort", "chat")
        wait_until(lambda: running.admin.rollout()["mirror_percent"] == 0, "the copies end")
        assert get(running.port, "/").status == 200
        running.cli("retry", "chat")
        wait_until(lambda: running.admin.rollout()["mirror_percent"] == 100, "they begin again")
        assert get(running.port, "/later").status == 200
        wait_until(lambda: bool(v2.requests), "a copy has come")
        assert [head.split()[1] for head, _ in v2.requests] == [b"/later"]
        counted(running, "weir_shadow_copies_total", 1)
        running.stop()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_not_copied(chunked: bool, weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(shadow(v1, v2, mirror={"body": "1KiB"})))
        with Connection(running.port) as connection:
            for size in 1024, 1025:
                body = b"x" * size
                if chunked:
                    framed = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
                    connection.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + framed)
                    assert connection.reply().status == 200
                else:
                    assert connection.request("POST", "/", {}, body).status == 200
        counted(running, "weir_shadow_too_long_total", 1)
        counted(running, "weir_shadow_copies_total", 1)
        wait_until(lambda: len(v2.requests) == 1, "the shorter one has come")
        running.stop()
