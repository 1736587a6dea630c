"""What a route does beside choosing a service: rewrites, changed fields, redirects, answers of the plan's own."""
from __future__ import annotations

from typing import Any, Callable

import pytest
from http_client import Connection, Reply, chunked, get, request_bytes
from plans import Plan, version
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nserver: o\r\nx-inner: a\r\nx-inner: b\r\nset-cookie: s=1\r\n\r\nok"


_TAIL = b"3\r\nabc\r\n0\r\nx-kept: 2\r\n\r\n"


def plan(origin: Any, *routes: Plan) -> Plan:
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "routes": list(routes)}


def answered(**action: Any) -> Plan:
    """A route that needs no service."""
    return {"match": action.pop("match", {"pathPrefix": "/"}), **action}


def lines_of(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")[:-2]


# Rewrites


@pytest.mark.parametrize(("target", "sent"), [
    ("/api/x?a=%2e&b=//", "/v2/x?a=%2e&b=//"),
    ("/api", "/v2"),
    ("/api/", "/v2/"),
    ("/api/a%2Fb%20c", "/v2/a%2Fb%20c"),
    ("/api/a%2fb/%7e", "/v2/a%2Fb/~"),        # what is rewritten is the path in its normal form
    ("/x/../%61pi/./y", "/v2/y"),
    ("/api//y", "/v2//y"),
])
def test_a_prefix_is_replaced_in_the_normal_form(weir: StartWeir, target: str, sent: str) -> None:
    route = {"match": {"pathPrefix": "/api"}, "service": "chat", "rewrite": {"prefix": "/v2/"}}
    with RawOrigin(always(_ANSWER)) as origin:
        assert get(weir(plan(origin, route)).port, target).status == 200
        assert lines_of(origin.heads[0])[0] == f"GET {sent} HTTP/1.1".encode()


def test_a_host_is_replaced_and_the_clients_own_still_told(weir: StartWeir) -> None:
    route = {"match": {"pathPrefix": "/"}, "service": "chat", "rewrite": {"host": "inner.test"}}
    with RawOrigin(always(_ANSWER)) as origin:
        assert get(weir(plan(origin, route)).port, "/a%2e%2e", {"Host": "outer.test:81"}).status == 200
        lines = lines_of(origin.heads[0])
        assert lines[:2] == [b"GET /a%2e%2e HTTP/1.1", b"host: inner.test"]
        assert b"x-forwarded-host: outer.test:81" in lines


# Fields


def test_fields_of_a_request_are_set_added_and_removed(weir: StartWeir) -> None:
    edits = {"set": {"X-Tier": "gold"}, "add": {"x-tag": "weir"}, "remove": ["X-Secret", "user-agent"]}
    route = {"match": {"pathPrefix": "/"}, "service": "chat", "requestHeaders": edits}
    with RawOrigin(always(_ANSWER)) as origin:
        sent = (b"GET / HTTP/1.1\r\nHost: h\r\nx-tier: free\r\nX-TIER: none\r\nx-tag: client\r\nX-secret: 1\r\n"
                b"User-Agent: curl\r\nAccept: */*\r\n\r\n")
        with Connection(weir(plan(origin, route)).port) as client:
            client.send(sent)
            assert client.reply().status == 200
        lines = lines_of(origin.heads[0])
        fields = [line for line in lines[1:] if not line.startswith((b"x-forwarded", b"x-request-id", b"via", b"forwarded",
                                                                      b"trace"))]
        assert fields == [b"host: h", b"x-tag: client", b"Accept: */*", b"x-tier: gold", b"x-tag: weir"]


def test_what_is_removed_does_not_come_in_a_trailer_either(weir: StartWeir) -> None:
    tails: list[bytes] = []

    def serve(peer: Peer) -> None:
        peer.head()
        tails.append(peer.body(len(_TAIL)))
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-inner: 1\r\nx-outer: 2\r\n\r\n")

    route = {"match": {"pathPrefix": "/"}, "service": "chat", "requestHeaders": {"remove": ["x-secret"]},
             "responseHeaders": {"remove": ["x-inner"]}}
    with RawOrigin(serve) as origin:
        with Connection(weir(plan(origin, route)).port) as client:
            client.send(request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}))
            client.send(chunked(b"abc", trailers=b"X-Secret: 1\r\nx-kept: 2\r\n"))
            reply = client.reply()
        assert tails == [_TAIL]
        assert reply.trailers == [("x-outer", "2")]


def test_fields_of_a_response_are_changed_on_our_own_answers_too(weir: StartWeir) -> None:
    edits = {"set": {"server": "edge", "content-type": "text/x"}, "add": {"set-cookie": "t=2", "x-frame-options": "DENY"},
             "remove": ["x-inner", "set-cookie"]}
    route = {"match": {"pathPrefix": "/"}, "service": "chat", "responseHeaders": edits}
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, route))
        reply = get(served.port)
        assert (reply["server"], reply["x-inner"], reply["set-cookie"]) == ("edge", None, "t=2")
        assert reply["x-frame-options"] == "DENY" and reply.body == b"ok" and reply["content-length"] == "2"
        origin.stop()
        failed = get(served.port)
        assert failed.status == 503 and failed["x-frame-options"] == "DENY" and failed["server"] == "edge"
        assert failed["content-type"] == "text/x"  # once


# Redirects


def location(weir: Weir, target: str, **fields: str) -> str:
    reply = get(weir.port, target, fields)
    assert reply.status in (301, 302, 303, 307, 308) and reply.body == b"" and reply["content-length"] == "0", reply
    assert reply["x-weir-version"] is None and reply["x-request-id"]
    return reply["location"] or ""


def test_a_redirect_keeps_what_it_does_not_name(weir: StartWeir) -> None:
    served = weir(plan(
        1, answered(match={"host": "tls.test"}, redirect={"scheme": "https", "status": 308}),
        answered(match={"host": "www.test"}, redirect={"host": "new.test", "port": 8443, "status": 301}),
        answered(match={"pathPrefix": "/old/"}, redirect={"prefix": "/new"}),
        answered(match={"pathExact": "/gone"}, redirect={"path": "/here", "status": 303})))
    assert location(served, "/a/b?c=d&e", Host="tls.test:8080") == "https://tls.test/a/b?c=d&e"
    assert location(served, "/", Host="www.test") == "http://new.test:8443/"
    assert location(served, "/old/x?y") == "/new/x?y"
    assert location(served, "/gone?") == "/here?"
    assert get(served.port, "/old/").status == 302
    assert get(served.port, "/a", {"Host": "tls.test"}).status == 308
    counted = served.admin.metrics()
    assert "weir_requests_answered_total 6" in counted and "weir_requests_refused_total 0" in counted


def test_nobody_can_make_a_redirect_lead_elsewhere(weir: StartWeir) -> None:
    served = weir(plan(1, answered(match={"pathPrefix": "/old"}, redirect={"prefix": "/"}),
                       answered(redirect={"scheme": "https"})))
    assert location(served, "/old//evil.test/x") == "/evil.test/x"
    assert location(served, "/old/%2e//evil.test") == "/evil.test"
    assert location(served, "/old/\\evil.test") == "/%5Cevil.test"
    assert location(served, "/old/%0d%0aSet-Cookie:%20a=b") == "/%0D%0ASet-Cookie:%20a=b"
    assert location(served, "//evil.test/", Host="good.test") == "https://good.test/evil.test/"
    assert location(served, "/?<script>", Host="good.test") == "https://good.test/?%3Cscript%3E"


def to_https(origin: Any, **top: Any) -> Plan:
    """All to https, and what is there already to the service."""
    return {**plan(origin, answered(redirect={"scheme": "https", "status": 308}),
                   {"match": {"pathPrefix": "/"}, "service": "chat"}), **top}


def test_a_redirect_to_https_believes_a_trusted_hop(weir: StartWeir) -> None:
    """A balancer that ends TLS says so: else its clients would be led round for ever."""
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(to_https(origin, trustedHops=["127.0.0.0/8"]))
        for said in ({"X-Forwarded-Proto": "https"}, {"Forwarded": "for=192.0.2.1;proto=https;host=a.test"},
                     {"X-Forwarded-For": "192.0.2.1, 127.0.0.5", "X-Forwarded-Proto": "https, http"}):
            assert get(served.port, "/", said).status == 200
        inside = {"Host": "10.0.0.5:8080", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "www.test"}
        assert location(served, "/a?b", **inside) == "https://www.test/a?b"
        assert location(served, "/a", Forwarded="proto=http;host=\"www.test:81\"") == "https://www.test/a"
        assert location(served, "/", **{"X-Forwarded-Host": "evil.test/@", "Host": "www.test"}) == "https://www.test/"
        assert location(served, "/", **{"X-Forwarded-Proto": "gopher", "Host": "www.test"}) == "https://www.test/"


def test_a_redirect_believes_nobody_else(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        for top in ({}, {"preset": "sidecar"}, {"trustedHops": ["192.0.2.0/24"]}):
            served = weir(to_https(origin, **top))
            said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test", "Forwarded": "proto=https"}
            assert location(served, "/", Host="www.test", **said) == "https://www.test/"
            assert not origin.heads


def test_a_redirect_leaves_alone_what_is_there_already(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, answered(redirect={"host": "www.test", "port": 8080}),
                           answered(match={"pathPrefix": "/"}, redirect={"path": "/closed"}),
                           answered(respond={"body": "closed"})))
        assert location(served, "/", Host="a.test:8080") == "http://www.test:8080/"
        assert location(served, "/", Host="WWW.test:81") == "http://www.test:8080/"
        assert location(served, "/", Host="WWW.test:8080") == "/closed"
        assert get(served.port, "/closed", {"Host": "www.test:8080"}).body == b"closed"


@pytest.mark.parametrize("redirect", [{"scheme": "https", "status": 308}, {"port": 8443}])
def test_who_names_no_host_is_not_led_round(weir: StartWeir, redirect: Plan) -> None:
    served = weir(plan(1, answered(redirect=redirect)))
    with Connection(served.port) as client:
        client.send(b"GET /a?b HTTP/1.0\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["location"]) == (400, "missing_host", None)


def test_the_server_as_a_whole_is_led_to_its_root(weir: StartWeir) -> None:
    served = weir(plan(1, answered(redirect={"scheme": "https", "status": 308})))
    with Connection(served.port) as client:
        client.send(b"OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n")
        assert client.reply()["location"] == "https://a.test/"


# Answers of the plan's own


def test_an_answer_of_the_plan(weir: StartWeir) -> None:
    body = "User-agent: *\nDisallow: /\n"
    served = weir(plan(
        1, answered(match={"pathExact": "/robots.txt"}, respond={"body": body}),
        answered(match={"pathExact": "/json"}, respond={"status": 418, "body": "{}", "contentType": "application/json"}),
        answered(match={"pathExact": "/none"}, respond={"status": 204}),
        answered(respond={"status": 404}, responseHeaders={"set": {"cache-control": "no-store"}})))
    with Connection(served.port) as client:
        reply = client.request("GET", "/robots.txt")
        assert (reply.status, reply.body, reply["content-type"]) == (200, body.encode(), "text/plain; charset=utf-8")
        assert reply["x-weir-reason"] is None and reply["date"]
        head = client.request("HEAD", "/robots.txt")
        assert head["content-length"] == str(len(body))
        none = client.request("GET", "/none")
        assert none.status == 204 and none["content-length"] is None and none["content-type"] is None
        assert none["transfer-encoding"] is None
        tea = client.request("GET", "/json")
        assert (tea.status, tea.body, tea["content-type"]) == (418, b"{}", "application/json")
        rest = client.request("GET", "/x")
        assert (rest.status, rest.body, rest["cache-control"]) == (404, b"", "no-store")


# Not a request, whatever it looks like.
_BODY = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
_MOST = 64 * 1024


@pytest.mark.parametrize("action", [{"respond": {"body": "no"}}, {"redirect": {"path": "/elsewhere"}},
                                    {"respond": {"body": "no"}, "deny": ["0.0.0.0/0", "::/0"]}],
                         ids=["respond", "redirect", "refusal"])
def test_a_short_body_that_nobody_reads_is_dropped(weir: StartWeir, action: Plan) -> None:
    served = weir(plan(1, answered(**action)))
    with Connection(served.port) as client:
        for body in (_BODY, b"", b"x" * _MOST):
            # The answer does not wait for the body, nor the next request for anything but its end.
            client.send(request_bytes("POST", "/", {"Content-Length": str(len(body))}))
            reply: Reply = client.reply(to="POST")
            assert reply.status in (200, 302, 403) and reply.keeps_open()
            client.send(body + request_bytes("GET", "/"))
            assert client.reply().status == reply.status
        client.send(request_bytes("POST", "/", body=_BODY) + request_bytes("POST", "/", body=_BODY))
        assert client.reply().status == client.reply().status == reply.status


@pytest.mark.parametrize("request_", [
    request_bytes("POST", "/", body=b"x" * (_MOST + 1)), request_bytes("POST", "/", {"Transfer-Encoding": "chunked"}, chunked(_BODY)),
    request_bytes("POST", "/", {"Content-Length": "5", "Expect": "100-continue"}),
    request_bytes("POST", "/", {"Connection": "close"}, _BODY)], ids=["long", "chunks", "asks first", "last"])
def test_a_body_that_nobody_reads_else_ends_the_connection(weir: StartWeir, request_: bytes) -> None:
    served = weir(plan(1, answered(respond={"body": "no"})))
    with Connection(served.port) as client:
        client.send(request_)
        reply: Reply = client.reply(to="POST")
        assert reply.status == 200 and not reply.keeps_open() and client.at_end()


def test_a_short_body_that_does_not_come_ends_the_connection(weir: StartWeir) -> None:
    served = weir(plan(1, answered(respond={"body": "no"})))
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/", {"Content-Length": "5"}) + b"four")
        assert client.reply(to="POST").keeps_open() and client.at_end()
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/", {"Content-Length": "5"}) + b"four")
        client.half_close()
        assert client.reply(to="POST").status == 200 and client.at_end()


def test_a_reload_changes_what_a_route_does(weir: StartWeir) -> None:
    served = weir(plan(1, answered(respond={"body": "first"})))
    assert get(served.port).body == b"first"
    served.write(plan(1, answered(redirect={"path": "/second", "status": 307})))
    served.cli("reload")
    assert get(served.port)["location"] == "/second"
