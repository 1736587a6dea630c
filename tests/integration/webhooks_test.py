"""Webhooks: what rollouts do is told in order, signed, and again when nobody answered; and nothing waits for it."""
from __future__ import annotations

import hashlib
import hmac
import json
import pathlib
from typing import Any, Callable, Iterator

import pytest
from assignment import arm
from certificates import Authority
from dns_server import DnsServer
from exposition import Exposition
from origin import Origin
from plans import Plan, at_weight, canary
from polling import wait_until
from raw_origin import RawOrigin
from steering import begun, changed, set_weight, versions_of
from webhook_receiver import Receiver
from weir_harness import Weir

_SECRET = "it-is-a-secret"


@pytest.fixture(name="plan")
def _plan(origin: Callable[..., Origin]) -> Callable[..., Plan]:
    baseline, candidate = origin("v1"), origin("v2")

    def make(*webhooks: Plan, **top: Any) -> Plan:
        rollout: Plan = {"webhooks": list(webhooks)} if webhooks else {}
        return canary(baseline, candidate, at_weight(0), rollout={"revision": "7", **rollout}, **top)

    return make


def _hook(url: str, **more: Any) -> Plan:
    return {"type": "event", "name": "pager", "url": url, **more}


def _deliveries(weir: Weir, result: str, **labels: str) -> float:
    return Exposition(weir.admin.metrics()).total("weir_webhook_deliveries_total", result=result, **labels)


def _count(weir: Weir, result: str, count: int) -> None:
    wait_until(lambda: _deliveries(weir, result, service="chat", webhook="pager") == count, f"{count} {result}")


def test_decisions_are_told_in_order_and_signed(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                                weir: Callable[..., Weir], tmp_path: pathlib.Path) -> None:
    hook = receiver()
    key = tmp_path / "key"
    key.write_text(_SECRET + "\n")
    running = begun(weir(plan(_hook(hook.url(path="/hook?to=me"), secret={"file": str(key)}),
                              {"type": "event", "url": hook.url(path="/unsigned")})))
    set_weight(running, 5)
    running.cli("pause", "chat")
    running.cli("resume", "chat")
    running.cli("abort", "chat")
    _count(running, "delivered", 5)
    signed = [delivery for delivery in hook.deliveries if delivery.head.startswith(b"POST /hook?to=me HTTP/1.1\r\n")]
    assert [one.event["event"] for one in signed] == ["start", "weight", "pause", "resume", "rollback"]
    records = running.admin.history()[::-1]
    ids = set()
    for delivery, record in zip(signed, records):
        event = delivery.event
        digest = hmac.new(_SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
        assert delivery.field("x-weir-signature") == f"sha256={digest}"
        assert delivery.field("content-type") == "application/json"
        assert delivery.field("user-agent").startswith("weir/")
        assert delivery.field("host") == f"127.0.0.1:{hook.origin.port}"
        assert delivery.field("x-weir-event-id") == event["id"]
        assert event["record"] == record
        assert (event["type"], event["service"], event["baseline"], event["candidate"], event["revision"]) == (
            "event", "chat", "v1", "v2", "7")
        assert (event["phase"], event["phase_before"]) == (record["phase_after"], record["phase_before"])
        assert (event["message"], event["time"]) == (record["reason"], record["time"])
        ids.add(event["id"])
    assert signed[1].event["weight_percent"] == 5 and signed[-1].event["phase"] == "rolledBack"
    assert len(ids) == 5
    wait_until(lambda: _deliveries(running, "delivered") == 10, "both have all")
    unsigned = [delivery for delivery in hook.deliveries if delivery.head.startswith(b"POST /unsigned HTTP/1.1\r\n")]
    assert [one.event["id"] for one in unsigned] == [one.event["id"] for one in signed]
    assert not any(one.field("x-weir-signature") for one in unsigned)
    assert _SECRET not in json.dumps(running.admin.get("config")) + running.log() + running.admin.metrics()


def test_a_receiver_that_hangs_delays_no_rollback(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                                  weir: Callable[..., Weir]) -> None:
    hook = receiver()
    hook.hangs.set()
    running = begun(weir(plan(_hook(hook.url(), timeout="1m"))))
    held = hook.wait_for_deliveries(1)[0]
    set_weight(running, 50)
    user = next(name for i in range(1000) if arm(name := f"user-{i}", 50, "chat/v2/7") == "v2")
    assert versions_of(running.port, [user]) == {user: "v2"}
    running.cli("abort", "chat")
    assert running.admin.rollout()["phase"] == "rolledBack"
    assert versions_of(running.port, [user]) == {user: "v1"}
    # All of that while the first event is still under way.
    assert len(hook.deliveries) == 1 and hook.origin.open == 1
    waiting = Exposition(running.admin.metrics()).total("weir_webhook_events_waiting", webhook="pager")
    assert waiting >= 1 and _deliveries(running, "delivered") == 0
    hook.hangs.clear()
    hook.origin.stop()
    hook.origin = RawOrigin(hook._serve, at=("127.0.0.1", hook.origin.port))  # pylint: disable=protected-access
    hook.wait_for("start", "weight", "rollback")
    assert hook.deliveries[1].event["id"] == held.event["id"] and hook.deliveries[1].body == held.body
    assert "webhook_failed" in running.log() and "webhook_delivers_again" in running.log()


def test_one_that_does_not_answer_in_time_is_asked_again(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                                         weir: Callable[..., Weir]) -> None:
    hook = receiver()
    hook.hangs.set()
    running = begun(weir(plan(_hook(hook.url(), timeout="50ms"))))
    hook.wait_for_deliveries(2)
    hook.hangs.clear()
    _count(running, "delivered", 1)
    assert len({delivery.field("x-weir-event-id") for delivery in hook.deliveries}) == 1
    assert "it does not answer within 50ms" in running.log()


@pytest.mark.parametrize("answer", ["500 Oops", "503 Busy", "429 Slow down\r\nretry-after: 1", "408 Late"])
def test_a_failure_of_the_moment_is_repeated(answer: str, receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                             weir: Callable[..., Weir]) -> None:
    hook = receiver(answer, "200 OK")
    running = begun(weir(plan(_hook(hook.url()))))
    first, second = hook.wait_for_deliveries(2)
    assert first == second
    _count(running, "delivered", 1)
    assert _deliveries(running, "failed") == 0


@pytest.mark.parametrize("answer", ["410 Gone", "302 Found\r\nlocation: http://127.0.0.1:1/", "401 No"])
def test_another_answer_ends_it(answer: str, receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                weir: Callable[..., Weir]) -> None:
    hook = receiver(answer, "200 OK")
    running = begun(weir(plan(_hook(hook.url()))))
    _count(running, "failed", 1)
    problem = f"the webhook pager of chat fails: it answers {answer[:3]}"

    def has_problem() -> bool:
        return any(line.startswith(problem) for line in running.admin.status()["problems"])

    wait_until(has_problem, "a problem")
    set_weight(running, 5)
    _count(running, "delivered", 1)
    assert hook.events() == ["start", "weight"] and len(hook.deliveries) == 2
    wait_until(lambda: not has_problem(), "no problem")


def test_retries_come_to_an_end(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                weir: Callable[..., Weir]) -> None:
    hook = receiver("500 Oops")
    running = begun(weir(plan(_hook(hook.url(), retries=1))))
    _count(running, "failed", 1)
    assert len(hook.deliveries) == 2
    assert "the event is given up after 2 attempts" in running.log()


def test_https_is_verified(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                           new_weir: Callable[..., Weir], tmp_path: pathlib.Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "Another CA")
    known = receiver(tls=authority.server(authority.issue("127.0.0.1")))
    unknown = receiver(tls=other.server(other.issue("127.0.0.1")))
    misnamed = receiver(tls=authority.server(authority.issue("elsewhere.test")))
    hooks = [{"type": "event", "name": name, "url": hook.url(scheme="https"), "retries": 0}
             for name, hook in (("known", known), ("unknown", unknown), ("misnamed", misnamed))]
    running = new_weir(plan(*hooks)).start(SSL_CERT_FILE=str(authority.certificate), SSL_CERT_DIR=str(tmp_path / "none"))
    for name, result in (("known", "delivered"), ("unknown", "failed"), ("misnamed", "failed")):
        wait_until(lambda n=name, r=result: _deliveries(running, r, webhook=n) == 1, f"{name} is {result}")
    assert known.events() == ["start"]
    assert unknown.deliveries == [] and misnamed.deliveries == []
    assert running.log().count("TLS: ") == 2


def test_names_are_looked_up(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                             weir: Callable[..., Weir]) -> None:
    hook = receiver()
    with DnsServer() as dns:
        dns.set("hooks.test", "127.0.0.1")
        running = begun(weir(plan(_hook(hook.url("hooks.test")),
                                  {"type": "event", "name": "lost", "url": hook.url("nowhere.test"), "retries": 0},
                                  dns={"servers": [dns.address]})))
        hook.wait_for("start")
        assert hook.deliveries[0].field("host") == f"hooks.test:{hook.origin.port}"
        wait_until(lambda: _deliveries(running, "failed", webhook="lost") == 1, "nobody is found")
        assert "nowhere.test cannot be resolved" in running.log()


def test_a_reload_takes_effect_at_once(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                       weir: Callable[..., Weir]) -> None:
    hook, another = receiver(), receiver()
    hook.hangs.set()
    running = begun(weir(plan(_hook(hook.url(), timeout="1m"), {"type": "event", "name": "gone", "url": hook.url()})))
    hook.wait_for_deliveries(2)
    set_weight(running, 5)
    # The one that stays has another address: what waits for it goes there, what is under way too.
    running.write(plan(_hook(another.url()), {"type": "event", "name": "new", "url": another.url(path="/new")}))
    running.cli("reload")
    another.wait_for("start", "weight")
    assert another.deliveries[0].event["id"] in {delivery.event["id"] for delivery in hook.deliveries}
    wait_until(lambda: hook.origin.open == 0, "nobody waits for the old ones")
    assert Exposition(running.admin.metrics()).labels("weir_webhook_events_waiting", "webhook") == {"pager", "new"}
    set_weight(running, 10)
    wait_until(lambda: _deliveries(running, "delivered", webhook="new") == 1, "the new one knows of what is new")
    assert len(hook.deliveries) == 2
    running.write(plan())
    running.cli("reload")
    set_weight(running, 15)
    assert "weir_webhook_deliveries_total" not in Exposition(running.admin.metrics())


def test_a_rollout_that_is_edited_tells_it(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                           weir: Callable[..., Weir]) -> None:
    hook = receiver()
    running = begun(weir(plan(_hook(hook.url()))))
    running.write(changed(plan(_hook(hook.url())), steps=at_weight(30)))
    running.cli("reload")
    wait_until(lambda: "edit" in hook.events(), "the edit is told")
    assert hook.events()[0] == "start"


def test_what_waits_is_told_before_the_end(receiver: Callable[..., Receiver], plan: Callable[..., Plan],
                                           weir: Callable[..., Weir]) -> None:
    hook = receiver("503 Busy", "200 OK")
    running = begun(weir(plan(_hook(hook.url()))))
    hook.wait_for_deliveries(1)
    running.stop()
    assert len(hook.deliveries) == 2 and "webhook_events_lost" not in running.log()
    # Earlier lives' decisions are no news, and what is down does not hold the end up for long.
    hook.hangs.set()
    running.start()
    set_weight(running, 5)
    hook.wait_for("start", "weight")
    running.stop()
    assert "webhook_events_lost" in running.log()
