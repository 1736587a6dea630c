"""Copies of requests go to the candidate; nobody sees what it answers."""
from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Callable

import pytest
from exposition import Exposition
from http_client import Connection, chunked, get
from plans import Plan, canary, route
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from replaying import has_the_same, replay
from steering import WITHOUT_LATENCY, begun, history_of
from webhook_receiver import Receiver
from weir_harness import Weir, run_cli

_PROMPT = json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hello"}]}).encode()
_JSON = {"content-type": "application/json"}


class Model(RawOrigin):
    """Answers each request with `reply`, and keeps what it was sent. Without one it answers when it is let."""

    def __init__(self, reply: bytes):
        self.reply = reply
        self.requests: list[tuple[bytes, bytes]] = []
        self.cut = False  # the connection ends behind the reply
        self.answers = threading.Event()
        if reply:
            self.answers.set()
        super().__init__(self._serve)

    def let(self, reply: bytes) -> None:
        self.reply = reply
        self.answers.set()

    def _serve(self, peer: Peer) -> None:
        while head := peer.head():
            length = int(fields(head).get("content-length", "0"))
            body = peer.chunks() if "transfer-encoding" in fields(head) else peer.body(length)
            self.requests.append((head, body))
            self.answers.wait()
            peer.send(self.reply)
            if self.cut:
                return


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def shadow(baseline: Any, candidate: Any, *, mirror: Plan | None = None, reportEvery: str = "1d", **top: Any) -> Plan:
    """Everything is copied, unless `mirror` says otherwise."""
    plan = canary(baseline, candidate, [], **top)
    rollout = {**plan["rollouts"]["chat"], "strategy": "shadow", "mirror": {"percent": 100, **(mirror or {})},
               "reportEvery": reportEvery}
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
        plan["services"]["chat"]["versions"]["v2"] |= {"model": "a-much-larger-one", "modelPath": "larger"}
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            assert connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT).status == 200
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        assert v1.requests[0][1] == _PROMPT
        assert json.loads(v2.requests[0][1]) == {**json.loads(_PROMPT), "model": "a-much-larger-one"}
        with Connection(running.port) as connection:
            assert connection.request("POST", "/v2/models/small/infer", _JSON, _PROMPT).status == 200
        wait_until(lambda: len(v2.requests) == 2, "the copy of that has come")
        assert v1.requests[1][0].startswith(b"POST /v2/models/small/infer ")
        assert v2.requests[1][0].startswith(b"POST /v2/models/larger/infer ")
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


def test_scores_and_ids_of_a_copied_request_are_of_the_answer_that_its_user_had(weir: Callable[..., Weir]) -> None:
    """Nobody has seen the copy's: a score of it is of no answer, and what names it goes where the split says."""
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "feedback", "name": "relevance"}]
    mirrored: list[Plan] = [{"setWeight": 0}, {"mirror": {"percent": 100}}, {"pause": {}}]
    said = json.dumps({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})[1:]
    with Model(answer(f'{{"id": "resp_seen", {said}'.encode())) as v1, \
            Model(answer(f'{{"id": "resp_copy", {said}'.encode())) as v2:
        running = begun(weir(canary(v1, v2, mirrored, rollout={"analysis": {"guards": guards}},
                                    routes=[route(inspect="openai")])))

        def fate_of(**target: str) -> set[str]:
            status, told = running.admin.call("POST", "/v1/feedback", json.dumps({"name": "relevance", "value": 1, **target}))
            assert status == 202, told
            return {fate for fate, count in json.loads(told).items() if fate != "accepted" and count}

        with Connection(running.port) as connection:
            reply = connection.request("POST", "/v1/responses", _JSON, _PROMPT)
            assert (json.loads(reply.body)["id"], reply["x-weir-version"]) == ("resp_seen", "v1")
            counted(running, "weir_shadow_duration_ratio_count", 1)
            named = json.dumps({"previous_response_id": "resp_copy"}).encode()
            assert connection.request("POST", "/v1/responses", _JSON, named)["x-weir-version"] == "v1"
        wait_until(lambda: fate_of(request_id=str(reply["x-request-id"])) == {"duplicate"}, "it has been counted")
        assert fate_of(response_id="resp_seen") == {"duplicate"}
        assert fate_of(response_id="resp_copy") == {"early"}
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


class Uploads(RawOrigin):
    """Keeps the chunks and trailers that it is sent, as they are."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(self._serve)

    def _serve(self, peer: Peer) -> None:
        while peer.head():
            body = b""
            while not body.endswith(b"\r\n\r\n"):
                body += peer.body(1)
            self.bodies.append(body)
            peer.send(answer(b"{}"))


def test_a_copy_has_the_trailers_of_the_request(weir: Callable[..., Weir]) -> None:
    with Uploads() as v1, Uploads() as v2:
        running = begun(weir(shadow(v1, v2)))
        with Connection(running.port) as connection:
            for number, trailers in enumerate((b"x-sum: 1\r\nx-other:\r\n", b""), 1):
                head = b"POST / HTTP/1.1\r\nhost: a\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n"
                connection.send(head + chunked(b"abc", b"def", trailers=trailers))
                assert connection.reply("POST").status == 200
                wait_until(lambda: len(v2.bodies) >= number, "its copy has come, before another can overtake it")
        assert [body.partition(b"0\r\n")[2] for body in v2.bodies] == [body.partition(b"0\r\n")[2] for body in v1.bodies]
        assert v2.bodies[0] == b"6\r\nabcdef\r\n0\r\nx-sum: 1\r\nx-other: \r\n\r\n"
        running.stop()


def _compared(weir: Weir, requests: int) -> Any:
    def has() -> Any:
        shown = weir.admin.rollout()["shadow"]
        return shown if shown["compared"] == requests else None
    return wait_until(has, f"{requests} are compared")


_CHAT = (b'{"id":"%s","model":"m","choices":[{"message":{"content":"%s"},"finish_reason":"stop"}],'
         b'"usage":{"prompt_tokens":1,"completion_tokens":2}}')


def test_answers_to_the_same_request_are_compared(weir: Callable[..., Weir]) -> None:
    pairs = [(answer(b'{"a":1,"b":2}'), answer(b'{"a":1,"b":2}')),  # identical
             (answer(b'{"a":1,"b":2}'), answer(b'{"b": 2, "a": 1.0}')),  # equal
             (answer(b'{"a":1}'), answer(b'{"a":2}')),  # different
             (answer(b'{"a":1}'), answer(b'{"a":1')),  # no JSON
             (answer(b"x" * 100, kind="text/plain"), answer(b"x" * 400, kind="text/plain")),
             (answer(b"{}"), answer(b"{}", "500 Broken")),
             (answer(b"{}", "503 Busy"), answer(b"{}")),
             (answer(b"{}"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")]  # and hangs up
    with Model(pairs[0][0]) as v1, Model(pairs[0][1]) as v2:
        running = begun(weir(shadow(v1, v2, reportEvery="1s")))
        with Connection(running.port) as connection:
            for done, (v1.reply, v2.reply) in enumerate(pairs, 1):
                if v2.reply.endswith(b"short"):
                    v2.cut = True
                connection.request("POST", "/", _JSON, _PROMPT)
                shown = _compared(running, done)
        outcomes = {(pair["baseline"], pair["candidate"]): pair["requests"] for pair in shown["outcomes"]}
        assert outcomes == {("ok", "ok"): 5, ("ok", "http_5xx"): 1, ("http_5xx", "ok"): 1, ("ok", "truncated"): 1}
        assert (shown["identical"], shown["equal"], shown["different"]) == (1, 1, 3)
        assert (shown["json"], shown["json_invalid"]) == (4, 1)
        assert (shown["candidate_alone_failed"], shown["baseline_alone_failed"]) == (2, 1)
        assert shown["length_ratio"]["p90"] == 4
        metrics = Exposition(running.admin.metrics())
        labels = {"service": "chat", "baseline": "v1", "candidate": "v2"}
        assert metrics.total("weir_shadow_comparisons_total", **labels, candidate_class="truncated") == 1
        assert metrics.total("weir_shadow_answers_total", **labels, likeness="equal") == 1
        assert metrics.total("weir_shadow_json_invalid_total", **labels) == 1
        assert metrics.total("weir_shadow_duration_ratio_count", **labels) == 5
        # Nothing of it is a request of the candidate's.
        assert metrics.labels("weir_requests_total", "version") == {"v1"}
        assert "8 compared: 5 good from both, 2 from v1 alone, 1 from v2 alone" in running.cli("status", "chat").stdout
        wait_until(lambda: running.admin.history()[0].get("shadow", {}).get("compared") == 8, "a report of all of them")
        report = running.admin.history()[0]
        assert report["decision"] == "report" and " of v2 in the shadow of v1: 8 compared: " in report["reason"], report
        assert "8 compared: " in running.cli("history", "chat").stdout
        running.stop()


def test_what_was_compared_is_kept_and_replayed(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"[]")) as v2:
        running = begun(weir(shadow(v1, v2, reportEvery="1s")))
        with Connection(running.port) as connection:
            for _ in range(5):
                connection.request("POST", "/", _JSON, _PROMPT)
        _compared(running, 5)
        wait_until(lambda: running.admin.history()[0].get("shadow", {}).get("compared") == 5, "a report of all of them")
        running.cli("pause", "chat")  # then there are no more reports
        history = history_of(running)[::-1]
        running.stop()
        replayed = replay("chat", "--state", str(running.directory / "weir.db"))
        has_the_same(replayed, history)
        begun(running.start())
        assert running.admin.rollout()["shadow"]["compared"] == 5
        running.stop()


def test_models_are_compared_by_what_they_say(weir: Callable[..., Weir]) -> None:
    with Model(answer(_CHAT % (b"1", b"Hello"))) as v1, Model(answer(_CHAT % (b"2", b"Hello"))) as v2:
        running = begun(weir(shadow(v1, v2, routes=[route(inspect="openai")])))
        with Connection(running.port) as connection:
            connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT)
            shown = _compared(running, 1)
            assert (shown["equal"], shown["different"]) == (1, 0)
            v2.reply = answer(_CHAT % (b"3", b"Good bye"))
            connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT)
            shown = _compared(running, 2)
            assert (shown["equal"], shown["different"]) == (1, 1)
            v2.reply = answer(b'{"error":{"message":"no","type":"server_error"}}')
            connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT)
            shown = _compared(running, 3)
            assert {"baseline": "ok", "candidate": "error_event", "requests": 1} in shown["outcomes"]
        # What the copies' answers were is not told of anybody's answers.
        metrics = Exposition(running.admin.metrics())
        assert metrics.labels("weir_answers_total", "version") == {"v1"}
        running.stop()


def _stream(*deltas: bytes) -> bytes:
    events = b"".join(b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":%s}]}\n\n' % delta for delta in deltas)
    end = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    return answer(events + end, kind="text/event-stream")


_SOUND = b'{"content":"{\\"a\\":1}"}'
_BROKEN = b'{"content":"{\\"a\\":"}'
_CALL = b'{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"%s"}}]}'


@pytest.mark.parametrize("asked, baseline, candidate, json_and_invalid", [
    ({"response_format": {"type": "json_object"}}, _SOUND, _BROKEN, (1, 1)),
    ({"response_format": {"type": "json_object"}}, _SOUND, _SOUND, (1, 0)),
    ({"response_format": {"type": "json_object"}}, _BROKEN, _BROKEN, (0, 0)),
    ({}, _SOUND, _BROKEN, (0, 0)),
    ({}, _CALL % b"{}", _CALL % b"{", (1, 1)),
    ({}, _CALL % b"{}", _SOUND, (0, 0))], ids=str)
def test_json_in_streams_is_compared(asked: Plan, baseline: bytes, candidate: bytes, json_and_invalid: tuple[int, int],
                                     weir: Callable[..., Weir]) -> None:
    with Model(_stream(baseline)) as v1, Model(_stream(candidate)) as v2:
        running = begun(weir(shadow(v1, v2, routes=[route(inspect="openai")])))
        with Connection(running.port) as connection:
            body = json.dumps({"stream": True, **asked}).encode()
            assert connection.request("POST", "/v1/chat/completions", _JSON, body).status == 200
        shown = _compared(running, 1)
        assert shown["both_ok"] == 1 and (shown["json"], shown["json_invalid"]) == json_and_invalid
        assert shown["uncounted"] == 0
        running.stop()


def test_a_client_that_has_its_answer_may_leave(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2)))
        assert get(running.port, "/").status == 200  # and closes
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        v2.let(answer(b"{}"))
        assert _compared(running, 1)["identical"] == 1
        running.stop()


def test_a_client_that_leaves_before_takes_the_copy_with_it(weir: Callable[..., Weir]) -> None:
    with Model(b"") as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2)))
        with Connection(running.port) as connection:
            connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            wait_until(lambda: v1.requests and v2.requests, "both have it")
        counted(running, "weir_shadow_abandoned_total", 1)
        counted(running, "weir_shadow_active", 0)
        assert running.admin.rollout()["shadow"]["compared"] == 0
        v1.answers.set(), v2.answers.set()
        running.stop()


def test_no_more_than_may_be_are_under_way(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2, mirror={"inFlight": 2}, workers=1)))
        with Connection(running.port) as connection:
            for _ in range(5):
                assert connection.request("GET", "/").status == 200
        counted(running, "weir_shadow_overloaded_total", 3)
        counted(running, "weir_shadow_active", 2)
        v2.let(answer(b"{}"))
        _compared(running, 2)
        counted(running, "weir_shadow_active", 0)
        running.stop()


def test_copies_give_way_before_requests_do(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2, workers=1, limits={"memory": "16MiB"})))
        with Connection(running.port) as connection:
            for _ in range(20):
                assert connection.request("POST", "/", _JSON, b"x" * (900 << 10)).status == 200
        # All at once, with the beginning of a body each, which takes room.
        head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 40001\r\n\r\n"
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Connection(running.port)) for _ in range(40)]
            for client in clients:
                client.send(head + b"x" * 40_000)
            for client in clients:
                client.send(b"x")
            assert [client.reply("POST").status for client in clients] == [200] * 40
        metrics = Exposition(running.admin.metrics())
        assert metrics.total("weir_shadow_overloaded_total") > 0 and metrics.total("weir_overloaded_total") == 0
        v2.answers.set()
        running.stop()


def test_a_copy_that_is_done_takes_no_place(weir: Callable[..., Weir]) -> None:
    with Model(b"") as v1, Model(answer(b"{}")) as v2:
        running = begun(weir(shadow(v1, v2, mirror={"inFlight": 1}, workers=1)))
        with Connection(running.port) as one, Connection(running.port) as another:
            for number, connection in enumerate((one, another), 1):
                connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                wait_until(lambda n=number: len(v2.requests) == n, "the copy has come before the baseline has answered")
                counted(running, "weir_shadow_active", 0)
            v1.let(answer(b"{}"))
            assert one.reply().status == another.reply().status == 200
        assert _compared(running, 2)["identical"] == 2
        running.stop()


def test_a_copy_stands_in_no_line(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        plan = shadow(v1, v2, workers=1)
        plan["services"]["chat"]["versions"]["v2"]["limits"] = {"upstreamConnections": 1}
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            assert connection.request("GET", "/").status == 200
            wait_until(lambda: len(v2.requests) == 1, "the candidate is full")
            assert connection.request("GET", "/").status == 200
        counted(running, "weir_shadow_overloaded_total", 1)
        counted(running, "weir_requests_pending", 0)
        v2.let(answer(b"{}"))
        _compared(running, 1)
        running.stop()


def test_a_candidate_that_has_no_room_is_left_alone_for_a_while(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}", "429 Too Many Requests")) as v2:
        running = begun(weir(shadow(v1, v2, workers=1)))
        with Connection(running.port) as connection:
            assert connection.request("GET", "/").status == 200
            shown = _compared(running, 1)
            assert shown["outcomes"] == [{"baseline": "ok", "candidate": "capacity", "requests": 1}]
            assert connection.request("GET", "/").status == 200
            counted(running, "weir_shadow_overloaded_total", 1)
            v2.reply = answer(b"{}")

            def asked_again() -> bool:
                connection.request("GET", "/")
                return len(v2.requests) > 1
            wait_until(asked_again, "it is asked again")
        running.stop()


def test_a_drain_waits_for_no_copy(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2)))
        assert get(running.port, "/").status == 200
        wait_until(lambda: len(v2.requests) == 1, "the copy has come")
        running.stop()  # within the time that a drain without requests has
        v2.answers.set()


def test_a_candidate_that_cannot_be_reached_is_one_that_fails(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1:
        running = begun(weir(shadow(v1, free_port())))
        assert get(running.port, "/").status == 200
        assert _compared(running, 1)["outcomes"] == [{"baseline": "ok", "candidate": "connect", "requests": 1}]
        running.stop()


def test_a_copy_that_takes_too_long_is_given_up(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(b"") as v2:
        running = begun(weir(shadow(v1, v2, mirror={"timeout": "100ms"})))
        assert get(running.port, "/").status == 200
        assert _compared(running, 1)["outcomes"] == [{"baseline": "ok", "candidate": "timeout", "requests": 1}]
        v2.answers.set()
        running.stop()


def test_a_kept_connection_that_has_ended_is_no_failure(weir: Callable[..., Weir]) -> None:
    with Model(answer(b"{}")) as v1, Model(answer(b"{}")) as v2:
        v2.cut = True  # without having said so
        running = begun(weir(shadow(v1, v2, workers=1)))
        with Connection(running.port) as connection:
            for done in range(1, 6):
                assert connection.request("POST", "/", _JSON, _PROMPT).status == 200
                shown = _compared(running, done)
        assert shown["outcomes"] == [{"baseline": "ok", "candidate": "ok", "requests": 5}]
        running.stop()


def test_a_judge_is_asked_whose_answer_is_better(weir: Callable[..., Weir], receiver: Callable[..., Receiver]) -> None:
    judge = receiver(body=b'{"winner":"candidate"}')
    with Model(answer(_CHAT % (b"1", b"Hello"))) as v1, Model(answer(_CHAT % (b"2", b"Hullo"))) as v2:
        plan = shadow(v1, v2, routes=[route(inspect="openai")])
        plan["rollouts"]["chat"]["webhooks"] = [{"type": "judge", "url": judge.url(), "body": "40B"},
                                                {"type": "event", "url": judge.url(path="/events")}]
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            connection.request("POST", "/v1/chat/completions?key=s3cret", {**_JSON, "authorization": "Bearer s3cret"}, _PROMPT)

        def judged() -> Any:
            shown = running.admin.rollout()["shadow"]
            return shown if sum(shown["judged"].values()) == 1 else None
        shown = wait_until(judged, "the judge has said it")
        assert shown["judged"] == {"candidate_better": 1, "tie": 0, "baseline_better": 0} and shown["compared"] == 1
        assert "; judged 1: v2 better in 1, v1 in 0" in running.cli("status", "chat").stdout
        asked = [delivery for delivery in judge.deliveries if delivery.event["type"] == "judge"]
        assert len(asked) == 1 and b"POST /hook " in asked[0].head
        event = asked[0].event
        assert (event["service"], event["baseline"]["version"], event["candidate"]["version"]) == ("chat", "v1", "v2")
        assert event["request"]["path"] == "/v1/chat/completions" and b"s3cret" not in asked[0].head + asked[0].body
        assert event["request"]["body"] == _PROMPT[:40].decode() and event["request"]["truncated"]
        assert event["candidate"]["body"] == v2.reply.partition(b"\r\n\r\n")[2][:40].decode()
        assert event["candidate"]["content_type"] == "application/json"
        counted(running, "weir_shadow_judged_total", 1, winner="candidate")
        # Nobody has to say whose of two answers is better that are the same.
        v2.reply = v1.reply
        with Connection(running.port) as connection:
            connection.request("POST", "/v1/chat/completions", _JSON, _PROMPT)
        _compared(running, 2)
        running.stop()
    assert len([delivery for delivery in judge.deliveries if delivery.event["type"] == "judge"]) == 1


def test_a_judge_that_does_not_answer_keeps_nobody(weir: Callable[..., Weir], receiver: Callable[..., Receiver]) -> None:
    judge = receiver("500 Broken")
    with Model(answer(b"[1]")) as v1, Model(answer(b"[2]")) as v2:
        plan = shadow(v1, v2, workers=1)
        plan["rollouts"]["chat"]["webhooks"] = [{"type": "judge", "url": judge.url(), "retries": 0}]
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            for _ in range(20):
                assert connection.request("GET", "/").body == b"[1]"
        shown = _compared(running, 20)
        judge.wait_for_deliveries(1)
        assert sum(shown["judged"].values()) == 0
        running.stop()


def test_what_waits_for_a_judge_is_memory_and_bounded(weir: Callable[..., Weir], receiver: Callable[..., Receiver]) -> None:
    judge = receiver("200 OK")
    judge.hangs.set()
    large = b"x" * (600 << 10)
    memory = 16 << 20
    with Model(answer(b"1" + large, kind="text/plain")) as v1, Model(answer(b"2" + large, kind="text/plain")) as v2:
        plan = shadow(v1, v2, workers=1, limits={"memory": f"{memory}B"})
        plan["rollouts"]["chat"]["webhooks"] = [{"type": "judge", "url": judge.url(), "body": "1MiB"}]
        running = begun(weir(plan))
        with Connection(running.port) as connection:
            for done in range(1, 21):
                assert connection.request("GET", "/").status == 200
                _compared(running, done)
        judge.wait_for_deliveries(1)

        def held() -> Exposition | None:
            metrics = Exposition(running.admin.metrics())
            return metrics if metrics.total("weir_buffer_bytes") > memory / 16 else None
        metrics = wait_until(held, "what the judge has not taken is counted")
        assert metrics.total("weir_buffer_bytes") < memory / 2
        assert metrics.total("weir_shadow_unjudged_total") > 10
        assert metrics.total("weir_shadow_overloaded_total") == 0
        running.stop()


def test_copies_that_wait_for_the_baseline_refuse_nobody(weir: Callable[..., Weir], receiver: Callable[..., Receiver]) -> None:
    judge = receiver(body=b'{"winner":"tie"}')
    with Model(b"") as v1, Model(answer(b"x" * (900 << 10), kind="text/plain")) as v2:
        plan = shadow(v1, v2, workers=1, limits={"memory": "16MiB"})
        plan["rollouts"]["chat"]["webhooks"] = [{"type": "judge", "url": judge.url(), "body": "1MiB"}]
        running = begun(weir(plan))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Connection(running.port)) for _ in range(30)]
            for number, client in enumerate(clients, 1):
                client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                wait_until(lambda n=number: len(v1.requests) == n, "the baseline has it")
                wait_until(lambda n=number: len(v2.requests) == n, "and the candidate")
                counted(running, "weir_shadow_active", 0)
            v1.let(answer(b"{}"))
            assert [client.reply().status for client in clients] == [200] * 30
        _compared(running, 30)
        metrics = Exposition(running.admin.metrics())
        assert metrics.total("weir_shadow_overloaded_total") == 0 and metrics.total("weir_shadow_unjudged_total") > 20
        running.stop()


def test_it_is_explained_and_cannot_be_simulated(new_weir: Callable[..., Weir]) -> None:
    plan = new_weir(shadow(free_port(), free_port(), mirror={"percent": 5}, reportEvery="6h")).file
    told = run_cli("explain", str(plan), "--rps", "200").stdout
    assert "No user gets v2: it is sent copies of 5 % of the requests, 10 a second, at most 64 at once." in told, told
    assert "Nothing is judged" not in told
    document = json.loads(run_cli("explain", str(plan), "--rps", "200", "--format", "json").stdout)["rollouts"][0]
    assert document["shadow"] == {"mirror_percent": 5, "copies_per_second": 10, "in_flight": 64, "report_every_s": 21600}
    refused = run_cli("simulate", str(plan))
    assert refused.returncode == 2 and "no user meets v2" in refused.stderr, refused
