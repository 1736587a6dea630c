"""What a model server's answer really was: read from the stream as it passes, byte by byte the same."""
from __future__ import annotations

import gzip
import json
from typing import Callable

import pytest
from exposition import Exposition
from http_client import Connection, get, post
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, route, version
from polling import wait_until
from raw_origin import Peer, RawOrigin, always
from steering import WITHOUT_LATENCY, begun
from weir_harness import Weir

_EVENTS = b"""event: message_start
data: {"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Gr\xc3\xbc\xc3\x9fe"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"""
_ERROR = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}\n\n'
_OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n'


def _reply(body: bytes, *lines: str, kind: str = "text/event-stream") -> bytes:
    """Chunked, a byte a chunk: events never come whole."""
    head = "\r\n".join(["HTTP/1.1 200 OK", f"content-type: {kind}", "transfer-encoding: chunked", *lines, "", ""])
    return head.encode() + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


def _counted(weir: Weir, requests: int) -> Exposition:
    """As soon as so many requests have been counted."""
    def counted() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if metrics.total("weir_requests_total") >= requests else None
    return wait_until(counted, f"{requests} requests are in /metrics")


def _answers(weir: Weir, answers: int) -> Exposition:
    """As soon as so many answers have been: they come after their requests."""
    def counted() -> Exposition | None:
        metrics = Exposition(weir.admin.metrics())
        return metrics if metrics.total("weir_answers_total") >= answers else None
    return wait_until(counted, f"{answers} answers are in /metrics")


def _plan(origin: RawOrigin, inspect: str) -> Plan:
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "routes": [route(inspect=inspect)]}


@pytest.mark.parametrize("body, outcome", [(_EVENTS, "ok"), (_EVENTS[:300], "truncated"), (_EVENTS + _ERROR, "ok"),
                                           (_EVENTS[:100] + b"\n\n" + _ERROR, "error_event"), (_OVERLOADED, "capacity")],
                         ids=["whole", "cut", "error_after_the_end", "error", "no_room"])
@pytest.mark.parametrize("inspect", ["anthropic", "auto"])
def test_an_answer_is_what_its_events_say(inspect: str, body: bytes, outcome: str, weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_reply(body))) as origin:
        running = weir(_plan(origin, inspect))
        reply = get(running.port, "/", {"accept-encoding": "gzip"})
        assert reply.status == 200 and reply.body == body
        metrics = _counted(running, 1)
        head = origin.heads[0].lower()
        running.stop()
    assert metrics.labels("weir_requests_total", "class") == {outcome}
    assert metrics.total("weir_answers_uninspected_total") == 0
    assert head.count(b"accept-encoding") == 1 and b"\r\naccept-encoding: identity\r\n" in head


def test_answers_are_told_apart_by_the_model_that_was_asked_for(weir: Callable[..., Weir],
                                                                 origin: Callable[..., Origin]) -> None:
    server = origin("v1", tokens=4)
    running = weir({"services": {"chat": {"versions": {"v1": version(server)}}}, "routes": [route(inspect="openai")]})
    fields = {"content-type": "application/json"}
    # It may stand behind megabytes, and be sent as anything: nobody waits for it, and the body goes on as it came.
    late = b'{"messages":"%s","model":"llama-8b"}' % (b"x" * (3 << 20))
    assert post(running.port, "/", late, fields).status == 200
    assert post(running.port, "/", b'{"model":"gpt \\u00fc"}', fields).status == 200
    assert post(running.port, "/", b'{"model":"hidden"}', {"content-type": "text/plain"}).status == 200
    metrics = _counted(running, 3)
    labels = {own.get("gen_ai_request_model") for name, own, _ in metrics.samples if name == "weir_answers_total"}
    assert labels == {"llama-8b", "other", None}
    assert metrics.total("weir_answers_total", gen_ai_request_model="llama-8b") == 1
    assert metrics.total("weir_answers_total") == 3
    assert server.counts().body_in == len(late) + len(b'{"model":"gpt \\u00fc"}') + len(b'{"model":"hidden"}')


def test_no_number_of_invented_models_takes_the_label_of_one_that_the_plan_says(
        weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    server = origin("v1", tokens=4)
    plan = {"services": {"chat": {"versions": {"v1": {**version(server), "model": "llama-8b"}}}}, "routes": [route(inspect="openai")]}
    running = weir(plan)

    def ask_for(*models: str) -> None:
        for model in models:
            post(running.port, "/", b'{"model":"%s"}' % model.encode(), {"content-type": "application/json"})

    ask_for(*(f"invented-{number}" for number in range(60)))
    _answers(running, 60)  # two workers' answers may be counted in another order than they were given in
    ask_for("llama-8b", "served-later")
    metrics = _answers(running, 62)
    assert metrics.total("weir_answers_total", gen_ai_request_model="llama-8b") == 1
    assert len(metrics.labels("weir_answers_total", "gen_ai_request_model")) == 52
    plan["routes"] = [route(inspect="openai", match={"pathPrefix": "/", "model": {"exact": "served-later"}}), *plan["routes"]]
    running.write(plan)
    running.cli("reload")
    ask_for("served-later")
    assert _answers(running, 63).total("weir_answers_total", gen_ai_request_model="served-later") == 1


def test_what_cannot_be_read_passes_untouched_and_is_counted(weir: Callable[..., Weir]) -> None:
    body = gzip.compress(_ERROR)
    with RawOrigin(always(_reply(body, "content-encoding: gzip"))) as origin:
        running = weir(_plan(origin, "auto"))
        assert get(running.port, "/").body == body
        metrics = _counted(running, 1)
        running.stop()
    assert metrics.labels("weir_requests_total", "class") == {"ok"}
    assert metrics.total("weir_answers_uninspected_total") == 1


@pytest.mark.parametrize("asked, invalid", [({"response_format": {"type": "json_object"}}, 1), ({"response_format": {"type": "text"}}, 0),
                                            ({"guided_json": {"type": "object"}}, 1), ({}, 0)], ids=str)
def test_json_that_was_asked_for_has_to_parse(asked: dict[str, object], invalid: int, weir: Callable[..., Weir]) -> None:
    text = (b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"{\\"a\\": oops"}}]}\n\n'
            b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
            b"data: [DONE]\n\n")
    request = json.dumps({"messages": [{"role": "user", "content": "x" * 10_000}], "stream": True, **asked}).encode()

    def serve(peer: Peer) -> None:
        while peer.request_with_body():
            peer.send(_reply(text))

    with RawOrigin(serve) as origin:
        running = weir(_plan(origin, "openai"))
        with Connection(running.port) as client:
            reply = client.request("POST", "/v1/chat/completions", {"content-type": "application/json"}, request)
            assert reply.status == 200 and reply.body == text
        metrics = _counted(running, 1)
        running.stop()
    assert metrics.labels("weir_requests_total", "class") == {"ok"}
    assert metrics.total("weir_answers_invalid_total") == invalid


def test_nothing_is_read_where_nothing_is_asked(weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_reply(_ERROR))) as origin:
        running = weir(_plan(origin, "off"))
        assert get(running.port, "/", {"accept-encoding": "gzip"}).body == _ERROR
        metrics = _counted(running, 1)
        head = origin.heads[0].lower()
        running.stop()
    assert metrics.labels("weir_requests_total", "class") == {"ok"}
    assert metrics.total("weir_answers_uninspected_total") == 0
    assert b"\r\naccept-encoding: gzip\r\n" in head


@pytest.mark.parametrize("fault, guard, outcome", [("error", "errorRate", "error_event"), ("cut", "errorRate", "truncated"),
                                                   ("no_room", "capacityRate", "capacity")])
def test_a_candidate_that_fails_inside_its_200s_is_taken_back(fault: str, guard: str, outcome: str,
                                                              weir: Callable[..., Weir],
                                                              origin: Callable[..., Origin]) -> None:
    versions = origin("v1", tokens=4), origin("v2", tokens=4, fail_share=0.5, stream_fault=fault)
    plan = canary(*versions, at_weight(20), rollout={"analysis": WITHOUT_LATENCY}, routes=[route(inspect="openai")])
    running = begun(weir(plan))
    with Load(running.port, rate=200, users=200, connections=32) as load:
        rollout = running.wait_phase("rolledBack")
        tally = load.stop()
    assert rollout["weight_percent"] == 0 and rollout["reason"].startswith(f"{guard}: candidate ")
    assert set(tally.by_status) == {"200"} and tally.broken == 0
    metrics = Exposition(running.admin.metrics())
    assert metrics.total("weir_requests_total", version="v2", **{"class": outcome}) > 0
    assert metrics.total("weir_requests_total", version="v1") == metrics.total(
        "weir_requests_total", version="v1", **{"class": "ok"})


def test_a_candidate_that_says_nothing_is_taken_back_and_its_requests_are_named(weir: Callable[..., Weir],
                                                                                 origin: Callable[..., Origin]) -> None:
    nothing = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "emptyOutput"}]
    with RawOrigin(always(_reply(nothing))) as candidate:
        running = begun(weir(canary(origin("v1", tokens=4), candidate, at_weight(20),
                                    rollout={"analysis": {"guards": guards}}, routes=[route(inspect="openai")])))
        with Load(running.port, rate=200, users=200, connections=32):
            rollout = running.wait_phase("rolledBack")
        record = running.admin.history()[0]
        running.stop()
    assert rollout["reason"].startswith("emptyOutput: candidate "), rollout["reason"]
    guard = next(each for each in record["guards"] if each["name"] == "emptyOutput")
    assert 0 < len(guard["first_requests"]) <= 5 and guard["worst_group"]["x"] > 0
    assert f"; first requests: {guard['first_requests'][0]}" in record["reason"]
    sent = {line.split(b": ")[1].decode() for head in candidate.heads for line in head.split(b"\r\n")
            if line.lower().startswith(b"x-request-id: ")}
    assert set(guard["first_requests"]) <= sent


def test_a_candidate_that_costs_more_is_taken_back(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    # As fast and as well, with three words where there was one.
    versions = origin("v1", tokens=4), origin("v2", tokens=12)
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "costPerRequest", "cap": 0.0001}]
    plan = canary(*versions, at_weight(20), rollout={"analysis": {"guards": guards}}, routes=[route(inspect="openai")])
    for one in plan["services"]["chat"]["versions"].values():
        one["prices"] = {"input": 1, "output": 2}
    running = begun(weir(plan))
    with Load(running.port, rate=200, users=200, connections=32):
        rollout = running.wait_phase("rolledBack")
        assert rollout["reason"].startswith("costPerRequest: candidate 3.1e-05 (0.031 per 1,000) on average of ")
        assert ", baseline 1.5e-05 (0.015 per 1,000) on average of " in rollout["reason"]
        metrics = Exposition(running.admin.metrics())
    for name, cost in (("v1", 7 + 2 * 4), ("v2", 7 + 2 * 12)):
        answers = metrics.total("weir_answers_priced_total", version=name)
        assert answers > 0
        assert metrics.total("weir_answers_cost_total", version=name) == pytest.approx(answers * cost / 1e6)


def test_a_candidate_that_is_slower_for_each_token_is_taken_back(weir: Callable[..., Weir],
                                                                 origin: Callable[..., Origin]) -> None:
    # Answers as long as the baseline's, that take twice as long.
    versions = origin("v1", tokens=8, first_token_ms=60), origin("v2", tokens=8, first_token_ms=120)
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "tokensPerSecond"}]
    plan = canary(*versions, at_weight(0), rollout={"analysis": {"guards": guards}}, routes=[route(inspect="openai")])
    running = begun(weir(plan))
    with Load(running.port, rate=100, users=200, connections=64) as load:
        wait_until(lambda: running.admin.rollout()["guards"][-1]["armed"], "its ratio and its scale are known", timeout_s=60)
        running.cli("weight", "chat", "30")
        rollout = running.wait_phase("rolledBack")
        tally = load.stop()
    assert rollout["reason"].startswith("tokensPerSecond: candidate ") and set(tally.by_status) == {"200"}
    guard = rollout["guards"][-1]
    assert guard["name"] == "tokensPerSecond" and guard["unit"] == "tokens per second" and guard["higher_is_better"]
    slower, usual = (guard[f"{arm}_since_start"]["mean"] for arm in ("candidate", "baseline"))
    assert 0 < slower < usual < 8 / 0.06


def _first_tokens(weir: Weir) -> Exposition | None:
    metrics = Exposition(weir.admin.metrics())
    return metrics if metrics.total("gen_ai_server_time_to_first_token_seconds_count", version="v2") > 0 else None


def test_a_candidate_whose_first_token_comes_late_is_taken_back(weir: Callable[..., Weir],
                                                                origin: Callable[..., Origin]) -> None:
    # Its head comes as early as the baseline's, with an event that says nothing but whose turn it is.
    versions = origin("v1", tokens=4), origin("v2", tokens=4, first_token_ms=1500)
    guards = [*WITHOUT_LATENCY["guards"], {"metric": "timeToFirstOutput", "quantile": 0.9}]
    plan = canary(*versions, at_weight(0), rollout={"analysis": {"guards": guards}}, routes=[route(inspect="openai")])
    running = begun(weir(plan))
    with Load(running.port, rate=100, users=200, connections=64):
        wait_until(lambda: all(guard.get("armed", True) for guard in running.admin.rollout()["guards"]),
                   "the baseline is known", timeout_s=60)
        running.cli("weight", "chat", "20")
        rollout = running.wait_phase("rolledBack")
        # It is taken back while they still run: the first of its answers may not have ended yet.
        metrics = wait_until(lambda: _first_tokens(running), "an answer of the candidate has ended")
    assert rollout["reason"].startswith("timeToFirstOutput p90: candidate ")
    late = {"version": "v2", "le": "1"}
    assert metrics.total("gen_ai_server_time_to_first_token_seconds_bucket", **late) == 0
    for kind, tokens in (("input", 7), ("output", 4)):
        of = {"version": "v1", "gen_ai_token_type": kind}
        answers = metrics.total("gen_ai_client_token_usage_count", **of)
        assert answers > 0 and metrics.total("gen_ai_client_token_usage_sum", **of) == tokens * answers
    assert metrics.labels("weir_answers_total", "finish_reason") == {"stop"}
