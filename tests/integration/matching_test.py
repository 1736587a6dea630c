"""Which route a request takes: hosts and all below them, expressions, query parameters, cookies."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator

import jsonschema
import pytest
from http_client import get
from origin import Origin
from plans import Plan, version
from serving import running_origin, running_weir
from weir_harness import Weir, run_cli

_RULES: dict[str, Plan] = {
    "regex": {"host": "re.test", "pathRegex": "/v[0-9]+/(chat|embed)"},
    "below": {"host": "*.example.com", "pathPrefix": "/"},
    "query": {"host": "q.test", "query": [{"name": "model", "prefix": "llama-"}, {"name": "n", "regex": "[0-9]+"},
                                          {"name": "off", "absent": True}]},
    "cookie": {"host": "c.test", "cookies": [{"name": "plan", "exact": "pro"}]},
    "absent": {"host": "h.test", "headers": [{"name": "x-user", "absent": True}]},
    "header": {"host": "h.test", "headers": [{"name": "x-user", "regex": "a.*e"}]},
    "rest": {"pathPrefix": "/"},
}


def test_the_schema_takes_what_a_route_can_say(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {
        "paths": {"doubleSlash": "merge"},
        "listeners": [{"address": "127.0.0.1:8080", "allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"],
                       "paths": {"encodedSlash": "reject"}}],
        "services": {"s": {"versions": {"a": version(1), "b": version(2)}, "weights": {"a": 50, "b": 50},
                           "stickiness": {"by": [{"apiKey": True}, {"query": "u"}, {"clientAddress": True}]}}},
        "routes": [
            {"match": {**_RULES["query"], "host": "*.test", "pathPrefix": "/a", "cookies": _RULES["cookie"]["cookies"],
                       "headers": _RULES["absent"]["headers"]},
             "service": "s", "allow": ["10.0.0.0/8"], "deny": ["::1"],
             "apiKeys": {"header": "authorization", "forward": True, "keys": [{"name": "k", "key": {"env": "KEY"}}]},
             "rateLimit": {"requests": 5, "per": "1m", "burst": 7, "by": {"header": "x"}},
             "rewrite": {"prefix": "/v", "host": "h"},
             "requestHeaders": {"set": {"x-a": 1}, "add": {"x-b": True}, "remove": ["x-c"]},
             "responseHeaders": {"remove": ["server"]}},
            {"match": {"pathRegex": "/v[0-9]+"},
             "redirect": {"status": 308, "scheme": "https", "host": "h", "port": 8443, "path": "/x"}},
            {"match": {"pathPrefix": "/r"}, "redirect": {"prefix": "/x"}, "rateLimit": {"requests": 5, "by": "route"}},
            {"match": {}, "respond": {"status": 404, "body": "no\n", "contentType": "text/plain"}}]}
    monkeypatch.setenv("KEY", "open-sesame-and-let-me-in")
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(every))
    done = run_cli("check", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    jsonschema.Draft7Validator(json.loads(run_cli("schema").stdout)).validate(every)


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with running_origin() as origin:
        with running_weir(plan(origin), tmp_path_factory.mktemp("weir")) as weir:
            yield weir


def plan(origin: Origin) -> Plan:
    """A service a rule, whose version is called as the rule is."""
    return {"services": {name: {"versions": {name: version(origin)}} for name in _RULES},
            "routes": [{"name": name, "match": rule, "service": name} for name, rule in _RULES.items()]}


def taken(weir: Weir, host: str, target: str = "/inspect", **fields: str) -> Any:
    """The rule by which the request was sent on; its target went on as it came."""
    reply = get(weir.port, target, {"Host": host, **{name.replace("_", "-"): value for name, value in fields.items()}})
    assert reply.status in (200, 404), reply
    return reply["x-weir-version"]


def test_an_expression_has_to_match_the_whole_path(served: Weir) -> None:
    assert taken(served, "re.test", "/v12/chat?x=/") == "regex"
    assert taken(served, "re.test", "/v12/./%63hat") == "regex"
    assert taken(served, "re.test", "/v12/chats") == "rest"
    assert taken(served, "re.test", "/a/v12/chat") == "rest"


def test_a_wildcard_takes_every_host_below(served: Weir) -> None:
    for host in ("a.example.com", "A.B.Example.com:8080", "a.b.c.example.com", "a.example.com.", "a.example.com.:80"):
        assert taken(served, host) == "below", host
    for host in ("example.com", "aexample.com", "a.example.com.org"):
        assert taken(served, host) == "rest", host


def test_query_parameters_are_decoded(served: Weir) -> None:
    assert taken(served, "q.test", "/inspect?n=7&model=llama-3") == "query"
    assert taken(served, "q.test", "/inspect?%6Dodel=llama%2D3&n=%37") == "query"
    for query in ("n=7", "n=x&model=llama-3", "n=x&n=7&model=llama-3", "n=7&model=llama-3&off", "", "n=7&model=Llama-3"):
        assert taken(served, "q.test", f"/inspect?{query}") == "rest", query


def test_cookies_are_matched_by_their_first(served: Weir) -> None:
    assert taken(served, "c.test", Cookie="a=1; plan=pro; plan=free") == "cookie"
    assert taken(served, "c.test", Cookie="plan=free; plan=pro") == "rest"
    assert taken(served, "c.test") == "rest"


def test_a_header_can_be_described_or_be_absent(served: Weir) -> None:
    assert taken(served, "h.test") == "absent"
    assert taken(served, "h.test", x_user="alice") == "header"
    assert taken(served, "h.test", x_user="bob") == "rest"
