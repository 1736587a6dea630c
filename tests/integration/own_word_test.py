"""Rules that name a field of the weir's own go by what is so, not by what a client says in it."""
from __future__ import annotations

import pathlib
from typing import Any, Callable, Iterator

import pytest
from certificates import Authority
from http_client import Connection, get
from origin import Origin
from plans import Plan, at_weight, canary, one_version, route, version
from ports import free_port
from serving import running_origin, running_weir
from weir_harness import Weir, run_cli

FORGED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "bank.test", "X-Forwarded-Port": "443",
          "X-Forwarded-Client-Cert": 'Hash=0;Subject="CN=alice"', "X-Weir-Shadow": "chat/v2"}


def _rule(name: str, header: str, **value: Any) -> Plan:
    return {"name": name, "match": {"pathExact": f"/{name}", "headers": [{"name": header, **value}]},
            "respond": {"status": 200, "body": "taken"}}


_RULES = [_rule("cert", "X-Forwarded-Client-Cert", regex='.*;Subject="CN=alice"'),
          _rule("no-cert", "x-forwarded-client-cert", absent=True),
          _rule("https", "x-forwarded-proto", exact="https"), _rule("http", "x-forwarded-proto", exact="http"),
          _rule("bank", "x-forwarded-host", exact="bank.test"), _rule("weir", "x-forwarded-host", exact="weir.test"),
          _rule("port", "x-forwarded-port", exact="443"), _rule("shadow", "x-weir-shadow")]


class Site:
    """A weir with a plain listener, one that asks for certificates, and one behind a hop that is believed."""

    def __init__(self, origin: Origin, directory: pathlib.Path):
        self.authority = Authority(directory / "ca")
        self.alice = self.authority.issue("alice")
        self.plain, self.secure, self.hop = free_port(), free_port(), free_port()
        tls = {"certificates": [self.authority.issue("weir.test").plan()],
               "clientCertificates": {"ca": str(self.authority.certificate), "require": False}}
        self.plan = one_version(origin, routes=[*_RULES, route()], listeners=[
            {"address": f"127.0.0.1:{self.plain}"}, {"address": f"127.0.0.1:{self.secure}", "tls": tls},
            {"address": f"127.0.0.1:{self.hop}", "trustedHops": ["127.0.0.0/8"]}])

    def takes(self, name: str, at: int, forged: bool = True, certificate: Any = None) -> bool:
        """Whether the rule of this name takes a request to this listener."""
        tls = (self.authority.client(certificate=certificate), "weir.test") if at == self.secure else None
        with Connection(at, tls=tls) as client:
            reply = client.request("GET", f"/{name}", FORGED if forged else {})
        assert reply.status == 200
        return reply.body == b"taken"


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("own")
    with running_origin() as origin:
        site = Site(origin, directory)
        with running_weir(site.plan, directory):
            yield site


def test_only_a_verified_certificate_is_one(site: Site) -> None:
    for at in (site.plain, site.secure, site.hop):
        assert not site.takes("cert", at) and site.takes("no-cert", at)
    assert site.takes("cert", site.secure, certificate=site.alice)
    assert site.takes("cert", site.secure, forged=False, certificate=site.alice)
    assert not site.takes("cert", site.secure, certificate=site.authority.issue("mallory"))


def test_the_scheme_is_the_connections_or_a_trusted_hops(site: Site) -> None:
    for forged in (True, False):
        assert site.takes("http", site.plain, forged) and not site.takes("https", site.plain, forged)
        assert site.takes("https", site.secure, forged) and not site.takes("http", site.secure, forged)
    assert site.takes("https", site.hop) and not site.takes("http", site.hop)
    assert site.takes("http", site.hop, forged=False)


def test_the_host_is_the_requests_or_a_trusted_hops(site: Site) -> None:
    assert site.takes("weir", site.plain) and not site.takes("bank", site.plain)
    assert site.takes("bank", site.hop) and not site.takes("weir", site.hop)
    assert site.takes("weir", site.hop, forged=False)


def test_what_else_is_said_of_the_way_here_is_a_trusted_hops(site: Site) -> None:
    for name in ("port", "shadow"):
        assert not site.takes(name, site.plain) and site.takes(name, site.hop)


def test_who_stands_before_the_hop_says_nothing_behind_it(site: Site) -> None:
    """The hop adds a line of its own to what came to it."""
    with Connection(site.hop) as client:
        client.send(b"GET /https HTTP/1.1\r\nHost: weir.test\r\nX-Forwarded-Proto: https\r\n"
                    b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\r\n")
        assert client.reply().body != b"taken"


def test_a_sidecar_believes_nobody_whom_it_does_not_know(origin: Callable[..., Origin], weir: Callable[..., Weir]) -> None:
    served = weir(one_version(origin(), preset="sidecar", routes=[*_RULES, route()]))
    for name in ("cert", "https", "bank", "port", "shadow"):
        assert get(served.port, f"/{name}", FORGED).body != b"taken"


def test_nobody_chooses_a_version_by_a_certificate_that_he_has_not(origin: Callable[..., Origin],
                                                                   weir: Callable[..., Weir]) -> None:
    rule = {"match": {"header": {"name": "x-forwarded-client-cert", "exact": "Hash=1"}}, "version": "v2"}
    served = weir(canary(origin("v1"), origin("v2"), at_weight(0), rollout={"overrides": [rule]}))
    assert get(served.port, "/", {"X-Forwarded-Client-Cert": "Hash=1"})["x-weir-version"] == "v1"


@pytest.mark.parametrize("field", ["x-forwarded-client-cert", "x-forwarded-port"])
def test_nobody_makes_himself_a_key(field: str, origin: Callable[..., Origin], weir: Callable[..., Weir]) -> None:
    """Of rates, of stickiness, of affinity."""
    one = origin()
    plan = one_version(one, routes=[route(rateLimit={"requests": 2, "per": "1h", "by": {"header": field}})])
    service = plan["services"]["chat"]
    service["versions"] = {"v1": {**version(one, origin("b")), "loadBalancing": {"policy": "hash", "by": [{"header": field}]}},
                           "v2": version(one)}
    plan["services"]["chat"] = {**service, "weights": {"v1": 50, "v2": 50}, "stickiness": {"by": [{"header": field}]}}
    served = weir(plan)
    assert [get(served.port, "/", {field: str(i)}).status for i in range(3)] == [200, 200, 429]


def test_the_log_shows_what_is_so(tmp_path: pathlib.Path, origin: Callable[..., Origin], weir: Callable[..., Weir]) -> None:
    path = tmp_path / "access.log"
    names = "x-forwarded-for x-forwarded-proto x-forwarded-client-cert x-forwarded-port x-request-id x-tenant".split()
    text = " ".join(f"%header:{name}%" for name in names)
    served = weir(one_version(origin(), workers=1, accessLog={"path": str(path), "format": text}))
    reply = get(served.port, "/", {**FORGED, "X-Forwarded-For": "10.0.0.1", "X-Request-Id": "mine", "X-Tenant": "t"})
    get(served.port, "/a b", {**FORGED, "X-Tenant": "t"})  # cannot be read
    served.stop()
    first, second = path.read_text().splitlines()
    assert first == f"127.0.0.1 http - - {reply['x-request-id']} t"
    assert second.split(" ")[:5] == ["-"] * 5


@pytest.mark.parametrize("name, why", [
    ("X-Forwarded-For", "it begins with whatever the client says; expected clientAddress, or allow and deny on the route"),
    ("forwarded", "it begins with whatever the client says; expected clientAddress, or allow and deny on the route"),
    ("x-request-id", "it is another one for each request; expected another header"),
    ("x_forwarded_proto", "it is taken off, for servers of the CGI kind take it for one of the weir's own; "
                          "expected a dash for each underscore")])
def test_check_refuses_a_rule_that_nothing_true_can_match(name: str, why: str, tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text('listeners: [ { address: "127.0.0.1:2" } ]\n'
                    'services: { s: { versions: { v: { endpoints: ["http://127.0.0.1:1"] } } } }\n'
                    f"routes: [ {{ match: {{ headers: [ {{ name: {name} }} ] }}, service: s }} ]\n")
    done = run_cli("check", str(plan))
    assert done.returncode != 0 and "1 error(s), 0 warning(s)" in done.stderr
    assert f':3:41: error: routes[0].match.headers[0].name: no request can be matched by "{name}": {why}' in done.stderr
