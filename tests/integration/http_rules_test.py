"""Each rule of docs/http.md, "Messages": a test named after it, with raw bytes from the client and every byte that came to
the origin. Rules that refuse let nothing of the request reach an origin, and close."""
from __future__ import annotations

import contextlib
import re
from typing import Callable, Iterator

import pytest
from byte_origin import OK, ByteOrigin
from http_client import Connection, Reply, Truncated
from outcomes import metric
from plans import one_version
from polling import wait_until
from serving import running_weir
from weir_harness import Weir

_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: weir.test\r\n\r\n"
# What the weir adds to each request, behind what it forwards.
_ADDED = (b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: weir.test\r\n"
          b"traceparent: TRACE\r\nx-request-id: ID\r\nvia: 1.1 weir\r\n")


@pytest.fixture(name="origin", scope="module")
def _origin() -> Iterator[ByteOrigin]:
    with ByteOrigin() as origin:
        yield origin


@pytest.fixture(name="served", scope="module")
def _served(origin: ByteOrigin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with running_weir(one_version(origin), tmp_path_factory.mktemp("weir")) as weir:
        yield weir


class Exchange:
    """What a client sends and gets, and what of it comes to the origin."""

    def __init__(self, served: Weir, origin: ByteOrigin):
        self.served = served
        self.origin = origin

    def forwarded(self, request: bytes, method: str = "GET") -> bytes:
        """The request as the origin gets it, but for what is drawn at random."""
        before = len(self.origin.requests)
        with Connection(self.served.port) as client:
            client.send(request)
            assert client.reply(to=method).status == 200
        assert len(self.origin.requests) == before + 1
        seen = re.sub(rb"traceparent: [0-9a-f-]+", b"traceparent: TRACE", self.origin.requests[-1])
        return re.sub(rb"x-request-id: [0-9a-f]+", b"x-request-id: ID", seen)

    def refused(self, request: bytes) -> tuple[int, str | None]:
        """Status and code; the connection closes, and nothing reaches the origin."""
        before = self._reached()
        with Connection(self.served.port) as client:
            client.send(request)
            reply = client.reply()
            assert client.at_end()
        assert self._reached() == before
        assert reply["connection"] == "close"
        return reply.status, reply["x-weir-reason"]

    def _reached(self) -> tuple[int, float]:
        """What the origin has got, and the connections to it that the weir has opened: it may be slow to accept the last."""
        return len(self.origin.requests), metric(self.served, "weir_upstream_connections_opened_total")

    def answered(self, answer: bytes, request: bytes = b"GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n") -> Reply:
        """What a client gets when the origin says `answer`, and then closes."""
        self.origin.answer = answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
        try:
            with Connection(self.served.port) as client:
                client.send(request)
                return client.reply()
        finally:
            self.origin.answer = OK


@pytest.fixture(name="exchange")
def _exchange(served: Weir, origin: ByteOrigin) -> Exchange:
    return Exchange(served, origin)


def get(*fields: bytes, line: bytes = b"GET /a HTTP/1.1") -> bytes:
    return b"\r\n".join((line, b"Host: weir.test", *fields, b"", b""))


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return get(*fields, line=b"POST /a HTTP/1.1") + body


def got(*fields: bytes, line: bytes = b"GET /a HTTP/1.1", framing: bytes = b"") -> bytes:
    """A head as the origin has it."""
    return line + b"\r\nhost: weir.test\r\n" + b"".join(one + b"\r\n" for one in fields) + _ADDED + framing + b"\r\n"


CHUNKED = b"transfer-encoding: chunked\r\n"


def test_rule_01_length_and_coding_together_are_refused(exchange: Exchange) -> None:
    both = post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + _SMUGGLED)
    assert exchange.refused(both) == (400, "length_and_encoding")


def test_rule_02_chunked_that_is_not_last_is_refused(exchange: Exchange) -> None:
    assert exchange.refused(post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n")) == (400, "bad_transfer_encoding")


def test_rule_03_an_unknown_coding_is_not_implemented(exchange: Exchange) -> None:
    assert exchange.refused(post(b"Transfer-Encoding: gzip", body=b"x")) == (501, "unknown_transfer_encoding")


def test_rule_04_a_coding_in_http10_is_refused(exchange: Exchange) -> None:
    old = get(b"Transfer-Encoding: chunked", line=b"POST /a HTTP/1.0") + b"0\r\n\r\n"
    assert exchange.refused(old) == (400, "encoding_in_http10")


@pytest.mark.parametrize("coding", [b"chunked, chunked", b",chunked", b"\xa0chunked", b"chunked\xff", b"chunked;a=b"])
def test_rule_05_odd_forms_of_chunked_are_refused(exchange: Exchange, coding: bytes) -> None:
    assert exchange.refused(post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n")) == (400, "bad_transfer_encoding")


@pytest.mark.parametrize("coding", [b"CHUNKED", b"Chunked", b"\tchunked "])
def test_rule_05_chunked_in_any_case_is_one_coding(exchange: Exchange, coding: bytes) -> None:
    seen = exchange.forwarded(post(b"Transfer-Encoding: " + coding, body=b"3\r\nabc\r\n0\r\n\r\n"), "POST")
    assert seen == got(line=b"POST /a HTTP/1.1", framing=CHUNKED) + b"3\r\nabc\r\n0\r\n\r\n"


@pytest.mark.parametrize("lines", [(b"Content-Length: 5", b"Content-Length: 6"), (b"Content-Length: 5", b"Content-Length: 5"),
                                   (b"Content-Length: 5, 5",), (b"Content-Length: five",), (b"Content-Length:",)])
def test_rule_06_a_length_that_is_not_one_number_is_refused(exchange: Exchange, lines: tuple[bytes, ...]) -> None:
    assert exchange.refused(post(*lines, body=b"hello"))[0] == 400
    response = b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\nhello"
    assert exchange.answered(response).status == 502


@pytest.mark.parametrize("length", [b"18446744073709551616", b"99999999999999999999999", b"+5", b"-5", b"0x5", b"1_0", b"5 5"])
def test_rule_07_numbers_are_digits_that_fit(exchange: Exchange, length: bytes) -> None:
    assert exchange.refused(post(b"Content-Length: " + length, body=b"hello")) == (400, "bad_content_length")


@pytest.mark.parametrize("size", [b"10000000000000000", b"+1", b"-1", b"0x1", b"1_0", b" 1", b"1 "])
def test_rule_07_chunk_sizes_are_digits_that_fit(exchange: Exchange, size: bytes) -> None:
    with Connection(exchange.served.port) as client:
        client.send(post(b"Transfer-Encoding: chunked", body=size + b"\r\na\r\n0\r\n\r\n" + _SMUGGLED))
        reply = client.reply()
        assert (reply.status, client.at_end()) == (400, True)
    assert not [one for one in exchange.origin.requests if b"smuggled" in one]


@pytest.mark.parametrize("size", [b"0000000000000003", b"03"])
def test_rule_07_a_chunk_size_has_up_to_16_digits(exchange: Exchange, size: bytes) -> None:
    seen = exchange.forwarded(post(b"Transfer-Encoding: chunked", body=size + b"\r\nabc\r\n0\r\n\r\n"), "POST")
    assert seen == got(line=b"POST /a HTTP/1.1", framing=CHUNKED) + b"3\r\nabc\r\n0\r\n\r\n"


def test_rule_08_a_folded_field_is_refused(exchange: Exchange) -> None:
    assert exchange.refused(get(b"X-A: one\r\n two")) == (400, "folded_field")
    assert exchange.answered(b"HTTP/1.1 200 OK\r\nx-a: one\r\n two\r\ncontent-length: 2\r\n\r\nok").status == 502


@pytest.mark.parametrize("request_", [b"GET /a HTTP/1.1\rHost: weir.test\r\n\r\n", get(b"X-A: 1\rTransfer-Encoding: chunked")])
def test_rule_09_a_bare_cr_is_refused(exchange: Exchange, request_: bytes) -> None:
    assert exchange.refused(request_) == (400, "bare_cr")


def test_rule_10_a_bare_lf_is_refused(exchange: Exchange) -> None:
    assert exchange.refused(b"GET /a HTTP/1.1\nHost: weir.test\n\n") == (400, "bare_lf")
    with Connection(exchange.served.port) as client:
        client.send(post(b"Transfer-Encoding: chunked", body=b"1\na\n0\n\n" + _SMUGGLED))
        assert client.reply().status == 400


def test_rule_11_a_space_before_the_colon(exchange: Exchange) -> None:
    assert exchange.refused(get(b"Transfer-Encoding : chunked")) == (400, "space_before_colon")
    assert exchange.answered(b"HTTP/1.1 200 OK\r\nx-a : one\r\ncontent-length: 2\r\n\r\nok")["x-a"] == "one"


def test_rule_12_white_space_before_the_first_field_is_refused(exchange: Exchange) -> None:
    assert exchange.refused(b"GET /a HTTP/1.1\r\n Host: evil.test\r\nHost: weir.test\r\n\r\n")[0] == 400


@pytest.mark.parametrize("value", [b"a\0b", b"a\x01b", b"a\x7fb"])
def test_rule_13_control_bytes_in_a_value_are_refused(exchange: Exchange, value: bytes) -> None:
    assert exchange.refused(get(b"X-A: " + value)) == (400, "bad_field_value")
    assert exchange.answered(b"HTTP/1.1 200 OK\r\nx-a: " + value + b"\r\ncontent-length: 2\r\n\r\nok").status == 502


@pytest.mark.parametrize("line", [b": 1", b"X A: 1", b"X-A", b"X(A): 1", b"Transfer- Encoding: chunked"])
def test_rule_14_a_name_is_a_token_with_a_colon(exchange: Exchange, line: bytes) -> None:
    assert exchange.refused(get(line))[0] == 400


@pytest.mark.parametrize("hosts", [(), (b"Host: a", b"Host: b"), (b"Host: a", b"Host: a"), (b"Host: a b",), (b"Host: a/b",),
                                   (b"Host: user@a",), (b"Host:",), (b"Host: a:port",)])
def test_rule_15_one_valid_host(exchange: Exchange, hosts: tuple[bytes, ...]) -> None:
    assert exchange.refused(b"\r\n".join((b"GET /a HTTP/1.1", *hosts, b"", b"")))[0] == 400


def test_rule_16_the_authority_of_the_target_outranks_host(exchange: Exchange) -> None:
    seen = exchange.forwarded(b"GET http://weir.test/a HTTP/1.1\r\nHost: other.test\r\n\r\n")
    assert seen == got()


def test_rule_17_forms_of_the_target(exchange: Exchange) -> None:
    assert exchange.refused(get(line=b"GET weir.test:80 HTTP/1.1")) == (400, "bad_target")
    assert exchange.refused(get(line=b"GET * HTTP/1.1")) == (400, "bad_target")
    assert exchange.refused(get(line=b"CONNECT weir.test:80 HTTP/1.1")) == (501, "connect_not_supported")
    for target in (b"*", b"http://weir.test"):
        seen = exchange.forwarded(get(line=b"OPTIONS " + target + b" HTTP/1.1"), "OPTIONS")
        assert seen == got(line=b"OPTIONS * HTTP/1.1")
    seen = exchange.forwarded(get(line=b"OPTIONS http://weir.test?a HTTP/1.1"), "OPTIONS")
    assert seen == got(line=b"OPTIONS /?a HTTP/1.1")


@pytest.mark.parametrize("target", [b"/a b", b"/a\tb", b"/a\0b", b"/a\x7fb", b"/a\xffb", b"/a#b"])
def test_rule_18_a_target_holds_no_space_control_or_fragment(exchange: Exchange, target: bytes) -> None:
    assert exchange.refused(get(line=b"GET " + target + b" HTTP/1.1"))[0] == 400


def test_rule_18_a_target_that_is_too_long(exchange: Exchange) -> None:
    assert exchange.refused(get(line=b"GET /" + b"a" * 9000 + b" HTTP/1.1")) == (414, "request_line_too_long")


def test_rule_19_chunk_extensions_are_dropped_and_bounded(exchange: Exchange) -> None:
    seen = exchange.forwarded(post(b"Transfer-Encoding: chunked", body=b'3;a="b;c"\r\nabc\r\n0;d\r\n\r\n'), "POST")
    assert seen == got(line=b"POST /a HTTP/1.1", framing=CHUNKED) + b"3\r\nabc\r\n0\r\n\r\n"
    with Connection(exchange.served.port) as client:
        client.send(post(b"Transfer-Encoding: chunked", body=b"1;" + b"x" * 20_000 + b"\r\na\r\n0\r\n\r\n"))
        assert client.reply().status == 400


def test_rule_20_trailers_stay_trailers(exchange: Exchange) -> None:
    body = b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nHost: evil\r\nContent-Length: 9\r\nAuthorization: x\r\nTransfer-Encoding: x\r\n\r\n"
    seen = exchange.forwarded(post(b"Transfer-Encoding: chunked", body=body), "POST")
    assert seen == got(line=b"POST /a HTTP/1.1", framing=CHUNKED) + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"


def test_rule_20_trailers_of_a_response_change_nothing_either(exchange: Exchange) -> None:
    trailers = (b"x-sum: 7\r\nset-cookie: a=b\r\ncontent-length: 9\r\nlocation: /x\r\ncache-control: public\r\n"
                b"x-weir-version: v9\r\nx-forwarded-for: 1\r\nx_forwarded_for: 1\r\n")
    reply = exchange.answered(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + trailers + b"\r\n")
    assert (reply.body, reply.trailers) == (b"ok", [("x-sum", "7")])


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
                                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"])
def test_rule_21_an_incomplete_response_never_ends_cleanly(exchange: Exchange, answer: bytes) -> None:
    with pytest.raises((Truncated, ConnectionResetError)):
        exchange.answered(answer)


def test_rule_22_pipelined_requests_are_answered_in_order(exchange: Exchange) -> None:
    before = len(exchange.origin.requests)
    with Connection(exchange.served.port) as client:
        client.send(b"".join(get(line=b"GET /%d HTTP/1.1" % number) for number in range(5)))
        assert [client.reply().status for _ in range(5)] == [200] * 5
    lines = [one.split(b"\r\n", 1)[0] for one in exchange.origin.requests[before:]]
    assert lines == [b"GET /%d HTTP/1.1" % number for number in range(5)]


def test_rule_22_what_is_not_idempotent_is_sent_once(exchange: Exchange) -> None:
    before = len(exchange.origin.requests)
    with pytest.raises((Truncated, ConnectionResetError, AssertionError)):
        reply = exchange.answered(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", post(b"Content-Length: 2", body=b"hi"))
        assert reply.status == 200, reply
    assert len(exchange.origin.requests) == before + 1


def test_rule_23_fields_of_the_connection_end_here(exchange: Exchange) -> None:
    hop = (b"Connection: close, X-Hop", b"X-Hop: 1", b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive",
           b"TE: trailers", b"X-Kept: 1")
    assert exchange.forwarded(get(*hop)) == got(b"X-Kept: 1")
    reply = exchange.answered(b"HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nx-kept: 1\r\n"
                              b"content-length: 2\r\n\r\nok")
    names = [name for name, _ in reply.fields]
    assert "x-kept" in names and not {"x-hop", "keep-alive"} & set(names)


def test_rule_24_a_client_cannot_nominate_away_what_the_weir_says(exchange: Exchange) -> None:
    seen = exchange.forwarded(get(b"Connection: x-forwarded-for, x-request-id, via, host", b"X-Forwarded-For: 10.0.0.1"))
    assert seen == got()


@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"x-forwarded_client-cert", b"Transfer_Encoding", b"Content_Length",
                                  b"x_request_id", b"set_cookie"])
def test_rule_24_a_client_cannot_say_the_same_with_underscores(exchange: Exchange, name: bytes) -> None:
    assert exchange.forwarded(get(name + b": 10.0.0.1", b"Connection: close, " + name)) == got()
    assert exchange.forwarded(get(name + b": 10.0.0.1", b"x_own: 1")) == got(b"x_own: 1")


def test_rule_24_nor_anything_else_of_the_way_here(exchange: Exchange) -> None:
    said = (b"X-Forwarded-Port: 1", b"X-Forwarded-Prefix: /admin", b"x_forwarded_ssl: on", b"X-Forwarded: for=1")
    assert exchange.forwarded(get(*said, b"x-forward: kept")) == got(b"x-forward: kept")
    body = b"2\r\nok\r\n0\r\n" + b"\r\n".join((*said, b"x_request_id: 1", b"x-own: 1", b"", b""))
    seen = exchange.forwarded(post(b"Transfer-Encoding: chunked", body=body))
    assert seen.endswith(b"2\r\nok\r\n0\r\nx-own: 1\r\n\r\n")


def test_rule_24_nor_what_the_plan_goes_by_sets_or_removes(origin: ByteOrigin, new_weir: Callable[..., Weir]) -> None:
    chat = one_version(origin)
    keys = {"header": "x-tok", "keys": [{"name": "a", "key": {"env": "KEY"}}]}
    chat["routes"] = [
        {"match": {"headers": [{"name": "x-debug"}]}, "respond": {"status": 403}},
        {"match": {}, "service": "chat", "apiKeys": keys, "rateLimit": {"requests": 99, "per": "1s", "by": {"header": "x-user"}},
         "requestHeaders": {"set": {"x-tier": "free"}, "add": {"x-tag": "weir"}, "remove": ["x-admin", "own_name"]}}]
    chat["services"]["chat"]["stickiness"] = {"by": [{"header": "session_id"}]}
    alike = (b"X_Tier: gold", b"x_debug: 1", b"x-Admin: 1", b"X_ADMIN: 1", b"x_tok: 1", b"X_User: 1", b"x_tag: 1",
             b"session-id: 1", b"Own-Name: 1", b"x_tok_2: kept", b"Session_Id: kept", b"other_name: kept")
    kept = (b"x_tok_2: kept", b"Session_Id: kept", b"other_name: kept")
    exchange = Exchange(new_weir(chat).start(KEY="sesame"), origin)
    added = b"x-tier: free\r\nx-tag: weir\r\n"
    assert exchange.forwarded(get(b"X-Tok: sesame", *alike)) == got(*kept)[:-2] + added + b"\r\n"
    body, end = b"2\r\nok\r\n0\r\n", (b"", b"")
    seen = exchange.forwarded(post(b"X-Tok: sesame", b"Transfer-Encoding: chunked", body=body + b"\r\n".join((*alike, *end))))
    head = got(line=b"POST /a HTTP/1.1")[:-2] + added + CHUNKED + b"\r\n"
    assert seen == head + body + b"\r\n".join((*kept, *end))


@pytest.mark.parametrize("protocol", [b"h2c", b"h2c, websocket", b"websocket", b"TLS/1.0"])
def test_rule_25_an_upgrade_is_not_forwarded(exchange: Exchange, protocol: bytes) -> None:
    seen = exchange.forwarded(get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMAAABk"))
    assert seen == got()
    switching = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
    assert exchange.answered(switching).status == 502


def test_rule_25_http10_knows_no_upgrade(exchange: Exchange) -> None:
    old = b"GET /a HTTP/1.0\r\nHost: weir.test\r\n"
    for options in (b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"Upgrade: h2c\r\n\r\n"):
        assert exchange.forwarded(old + options) == got().replace(b"via: 1.1 weir", b"via: 1.0 weir")


def test_rule_26_via_and_max_forwards(exchange: Exchange) -> None:
    seen = exchange.forwarded(get(b"Via: 1.0 fred", b"Max-Forwards: 3", line=b"OPTIONS /a HTTP/1.1"), "OPTIONS")
    head = b"OPTIONS /a HTTP/1.1\r\nhost: weir.test\r\nVia: 1.0 fred\r\n"
    assert seen.startswith(head) and b"via: 1.1 weir\r\n" in seen and b"max-forwards: 2\r\n" in seen.lower()
    with Connection(exchange.served.port) as client:
        assert client.request("OPTIONS", "/a", {"Max-Forwards": "0"})["allow"]
    assert exchange.refused(get(line=b"TRACE /a HTTP/1.1")) == (405, "trace_not_allowed")


def test_rule_27_interim_responses_are_forwarded(exchange: Exchange) -> None:
    exchange.origin.answer = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK
    try:
        with Connection(exchange.served.port) as client:
            client.send(get())
            reply = client.reply()
    finally:
        exchange.origin.answer = OK
    assert reply.status == 200 and [one.status for one in reply.interim] == [103, 102]
    assert reply.interim[0]["link"] == "</a.css>"


def test_rule_27_an_expectation_is_answered_here(exchange: Exchange) -> None:
    with Connection(exchange.served.port) as client:
        client.send(post(b"Expect: 100-continue", b"Content-Length: 5"))
        assert client.head().status == 100
        client.send(b"hello")
        assert client.reply().status == 200
    assert exchange.origin.requests[-1].endswith(b"content-length: 5\r\n\r\nhello")
    assert b"xpect" not in exchange.origin.requests[-1]
    assert exchange.refused(post(b"Expect: tea", b"Content-Length: 5", body=b"hello"))[0] == 417


@pytest.mark.parametrize("fields", [(b"X-A: " + b"a" * 17_000,), tuple(b"X-%d: 1" % number for number in range(101)),
                                    tuple(b"X-%d: " % number + b"a" * 15_000 for number in range(5))])
def test_rule_28_header_bombs_are_refused(exchange: Exchange, fields: tuple[bytes, ...]) -> None:
    assert exchange.refused(get(*fields))[0] == 431


def test_rule_28_a_bomb_of_connection_options_is_refused(exchange: Exchange) -> None:
    for options in (b"a," * 64, b"," * 64):
        assert exchange.refused(get(b"Connection: " + options))[0] == 431
    assert exchange.forwarded(get(b"Connection: " + b"a," * 63, b"A: 1", b"B: 1")) == got(b"B: 1")


def test_rule_29_lines_keep_their_order(exchange: Exchange) -> None:
    lines = (b"X-B: 1", b"X-A: 1", b"x-b: 2", b"X-A: 2", b"Cookie: a=b", b"Accept: */*", b"Cookie: c=d")
    assert exchange.forwarded(get(*lines)) == got(*lines)


def test_rule_30_nothing_is_smuggled_or_split(exchange: Exchange) -> None:
    for request in (post(b"Content-Length: 0", b"Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n" + _SMUGGLED),
                    post(b"Content-Length: 4", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + _SMUGGLED),
                    post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + _SMUGGLED)):
        assert exchange.refused(request)[0] in (400, 501)
    # What an origin says behind its response is nobody's answer; nor behind one that fills a buffer to the brim.
    filling = b"HTTP/1.1 200 OK\r\ncontent-length: 8151\r\n\r\n" + b"x" * 8151
    try:
        for answer in (OK, filling):
            exchange.origin.answer = answer + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen"
            with Connection(exchange.served.port) as first:
                first.send(get() * 2)
                assert [answer.endswith(first.reply().body) for _ in range(2)] == [True, True]
    finally:
        exchange.origin.answer = OK
    with Connection(exchange.served.port) as second:
        second.send(get())
        assert second.reply().body == b"ok"


def test_probe_the_path_is_forwarded_verbatim(exchange: Exchange) -> None:
    line = b"GET /a/../b%2f..%2fc//d?x=%41 HTTP/1.1"
    assert exchange.forwarded(get(line=line)) == got(line=line)


def test_probe_trailers_of_a_response_are_forwarded(exchange: Exchange) -> None:
    reply = exchange.answered(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n")
    assert (reply.body, reply.trailers) == (b"ok", [("x-sum", "7")])


def test_probe_lf_in_a_chunk_extension_is_refused(exchange: Exchange) -> None:
    with Connection(exchange.served.port) as client:
        client.send(post(b"Transfer-Encoding: chunked", body=b"1;a\nb\r\na\r\n0\r\n\r\n" + _SMUGGLED))
        assert client.reply().status == 400
    assert not [one for one in exchange.origin.requests if b"smuggled" in one]


def test_probe_versions_other_than_ours(exchange: Exchange) -> None:
    for line in (b"GET /a HTTP/0.9", b"GET /a HTTP/1.2", b"GET /a HTTP/2.0"):
        assert exchange.refused(get(line=line)) == (505, "unsupported_version")


def test_probe_what_is_forwarded_is_written_anew(exchange: Exchange) -> None:
    seen = exchange.forwarded(b"\r\nPOST /a HTTP/1.1\r\nX-A:   spaced \t\r\nHOST:weir.test\r\ncontent-LENGTH: 002\r\n\r\nhi", "POST")
    assert seen == got(b"X-A: spaced", line=b"POST /a HTTP/1.1", framing=b"content-length: 2\r\n") + b"hi"


def test_probe_slow_heads_hold_nothing(origin: ByteOrigin, new_weir: Callable[..., Weir]) -> None:
    before = len(origin.requests)
    weir = new_weir(one_version(origin, timeouts={"header": "300ms"})).start()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Connection(weir.port)) for _ in range(20)]
        for client in clients:
            client.send(b"GET /a HTTP/1.1\r\nHost: weir.test\r\nX-A: ")
        for client in clients:
            assert client.reply().status == 408 and client.at_end()
    assert len(origin.requests) == before
    wait_until(lambda: metric(weir, "weir_downstream_connections") == 0, "no connection is left")


@pytest.mark.parametrize("request_, status", [(get(b"X-A: " + b"a" * 20_000), 431),
                                              (get(*(b"X-%d: 1" % number for number in range(200))), 431),
                                              (get(line=b"GET /" + b"a" * 12_000 + b" HTTP/1.1"), 414)])
def test_probe_large_heads(exchange: Exchange, request_: bytes, status: int) -> None:
    assert exchange.refused(request_)[0] == status
