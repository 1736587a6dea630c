"""Requests that could be read in two ways, or pass a limit: refused, closed, and nothing of them reaches an origin.

Each row is what a client sends, byte by byte (RFC 9112 with the section's number, RFC 9110 where it says so).
"""
from __future__ import annotations

import json
from typing import Iterator

import pytest
from exposition import Exposition
from http_client import Connection, chunked, request_bytes
from origin import Origin
from plans import Plan, one_version, route
from polling import wait_until
from serving import running_origin, running_weir
from weir_harness import Weir

_KIB = 1024
_MIB = 1024 * 1024
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: weir.test\r\n\r\n"


@pytest.fixture(name="origin_v1", scope="module")
def _origin_v1() -> Iterator[Origin]:
    with running_origin() as origin:
        yield origin


@pytest.fixture(name="served", scope="module")
def _served(origin_v1: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    plan: Plan = one_version(origin_v1)
    plan["routes"] = [route(prefix="/sink/small", limits={"body": "10KiB"}),
                      route(prefix="/sink/any", limits={"body": "none"}), route()]
    with running_weir(plan, tmp_path_factory.mktemp("weir")) as weir:
        yield weir


def get_with(*lines: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join((line, b"Host: weir.test", *lines, b"", b""))


def post_with(*lines: bytes, body: bytes = b"0\r\n\r\n") -> bytes:
    return get_with(*lines, line=b"POST /sink HTTP/1.1") + body


def chunks(body: bytes) -> bytes:
    return post_with(b"Transfer-Encoding: chunked", body=body)


def target(path: bytes, method: bytes = b"GET") -> bytes:
    return get_with(line=method + b" " + path + b" HTTP/1.1")


def fields(*lines: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


_REQUEST_LINES = [
    # 3: request-line = method SP request-target SP HTTP-version
    ("no method", b" / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
    ("method not a token", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
    ("NUL in the method", b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
    ("byte above ASCII in the method", b"G\xc3T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
    ("TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad_method"),
    ("tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
    ("two spaces before the target", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
    ("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_version"),
    ("space behind the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "bad_version"),
    ("lower-case version", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "bad_version"),
    ("version without a minor", b"GET / HTTP/1\r\nHost: a\r\n\r\n", 400, "bad_version"),
    ("version of two digits", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, "bad_version"),
    # HTTP/0.9, and versions other than 1.0 and 1.1
    ("HTTP/0.9", b"GET /\r\n", 505, "unsupported_version"),
    ("HTTP/0.9 spelled out", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "unsupported_version"),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "unsupported_version"),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version"),
    ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_version"),
    # 3.2: no CTL, no space, no fragment, no byte of 0x80 and above
    ("space in the target", target(b"/a b"), 400, "bad_version"),
    ("fragment", target(b"/a#b"), 400, "bad_target"),
    ("NUL in the target", target(b"/a\0b"), 400, "bad_target"),
    ("tab in the target", target(b"/a\tb"), 400, "bad_target"),
    ("DEL in the target", target(b"/a\x7fb"), 400, "bad_target"),
    ("0x80 in the target", target(b"/a\x80b"), 400, "bad_target"),
    ("0xff in the query", target(b"/a?\xff"), 400, "bad_target"),
    ("target without a slash", target(b"a/b"), 400, "bad_target"),
    ("broken escape", target(b"/a%2"), 400, "bad_target"),
    ("escape of no digits", target(b"/a%zz"), 400, "bad_target"),
    # 3.2.2: absolute-form
    ("unknown scheme", target(b"ftp://weir.test/"), 400, "bad_target"),
    ("no authority", target(b"http:///a"), 400, "bad_target"),
    ("user information", target(b"http://user:pass@weir.test/"), 400, "bad_target"),
    ("port of letters", target(b"http://weir.test:http/"), 400, "bad_target"),
    # 3.2.3, 3.2.4: authority-form only with CONNECT, asterisk-form only with OPTIONS
    ("authority-form with GET", target(b"weir.test:80"), 400, "bad_target"),
    ("asterisk-form with GET", target(b"*"), 400, "bad_target"),
    ("asterisk with more", target(b"*a", b"OPTIONS"), 400, "bad_target"),
    ("CONNECT", target(b"weir.test:80", b"CONNECT"), 501, "connect_not_supported"),
    ("TRACE", target(b"/", b"TRACE"), 405, "trace_not_allowed"),
]

_FIELD_LINES = [
    # 2.2: lines end in CRLF
    ("bare LF behind the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "bare_lf"),
    ("bare LF behind the target", b"GET /\nHost: a\r\n\r\n", 400, "bare_lf"),
    ("bare LF behind a field", fields(b"Host: a\nX-A: 1"), 400, "bare_lf"),
    ("bare LF as the end", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare_lf"),
    ("bare LF before the request", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bare_lf"),
    ("bare CR behind the request line", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400, "bare_cr"),
    ("bare CR in a value", fields(b"Host: a", b"X-A: 1\r2"), 400, "bare_cr"),
    ("bare CR hiding a field", fields(b"Host: a", b"X-A: 1\rTransfer-Encoding: chunked"), 400, "bare_cr"),
    ("bare CR as the end", b"GET / HTTP/1.1\r\nHost: a\r\n\rX", 400, "bare_cr"),
    ("two empty lines before", b"\r\n\r\n" + fields(b"Host: a"), 400, "bad_method"),
    # 9110 5.5: no CTL in a value
    ("NUL in a value", get_with(b"X-A: 1\x002"), 400, "bad_field_value"),
    ("escape character in a value", get_with(b"X-A: \x1b[31m"), 400, "bad_field_value"),
    ("DEL in a value", get_with(b"X-A: \x7f"), 400, "bad_field_value"),
    # 5.1, 9110 5.1: field-name is a token, and the colon follows at once
    ("space before the colon", get_with(b"X-A : 1"), 400, "space_before_colon"),
    ("tab before the colon", get_with(b"Transfer-Encoding\t: chunked"), 400, "space_before_colon"),
    ("space in the name", get_with(b"Transfer- Encoding: chunked"), 400, "space_before_colon"),
    ("empty name", get_with(b": 1"), 400, "bad_field_name"),
    ("no colon", get_with(b"X-A"), 400, "bad_field_name"),
    ("name not a token", get_with(b"X(A): 1"), 400, "bad_field_name"),
    ("NUL in the name", get_with(b"X\0A: 1"), 400, "bad_field_name"),
    ("byte above ASCII in the name", get_with(b"X\xc3\xa4: 1"), 400, "bad_field_name"),
    # 5.2: obs-fold; 2.2: whitespace between the start-line and the first field
    ("folded by a space", get_with(b"X-A: 1\r\n 2"), 400, "folded_field"),
    ("folded by a tab", get_with(b"X-A: 1\r\n\t2"), 400, "folded_field"),
    ("space before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded_field"),
    # 3.2: exactly one valid Host
    ("no Host", fields(b"X-A: 1"), 400, "missing_host"),
    ("two equal Hosts", fields(b"Host: a", b"Host: a"), 400, "repeated_host"),
    ("two Hosts", fields(b"Host: a", b"X-A: 1", b"host: b"), 400, "repeated_host"),
    ("empty Host", fields(b"Host:"), 400, "bad_host"),
    ("Host with a space", fields(b"Host: a b"), 400, "bad_host"),
    ("Host with a path", fields(b"Host: a/b"), 400, "bad_host"),
    ("Host list", fields(b"Host: a,b c"), 400, "bad_host"),
    ("Host with user information", fields(b"Host: u@a"), 400, "bad_host"),
    ("Host with a bad port", fields(b"Host: a:8o"), 400, "bad_host"),
    ("Host with a port too large", fields(b"Host: a:65536"), 400, "bad_host"),
    ("Host with a broken escape", fields(b"Host: a%zz"), 400, "bad_host"),
    ("Host that is no IPv6 address", fields(b"Host: [1.2.3]"), 400, "bad_host"),
    ("Host with an open bracket", fields(b"Host: [::1"), 400, "bad_host"),
    ("Host above ASCII", fields(b"Host: caf\xc3\xa9"), 400, "bad_host"),
    ("absolute-form without Host", b"GET http://a/ HTTP/1.1\r\n\r\n", 400, "missing_host"),
    # 9110 10.1.1, 7.6.2
    ("unknown expectation", post_with(b"Expect: a-miracle", b"Content-Length: 0", body=b""), 417, "bad_expectation"),
    ("Max-Forwards of letters", get_with(b"Max-Forwards: x", line=b"OPTIONS / HTTP/1.1"), 400, "bad_max_forwards"),
]

_FRAMING = [
    # 6.1, 6.3(3): Content-Length with Transfer-Encoding
    ("CL and TE", post_with(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400, "length_and_encoding"),
    ("TE and CL", post_with(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400, "length_and_encoding"),
    ("CL and an odd TE", post_with(b"Content-Length: 5", b"Transfer-Encoding: xchunked"), 400, "length_and_encoding"),
    ("CL and TE, CL nominated",
     post_with(b"Connection: content-length", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
     400, "length_and_encoding"),
    # 6.1: Transfer-Encoding in HTTP/1.0
    ("TE in HTTP/1.0", b"POST /sink HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "encoding_in_http10"),
    ("CL and TE in HTTP/1.0",
     b"POST /sink HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "encoding_in_http10"),
    # 6.1, 6.3(4), 7: chunked exactly once, the only coding and the last
    ("chunked twice in a list", post_with(b"Transfer-Encoding: chunked, chunked"), 400, "bad_transfer_encoding"),
    ("chunked on two lines", post_with(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
     400, "bad_transfer_encoding"),
    ("chunked not last", post_with(b"Transfer-Encoding: chunked, gzip"), 400, "bad_transfer_encoding"),
    ("another before chunked", post_with(b"Transfer-Encoding: gzip, chunked"), 400, "bad_transfer_encoding"),
    ("another line before chunked", post_with(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
     400, "bad_transfer_encoding"),
    ("empty element", post_with(b"Transfer-Encoding: ,chunked"), 400, "bad_transfer_encoding"),
    ("empty coding", post_with(b"Transfer-Encoding:"), 400, "bad_transfer_encoding"),
    ("0xA0 before chunked", post_with(b"Transfer-Encoding: \xa0chunked"), 400, "bad_transfer_encoding"),
    ("0xFF behind chunked", post_with(b"Transfer-Encoding: chunked\xff"), 400, "bad_transfer_encoding"),
    ("quoted chunked", post_with(b'Transfer-Encoding: "chunked"'), 400, "bad_transfer_encoding"),
    ("chunked with a parameter", post_with(b"Transfer-Encoding: chunked;q=1"), 400, "bad_transfer_encoding"),
    ("unknown coding", post_with(b"Transfer-Encoding: gzip"), 501, "unknown_transfer_encoding"),
    ("identity", post_with(b"Transfer-Encoding: identity"), 501, "unknown_transfer_encoding"),
    ("almost chunked", post_with(b"Transfer-Encoding: xchunked"), 501, "unknown_transfer_encoding"),
    # 6.3(5), 9110 8.6: one Content-Length of digits
    ("two lengths", post_with(b"Content-Length: 5", b"Content-Length: 6"), 400, "repeated_content_length"),
    ("two equal lengths", post_with(b"Content-Length: 5", b"Content-Length: 5"), 400, "repeated_content_length"),
    ("list of lengths", post_with(b"Content-Length: 5, 5"), 400, "bad_content_length"),
    ("plus sign", post_with(b"Content-Length: +5"), 400, "bad_content_length"),
    ("minus sign", post_with(b"Content-Length: -5"), 400, "bad_content_length"),
    ("hexadecimal length", post_with(b"Content-Length: 0x5"), 400, "bad_content_length"),
    ("underscore", post_with(b"Content-Length: 1_0"), 400, "bad_content_length"),
    ("empty length", post_with(b"Content-Length:"), 400, "bad_content_length"),
    ("words", post_with(b"Content-Length: five"), 400, "bad_content_length"),
    ("fraction", post_with(b"Content-Length: 5.0"), 400, "bad_content_length"),
    ("2^64", post_with(b"Content-Length: 18446744073709551616"), 400, "bad_content_length"),
    ("2^64 and some", post_with(b"Content-Length: 18446744073709551621"), 400, "bad_content_length"),
    ("a length on GET that lies", get_with(b"Content-Length: 0, 44"), 400, "bad_content_length"),
]

_CHUNKS = [
    # 7.1: chunk-size of 1 to 16 hex digits, CRLF only, extensions bounded
    ("no size", chunks(b"\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("size of no digits", chunks(b"xyz\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("0x", chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("plus sign", chunks(b"+5\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("minus sign", chunks(b"-5\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("underscore", chunks(b"0_5\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("space before the size", chunks(b" 5\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("space behind the size", chunks(b"5 \r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("seventeen digits", chunks(b"00000000000000005\r\nhello\r\n0\r\n\r\n"), "chunk_too_large"),
    ("overflow", chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), "chunk_too_large"),
    ("bare LF behind the size", chunks(b"5\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("bare CR behind the size", chunks(b"5\rhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("bare LF in an extension", chunks(b"5;a\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("bare LF behind an extension", chunks(b"5;a=b\nX\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("NUL in an extension", chunks(b"5;\0\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("long extension", chunks(b"5;" + b"e" * 5000 + b"\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("bare LF behind the data", chunks(b"5\r\nhello\n0\r\n\r\n"), "bad_chunk"),
    ("data longer than its size", chunks(b"4\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("data shorter than its size", chunks(b"6\r\nhello\r\n0\r\n\r\n"), "bad_chunk"),
    ("bare LF behind the last size", chunks(b"5\r\nhello\r\n0\n\r\n"), "bad_chunk"),
    ("bare LF as the end", chunks(b"5\r\nhello\r\n0\r\n\n"), "bad_trailer"),
    ("trailer without a colon", chunks(b"5\r\nhello\r\n0\r\nX\r\n\r\n"), "bad_trailer"),
    ("folded trailer", chunks(b"5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n"), "bad_trailer"),
    ("NUL in a trailer", chunks(b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n"), "bad_trailer"),
    ("trailers without end", chunks(b"5\r\nhello\r\n0\r\n" + b"X: 1\r\n" * 5000), "bad_trailer"),
]

_LIMITS = [
    # 3: a target that is too long MUST be 414
    ("request line", target(b"/" + b"a" * 8 * _KIB), 414, "request_line_too_long"),
    ("request line without end", b"GET /" + b"a" * 8 * _KIB, 414, "request_line_too_long"),
    ("method without end", b"G" * 9 * _KIB, 414, "request_line_too_long"),
    # 9110 5.4
    ("field", get_with(b"X-A: " + b"a" * 16 * _KIB), 431, "field_too_large"),
    ("field without end", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 17 * _KIB, 431, "field_too_large"),
    ("name without end", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a" * 17 * _KIB, 431, "field_too_large"),
    ("all fields", get_with(*[b"X-A: " + b"a" * 10_000] * 7), 431, "fields_too_large"),
    ("count", get_with(*[b"X-A: 1"] * 100), 431, "too_many_fields"),
    # one byte above 64 MiB, the default
    ("length", post_with(b"Content-Length: 67108865", body=b""), 413, "body_too_large"),
    ("2^63", post_with(b"Content-Length: 9223372036854775808", body=b""), 413, "body_too_large"),
    ("2^64 - 1", post_with(b"Content-Length: 18446744073709551615", body=b""), 413, "body_too_large"),
    ("length of a route", get_with(b"Content-Length: 10241", line=b"POST /sink/small HTTP/1.1") + b"b" * 100,
     413, "body_too_large"),
    ("chunk", chunks(b"4000001\r\n" + b"b" * 100), 413, "body_too_large"),
    ("largest chunk", chunks(b"ffffffffffffffff\r\n" + b"b" * 100), 413, "body_too_large"),
]


def refused(weir: Weir, origin: Origin, request: bytes, status: int, code: str) -> None:
    """Sent with another request behind it, which must not be answered: who knows where it begins?"""
    before = origin.counts().requests
    with Connection(weir.port) as client:
        client.send(request + _SMUGGLED)
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"]) == (status, code)
        assert reply["content-type"] == "application/json" and len(reply.body) < 300
        error = json.loads(reply.body)["error"]
        assert error["code"] == code and error["message"]
        assert reply["connection"] == "close" and client.at_end()
    assert origin.counts().requests == before


def rows(table: list[tuple[str, bytes, int, str]]) -> pytest.MarkDecorator:
    names = [row[0] for row in table]
    return pytest.mark.parametrize("request_bytes_,status,code", [row[1:] for row in table], ids=names)


@rows(_REQUEST_LINES)
def test_request_lines(served: Weir, origin_v1: Origin, request_bytes_: bytes, status: int, code: str) -> None:
    refused(served, origin_v1, request_bytes_, status, code)


@rows(_FIELD_LINES)
def test_field_lines(served: Weir, origin_v1: Origin, request_bytes_: bytes, status: int, code: str) -> None:
    refused(served, origin_v1, request_bytes_, status, code)


@rows(_FRAMING)
def test_framing(served: Weir, origin_v1: Origin, request_bytes_: bytes, status: int, code: str) -> None:
    refused(served, origin_v1, request_bytes_, status, code)


@rows([(name, request, 400, code) for name, request, code in _CHUNKS])
def test_chunks(served: Weir, origin_v1: Origin, request_bytes_: bytes, status: int, code: str) -> None:
    refused(served, origin_v1, request_bytes_, status, code)


@rows(_LIMITS)
def test_limits(served: Weir, origin_v1: Origin, request_bytes_: bytes, status: int, code: str) -> None:
    refused(served, origin_v1, request_bytes_, status, code)


@pytest.mark.parametrize("request_bytes_,code", [
    (post_with(b"Content-Length: 5", b"Transfer-Encoding: chunked"), "length_and_encoding"),
    (fields(b"Host: a", b"X-A: 1\r\n 2"), "folded_field"),
    (b"GET / HTTP/1.1\nHost: a\r\n\r\n", "bare_lf"),
    (fields(b"Host: a", b"Host: a"), "repeated_host"),
], ids=["framing", "fold", "bare LF", "Host"])
def test_a_refusal_does_not_depend_on_how_the_bytes_are_cut(served: Weir, request_bytes_: bytes, code: str) -> None:
    with Connection(served.port) as client:
        try:
            for byte in request_bytes_:
                client.send(bytes([byte]))
        except ConnectionError:
            pass  # refused before all was sent
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (400, code, "close")


def test_the_requests_before_a_bad_one_are_answered(served: Weir, origin_v1: Origin) -> None:
    before = origin_v1.counts().requests
    with Connection(served.port) as client:
        client.send(request_bytes("GET", "/inspect?1") + request_bytes("POST", "/sink", {}, b"hello") +
                    get_with(b"X-A : 1") + _SMUGGLED)
        assert client.reply().json()["target"] == "/inspect?1"
        assert client.reply().json()["bytes"] == 5
        assert client.reply()["x-weir-reason"] == "space_before_colon"
        assert client.at_end()
    assert origin_v1.counts().requests - before == 2


def test_a_head_request_is_refused_without_a_body(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(get_with(b"Content-Length: 99999999", line=b"HEAD / HTTP/1.1"))
        reply = client.reply(to="HEAD")
        assert (reply.status, reply["x-weir-reason"]) == (413, "body_too_large") and client.at_end()


def test_refusals_are_counted(served: Weir) -> None:
    def count() -> float:
        return Exposition(served.admin.metrics()).total("weir_requests_refused_total")
    before = count()
    with Connection(served.port) as client:
        client.send(fields(b"X-A: 1"))
        assert client.reply().status == 400
    assert count() == before + 1


# What is just within the limits


@pytest.mark.parametrize("request_bytes_", [
    target(b"/" + b"a" * (8 * _KIB - len("GET / HTTP/1.1"))),
    get_with(b"X-A: " + b"a" * (16 * _KIB - len("X-A: "))),
    get_with(*[b"X-A: 1"] * 99),
    get_with(*[b"X-A: " + b"a" * (10 * _KIB - len("X-A: \r\n"))] * 5,
             b"X-B: " + b"b" * (10 * _KIB - len("Host: weir.test\r\n" "X-B: \r\n" "\r\n"))),
    b"\r\n" + get_with(),
], ids=["request line", "field", "count", "all fields", "one empty line before"])
def test_what_is_just_within_the_limits_passes(served: Weir, request_bytes_: bytes) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes_)
        assert client.reply().status == 200
        assert client.request("GET", "/inspect").status == 200


@pytest.mark.parametrize("path,size", [("/sink/small", 10 * _KIB), ("/sink", 64 * _MIB)])
@pytest.mark.parametrize("as_chunks", [False, True])
def test_a_body_of_the_limit_passes(served: Weir, path: str, size: int, as_chunks: bool) -> None:
    piece = b"b" * min(size, 256 * _KIB)
    with Connection(served.port, timeout_s=60) as client:
        if as_chunks:
            client.send(request_bytes("POST", path, {"Transfer-Encoding": "chunked"}))
        else:
            client.send(request_bytes("POST", path, {"Content-Length": str(size)}))
        for _ in range(size // len(piece)):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if as_chunks else piece)
        if as_chunks:
            client.send(b"0\r\n\r\n")
        assert client.reply().json()["bytes"] == size


def test_a_chunked_body_is_cut_where_it_passes_the_limit(served: Weir, origin_v1: Origin) -> None:
    before = origin_v1.counts()
    with Connection(served.port) as client:
        first = b"1000\r\n" + b"b" * 4096 + b"\r\n"
        client.send(request_bytes("POST", "/sink/small", {"Transfer-Encoding": "chunked"}, first))
        wait_until(lambda: origin_v1.counts().body_in - before.body_in == 4096, "the first chunk is at the origin")
        client.send(b"2000\r\n" + b"b" * 8192 + b"\r\n0\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"]) == (413, "body_too_large") and client.at_end()
    # Too late to keep it from the origin altogether, but it sees an aborted request, not a shorter one.
    wait_until(lambda: origin_v1.counts().aborted == before.aborted + 1, "the origin's request is aborted")
    assert origin_v1.counts().body_in - before.body_in <= 10 * _KIB


def test_a_broken_body_never_ends_cleanly_for_the_origin(served: Weir, origin_v1: Origin) -> None:
    before = origin_v1.counts()
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"Transfer-Encoding": "chunked"}) + b"5\r\nhello\r\n")
        wait_until(lambda: origin_v1.counts().body_in - before.body_in == 5, "the first chunk is at the origin")
        client.send(b"zz\r\n")
        reply = client.reply()
        assert (reply.status, reply["x-weir-reason"]) == (400, "bad_chunk") and client.at_end()
    wait_until(lambda: origin_v1.counts().aborted == before.aborted + 1, "the origin's request is aborted")


def test_a_body_that_nobody_wants_is_no_request(origin_v1: Origin, served: Weir) -> None:
    """OPTIONS with Max-Forwards: 0 is answered by the weir, whatever it carries."""
    before = origin_v1.counts().requests
    with Connection(served.port) as client:
        for _ in range(2):
            client.send(request_bytes("OPTIONS", "/", {"Max-Forwards": "0"}, _SMUGGLED))
            assert client.reply().status == 200
        fields = {"Max-Forwards": "0", "Transfer-Encoding": "chunked"}
        client.send(request_bytes("OPTIONS", "/", fields, chunked(_SMUGGLED)))
        assert client.reply().status == 200
        assert client.at_end()
    assert origin_v1.counts().requests == before


def test_a_route_may_have_no_limit(served: Weir) -> None:
    body = b"b" * (65 * _MIB)
    with Connection(served.port, timeout_s=60) as client:
        client.send(request_bytes("POST", "/sink/any", {}, body))
        assert client.reply().json()["bytes"] == len(body)


def test_chunks_of_one_byte_pass(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"Transfer-Encoding": "chunked"}, chunked(*[b"x"] * 20_000)))
        assert client.reply().json()["bytes"] == 20_000
