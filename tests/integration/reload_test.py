"""A plan loaded again while traffic flows: what changed holds, the rest is untouched, a bad file changes nothing."""
from __future__ import annotations

import json
import pathlib
import re
import signal
from typing import Any, Callable

import pytest
from http_client import Connection, get, request_bytes
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary, one_version, route, version
from polling import wait_until
from ports import free_port
from weir_harness import Weir

StartOrigin = Callable[..., Origin]
StartWeir = Callable[..., Weir]


def reloads(weir: Weir) -> int:
    line = next(line for line in weir.admin.metrics().splitlines() if line.startswith("weir_reloads_total "))
    return int(line.split()[1])


def reload_by_command(weir: Weir) -> None:
    before = reloads(weir)
    assert weir.cli("reload").stdout.startswith("the plan was loaded")
    # Told when it can be seen. The file may have been noticed as well.
    assert reloads(weir) > before


def reload_by_signal(weir: Weir) -> None:
    before = reloads(weir)
    weir.signal(signal.SIGHUP)
    wait_until(lambda: reloads(weir) > before, "the plan is loaded after SIGHUP")


def wait_for_the_watch(weir: Weir) -> None:
    before = reloads(weir)
    wait_until(lambda: reloads(weir) > before, "the changed file is noticed")


def answered_by(weir: Weir, target: str = "/", port: int | None = None) -> str | None:
    """The origin that answers a request, or None for an answer of the weir's own."""
    return get(port or weir.port, target)["x-origin"]


def plan_problems(weir: Weir) -> list[str]:
    """What status says is wrong, but for the open files that this machine may not allow."""
    return [problem for problem in weir.admin.status()["problems"] if "file descriptors" not in problem]


def refused_reload(weir: Weir) -> str:
    done = weir.cli("reload", check=False)
    assert done.returncode == 1 and done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("again", [reload_by_command, reload_by_signal], ids=["weir reload", "SIGHUP"])
def test_many_reloads_under_load_fail_no_request(origin: StartOrigin, weir: StartWeir,
                                                 again: Callable[[Weir], None]) -> None:
    servers = [origin("one", delay_ms=5), origin("two", delay_ms=5)]
    gateway = weir(one_version(servers[0]))
    with Load(gateway.port, rate=300, connections=24) as load:
        wait_until(lambda: load.tally().answered >= 100, "traffic flows")
        for turn in range(1, 13):
            gateway.write(one_version(servers[turn % 2]))
            again(gateway)
            before = load.tally().answered
            wait_until(lambda: load.tally().answered >= before + 20, "traffic goes on")
        tally = load.stop()
    assert (tally.broken, tally.refused, tally.stale) == (0, 0, 0), tally.errors
    assert set(tally.by_status) == {"200"}
    assert min(server.counts().requests for server in servers) > 50


def test_a_changed_file_is_noticed_under_load(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    second = origin("two")
    with Load(gateway.port, rate=200) as load:
        wait_until(lambda: load.tally().answered >= 50, "traffic flows")
        gateway.write(one_version(second))
        wait_until(lambda: second.counts().requests > 20, "the new endpoint serves")
        tally = load.stop()
    assert (tally.broken, tally.refused, tally.stale) == (0, 0, 0), tally.errors
    assert set(tally.by_status) == {"200"}
    assert [record["actor"] for record in gateway.admin.history("") if record["decision"] == "reload"] == ["file"]


def test_a_file_reached_through_links_is_noticed(origin: StartOrigin, tmp_path: pathlib.Path,
                                                 new_weir: StartWeir) -> None:
    # As Kubernetes does it: the file is a link into a folder that is replaced as a whole.
    gateway = new_weir(one_version(origin("one")))
    second = origin("two")
    for name in ("first", "second"):
        (gateway.directory / name).mkdir()
        (gateway.directory / name / "plan.yaml").write_bytes(gateway.file.read_bytes())
    gateway.write(one_version(second))
    (gateway.directory / "second" / "plan.yaml").write_bytes(gateway.file.read_bytes())
    (gateway.directory / "data").symlink_to("first")
    gateway.file.unlink()
    gateway.file.symlink_to("data/plan.yaml")
    gateway.start()
    assert answered_by(gateway) == "one"
    (gateway.directory / "fresh").symlink_to("second")
    (gateway.directory / "fresh").rename(gateway.directory / "data")
    wait_for_the_watch(gateway)
    assert answered_by(gateway) == "two"


def test_a_file_that_is_gone_for_a_while_changes_nothing(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    text = gateway.file.read_text()
    gateway.file.unlink()
    assert "cannot read" in refused_reload(gateway)
    assert answered_by(gateway) == "one"
    gateway.file.write_text(text)
    reload_by_command(gateway)
    assert plan_problems(gateway) == []


def test_a_connection_and_its_request_outlive_the_reload(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("one"), origin("two")
    gateway = weir(one_version(first))
    idle, busy = Connection(gateway.port), Connection(gateway.port)
    with idle, busy:
        assert idle.request("GET", "/")["x-origin"] == "one"
        busy.send(b"POST /echo HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 8\r\n\r\nhalf")
        wait_until(lambda: first.counts().waiting == 1, "the request is at the origin")
        gateway.write(one_version(second))
        reload_by_command(gateway)
        # The same connection goes on, under the new plan; the request finishes under the old one.
        assert idle.request("GET", "/")["x-origin"] == "two"
        busy.send(b"half")
        reply = busy.reply()
        assert (reply["x-origin"], reply.body) == ("one", b"halfhalf")
        assert busy.request("GET", "/")["x-origin"] == "two"
    assert second.counts().requests == 2


def test_a_request_whose_version_goes_away_is_answered(origin: StartOrigin, weir: StartWeir) -> None:
    # The request would be sent again, but there is nowhere left to send it to.
    first, second = origin("one"), origin("two")
    plan = one_version(first)
    plan["services"]["chat"]["versions"] = {"old": version(first)}
    gateway = weir(plan)
    with Connection(gateway.port) as client:
        assert client.request("GET", "/")["x-origin"] == "one"
        first.set(hang=True)
        client.send(request_bytes("GET", "/"))
        wait_until(lambda: first.counts().waiting == 1, "the request is at the origin")
        gateway.write(one_version(second))
        reload_by_command(gateway)
        first.die()
        assert client.reply().status in (502, 503)
    assert answered_by(gateway) == "two"


def test_a_listener_is_added_and_another_removed(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("one")
    gateway = weir(one_version(server))
    added = free_port()
    both = [{"address": f"127.0.0.1:{gateway.port}"}, {"address": f"127.0.0.1:{added}"}]
    with Connection(gateway.port) as kept:
        assert kept.request("GET", "/").status == 200
        gateway.write(one_version(server, listeners=both))
        reload_by_command(gateway)
        assert sorted(gateway.admin.status()["listeners"]) == sorted(entry["address"] for entry in both)
        assert answered_by(gateway, port=added) == "one"
        with Connection(added) as leaving, Connection(added) as busy, Connection(added) as begun:
            assert leaving.request("GET", "/").status == 200
            begun.send(b"GET / HTTP/1.1\r\nHost: wei")
            wait_until(lambda: "weir_downstream_connections 4\n" in gateway.admin.metrics(), "all are accepted")
            busy.send(request_bytes("GET", "/drip/10/100"))
            assert busy.head().status == 200
            gateway.write(one_version(server))
            reload_by_command(gateway)
            # Idle: ended in order. Busy, or half-way through a head: ended when its request is.
            assert leaving.read_some() == b""
            begun.send(b"r.test\r\n\r\n")
            reply = begun.reply()
            assert (reply.status, reply["connection"]) == (200, "close")
            assert b"".join(iter(busy.read_some, b"")).endswith(b"0\r\n\r\n")

        def refused() -> bool:
            try:
                Connection(added, timeout_s=1).close()
            except (ConnectionRefusedError, TimeoutError):
                return True
            return False

        wait_until(refused, "nobody listens at the removed address")
        # The connection of the listener that stayed has seen nothing of all this.
        assert kept.request("GET", "/").status == 200


def test_other_words_for_the_same_places_are_no_change(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("one"), origin("two")
    gateway = weir(one_version(first))
    with Connection(gateway.port) as kept:
        assert kept.request("GET", "/")["x-origin"] == "one"
        gateway.write(one_version(second, listeners=[{"address": f"localhost:{gateway.port}"}],
                                  admin={"address": f"localhost:{gateway.admin.port}"}, state={"path": "./weir.db"}))
        reload_by_command(gateway)
        # A listener that had gone would have ended what it had accepted.
        assert kept.request("GET", "/")["x-origin"] == "two"
    assert gateway.admin.status()["listeners"] == [f"127.0.0.1:{gateway.port}"]


def test_listeners_can_come_and_go_under_load(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("one")
    gateway = weir(one_version(server))
    with Load(gateway.port, rate=200) as load:
        for _ in range(5):
            added = free_port()
            gateway.write(one_version(server, listeners=[{"address": f"127.0.0.1:{gateway.port}"},
                                                         {"address": f"127.0.0.1:{added}"}]))
            reload_by_command(gateway)
            assert answered_by(gateway, port=added) == "one"
            gateway.write(one_version(server))
            reload_by_command(gateway)
        tally = load.stop()
    assert (tally.broken, tally.refused, tally.stale) == (0, 0, 0), tally.errors


def test_who_came_by_a_listener_that_is_gone_is_held_to_its_rules(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("one"), origin("two")
    guarded = {"routes": [{"match": {"pathPrefix": "/"}, "service": "chat", "allow": ["10.0.0.0/8"]}]}
    gateway = weir(one_version(first))
    added = free_port()
    trusting = {"address": f"127.0.0.1:{gateway.port}", "trustedHops": ["127.0.0.1"]}
    strict = {"address": f"127.0.0.1:{added}", "trustedHops": ["none"]}
    gateway.write(one_version(first, listeners=[trusting, strict], **guarded))
    reload_by_command(gateway)
    with Connection(added) as client:
        client.send(b"GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.9\r\nHos")
        wait_until(lambda: "weir_downstream_connections 1\n" in gateway.admin.metrics(), "it is accepted")
        gateway.write(one_version(second, listeners=[trusting], **guarded))
        reload_by_command(gateway)
        gateway.write(one_version(first, listeners=[trusting]))  # once more
        reload_by_command(gateway)
        client.send(b"t: weir.test\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply["connection"]) == (403, "close")


def test_who_came_by_a_listener_that_is_gone_may_find_no_version(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("one")
    gateway = weir(one_version(server))
    added = free_port()
    kept = {"address": f"127.0.0.1:{gateway.port}"}
    gateway.write(one_version(server, listeners=[kept, {"address": f"127.0.0.1:{added}"}]))
    reload_by_command(gateway)
    with Connection(added) as client:
        client.send(b"GET / HTTP/1.1\r\nHos")
        wait_until(lambda: "weir_downstream_connections 1\n" in gateway.admin.metrics(), "it is accepted")
        other = one_version(server, listeners=[kept])
        other["services"] = {"other": other["services"].pop("chat")}
        other["routes"][0]["service"] = "other"
        gateway.write(other)
        reload_by_command(gateway)
        client.send(b"t: weir.test\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (503, "no_endpoint", "close")
    assert answered_by(gateway) == "one"


def test_a_listener_may_come_back_at_once(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("one")
    gateway = weir(one_version(server))
    again = free_port()
    without, with_it = one_version(server), one_version(server, listeners=[{"address": f"127.0.0.1:{gateway.port}"},
                                                                          {"address": f"127.0.0.1:{again}"}])
    for _ in range(3):
        gateway.write(with_it)
        reload_by_command(gateway)
        assert answered_by(gateway, port=again) == "one"
        gateway.write(without)
        reload_by_command(gateway)


def test_a_taken_listener_address_changes_nothing(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("one"), origin("two")
    gateway = weir(one_version(first))
    listeners = [{"address": f"127.0.0.1:{gateway.port}"}, {"address": f"127.0.0.1:{first.port}"}]
    gateway.write(one_version(second, listeners=listeners))
    said = refused_reload(gateway)
    assert "nothing was changed" in said and f"127.0.0.1:{first.port}" in said and "in use" in said
    assert answered_by(gateway) == "one"
    assert gateway.admin.status()["listeners"] == [f"127.0.0.1:{gateway.port}"]
    assert any(f"127.0.0.1:{first.port}" in line for line in gateway.log().splitlines() if "plan_problem" in line)
    gateway.write(one_version(second))
    reload_by_command(gateway)
    assert answered_by(gateway) == "two"


def test_routes_and_services_change(origin: StartOrigin, weir: StartWeir) -> None:
    chat, images = origin("chat"), origin("images")
    gateway = weir(one_version(chat))
    assert answered_by(gateway, "/images/1") == "chat"
    plan = one_version(chat)
    plan["services"]["images"] = {"versions": {"v1": version(images)}}
    plan["routes"] = [route("images", "/images"), route("chat", "/chat")]
    gateway.write(plan)
    reload_by_command(gateway)
    assert answered_by(gateway, "/images/1") == "images"
    assert answered_by(gateway, "/chat") == "chat"
    assert get(gateway.port, "/other").status == 404
    assert [service["name"] for service in gateway.admin.status()["services"]] == ["chat", "images"]
    gateway.write(one_version(images))
    reload_by_command(gateway)
    assert answered_by(gateway, "/other") == "images"
    assert [service["name"] for service in gateway.admin.status()["services"]] == ["chat"]


def test_timeouts_and_limits_change(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("one", delay_ms=400)
    gateway = weir(one_version(server))
    with Connection(gateway.port) as client:
        assert client.request("GET", "/").status == 200
        gateway.write(one_version(server, timeouts={"responseHeader": "50ms"}))
        reload_by_command(gateway)
        assert client.request("GET", "/").status == 504
        gateway.write(one_version(server, limits={"body": "10B"}))
        reload_by_command(gateway)
    with Connection(gateway.port) as client:
        assert client.request("GET", "/").status == 200
        assert client.request("POST", "/", body=b"b" * 11).status == 413


def test_static_weights_change(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("one"), origin("two")

    def split(one: int) -> Plan:
        return {"services": {"chat": {"versions": {"v1": version(first), "v2": version(second)},
                                      "weights": {"v1": one, "v2": 100 - one},
                                      "stickiness": {"by": [{"header": "x-user-id"}]}}},
                "routes": [route()]}

    gateway = weir(split(100))
    users = [f"user-{number}" for number in range(200)]

    def served() -> dict[str, str | None]:
        with Connection(gateway.port) as client:
            return {user: client.request("GET", "/", {"x-user-id": user})["x-weir-version"] for user in users}

    assert set(served().values()) == {"v1"}
    gateway.write(split(70))
    reload_by_command(gateway)
    some = served()
    moved = {user for user in users if some[user] == "v2"}
    assert 30 <= len(moved) <= 95  # about 60 of 200
    assert served() == some, "a user stays where he is"
    gateway.write(split(0))
    reload_by_command(gateway)
    assert set(served().values()) == {"v2"}


def test_a_bad_file_changes_nothing_and_everybody_is_told_all_of_it(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    good = gateway.file.read_text()
    bad = f"""\
workers: 2
listener: []
listeners: [ {{ address: "127.0.0.1:{gateway.port}" }} ]
services:
  chat: {{ versions: {{ v1: {{ endpoints: ["http://127.0.0.1:1"] }} }} }}
routes:
  - {{ match: {{ pathPrefix: / }}, service: chatt }}
timeouts: {{ header: 10 }}
"""
    gateway.file.write_text(bad)
    said = refused_reload(gateway)
    places = [f"{gateway.file}:2:1: error: ", f"{gateway.file}:7:42: error: ", f"{gateway.file}:8:21: error: "]
    for place in places:
        assert place in said
    assert "nothing was changed" in said and "did you mean listeners?" in said
    log = [json.loads(line) for line in gateway.log().splitlines()]
    assert [entry["problem"][:len(place)] for entry, place in
            zip([entry for entry in log if entry["event"] == "plan_problem"], places)] == places
    assert answered_by(gateway) == "one"
    [problem] = plan_problems(gateway)
    assert "is not the one in" in problem and gateway.admin.ready()
    assert "! the plan that runs is not the one in" in gateway.cli("status").stdout
    code, body = gateway.admin.post("reload")
    assert code == 422 and len(json.loads(body)["error"]["problems"]) == 3
    assert int(re.search(r"^weir_reloads_refused_total (\d+)$", gateway.admin.metrics(), re.M)[1]) >= 2
    gateway.file.write_text(good)
    reload_by_command(gateway)
    assert plan_problems(gateway) == []


def test_a_bad_file_is_noticed_by_itself_and_told_once(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    gateway.file.write_text("services: [\n")
    [problem] = wait_until(lambda: plan_problems(gateway), "the bad file is noticed")
    assert str(gateway.file) in problem
    gateway.write(one_version(origin("two")))
    wait_until(lambda: not plan_problems(gateway), "the good file is noticed")
    assert gateway.log().count("reload_refused") == 1
    assert answered_by(gateway) == "two"


def test_a_file_that_says_things_twice_changes_nothing(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    versions = 'v1: { endpoints: ["http://127.0.0.1:1"] }, v2: { endpoints: ["http://127.0.0.1:2"] }'
    choice = "overrides: [ { match: { header: { name: x-v, exact: v2 } }, version: v2 } ]"
    gateway.file.write_text(f"""\
listeners: [ {{ address: "127.0.0.1:{gateway.port}" }} ]
services:
  chat: {{ versions: {{ {versions} }} }}
  chat: {{ versions: {{ {versions} }}, weights: {{ v1: 50, v2: 50 }} }}
routes: [ {{ match: {{ pathPrefix: / }}, service: chat }} ]
rollouts:
  chat: {{ baseline: v1, candidate: v2 }}
  chat: {{ baseline: v1, candidate: v2, {choice} }}
""")
    said = refused_reload(gateway)
    assert "services.chat is given twice" in said and "rollouts.chat is given twice" in said
    assert "nothing was changed" in said and answered_by(gateway) == "one"


@pytest.mark.parametrize("key", ["workers", "state.path", "admin.address"])
def test_what_needs_a_restart_says_so(origin: StartOrigin, weir: StartWeir, key: str) -> None:
    first, second = origin("one"), origin("two")
    gateway = weir(one_version(first))
    change: dict[str, Any] = {
        "workers": {"workers": 3},
        "state.path": {"state": {"path": str(gateway.directory / "other.db")}},
        "admin.address": {"admin": {"address": f"127.0.0.1:{free_port()}"}},
    }[key]
    gateway.write(one_version(second, **change))
    said = refused_reload(gateway)
    assert key in said and "restart" in said and "nothing was changed" in said
    assert answered_by(gateway) == "one"
    [problem] = plan_problems(gateway)
    assert key in problem and "restart" in problem
    # And a restart takes it.
    gateway.stop()
    gateway.launch()
    wait_until(lambda: gateway.log().count('"serving"') == 2, "it serves again")
    assert answered_by(gateway) == "two"


def test_all_that_needs_a_restart_is_named(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("one")))
    gateway.write({**gateway.plan, "workers": 3, "state": {"path": str(gateway.directory / "other.db")},
                   "admin": {"address": f"127.0.0.1:{free_port()}"}})
    assert "workers, state.path and admin.address needs a restart" in refused_reload(gateway)


def test_a_changed_token_holds_from_then_on(origin: StartOrigin, new_weir: StartWeir,
                                            tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("the-first-of-two-tokens\n")
    server = origin("one")
    gateway = new_weir(one_version(server), token="the-first-of-two-tokens")
    plan = one_version(server, admin={"address": f"127.0.0.1:{gateway.admin.port}", "token": {"file": str(secret)}})
    gateway.write(plan)
    gateway.start()
    assert gateway.admin.call("GET", "/api/v1/status")[0] == 200
    secret.write_text("the-second-of-two-tokens\n")
    assert gateway.cli("reload").returncode == 0
    assert gateway.cli("status", check=False).returncode == 1
    gateway.admin.token = "the-second-of-two-tokens"
    assert gateway.cli("status").returncode == 0
    # Without a token in the file none is asked for, on loopback.
    gateway.write(one_version(server))
    assert gateway.cli("reload").returncode == 0
    gateway.admin.token = ""
    assert gateway.cli("status").returncode == 0


def test_a_rollout_goes_on_through_a_reload_that_does_not_concern_it(origin: StartOrigin, weir: StartWeir) -> None:
    first, second, other = origin("v1"), origin("v2"), origin("other")
    gateway = weir(canary(first, second, at_weight(30)))
    wait_until(lambda: gateway.admin.rollout()["step_id"] > 0, "the rollout has begun")
    gateway.cli("weight", "chat", "40")
    with Load(gateway.port, rate=200, users=50) as load:
        wait_until(lambda: gateway.admin.rollout()["requests_in_step"]["candidate"] > 20, "the candidate is judged")
        before = gateway.admin.rollout()
        history = gateway.admin.history()
        plan = canary(first, second, at_weight(30))
        plan["services"]["images"] = {"versions": {"v1": version(other)}}
        plan["routes"] = [route("images", "/images"), route()]
        gateway.write(plan)
        reload_by_command(gateway)
        after = gateway.admin.rollout()
        tally = load.stop()
    for key in ("phase", "weight_percent", "step", "step_id", "attempt", "revision", "decided"):
        assert after[key] == before[key], key
    assert after["requests_in_step"]["candidate"] >= before["requests_in_step"]["candidate"]
    assert gateway.admin.history() == history, "nothing was decided"
    assert tally.broken == 0 and all(len(versions) == 1 for versions in tally.versions_of.values())


def test_another_revision_is_another_rollout(origin: StartOrigin, weir: StartWeir) -> None:
    first, second = origin("v1"), origin("v2")
    gateway = weir(canary(first, second, at_weight(10)))
    wait_until(lambda: gateway.admin.rollout()["step_id"] > 0, "the rollout has begun")
    gateway.cli("weight", "chat", "50")
    gateway.write(canary(first, second, at_weight(10), rollout={"revision": "two"}))
    reload_by_command(gateway)
    wait_until(lambda: gateway.admin.rollout()["weight_percent"] == 10, "it begins at its first step")
    assert gateway.admin.rollout()["revision"] == "two"
