"""Who may command a weir, what each command does, and what is left of it in the history."""
from __future__ import annotations

import getpass
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
from typing import Any, Callable, Iterator

import jsonschema
import pytest
from exposition import Exposition
from http_client import Connection, get
from load import Load
from origin import Origin
from plans import at_weight, canary, one_version, route, step
from polling import wait_until
from ports import free_port
from weir_harness import Weir, program, run_cli

StartOrigin = Callable[..., Origin]
StartWeir = Callable[..., Weir]

TOKEN = "a-token-of-this-test"
ACTOR = f"{getpass.getuser()}@{socket.gethostname()} from 127.0.0.1"


def environment(**given: str) -> dict[str, str]:
    """This process's, without what would lead a command to another weir."""
    kept = {name: value for name, value in os.environ.items() if name not in ("WEIR_ADMIN", "WEIR_TOKEN")}
    return {**kept, **given}


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program(), *arguments], capture_output=True, text=True, env=environment(**variables),
                          timeout=60, check=False)


@pytest.fixture
def guarded(origin: StartOrigin, new_weir: StartWeir, tmp_path: pathlib.Path) -> Weir:
    """A weir with a token in a file."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    gateway = new_weir(one_version(origin("v1")), token=TOKEN)
    gateway.write(one_version(9, admin={"address": f"127.0.0.1:{gateway.admin.port}",
                                        "token": {"file": str(tmp_path / "token")}}))
    return gateway.start()


@pytest.fixture
def rollout(origin: StartOrigin, weir: StartWeir) -> Weir:
    """A weir whose rollout stays at 10 % until somebody says otherwise; then 50, then 100."""
    steps = [*step(10, hold={"atLeast": "1h", "atMost": "2h"}), *step(50, hold={"atLeast": "1h", "atMost": "2h"}),
             *step(100, hold={"atLeast": "1h", "atMost": "2h"})]
    gateway = weir(canary(origin("v1"), origin("v2"), steps))
    wait_until(lambda: gateway.admin.rollout()["weight_percent"] == 10, "the rollout has begun")
    return gateway


def last(weir: Weir) -> Any:
    return weir.admin.history()[0]


def last_of_all(weir: Weir) -> Any:
    return weir.admin.history("")[0]


def refused(weir: Weir, *arguments: str) -> str:
    """What a command that makes no sense says; the history is of what was done, the log tells who tried what."""
    before, told = weir.admin.history(), weir.log().count("command_refused")
    done = weir.cli(*arguments, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert weir.admin.history() == before
    wait_until(lambda: weir.log().count("command_refused") == told + 1, "the refusal is in the log")
    line = next(line for line in reversed(weir.log().splitlines()) if "command_refused" in line)
    assert {key: json.loads(line)[key] for key in ("command", "service", "actor")} == {
        "command": arguments[0], "service": arguments[1], "actor": ACTOR}
    return done.stderr


# Who may.

def test_loopback_needs_no_token(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1")))
    assert gateway.admin.call("GET", "/api/v1/status")[0] == 200
    assert gateway.admin.call("POST", "/api/v1/reload")[0] == 200


def test_who_waits_to_be_told_to_send_a_body_is_told(origin: StartOrigin, weir: StartWeir) -> None:
    served = weir(one_version(origin("one")))
    with Connection(served.admin.port) as client:
        client.send(b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert client.head().status == 100
        client.send(b"{}")
        assert client.reply("POST").status == 200


def test_off_loopback_it_does_not_start_without_a_token(new_weir: StartWeir) -> None:
    gateway = new_weir(one_version(9, admin={"address": f"0.0.0.0:{free_port()}"}))
    gateway.launch()
    assert gateway.wait() == 1
    assert f"{gateway.file}:" in gateway.log() and "is not loopback, and there is no admin.token" in gateway.log()
    assert run_cli("check", str(gateway.file)).returncode == 2


def test_off_loopback_with_a_token_it_serves(origin: StartOrigin, new_weir: StartWeir) -> None:
    gateway = new_weir(one_version(origin("v1")), token=TOKEN)
    gateway.write({**gateway.plan, "admin": {"address": f"0.0.0.0:{gateway.admin.port}",
                                             "token": {"env": "THE_TOKEN"}}})
    gateway.start(THE_TOKEN=TOKEN)
    assert gateway.admin.call("GET", "/api/v1/status")[0] == 200
    # With a token any name of this machine will do.
    assert gateway.admin.call("GET", "/api/v1/status", fields={"host": "weir.example"})[0] == 200
    # 0.0.0.0 is an address to listen on; the commands find their way.
    done = command("status", "--config", str(gateway.file), THE_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr


def test_without_the_token_nothing_is_told_or_done(guarded: Weir) -> None:
    guarded.admin.token = ""
    for given in (None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}",
                  f"bearer{TOKEN}", f"Basic {TOKEN}"):
        fields = {} if given is None else {"authorization": given}
        for method, target in (("GET", "status"), ("GET", "config"), ("GET", "history"), ("POST", "reload"), ("POST", "drain"),
                               ("POST", "services/chat/abort"), ("GET", "nothing-here")):
            status, body = guarded.admin.call(method, f"/api/v1/{target}", fields=fields)
            assert (status, json.loads(body)["error"]["code"]) == (401, "unauthorized"), (given, target)
    assert guarded.admin.call("GET", "/api/v1/status", fields={"authorization": f"bearer {TOKEN}"})[0] == 200
    # What a load balancer and a scraper ask for is free.
    for target in ("/healthz", "/readyz", "/metrics"):
        assert guarded.admin.call("GET", target)[0] == 200
    guarded.admin.token = TOKEN
    assert not guarded.admin.status()["draining"] and guarded.admin.history("") == []


def test_the_commands_take_the_token_from_three_places(guarded: Weir, tmp_path: pathlib.Path) -> None:
    admin = ("--admin", guarded.admin.url)
    bare = command("status", *admin)
    assert bare.returncode == 1 and "--token-file FILE or WEIR_TOKEN" in bare.stderr
    assert command("status", *admin, WEIR_TOKEN="wrong").returncode == 1
    assert command("status", *admin, WEIR_TOKEN=TOKEN).returncode == 0
    assert command("status", *admin, "--token-file", str(tmp_path / "token")).returncode == 0
    assert command("status", "--config", str(guarded.file)).returncode == 0
    # What is said on the command line wins.
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    assert command("status", *admin, "--token-file", str(wrong), WEIR_TOKEN=TOKEN).returncode == 1
    none = command("status", *admin, "--token-file", str(tmp_path / "none"))
    assert none.returncode != 0 and "cannot read the token file" in none.stderr


def test_pages_of_other_origins_command_nothing(rollout: Weir) -> None:
    own = f"http://127.0.0.1:{rollout.admin.port}"
    target = "/api/v1/services/chat/abort"
    for fields in ({"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
                   {"origin": own.replace("http", "https")}, {"sec-fetch-site": "cross-site"},
                   {"sec-fetch-site": "same-site"}, {"origin": own, "sec-fetch-site": "cross-site"}):
        status, body = rollout.admin.call("POST", target, fields=fields)
        assert (status, json.loads(body)["error"]["code"]) == (403, "foreign_origin"), fields
    assert rollout.admin.rollout()["phase"] == "running"
    status, _ = rollout.admin.call("POST", target, fields={"origin": own, "sec-fetch-site": "same-origin"})
    assert status == 200 and rollout.admin.rollout()["phase"] == "rolledBack"


def test_names_that_resolve_here_read_nothing(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1")))
    for host in ("evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1",
                 "127.0.0.1:80@evil.example", "[::1]evil.example",
                 "[2001:db8::1]:9901", ""):
        for method, target in (("GET", "/api/v1/status"), ("GET", "/metrics"), ("POST", "/api/v1/reload")):
            status, body = gateway.admin.call(method, target, fields={"host": host})
            assert (status, json.loads(body)["error"]["code"]) == (403, "foreign_host"), (host, method, target)
    for own in ("localhost", "LOCALHOST:9901", "127.0.0.1", "127.1.2.3:80", "[::1]:9901"):
        assert gateway.admin.call("GET", "/api/v1/status", fields={"host": own})[0] == 200, own


# What each command does.

def test_promote_leaves_the_step(rollout: Weir) -> None:
    assert rollout.cli("promote", "chat").stdout == "chat: running, 50% of the users on v2\n"
    assert rollout.admin.rollout()["weight_percent"] == 50
    record = last(rollout)
    assert (record["decision"], record["actor"], record["rule"]) == ("advance", ACTOR, "operator")
    assert (record["weight_before_percent"], record["weight_after_percent"]) == (10, 50)
    rollout.cli("promote", "chat")
    # The bake: as many as the holdback stay on the baseline.
    assert rollout.admin.rollout()["weight_percent"] == 95
    rollout.cli("promote", "chat")
    assert rollout.admin.rollout()["phase"] == "promoted" and rollout.admin.rollout()["weight_percent"] == 100
    assert get(rollout.port, "/", {"x-user-id": "anybody"})["x-weir-version"] == "v2"
    assert "over" in refused(rollout, "promote", "chat")


def test_promote_full_goes_past_every_step(rollout: Weir) -> None:
    rollout.cli("promote", "chat", "--full")
    assert rollout.admin.rollout()["weight_percent"] == 95
    assert last(rollout)["actor"] == ACTOR
    rollout.cli("promote", "chat", "--full")
    assert rollout.admin.rollout()["phase"] == "promoted"


def test_pause_and_resume(rollout: Weir) -> None:
    assert "not paused" in refused(rollout, "resume", "chat") and "weir promote" in refused(rollout, "resume", "chat")
    assert rollout.cli("pause", "chat").stdout == "chat: paused, 10% of the users on v2\n"
    assert (last(rollout)["decision"], last(rollout)["actor"]) == ("pause", ACTOR)
    assert rollout.admin.rollout()["weight_percent"] == 10
    assert "paused already" in refused(rollout, "pause", "chat")
    assert any("paused" in why or "weir resume" in why for why in rollout.admin.rollout()["waits"])
    assert rollout.cli("resume", "chat").stdout == "chat: running, 10% of the users on v2\n"
    assert (last(rollout)["decision"], last(rollout)["actor"]) == ("resume", ACTOR)


def test_abort_takes_the_users_back_and_retry_starts_anew(rollout: Weir) -> None:
    assert "only a rolled-back rollout" in refused(rollout, "retry", "chat")
    rollout.cli("promote", "chat")
    assert rollout.cli("abort", "chat").stdout == "chat: rolledBack, 0% of the users on v2\n"
    assert (last(rollout)["decision"], last(rollout)["actor"]) == ("rollback", ACTOR)
    with Connection(rollout.port) as client:
        served = {client.request("GET", "/", {"x-user-id": f"user-{number}"})["x-weir-version"] for number in range(50)}
    assert served == {"v1"}
    for verb in ("abort", "pause", "promote", "promote?full=true", "undo"):
        status, body = rollout.admin.post(f"services/chat/{verb}")
        assert status == 409 and json.loads(body)["error"]["code"] == "refused", verb
    for command in (("abort",), ("undo",), ("pause",), ("resume",), ("promote",), ("weight", "5")):
        advice = refused(rollout, command[0], "chat", *command[1:])
        assert "`weir retry` starts it anew" in advice and "weir undo" not in advice, command
    assert rollout.cli("retry", "chat").stdout == "chat: running, 10% of the users on v2\n"
    record = last(rollout)
    assert (record["decision"], record["actor"]) == ("start", ACTOR)
    assert record["attempt"] == rollout.admin.rollout()["attempt"] == 2
    assert record["phase_before"] == "rolledBack"


def test_undo_returns_a_promoted_rollout(rollout: Weir) -> None:
    assert "weir abort" in refused(rollout, "undo", "chat")
    rollout.cli("promote", "chat", "--full")
    rollout.cli("promote", "chat")
    assert "weir undo" in refused(rollout, "abort", "chat")
    assert rollout.cli("undo", "chat").stdout == "chat: rolledBack, 0% of the users on v2\n"
    assert last(rollout)["actor"] == ACTOR
    assert get(rollout.port, "/", {"x-user-id": "anybody"})["x-weir-version"] == "v1"


def test_weight_sets_a_share_by_hand(rollout: Weir) -> None:
    assert rollout.cli("weight", "chat", "25").stdout == "chat: running, 25% of the users on v2\n"
    record = last(rollout)
    assert (record["decision"], record["actor"]) == ("weight", ACTOR)
    assert (record["weight_before_percent"], record["weight_after_percent"]) == (10, 25)
    # The plan goes on above it.
    rollout.cli("promote", "chat")
    assert rollout.admin.rollout()["weight_percent"] == 50
    rollout.cli("weight", "chat", "0")
    assert rollout.admin.rollout()["weight_percent"] == 0
    rollout.cli("weight", "chat", "0.0001")
    assert rollout.admin.rollout()["weight_percent"] == 0.0001
    assert last(rollout)["weight_after_percent"] == 0.0001
    assert "0.0001 %" in rollout.cli("status").stdout
    assert "holdback" in refused(rollout, "weight", "chat", "97")


def test_a_weight_that_is_none_is_refused(rollout: Weir) -> None:
    for percent in ("-1", "100.1", "1e9", "ten", "nan", "inf", "99.99999", "1e-8"):
        done = rollout.cli("weight", "chat", percent, check=False)
        assert done.returncode == 2 and "weir weight" in done.stderr, percent
    for body in ("", "{}", "25", '{"percent": "25"}', '{"percent": -0.1}', '{"percent": 100.01}', '{"percent": 1e400}',
                 '{"percent": null}', '{"percent": 99.99999}', '{"percent": 1e-8}', '{"percent": 25', "[]"):
        status, answer = rollout.admin.post("services/chat/weight", body)
        assert (status, json.loads(answer)["error"]["code"]) == (400, "bad_request"), body
    assert rollout.admin.rollout()["weight_percent"] == 10
    rollout.cli("weight", "chat", "12.5%")
    assert rollout.admin.rollout()["weight_percent"] == 12.5


def test_reload_and_drain_are_in_the_history(rollout: Weir) -> None:
    rollout.write({**rollout.plan, "timeouts": {"drainDelay": "60s"}})
    rollout.cli("reload")
    rollout.cli("drain")
    records = rollout.admin.history("")
    assert [(record["decision"], record["actor"]) for record in records[:2]] == [("drain", ACTOR), ("reload", ACTOR)]
    assert {"drain", "reload"} <= set(rollout.cli("history").stdout.split())
    # They change no weight, and say none.
    assert all("→" not in line for line in rollout.cli("history").stdout.splitlines()[:2])
    rollout.signal(signal.SIGTERM)
    assert rollout.wait() == 143


def test_the_log_level_changes_until_the_next_start(rollout: Weir) -> None:
    def reloads() -> int:
        return sum("decision" in line and "loaded again" in line for line in rollout.log().splitlines())

    rollout.cli("reload")
    wait_until(lambda: reloads() == 1, "the log tells of the first reload")
    assert "from info to error" in rollout.cli("log-level", "error").stdout
    record = last_of_all(rollout)
    assert (record["decision"], record["actor"], record["reason"]) == ("log-level", ACTOR, "from info to error")
    rollout.cli("reload")  # which leaves the level
    assert "from error to info" in rollout.cli("log-level", "info").stdout
    rollout.cli("reload")
    wait_until(lambda: reloads() >= 2, "the log tells of the last reload")
    assert reloads() == 2
    assert rollout.cli("log-level", "loud", check=False).returncode == 2
    status, answer = rollout.admin.post("log-level", '{"level": "loud"}')
    assert (status, json.loads(answer)["error"]["code"]) == (400, "bad_request")


def test_an_actor_names_itself_or_is_named_by_its_address(rollout: Weir) -> None:
    for given, kept in (("ci-job-17", "ci-job-17 from 127.0.0.1"), ("", "admin:127.0.0.1"),
                        ("two words", "admin:127.0.0.1"), ("x" * 129, "admin:127.0.0.1")):
        rollout.admin.call("POST", "/api/v1/services/chat/weight", '{"percent": 20}', {"x-weir-actor": given})
        assert last(rollout)["actor"] == kept


# Where it is, what is not there, and what the exit code says.

def test_the_commands_find_the_weir(rollout: Weir) -> None:
    url = rollout.admin.url
    assert command("status", "--admin", url).returncode == 0
    assert command("status", "--admin", f"127.0.0.1:{rollout.admin.port}").returncode == 0
    assert command("status", "--admin", f"http://localhost:{rollout.admin.port}/").returncode == 0
    assert command("status", WEIR_ADMIN=url).returncode == 0
    assert command("status", "--config", str(rollout.file)).returncode == 0
    nobody = "http://127.0.0.1:1"
    assert command("status", "--config", str(rollout.file), WEIR_ADMIN=nobody).returncode == 0
    assert command("status", "--admin", url, WEIR_ADMIN=nobody).returncode == 0
    lost = command("status", WEIR_ADMIN=nobody)
    assert lost.returncode == 3 and lost.stdout == "" and nobody in lost.stderr and "--config FILE" in lost.stderr


@pytest.mark.parametrize("verb", ["status", "watch", "history", "reload", "drain", "health"])
def test_nobody_there_is_exit_code_3(verb: str) -> None:
    assert command(verb, "--admin", "http://127.0.0.1:1").returncode in ((1,) if verb == "health" else (3,))


def test_wrong_usage_is_exit_code_2(tmp_path: pathlib.Path) -> None:
    for arguments in (("promote",), ("weight", "chat"), ("nonsense",), (), ("status", "--format", "xml"),
                      ("history", "--limit", "0"), ("history", "--limit", "1001"), ("status", "--nonsense")):
        done = command(*arguments)
        assert done.returncode == 2 and done.stdout == "" and "--help" in done.stderr, arguments
    assert command("status", "--admin", "ftp://127.0.0.1").returncode == 2
    missing = command("status", "--config", str(tmp_path / "none.yaml"))
    assert missing.returncode != 0 and "none.yaml" in missing.stderr


def test_an_unknown_service_is_named(rollout: Weir) -> None:
    for verb in ("promote", "pause", "resume", "abort", "retry", "undo"):
        status, body = rollout.admin.post(f"services/nothing/{verb}")
        assert status == 404 and 'no rollout of a service \\"nothing\\"' in body
    assert 'no rollout of a service "nothing"' in refused(rollout, "weight", "nothing", "5")
    assert 'no rollout of a service "a/b c"' in refused(rollout, "pause", "a/b c")


def test_paths_and_methods_that_are_none(rollout: Weir) -> None:
    for method, target, status in (("GET", "/", 404), ("GET", "/api/v1/nothing", 404), ("GET", "/api/v1/reload", 405),
                                   ("POST", "/api/v1/status", 405), ("POST", "/api/v1/config", 405), ("POST", "/healthz", 405),
                                   ("DELETE", "/api/v1/history", 405), ("POST", "/api/v1/services/chat", 404),
                                   ("POST", "/api/v1/services/chat/explode", 404),
                                   ("POST", "/api/v1/services/%zz/pause", 404)):
        code, body = rollout.admin.call(method, target)
        assert code == status and json.loads(body)["error"]["message"], (method, target)


def test_what_can_be_got_has_a_head(rollout: Weir) -> None:
    client = http.client.HTTPConnection("127.0.0.1", rollout.admin.port, timeout=30)
    for target, status in (("/healthz", 200), ("/readyz", 200), ("/api/v1/status", 200), ("/api/v1/config", 200),
                           ("/nothing", 404)):
        client.request("HEAD", target)
        reply = client.getresponse()
        assert (reply.status, reply.read()) == (status, b"") and int(reply.headers["content-length"]) > 0
    client.request("POST", "/api/v1/status")
    reply = client.getresponse()
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
    client.close()


def test_a_bad_file_hides_no_weir(rollout: Weir) -> None:
    address = f"127.0.0.1:{rollout.admin.port}"
    for text in (f'admin: {{ address: "{address}" }}\nnonsense: 1\n', "routes: ]\n" + f'admin:\n  address: "{address}"\n',
                 f'admin: {{ address: "{address}", token: {{ env: NO_SUCH_VARIABLE }} }}\n'):
        rollout.file.write_text(text)
        for verb in ("health", "status", "history"):
            done = command(verb, "--config", str(rollout.file))
            assert done.returncode == 0, (text, done.stderr)
    rollout.file.write_text('{ "admin": \n')
    assert command("health", "--config", str(rollout.file)).returncode == 1
    assert command("status", "--config", str(rollout.file)).returncode == 2


def test_history_is_newest_first_and_bounded(rollout: Weir) -> None:
    for percent in range(11, 21):
        assert rollout.admin.post("services/chat/weight", json.dumps({"percent": percent}))[0] == 200
    records = rollout.admin.get("history?limit=5")["records"]
    assert [record["weight_after_percent"] for record in records] == [20, 19, 18, 17, 16]
    assert len(rollout.cli("history", "--limit", "3").stdout.splitlines()) == 3
    everything = rollout.admin.get("history?limit=1000")["records"]
    assert everything[-1]["decision"] == "start" and len(everything) == 11
    assert [record["time"] for record in everything] == sorted((record["time"] for record in everything), reverse=True)
    status, body = rollout.admin.call("GET", "/api/v1/history?service=other")
    assert status == 404 and json.loads(body)["error"]["code"] == "no_service"
    other = rollout.cli("history", "other", check=False)
    assert (other.returncode, other.stdout) == (1, "") and 'there is no service "other"' in other.stderr
    assert rollout.admin.get("history?service=chat&limit=1")["records"] == records[:1]
    for limit in ("0", "1001", "-1", "ten", "5x"):
        assert rollout.admin.call("GET", f"/api/v1/history?limit={limit}")[0] == 400, limit
    as_json = json.loads(rollout.cli("history", "chat", "--format", "json").stdout)["records"]
    assert [record["reason"] for record in as_json] == [record["reason"] for record in everything]


# The plan in force.

def test_the_plan_in_force_can_be_read_checked_and_run(origin: StartOrigin, new_weir: StartWeir,
                                                       tmp_path: pathlib.Path) -> None:
    (tmp_path / "key").write_text("a-key-in-a-file\n")
    guarded = {"pathPrefix": "/v1", "headers": [{"name": "x-api-token", "exact": "a-token-to-match"}]}
    routes = [{**route(), "match": guarded, "apiKeys": {"keys": [{"name": "me", "key": {"file": str(tmp_path / "key")}}]},
               "requestHeaders": {"set": {"authorization": "Bearer of-the-origin", "x-mine": "of-mine", "x-plain": "seen",
                                          "x-link": "https://me:of-a-link@h/?token=of-its-query"}},
               "rateLimit": {"requests": 10, "by": "apiKey"}},
              {**route(prefix="/team"), "apiKeys": {"header": "x-team", "keys": [{"name": "me", "key": {"env": "THE_TOKEN"}}]}},
              {**route(), "requestHeaders": {"set": {"x-team": "of-the-team"}}}]
    hooks = [{"type": "event", "name": "chat", "url": "https://hooks.slack.test/services/T0/B0/of-the-hook"},
             {"type": "event", "name": "plain", "url": "http://127.0.0.1:1"}]
    plan = canary(origin("v1"), origin("v2"), at_weight(10), routes=routes, rollout={"webhooks": hooks},
                  accessLog={"path": str(tmp_path / "access.log"), "redact": ["x-mine"]})
    gateway = new_weir(plan, token=TOKEN)
    gateway.write({**plan, "admin": {"address": f"127.0.0.1:{gateway.admin.port}", "token": {"env": "THE_TOKEN"}}})
    gateway.start(THE_TOKEN=TOKEN)
    status, text = gateway.admin.call("GET", "/api/v1/config")
    assert status == 200
    for secret in (TOKEN, "a-key-in-a-file", "a-token-to-match", "of-the-origin", "of-mine", "of-the-hook", "of-a-link",
                   "of-its-query", "of-the-team"):
        assert secret not in text
    document = json.loads(text)
    shown = document["config"]
    assert (document["plan"], document["reloads"], document["reloads_refused"]) == (str(gateway.file), 0, 0)
    assert (shown["workers"], shown["timeouts"]["connect"]) == (2, "2s")
    assert shown["limits"]["memory"].endswith("B")  # of this machine
    assert shown["admin"]["token"] == {"env": "THE_TOKEN"}
    assert shown["routes"][0]["requestHeaders"]["set"] == {
        "authorization": "[redacted]", "x-mine": "[redacted]", "x-plain": "seen",
        "x-link": "https://[redacted]@h/?token=[redacted]"}
    assert shown["rollouts"]["chat"]["salt"] == "chat/v2/"
    assert [hook["url"] for hook in shown["rollouts"]["chat"]["webhooks"]] == [
        "https://hooks.slack.test/[redacted]", "http://127.0.0.1:1"]
    assert {guard["metric"] for guard in shown["rollouts"]["chat"]["analysis"]["guards"]} >= {"errorRate", "latency"}
    jsonschema.Draft7Validator(json.loads(run_cli("schema").stdout)).validate(shown)
    (tmp_path / "shown.yaml").write_text(json.dumps(shown))
    checked = command("check", str(tmp_path / "shown.yaml"), THE_TOKEN=TOKEN)
    assert checked.returncode == command("check", str(gateway.file), THE_TOKEN=TOKEN).returncode, checked.stderr
    # Run from what was shown, it shows the same.
    gateway.stop()
    gateway.file.write_text(json.dumps(shown))
    gateway.start(THE_TOKEN=TOKEN)
    assert gateway.admin.get("config")["config"] == shown


def test_the_plan_in_force_follows_reloads(rollout: Weir) -> None:
    first = rollout.admin.get("config")
    rollout.write({**rollout.plan, "timeouts": {"total": "30s"}})
    rollout.cli("reload")
    second = rollout.admin.get("config")
    assert (first["config"]["timeouts"]["total"], second["config"]["timeouts"]["total"]) == ("none", "30s")
    assert (second["reloads"], second["reloads_refused"]) == (1, 0) and second["loaded"] >= first["loaded"]
    rollout.write({**rollout.plan, "workers": 1})
    assert rollout.cli("reload", check=False).returncode == 1
    third = rollout.admin.get("config")
    assert (third["reloads"], third["reloads_refused"]) == (1, 1)
    assert (third["config"], third["loaded"]) == (second["config"], second["loaded"])


# Whoever else is connected.

@pytest.fixture
def crowd() -> Iterator[Callable[[int, bytes], None]]:
    """Opens connections that have sent this and then say nothing."""
    opened: list[socket.socket] = []

    def join(port: int, said: bytes) -> None:
        opened.append(socket.create_connection(("127.0.0.1", port)))
        opened[-1].sendall(said)

    yield join
    for one in opened:
        one.close()


def test_clients_that_stall_block_nobody(rollout: Weir, crowd: Callable[[int, bytes], None]) -> None:
    for said in (b"", b"GET /api/v1/st", b"GET /api/v1/status HTTP/1.1\r\nHost: loc",
                 b"POST /api/v1/services/chat/weight HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{\"perc"):
        for _ in range(10):
            crowd(rollout.admin.port, said)
    assert rollout.admin.status()["ready"]
    assert rollout.cli("weight", "chat", "30").returncode == 0
    assert get(rollout.port, "/").status == 200


def test_who_has_to_go_at_the_limit_is_counted(rollout: Weir, crowd: Callable[[int, bytes], None]) -> None:
    def turned_away() -> float:
        return Exposition(rollout.admin.metrics()).total("weir_admin_connections_turned_away_total")

    assert turned_away() == 0
    for _ in range(70):  # of 64
        crowd(rollout.admin.port, b"")
    wait_until(lambda: turned_away() >= 6, "they are counted")


def test_a_short_token_is_refused(guarded: Weir, tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text("0123456789abcde\n")
    done = guarded.cli("reload", check=False)
    assert done.returncode == 1 and "at least 16 bytes" in done.stderr and "0123456789" not in done.stderr
    assert guarded.admin.status()["ready"]  # with the token that it had


def test_garbage_harms_nobody(rollout: Weir) -> None:
    head = b" HTTP/1.1\r\nHost: localhost\r\n"
    for said in (b"\0\1\2\3\xff\xfe\r\n\r\n", b"HELO weir\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"\x16\x03\x01\x02\0\x01\0\x01\xfc",
                 b"GET /api/v1/status" + head + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
                 b"POST /api/v1/services/chat/weight" + head + b"Content-Length: 99999999\r\n\r\n",
                 b"POST /api/v1/reload" + head + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n"):
        with socket.create_connection(("127.0.0.1", rollout.admin.port), timeout=30) as client:
            try:
                client.sendall(said)
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except OSError:  # closed before it had read all of it
                answer = b""
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), said[:50]
        assert rollout.admin.status()["ready"] and rollout.admin.rollout()["weight_percent"] == 10


def test_commands_under_load_fail_no_request(rollout: Weir) -> None:
    with Load(rollout.port, rate=200) as load:
        for arguments in (("weight", "chat", "50"), ("pause", "chat"), ("resume", "chat"), ("promote", "chat"),
                          ("abort", "chat"), ("retry", "chat"), ("promote", "chat", "--full"), ("promote", "chat"),
                          ("undo", "chat")):
            rollout.cli(*arguments)
            before = load.tally().answered
            wait_until(lambda: load.tally().answered > before + 10, "traffic goes on")
        tally = load.stop()
    assert (tally.broken, tally.refused, tally.stale) == (0, 0, 0), tally.errors
    assert set(tally.by_status) == {"200"} and set(tally.by_version) == {"v1", "v2"}
