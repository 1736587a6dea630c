"""What a request carries to its origin, and a reply to its client."""
from __future__ import annotations

import re
from typing import Any, Callable, Iterator

import pytest
from http_client import Connection, get, request_bytes
from origin import Origin
from plans import Plan, at_weight, canary, one_version
from ports import free_port
from raw_origin import RawOrigin, always
from serving import running_origin, running_weir
from weir_harness import Weir

StartWeir = Callable[..., Weir]


@pytest.fixture(name="origin_v1", scope="module")
def _origin_v1() -> Iterator[Origin]:
    with running_origin() as origin:
        yield origin


@pytest.fixture(name="edge", scope="module")
def _edge(origin_v1: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with running_weir(one_version(origin_v1), tmp_path_factory.mktemp("edge")) as weir:
        yield weir


@pytest.fixture(name="sidecar", scope="module")
def _sidecar(origin_v1: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with running_weir(one_version(origin_v1, preset="sidecar"), tmp_path_factory.mktemp("sidecar")) as weir:
        yield weir


SAID = ("X-Forwarded-For: 10.9.8.7, 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: bank.test",
        "X-Request-Id: mine-17", "Forwarded: for=10.9.8.7")


def choosing(origin: Origin) -> Plan:
    """A canary at no weight, whose candidate clients in 10.0.0.0/8 may choose."""
    rule = {"match": {"header": {"name": "x-version", "exact": "v2"}}, "version": "v2", "from": ["10.0.0.0/8"]}
    return canary(origin, origin, at_weight(0), rollout={"overrides": [rule]})


@pytest.fixture(name="chooser", scope="module")
def _chooser(origin_v1: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    plan = {**choosing(origin_v1), "trustedHops": ["127.0.0.0/8"]}
    with running_weir(plan, tmp_path_factory.mktemp("chooser")) as weir:
        yield weir


def seen_by_origin(weir: Weir, *lines: str, target: str = "/inspect", method: str = "GET") -> Any:
    """Sends these field lines, and returns the request as it came to the origin, fields as lists by lower-case name."""
    head = "".join(f"{line}\r\n" for line in ("Host: weir.test", *lines))
    with Connection(weir.port) as client:
        client.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        seen = client.reply(to=method).json()
    by_name: dict[str, list[str]] = {}
    for name, value in seen["fields"]:
        by_name.setdefault(name.lower(), []).append(value)
    return {**seen, "by_name": by_name}


# Replies


def test_a_reply_names_the_version_and_the_request(edge: Weir) -> None:
    reply = get(edge.port, "/inspect")
    assert reply["x-weir-version"] == "v1" and reply["x-origin"] == "v1"
    assert re.fullmatch("[0-9a-f]{32}", reply["x-request-id"] or "")
    assert ["x-request-id", reply["x-request-id"]] in reply.json()["fields"]
    assert get(edge.port, "/inspect")["x-request-id"] != reply["x-request-id"]


def test_an_origin_cannot_say_another_version_or_request(weir: StartWeir) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Weir-Version: v9\r\nX-Request-Id: theirs\r\ncontent-length: 0\r\n\r\n"
    with RawOrigin(always(answer)) as origin:
        reply = get(weir(one_version(origin)).port)
    assert reply["x-weir-version"] == "v1"
    assert re.fullmatch("[0-9a-f]{32}", reply["x-request-id"] or "")


def test_the_version_can_be_kept_to_ourselves(weir: StartWeir) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Weir-Version: v9\r\ncontent-length: 0\r\n\r\n"
    with RawOrigin(always(answer)) as origin:
        served = weir(one_version(origin, versionHeader=False))
        reply = get(served.port)
        assert reply.status == 200 and reply["x-weir-version"] is None and reply["x-request-id"]
        origin.stop()
        failed = get(served.port)
        assert failed.status == 503 and failed["x-weir-version"] is None


def test_a_reply_without_a_date_gets_one(weir: StartWeir) -> None:
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as origin:
        served = weir(one_version(origin))
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", get(served.port)["date"] or "")


def test_a_date_of_the_origin_is_left_alone(weir: StartWeir) -> None:
    date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ndate: " + date + b"\r\ncontent-length: 0\r\n\r\n")) as origin:
        assert get(weir(one_version(origin)).port)["date"] == date.decode()


@pytest.mark.parametrize("request_head,status,code", [
    (b"GET /none HTTP/1.1\r\nHost: other\r\n\r\n", 404, "no_route"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, "missing_host"),
])
def test_a_reply_of_the_weirs_own_says_why(weir: StartWeir, origin: Callable[..., Origin], request_head: bytes,
                                           status: int, code: str) -> None:
    plan = one_version(origin())
    plan["routes"][0]["match"]["host"] = "weir.test"
    with Connection(weir(plan).port) as client:
        client.send(request_head)
        reply = client.reply()
    assert (reply.status, reply["x-weir-reason"], reply.json()["error"]["code"]) == (status, code, code)
    assert reply["content-type"] == "application/json" and reply.json()["error"]["message"] and reply["date"]
    assert reply["x-weir-version"] is None  # no version has any part in it


def test_a_replys_fields_keep_their_order_case_and_number(weir: StartWeir) -> None:
    answer = (b"HTTP/1.1 299 Quite Odd\r\nSet-Cookie: a=1; Path=/\r\nX-Mixed-Case: 1\r\nset-cookie: b=2\r\n"
              b"X-Empty:\r\nX-Spaces: \t  in the middle  \t\r\nX-Latin: caf\xe9\r\ncontent-length: 0\r\n\r\n")
    with RawOrigin(always(answer)) as origin, Connection(weir(one_version(origin)).port) as client:
        client.send(request_bytes("GET", "/", {"Connection": "close"}))
        raw = b""
        while data := client.read_some():
            raw += data
    lines = raw.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 299 Quite Odd"
    names = (b"set-cookie", b"x-mixed", b"x-empty", b"x-spaces", b"x-latin")
    theirs = [line for line in lines if line.lower().startswith(names)]
    assert [line.rstrip() for line in theirs] == [
        b"Set-Cookie: a=1; Path=/", b"X-Mixed-Case: 1", b"set-cookie: b=2", b"X-Empty:", b"X-Spaces: in the middle",
        b"X-Latin: caf\xe9"]


def test_a_large_reply_head_passes(weir: StartWeir) -> None:
    fields = b"".join(b"X-Field-%d: %s\r\n" % (number, b"v" * 480) for number in range(150))
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\n" + fields + b"content-length: 2\r\n\r\nok")) as origin:
        with Connection(weir(one_version(origin)).port) as client:
            for _ in range(2):
                reply = client.request("GET", "/")
                assert reply.body == b"ok" and reply["x-field-149"] == "v" * 480


# Who a request comes from


def test_an_edge_says_itself_where_a_request_comes_from(edge: Weir) -> None:
    seen = seen_by_origin(edge, "X-Forwarded-For: 10.9.8.7", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https",
                          "X-Forwarded-Host: bank.test", "X-Request-Id: mine")["by_name"]
    assert seen["x-forwarded-for"] == ["127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["http"]
    assert seen["x-forwarded-host"] == ["weir.test"]
    assert len(seen["x-request-id"]) == 1 and re.fullmatch("[0-9a-f]{32}", seen["x-request-id"][0])


def test_a_client_without_host_cannot_say_one_either(edge: Weir) -> None:
    with Connection(edge.port) as client:
        client.send(b"GET /inspect HTTP/1.0\r\nX-Forwarded-Host: bank.test\r\n\r\n")
        seen = client.reply().json()
    assert not [name for name, _ in seen["fields"] if name.lower() == "x-forwarded-host"]


def test_a_sidecar_continues_what_its_gateway_said(sidecar: Weir) -> None:
    seen = seen_by_origin(sidecar, "X-Forwarded-For: 10.9.8.7, 10.0.0.1", "X-Forwarded-Proto: https",
                          "X-Forwarded-Host: bank.test", "X-Request-Id: mine-17")["by_name"]
    assert seen["x-forwarded-for"] == ["10.9.8.7, 10.0.0.1, 127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["https"]
    assert seen["x-forwarded-host"] == ["bank.test"]
    assert seen["x-request-id"] == ["mine-17"]


def test_nobody_gets_a_forwarded_past_an_edge(edge: Weir, sidecar: Weir) -> None:
    assert "forwarded" not in seen_by_origin(edge, "Forwarded: for=10.9.8.7;proto=https")["by_name"]
    seen = seen_by_origin(sidecar, "Forwarded: for=10.9.8.7", "forwarded: for=10.0.0.1")["by_name"]
    assert seen["forwarded"] == ["for=10.9.8.7", "for=10.0.0.1"]


def test_forwarded_can_be_said_too(weir: StartWeir, origin_v1: Origin) -> None:
    """RFC 7239: what has a colon is quoted."""
    plan = one_version(origin_v1, forwarded=True)
    theirs = ("Forwarded: for=10.9.8.7;proto=https", "X-Forwarded-For: 10.9.8.7")
    ours = 'for=127.0.0.1;host="weir.test";proto=http'
    edge = weir(plan)
    for lines in ((), theirs):
        seen = seen_by_origin(edge, *lines)["by_name"]
        assert seen["forwarded"] == [ours] and seen["x-forwarded-for"] == ["127.0.0.1"]
    with Connection(edge.port) as client:
        client.send(b"GET http://[::1]:80/inspect HTTP/1.1\r\nHost: a\r\n\r\n")
        assert ["forwarded", 'for=127.0.0.1;host="[::1]:80";proto=http'] in client.reply().json()["fields"]
        client.send(b"GET /inspect HTTP/1.0\r\n\r\n")
        assert ["forwarded", "for=127.0.0.1;proto=http"] in client.reply().json()["fields"]
    behind = weir({**plan, "trustedHops": ["127.0.0.1"]})
    assert seen_by_origin(behind, *theirs)["by_name"]["forwarded"] == [f"for=10.9.8.7;proto=https, {ours}"]
    several = seen_by_origin(behind, "Forwarded: for=a", "Forwarded: for=b")["by_name"]["forwarded"]
    assert several == ["for=a", "for=b", ours]


def test_a_trusted_hop_is_believed(weir: StartWeir, origin_v1: Origin) -> None:
    for hops in (["127.0.0.0/8"], ["192.0.2.1", "127.0.0.1"], ["::/0", "0.0.0.0/0"]):
        seen = seen_by_origin(weir(one_version(origin_v1, trustedHops=hops)), *SAID)["by_name"]
        assert seen["x-forwarded-for"] == ["10.9.8.7, 10.0.0.1, 127.0.0.1"]
        assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == (["https"], ["bank.test"])
        assert (seen["x-request-id"], seen["forwarded"]) == (["mine-17"], ["for=10.9.8.7"])


@pytest.mark.parametrize("preset", ["edge", "sidecar"])
@pytest.mark.parametrize("hops", [["192.0.2.0/24"], ["::/0"], ["unix"], ["none"]])
def test_who_is_no_trusted_hop_is_not_believed(weir: StartWeir, origin_v1: Origin, preset: str,
                                               hops: list[str]) -> None:
    seen = seen_by_origin(weir(one_version(origin_v1, preset=preset, trustedHops=hops)), *SAID)["by_name"]
    assert seen["x-forwarded-for"] == ["127.0.0.1"]
    assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == (["http"], ["weir.test"])
    assert "forwarded" not in seen and re.fullmatch("[0-9a-f]{32}", seen["x-request-id"][0])


def test_each_listener_has_its_own_hops(weir: StartWeir, origin_v1: Origin) -> None:
    inside, outside = free_port(), free_port()
    listeners = [{"address": f"127.0.0.1:{inside}"},
                 {"address": f"127.0.0.1:{outside}", "trustedHops": ["none"]}]
    weir(one_version(origin_v1, trustedHops=["127.0.0.1"], listeners=listeners))
    said = {"X-Forwarded-For": "10.9.8.7"}
    for port, there in ((inside, "10.9.8.7, 127.0.0.1"), (outside, "127.0.0.1")):
        assert ["x-forwarded-for", there] in get(port, "/inspect", said).json()["fields"]


@pytest.mark.parametrize("said,client", [
    (["10.1.1.1"], True), (["6.6.6.6, 10.1.1.1"], True), (["10.1.1.1, 127.0.0.5"], True),
    (["10.1.1.1", "127.0.0.5, 127.0.0.6"], True), (["[::ffff:10.1.1.1]:80"], True),
    (["10.1.1.1, 6.6.6.6"], False), (["10.1.1.1, unknown"], False), ([], False),
])
def test_the_client_is_the_last_that_is_no_hop(chooser: Weir, said: list[str], client: bool) -> None:
    """Seen by who may choose a version: clients in 10.0.0.0/8 alone."""
    fields = "".join(f"X-Forwarded-For: {line}\r\n" for line in said)
    with Connection(chooser.port) as connection:
        connection.send(f"GET /inspect HTTP/1.1\r\nHost: a\r\nX-Version: v2\r\n{fields}\r\n".encode())
        assert connection.reply()["x-weir-version"] == ("v2" if client else "v1")


def test_a_sidecar_that_names_no_hops_takes_the_client_from_the_connection(weir: StartWeir, origin_v1: Origin) -> None:
    served = weir({**choosing(origin_v1), "preset": "sidecar"})
    assert get(served.port, "/", {"X-Version": "v2", "X-Forwarded-For": "10.1.1.1"})["x-weir-version"] == "v1"


def test_a_sidecar_begins_what_nobody_said(sidecar: Weir) -> None:
    seen = seen_by_origin(sidecar)["by_name"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-forwarded-host"]) == (
        ["127.0.0.1"], ["http"], ["weir.test"])


@pytest.mark.parametrize("request_id,kept", [
    ("a", True), ("x" * 128, True), ("id-._~!$()[]", True),
    ("x" * 129, False), ("two words", False), ("caf\xe9", False), ("", False),
])
def test_a_sidecar_keeps_a_decent_request_id(sidecar: Weir, request_id: str, kept: bool) -> None:
    reply = get(sidecar.port, "/inspect", {"X-Request-Id": request_id})
    there = [value for name, value in reply.json()["fields"] if name.lower() == "x-request-id"]
    assert there == [reply["x-request-id"]]
    assert (there[0] == request_id) == kept
    assert kept or re.fullmatch("[0-9a-f]{32}", there[0])


def test_a_request_says_which_way_it_came(edge: Weir, sidecar: Weir) -> None:
    """RFC 9110 7.6.3: a gateway MUST, and the order is the way."""
    for weir in (edge, sidecar):
        assert seen_by_origin(weir)["by_name"]["via"] == ["1.1 weir"]
        seen = seen_by_origin(weir, "Via: 1.0 fred", "VIA: HTTP/2 cdn.test:443 (Varnish), 1.1 p.test")["by_name"]
        assert seen["via"] == ["1.0 fred", "HTTP/2 cdn.test:443 (Varnish), 1.1 p.test", "1.1 weir"]
        with Connection(weir.port) as client:
            client.send(b"GET /inspect HTTP/1.0\r\nHost: weir.test\r\n\r\n")
            assert ["via", "1.0 weir"] in client.reply().json()["fields"]


def test_a_client_cannot_hide_the_way(edge: Weir) -> None:
    assert seen_by_origin(edge, "Connection: via", "Via: 1.0 fred")["by_name"]["via"] == ["1.0 fred", "1.1 weir"]


def test_via_can_be_left_out(weir: StartWeir) -> None:
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as origin:
        assert get(weir(one_version(origin, via=False)).port, "/", {"Via": "1.0 fred"}).status == 200
    assert re.findall(rb"(?im)^via: (.*)\r$", origin.heads[0]) == [b"1.0 fred"]


# Traces

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
BEGUN = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01")


def test_a_trace_goes_on_as_it_came(edge: Weir, sidecar: Weir) -> None:
    """W3C Trace Context: who records nothing of its own passes both fields on."""
    for weir in (edge, sidecar):
        for parent in (PARENT, "cc" + PARENT[2:] + "-of-a-later-version"):
            seen = seen_by_origin(weir, f"Traceparent: {parent}", "tracestate: a=1,b=2", "Tracestate: c=3")["by_name"]
            assert seen["traceparent"] == [parent] and seen["tracestate"] == ["a=1,b=2", "c=3"]


@pytest.mark.parametrize("parents", [
    [], [PARENT.upper()], [PARENT + "-x"], ["ff" + PARENT[2:]], [PARENT, PARENT], [f"{PARENT}, {PARENT}"],
    ["00-" + "0" * 32 + "-b7ad6b7169203331-01"],
])
def test_a_trace_that_cannot_be_read_begins_anew(edge: Weir, parents: list[str]) -> None:
    seen = seen_by_origin(edge, *(f"traceparent: {parent}" for parent in parents), "tracestate: a=1")["by_name"]
    assert len(seen["traceparent"]) == 1 and BEGUN.fullmatch(seen["traceparent"][0]) and "tracestate" not in seen
    again = seen_by_origin(edge)["by_name"]["traceparent"]
    assert again != seen["traceparent"]


def test_the_plan_says_which_traces_begin(weir: StartWeir, origin_v1: Origin) -> None:
    quiet = weir(one_version(origin_v1, tracing={"sampled": 0}))
    assert seen_by_origin(quiet)["by_name"]["traceparent"][0].endswith("-00")
    none = weir(one_version(origin_v1, tracing={"begin": False}))
    seen = seen_by_origin(none, "tracestate: a=1")["by_name"]
    assert "traceparent" not in seen and "tracestate" not in seen
    assert "traceparent" not in seen_by_origin(none, "traceparent: nonsense")["by_name"]
    assert seen_by_origin(none, f"traceparent: {PARENT}")["by_name"]["traceparent"] == [PARENT]


# Fields of one connection


def test_fields_of_the_clients_connection_end_here(edge: Weir) -> None:
    seen = seen_by_origin(
        edge, "Connection: X-Secret, keep-alive", "connection: x-other", "X-Secret: 1", "x-OTHER: 2", "X-Kept: 3",
        "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers", "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")["by_name"]
    gone = {"connection", "x-secret", "x-other", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings"}
    assert not gone & set(seen) and seen["x-kept"] == ["3"]


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.2"])
def test_an_upgrade_goes_on_without_it(edge: Weir, protocol: str) -> None:
    seen = seen_by_origin(edge, "Connection: Upgrade", f"Upgrade: {protocol}")["by_name"]
    assert "upgrade" not in seen and "connection" not in seen


@pytest.mark.parametrize("preset", ["edge", "sidecar"])
def test_a_client_cannot_take_away_what_the_weir_says(request: pytest.FixtureRequest, preset: str) -> None:
    seen = seen_by_origin(request.getfixturevalue(preset),
                          "Connection: host, x-forwarded-for, X-Forwarded-Proto, x-forwarded-host, x-request-id",
                          "X-Forwarded-For: 10.9.8.7", "X-Request-Id: mine")["by_name"]
    # A sidecar continues what anybody says, whoever nominates it.
    way, name = ("127.0.0.1", "[0-9a-f]{32}") if preset == "edge" else ("10.9.8.7, 127.0.0.1", "mine")
    assert seen["host"] == ["weir.test"] and seen["x-forwarded-for"] == [way]
    assert (seen["x-forwarded-proto"], seen["x-forwarded-host"]) == (["http"], ["weir.test"])
    assert re.fullmatch(name, seen["x-request-id"][0])


def test_a_nominated_length_still_frames_the_body(edge: Weir) -> None:
    with Connection(edge.port) as client:
        client.send(request_bytes("POST", "/inspect", {"Connection": "content-length"}, b"hello"))
        assert client.reply().json()["bytes"] == 5
        client.send(b"POST /inspect HTTP/1.1\r\nHost: weir.test\r\nConnection: transfer-encoding\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert client.reply().json()["bytes"] == 5


def test_fields_of_the_origins_connection_end_here(weir: StartWeir) -> None:
    answer = (b"HTTP/1.1 200 OK\r\nConnection: X-Internal, keep-alive, date, x-weir-version\r\nX-Internal: 1\r\n"
              b"Keep-Alive: timeout=50, max=3\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Kept: 2\r\n"
              b"content-length: 2\r\n\r\nok")
    with RawOrigin(always(answer)) as origin, Connection(weir(one_version(origin)).port) as client:
        for _ in range(2):
            reply = client.request("GET", "/")
            names = {name for name, _ in reply.fields}
            assert not names & {"connection", "x-internal", "keep-alive", "proxy-connection", "upgrade"}
            assert reply["x-kept"] == "2" and reply["date"] and reply["x-weir-version"] == "v1" and reply.body == b"ok"


def test_trailers_announced_to_nobody_are_still_announced_to_the_origin(edge: Weir) -> None:
    with Connection(edge.port) as client:
        client.send(request_bytes("POST", "/inspect", {"Transfer-Encoding": "chunked", "Trailer": "X-Sum"},
                                  b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"))
        assert ["Trailer", "X-Sum"] in client.reply().json()["fields"]


# The target


@pytest.mark.parametrize("target,host,path", [
    ("http://other.test/inspect?q=1", "other.test", "/inspect?q=1"),
    ("http://other.test:8080/inspect", "other.test:8080", "/inspect"),
    ("HTTP://OTHER.test/inspect", "OTHER.test", "/inspect"),
    ("https://other.test/inspect", "other.test", "/inspect"),
    ("http://other.test/inspect?", "other.test", "/inspect?"),
])
def test_a_target_with_an_authority_outranks_host(edge: Weir, target: str, host: str, path: str) -> None:
    seen = seen_by_origin(edge, target=target)
    assert seen["by_name"]["host"] == [host] and seen["by_name"]["x-forwarded-host"] == [host]
    assert seen["target"] == path


@pytest.mark.parametrize("target,path", [("http://other.test", b"/"), ("http://other.test?q=1", b"/?q=1")])
def test_a_target_without_a_path_gets_one(weir: StartWeir, target: str, path: bytes) -> None:
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as origin:
        assert get(weir(one_version(origin)).port, target).status == 200
    assert origin.heads[0].split(b" ")[:2] == [b"GET", path]


@pytest.mark.parametrize("target", [
    "/inspect//a%2Fb/./c?x=%20&y=/../z", "/inspect/%7euser/%2e%2e/x", "/inspect?", "/inspect?a?b", "/inspect/;p=1,2",
    "/inspect/" + "l" * 6000, "/inspect?q=\"<>\\^`{|}",
])
def test_a_target_is_forwarded_as_it_came(edge: Weir, target: str) -> None:
    assert seen_by_origin(edge, target=target)["target"] == target


def test_fields_keep_their_order_case_and_number(weir: StartWeir) -> None:
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as origin:
        with Connection(weir(one_version(origin)).port) as client:
            client.send(b"PURGE / HTTP/1.1\r\nX-b: 1\r\nHOST:weir.test\r\nx-A:   2 \t\r\nX-B: 3\r\nX-Empty:\r\n"
                        b"X-a: \xff4\r\n\r\n")
            assert client.reply().status == 200
    lines = [line.rstrip() for line in origin.heads[0].split(b"\r\n")]
    assert lines[0] == b"PURGE / HTTP/1.1"
    assert [line for line in lines if re.match(rb"(?i)x-(a|b|empty):", line)] == [
        b"X-b: 1", b"x-A: 2", b"X-B: 3", b"X-Empty:", b"X-a: \xff4"]
    assert [line for line in lines if line.lower().startswith(b"host")] == [b"host: weir.test"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "x!#$%&'*+-.^_`|~9"])
def test_any_method_passes(edge: Weir, method: str) -> None:
    assert seen_by_origin(edge, method=method)["method"] == method


# OPTIONS


def test_options_for_the_whole_server_is_forwarded(weir: StartWeir) -> None:
    with RawOrigin(always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")) as origin:
        plan: Plan = one_version(origin)
        plan["routes"][0]["match"] = {"host": "weir.test"}
        with Connection(weir(plan).port) as client:
            assert client.request("OPTIONS", "*").status == 200
    assert origin.heads[0].startswith(b"OPTIONS * HTTP/1.1\r\n")


def test_options_are_counted_down_and_answered_at_zero(edge: Weir, origin_v1: Origin) -> None:
    assert seen_by_origin(edge, "Max-Forwards: 5", method="OPTIONS")["by_name"]["max-forwards"] == ["4"]
    assert seen_by_origin(edge, "Max-Forwards: 5", method="GET")["by_name"]["max-forwards"] == ["5"]
    before = origin_v1.counts().requests
    with Connection(edge.port) as client:
        reply = client.request("OPTIONS", "/inspect", {"Max-Forwards": "0"})
        assert reply.status == 200 and "GET" in (reply["allow"] or "") and reply["x-weir-version"] is None
        assert origin_v1.counts().requests == before
        assert client.request("GET", "/inspect").status == 200


def test_a_client_cannot_nominate_away_what_a_trusted_hop_says_of_it(chooser: Weir) -> None:
    """The hop is this test's own address; the client, which it names, is nobody's friend."""
    said = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Request-Id: the-hops")
    nominated = "Connection: x-forwarded-for, x-forwarded-proto, x-request-id"
    seen = seen_by_origin(chooser, *said, nominated)["by_name"]
    assert seen["x-forwarded-for"] == ["6.6.6.6, 127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["https"] and seen["x-request-id"] == ["the-hops"]
    with Connection(chooser.port) as client:
        fields = {"x-forwarded-for": "6.6.6.6", "x-version": "v2", "connection": "x-forwarded-for"}
        assert client.request("GET", "/", fields)["x-weir-version"] == "v1"
    seen = seen_by_origin(chooser, *said, "X-Forwarded-Port: 443")["by_name"]
    assert seen["x-forwarded-port"] == ["443"]  # a trusted hop's word is passed on
