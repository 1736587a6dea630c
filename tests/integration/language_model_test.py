"""A real language model behind the weir: what makes it worse is taken back by the guard that is about it, and nothing else."""
from __future__ import annotations

import itertools
import json
import pathlib
from typing import Any, Callable, Iterator

import pytest
from language_model import ANSWERS, QUESTIONS, LanguageModel, chat
from http_client import Connection, request_bytes
from load import Load
from outcomes import metric, wait_for_outcomes
from plans import Plan, at_weight, canary, one_version, route, step
from polling import wait_until
from ports import unanswering_port
from steering import begun
from weir_harness import Weir

_BODIES = [chat(question) for question in QUESTIONS]
# Two processes on a busy machine are not equally fast, and a weir that says so is right.
_QUIET = [{"metric": "latency", "enabled": False}, {"metric": "clientAbortRate", "enabled": False}]


@pytest.fixture
def language_model(tmp_path: pathlib.Path) -> Iterator[Callable[..., LanguageModel]]:
    """Starts a model: language_model("v2", token_delay=20)."""
    started: list[LanguageModel] = []

    def start(model: str, **flags: Any) -> LanguageModel:
        started.append(LanguageModel(tmp_path / f"model{len(started)}.log", model, **flags))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def _plan(versions: tuple[LanguageModel, LanguageModel], guards: list[Plan], steps: list[Plan]) -> Plan:
    return canary(*versions, steps, rollout={"analysis": {"guards": [*_QUIET, *guards]}}, routes=[route(inspect="openai")])


def _load(port: int, rate: float) -> Load:
    return Load(port, rate=rate, users=100, connections=48, method="POST", target="/v1/chat/completions", bodies=_BODIES)


@pytest.mark.parametrize("fault, guard, metric", [
    ({"error_after": 3, "share": 50}, None, "errorRate"),
    ({"cut_after": 3, "share": 50}, {"metric": "truncated"}, "truncated"),
    ({"repeat": 2}, {"metric": "tokensPerRequest", "cap": 60}, "tokensPerRequest"),
    ({"first_token_delay": 3000}, {"metric": "timeToFirstOutput", "quantile": 0.9}, "timeToFirstOutput"),
], ids=["error_in_stream", "cut", "twice_the_tokens", "slow_first_token"])
def test_a_worse_candidate_is_taken_back_by_the_guard_that_is_about_it(
        fault: Plan, guard: Plan | None, metric: str, weir: Callable[..., Weir],
        language_model: Callable[..., LanguageModel]) -> None:
    versions = language_model("v2"), language_model("v2", **fault)
    others = [{"metric": "errorRate", "enabled": False}] if metric == "truncated" else []
    running = begun(weir(_plan(versions, [*([guard] if guard else []), *others], at_weight(0))))
    # So slow that the model keeps up where other tests run beside this one: a queue before the baseline is no news of
    # the candidate.
    with _load(running.port, rate=8 if "first_token_delay" in fault else 20):
        wait_until(lambda: all(guard.get("armed", True) for guard in running.admin.rollout()["guards"]),
                   "the baseline is known", timeout_s=90)
        running.cli("weight", "chat", "50")
        rollout = running.wait_phase("rolledBack", timeout_s=90)
    assert rollout["weight_percent"] == 0 and rollout["reason"].startswith(f"{metric}"), rollout["reason"]


def test_the_same_model_is_promoted(weir: Callable[..., Weir], language_model: Callable[..., LanguageModel]) -> None:
    versions = language_model("v2"), language_model("v2")
    guards: list[Plan] = [{"metric": "truncated", "allowedDegradation": {"absolute": "20%"}},
                          {"metric": "errorRate", "allowedDegradation": {"absolute": "20%"}},
                          {"metric": "capacityRate", "allowedDegradation": {"absolute": "20%"}},
                          {"metric": "clientErrorRate", "allowedDegradation": {"absolute": "20%"}},
                          {"metric": "tokensPerRequest", "cap": 60, "allowedDegradation": {"relative": "50%"}}]
    running = begun(weir(_plan(versions, guards, [*step(50, hold={"atLeast": "1s", "minRequests": 50}), {"setWeight": 100},
                                                  {"hold": {"atLeast": "1s", "minRequests": 1}}])))
    with _load(running.port, rate=20) as load:
        running.wait_phase("promoted", timeout_s=120)
        tally = load.stop()
    assert set(tally.by_status) == {"200"} and tally.broken == 0


def _ask_and_score(running: Weir, connection: Connection, question: str, user: str) -> None:
    """As a user who knows the answer, and says whether it was right."""
    body = chat(question, stream=False, stream_options=None).encode()
    reply = connection.request("POST", "/v1/chat/completions", {"x-user-id": user}, body)
    assert reply.status == 200, (reply.status, reply.body)
    answer = json.loads(reply.body)
    score = {"response_id": answer["id"], "name": "correct", "source": "the test",
             "value": answer["choices"][0]["message"]["content"].strip() == ANSWERS[question]}
    status, told = running.admin.call("POST", "/v1/feedback", json.dumps(score))
    assert status == 202 and json.loads(told)["rejected"] == [], told


@pytest.mark.parametrize("models, phase", [(("v2", "v1"), "rolledBack"), (("v1", "v2"), "promoted")],
                         ids=["a_worse_one_is_taken_back", "a_better_one_is_promoted"])
def test_scores_alone_decide_where_nothing_else_differs(models: tuple[str, str], phase: str, weir: Callable[..., Weir],
                                                        language_model: Callable[..., LanguageModel]) -> None:
    versions = language_model(models[0]), language_model(models[1])
    wide = {"allowedDegradation": {"absolute": "20%"}}
    guards: list[Plan] = [{"metric": "feedback", "name": "correct", "binary": True, **wide},
                          *({"metric": metric, **wide} for metric in ("errorRate", "capacityRate", "clientErrorRate"))]
    steps = [*step(50, hold={"atLeast": "1s", "minRequests": 30}), {"setWeight": 100}, {"hold": {"atLeast": "1s", "minRequests": 1}}]
    running = begun(weir(_plan(versions, guards, steps)))
    with Connection(running.port) as connection:
        for number in itertools.count():
            _ask_and_score(running, connection, QUESTIONS[number * 7 % len(QUESTIONS)], f"user-{number % 100}")
            rollout = running.admin.rollout() if number % 10 == 0 else {"phase": "running"}
            if rollout["phase"] in ("rolledBack", "promoted"):
                break
            assert number < 3000, json.dumps(rollout)
    assert rollout["phase"] == phase
    assert phase == "promoted" or rollout["reason"].startswith("feedback correct"), rollout["reason"]


_ENDLESS = {"token_delay": 3_600_000}


@pytest.fixture(name="goes", params=[Connection.reset, Connection.half_close], ids=["reset", "end"])
def _goes(request: pytest.FixtureRequest) -> Callable[[Connection], None]:
    """How a client leaves."""
    goes: Callable[[Connection], None] = request.param
    return goes


def _ask(client: Connection, stream: bool = True) -> None:
    client.send(request_bytes("POST", "/v1/chat/completions", {}, chat(QUESTIONS[0], stream=stream).encode()))


@pytest.mark.parametrize("flags, streams, wait", [
    ({"first_token_delay": 3_600_000}, False, lambda client: None),
    (_ENDLESS, True, lambda client: client.head()),
    (_ENDLESS, False, lambda client: None),
], ids=["before_headers", "mid_stream", "not_streamed"])
def test_a_client_that_leaves_ends_the_work_of_the_model(
        flags: Plan, streams: bool, wait: Callable[[Connection], Any], goes: Callable[[Connection], None],
        weir: Callable[..., Weir], language_model: Callable[..., LanguageModel]) -> None:
    model = language_model("v2", **flags)
    running = weir(one_version(model))
    with Connection(running.port) as client:
        _ask(client, streams)
        wait_until(lambda: model.counters()["in_flight"] == 1, "the model works")
        wait(client)
        goes(client)
        wait_until(lambda: model.counters()["cancelled"] == 1, "the model knows")
    assert model.counters() == {"requests": 1, "answered": 0, "refused": 0, "cancelled": 1, "failed": 0, "in_flight": 0}
    wait_for_outcomes(running, client_abort=1)


def test_a_client_that_leaves_the_queue_is_no_work_for_the_model(
        goes: Callable[[Connection], None], weir: Callable[..., Weir],
        language_model: Callable[..., LanguageModel]) -> None:
    model = language_model("v2", **_ENDLESS)
    running = weir(one_version(model, workers=1, limits={"upstreamConnections": 1}))
    with Connection(running.port) as first, Connection(running.port) as queued:
        _ask(first)
        wait_until(lambda: model.counters()["in_flight"] == 1, "the model works")
        _ask(queued)
        wait_until(lambda: metric(running, "weir_requests_pending") == 1, "the other waits")
        goes(queued)
        wait_until(lambda: metric(running, "weir_requests_pending") == 0, "nobody waits any more")
        goes(first)
        wait_until(lambda: model.counters()["cancelled"] == 1, "the model knows")
    wait_for_outcomes(running, client_abort=2)
    wait_until(lambda: metric(running, "weir_upstream_connections") == 0, "the place is free, and nobody takes it")
    assert model.counters()["requests"] == 1


def test_a_client_that_leaves_while_connecting_is_no_work_for_the_model(
        goes: Callable[[Connection], None], weir: Callable[..., Weir],
        language_model: Callable[..., LanguageModel]) -> None:
    """Of two endpoints one lets nobody in: whoever connects there would try the other one next."""
    model = language_model("v2", **_ENDLESS)
    with unanswering_port() as port:
        plan = one_version(model, workers=1, timeouts={"connect": "1h"})
        plan["services"]["chat"]["versions"]["v1"]["endpoints"].append(f"http://127.0.0.1:{port}")
        running = weir(plan)
        with Connection(running.port) as one, Connection(running.port) as other:
            _ask(one)
            wait_until(lambda: metric(running, "weir_upstream_connections") == 1, "it is on its way to either of them")
            _ask(other)
            wait_until(lambda: metric(running, "weir_upstream_connections") == 2 and model.counters()["in_flight"] == 1,
                       "the other one went to the other one")
            goes(one)
            goes(other)
            wait_until(lambda: model.counters()["cancelled"] == 1, "the model knows of who was there")
        wait_for_outcomes(running, client_abort=2)
        wait_until(lambda: metric(running, "weir_upstream_connections") == 0, "nobody connects any more")
    assert model.counters()["requests"] == 1
