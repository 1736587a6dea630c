"""Scores that are posted of answers: they find their request, count once, and take a bad candidate back."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Callable

from exposition import Exposition
from http_client import Connection, Reply, get
from origin import Origin
from plans import Plan, at_weight, canary, one_version
from polling import wait_until
from ports import free_port
from steering import WITHOUT_LATENCY, begun, set_weight
from weir_harness import Admin, Weir

_RELEVANCE = {"metric": "feedback", "name": "relevance"}
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def _plan(versions: tuple[Origin, Origin], *guards: Plan, weight: float = 50, **top: Any) -> Plan:
    listed = [*WITHOUT_LATENCY["guards"], *(guards or (_RELEVANCE,))]
    return canary(*versions, at_weight(weight), rollout={"analysis": {"guards": listed}}, **top)


def _post(weir: Weir, *scores: Any) -> dict[str, Any]:
    status, body = weir.admin.call("POST", "/v1/feedback", json.dumps(list(scores)))
    assert status == 202, body
    reply: dict[str, Any] = json.loads(body)
    return reply


def _counted(weir: Weir) -> dict[str, int]:
    """The scores that the guard has, by version."""
    guard = next(guard for guard in weir.admin.rollout()["guards"] if guard["name"] == "feedback relevance")
    return {arm: guard[f"{arm}_since_start"]["n"] for arm in ("baseline", "candidate")}


def _ask(weir: Weir, user: str, **fields: str) -> Reply:
    reply = get(weir.port, "/", {"x-user-id": user, **fields})
    assert reply.status == 200
    return reply


def _score(value: float = 1, name: str = "relevance", **target: str) -> dict[str, Any]:
    return {"name": name, "value": value, **target}


def _fates(reply: dict[str, Any]) -> dict[str, int]:
    return {fate: count for fate, count in reply.items() if fate not in ("accepted", "rejected") and count}


def _is_known(weir: Weir, **target: str) -> bool:
    """Whether the control thread knows a request by this id: the score's name is nobody's, and leaves no trace."""
    return _fates(_post(weir, _score(name="probe", **target))) != {"early": 1}


def _wait_for(weir: Weir, *replies: Reply) -> None:
    wait_until(lambda: all(_is_known(weir, request_id=str(reply["x-request-id"])) for reply in replies), "all are known")


def test_a_score_counts_once_and_for_the_version_that_answered(weir: Callable[..., Weir],
                                                               origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")))))
    asked = [_ask(running, f"user-{i}") for i in range(40)]
    for reply in asked:
        # Early at the most: it is counted as soon as its request is known.
        assert set(_fates(_post(running, _score(request_id=str(reply["x-request-id"]))))) <= {"counted", "early"}
    expected = {arm: sum(reply["x-weir-version"] == version for reply in asked)
                for arm, version in (("baseline", "v1"), ("candidate", "v2"))}
    assert all(expected.values())
    wait_until(lambda: _counted(running) == expected, "all are counted")
    ids = [str(reply["x-request-id"]) for reply in asked]
    assert _fates(_post(running, *(_score(0, request_id=one) for one in ids))) == {"duplicate": 40}
    assert _fates(_post(running, *(_score(0, request_id=one, source="another") for one in ids))) == {"counted": 40}
    wait_until(lambda: _counted(running) == {arm: 2 * n for arm, n in expected.items()}, "another source's count too")
    lines = {(line["arm"], line["source"]): line for line in running.admin.rollout()["feedback"]["scores"]}
    for arm, n in expected.items():
        assert lines[arm, ""]["counted"] == {"n": n, "mean": 1.0, "mean_weight": 1.0}
        assert lines[arm, ""]["later"]["n"] == n and lines[arm, ""]["later"]["mean"] == 0
        assert lines[arm, "another"]["counted"]["mean"] == 0


def test_a_guard_listens_to_the_source_that_it_names(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")), {**_RELEVANCE, "source": "judge"})))
    reply = _ask(running, "alice")
    _wait_for(running, reply)
    request = str(reply["x-request-id"])
    assert _fates(_post(running, _score(request_id=request, source="somebody"))) == {"undeclared": 1}
    assert _fates(_post(running, {**_score(request_id=request), "source": {"type": "llm_judge", "id": "judge"}})) == {
        "counted": 1}


def test_a_request_is_found_by_its_trace_and_by_its_session(weir: Callable[..., Weir],
                                                            origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")))))
    _ask(running, "alice", traceparent=f"00-{_TRACE}-00f067aa0ba902b7-01")
    wait_until(lambda: _is_known(running, trace_id=_TRACE), "it is known")
    assert _fates(_post(running, _score(trace_id=_TRACE))) == {"counted": 1}
    assert _fates(_post(running, _score(session_id="alice", source="other"))) == {"counted": 1}
    assert _fates(_post(running, _score(session_id="bob"))) == {"early": 1}
    langfuse = {"traceId": _TRACE, "name": "relevance", "value": 0.5, "dataType": "NUMERIC", "source": "EVAL"}
    assert _fates(_post(running, langfuse)) == {"counted": 1}


def test_a_session_that_met_both_versions_is_nobodys(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")), weight=1)))
    users = [f"user-{i}" for i in range(20)]
    first = {user: _ask(running, user) for user in users}
    set_weight(running, 60)
    again = {user: _ask(running, user) for user in users}
    _wait_for(running, *again.values())
    for user in users:
        moved = first[user]["x-weir-version"] != again[user]["x-weir-version"]
        assert _fates(_post(running, _score(session_id=user))) == {"mixed" if moved else "counted": 1}
    assert len({reply["x-weir-version"] for reply in again.values()}) == 2


def test_what_does_not_count_is_told_apart(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")))))
    reply = _ask(running, "alice")
    _wait_for(running, reply)
    request = str(reply["x-request-id"])
    told = _post(running, _score(request_id=request, name="taste"), _score(request_id="nobody"),
                 {"value": 1}, {"request_id": "x", "name": "relevance", "value": "purple"})
    assert _fates(told) == {"undeclared": 1, "early": 1} and told["accepted"] == 2
    assert [rejected["index"] for rejected in told["rejected"]] == [2, 3]
    status, body = running.admin.call("POST", "/v1/feedback", "no json")
    assert status == 400 and "neither JSON" in json.loads(body)["error"]["message"]
    with Connection(running.admin.port) as too_long:  # which is answered before its body is read
        too_long.send(b"POST /v1/feedback HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1048577\r\n\r\n")
        assert too_long.reply("POST").status == 413
    assert running.admin.call("GET", "/v1/feedback")[0] == 405
    running.admin.post("services/chat/abort")
    running.wait_phase("rolledBack")
    assert _fates(_post(running, _score(request_id=request))) == {"late": 1}
    # Metrics are published twice a second.
    wait_until(lambda: Exposition(running.admin.metrics()).total("weir_feedback_scores_total", fate="late") == 1,
               "the metrics tell")
    assert Exposition(running.admin.metrics()).total("weir_feedback_scores_waiting") == 1


def test_scores_are_joined_after_a_kill(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")))))
    asked = [_ask(running, f"user-{i}") for i in range(20)]
    _wait_for(running, *asked)
    scores = [_score(request_id=str(reply["x-request-id"])) for reply in asked]
    assert _fates(_post(running, *scores[:5])) == {"counted": 5}
    running.kill()
    begun(running.start())
    assert _fates(_post(running, *scores)) == {"counted": 15, "duplicate": 5}
    assert _fates(_post(running, *scores)) == {"duplicate": 20}


def test_bad_scores_alone_take_a_candidate_back(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = begun(weir(_plan((origin("v1"), origin("v2")))))
    with Connection(running.port) as connection:
        for i in range(3000):
            reply = connection.request("GET", "/", {"x-user-id": f"user-{i}"})
            _post(running, _score(0.9 if reply["x-weir-version"] == "v1" else 0.2, request_id=str(reply["x-request-id"])))
            if i % 20 == 19 and running.admin.rollout()["phase"] == "rolledBack":
                break
    rollout = running.wait_phase("rolledBack")
    assert rollout["reason"].startswith("feedback relevance"), rollout["reason"]


def test_answers_that_are_told_to_be_made_up_are_named(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    guard = {"metric": "feedback", "name": "hallucination", "binary": True, "better": "lower"}
    running = begun(weir(_plan((origin("v1"), origin("v2")), guard)))
    told = []
    with Connection(running.port) as connection:
        for i in range(3000):
            reply = connection.request("GET", "/", {"x-user-id": f"user-{i}"})
            bad, request = reply["x-weir-version"] == "v2", str(reply["x-request-id"])
            told += [request] if bad else []
            _post(running, _score(float(bad), "hallucination", request_id=request))
            if i % 20 == 19 and running.admin.rollout()["phase"] == "rolledBack":
                break
    rollout = running.wait_phase("rolledBack")
    assert rollout["reason"].startswith("feedback hallucination"), rollout["reason"]
    found = next(each for each in rollout["guards"] if each["name"] == "feedback hallucination")
    assert 0 < len(found["first_requests"]) <= 5 and set(found["first_requests"]) <= set(told)
    assert f"; first requests: {found['first_requests'][0]}" in rollout["reason"]


def test_without_a_guard_of_feedback_nothing_is_kept(weir: Callable[..., Weir], origin: Callable[..., Origin]) -> None:
    running = weir(one_version(origin("v1")))
    reply = _ask(running, "alice")
    assert _fates(_post(running, _score(request_id=str(reply["x-request-id"])))) == {"unknown": 1}
    assert not list(running.directory.glob("*.joins"))


def test_scores_have_an_address_and_a_token_of_their_own(new_weir: Callable[..., Weir], origin: Callable[..., Origin],
                                                         tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    token.write_text("at-least-sixteen-bytes")
    port = free_port()
    feedback = {"address": f"127.0.0.1:{port}", "token": {"file": str(token)}}
    begun(new_weir(_plan((origin("v1"), origin("v2")), feedback=feedback)).start())
    body = json.dumps(_score(request_id="r"))
    judge = Admin(port, "at-least-sixteen-bytes")
    assert judge.call("POST", "/v1/feedback", body)[0] == 202
    assert judge.ready()
    for target in ("/api/v1/status", "/metrics", "/api/v1/services/chat/abort"):
        assert judge.call("POST" if "abort" in target else "GET", target)[0] == 404
    assert Admin(port).call("POST", "/v1/feedback", body)[0] == 401
    assert Admin(port, "at-least-sixteen-bites").call("POST", "/v1/feedback", body)[0] == 401
