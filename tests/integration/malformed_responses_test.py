"""Origins that answer with what is no response, or with half of one: 502, or a cut, and never a clean end."""
from __future__ import annotations

import dataclasses
from typing import Iterator

import pytest
from exposition import Exposition
from http_client import Connection, Reply, Truncated
from plans import one_version
from polling import wait_until
from raw_origin import Peer, RawOrigin
from serving import running_weir
from weir_harness import Weir

_OK = b"HTTP/1.1 200 OK\r\n"
_NOT_HTTP = [
    ("text", b"this is not HTTP\r\n\r\n", "bad_status_line"),
    ("empty line first", b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "bad_status_line"),
    ("status of two digits", b"HTTP/1.1 20 OK\r\n\r\n", "bad_status_line"),
    ("status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n", "bad_status_line"),
    ("status 099", b"HTTP/1.1 099 Low\r\n\r\n", "bad_status_line"),
    ("status 600", b"HTTP/1.1 600 High\r\n\r\n", "bad_status_line"),
    ("NUL in the reason", b"HTTP/1.1 200 O\0K\r\n\r\n", "bad_status_line"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", "unsupported_version"),
    ("HTTP/3.0", b"HTTP/3.0 200 OK\r\ncontent-length: 0\r\n\r\n", "unsupported_version"),
    ("switched without being asked", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
     "unasked_upgrade"),
    ("bare LF", b"HTTP/1.1 200 OK\ncontent-length: 0\n\n", "bare_lf"),
    ("bare LF behind a field", _OK + b"x: 1\ncontent-length: 0\r\n\r\n", "bare_lf"),
    ("bare CR in a value", _OK + b"x: 1\r2\r\ncontent-length: 0\r\n\r\n", "bare_cr"),
    ("NUL in a value", _OK + b"x: 1\x002\r\ncontent-length: 0\r\n\r\n", "bad_field_value"),
    ("folded", _OK + b"x: 1\r\n 2\r\ncontent-length: 0\r\n\r\n", "folded_field"),
    ("name not a token", _OK + b"bad(name): 1\r\ncontent-length: 0\r\n\r\n", "bad_field_name"),
    ("no colon", _OK + b"nothing\r\ncontent-length: 0\r\n\r\n", "bad_field_name"),
    ("empty name", _OK + b": 1\r\ncontent-length: 0\r\n\r\n", "bad_field_name"),
    # RFC 9112 6.3(5), 9110 8.6: 502, and the connection closed
    ("two lengths", _OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello", "repeated_content_length"),
    ("two equal lengths", _OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", "repeated_content_length"),
    ("list of lengths", _OK + b"content-length: 5, 5\r\n\r\nhello", "bad_content_length"),
    ("sign", _OK + b"content-length: +5\r\n\r\nhello", "bad_content_length"),
    ("2^64", _OK + b"content-length: 18446744073709551616\r\n\r\nhello", "bad_content_length"),
    ("length and chunked", _OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
     "length_and_encoding"),
    ("chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "encoding_in_http10"),
    ("unknown coding", _OK + b"transfer-encoding: gzip\r\n\r\nhello", "unknown_transfer_encoding"),
    ("chunked twice", _OK + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "bad_transfer_encoding"),
    ("another before chunked", _OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "bad_transfer_encoding"),
    # 80 KiB, 200 fields
    ("huge field", _OK + b"x: " + b"h" * 81 * 1024 + b"\r\n\r\n", "fields_too_large"),
    ("field without end", _OK + b"x: " + b"h" * 200_000, "fields_too_large"),
    ("many fields", _OK + b"x: 1\r\n" * 201 + b"\r\n", "too_many_fields"),
    ("bad behind an interim one", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 2x0 OK\r\n\r\n", "bad_status_line"),
]

# What the origin says before it closes.
_CUT = [
    ("length", _OK + b"content-length: 1000\r\n\r\n" + b"x" * 400),
    ("length, nothing of it", _OK + b"content-length: 1000\r\n\r\n"),
    ("chunked, between chunks", _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    ("chunked, inside a chunk", _OK + b"transfer-encoding: chunked\r\n\r\n9\r\nhello"),
    ("chunked, inside a size", _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1"),
    ("chunked, before the trailers end", _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: 1\r\n"),
    ("bad chunk", _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
    ("bad trailer", _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx\r\n\r\n"),
]

_CUT_HEADS = [("nothing", b""), ("status line", b"HTTP/1.1 200 OK\r\n"), ("field", b"HTTP/1.1 200 OK\r\nx-half: "),
              ("interim alone", b"HTTP/1.1 103 Early Hints\r\n\r\n")]


@dataclasses.dataclass
class Served:
    """An origin that says `answer`, once a connection, and then closes or waits until the weir does."""
    answer: bytes = b""
    closes: bool = False
    asked: int = 0
    weir: Weir | None = None
    origin: RawOrigin | None = None

    def serve(self, peer: Peer) -> None:
        peer.request()
        closes = self.closes
        peer.send(self.answer)
        if not closes:
            peer.wait_for_close()

    def get(self, answer: bytes, closes: bool) -> Reply:
        assert self.weir is not None
        self.answer, self.closes = answer, closes
        self.asked += 1
        with Connection(self.weir.port) as client:
            return client.request("GET", "/")

    def wait_for_close(self) -> None:
        """The weir closes what the origin does not."""
        origin = self.origin
        assert origin is not None
        wait_until(lambda: origin.open == 0, "the weir closes the origin's connection")

    def blamed(self) -> float:
        """How many requests have ended as the version's fault, once all are counted."""
        assert self.weir is not None
        metrics = self.weir.admin.metrics
        name = "weir_requests_total"
        wait_until(lambda: Exposition(metrics()).total(name) == self.asked, "all requests are counted")
        return sum(Exposition(metrics()).total(name, **{"class": outcome}) for outcome in ("reset", "truncated"))


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served()
    with RawOrigin(served.serve) as origin, running_weir(one_version(origin), tmp_path_factory.mktemp("weir")) as weir:
        served.weir, served.origin = weir, origin
        yield served


@pytest.mark.parametrize("answer,code", [row[1:] for row in _NOT_HTTP], ids=[row[0] for row in _NOT_HTTP])
def test_what_is_no_response_is_502(served: Served, answer: bytes, code: str) -> None:
    blamed = served.blamed()
    reply = served.get(answer, closes=False)
    assert (reply.status, reply["x-weir-reason"], reply.json()["error"]["code"]) == (502, code, code)
    assert reply["x-weir-version"] == "v1" and reply["connection"] is None
    served.wait_for_close()
    assert served.blamed() == blamed + 1


@pytest.mark.parametrize("answer", [row[1] for row in _CUT], ids=[row[0] for row in _CUT])
def test_a_cut_response_never_ends_cleanly(served: Served, answer: bytes) -> None:
    blamed = served.blamed()
    with pytest.raises((Truncated, ConnectionResetError)):
        served.get(answer, closes=True)
    assert served.blamed() == blamed + 1


@pytest.mark.parametrize("answer", [row[1] for row in _CUT_HEADS], ids=[row[0] for row in _CUT_HEADS])
def test_a_response_without_a_whole_head_is_502(served: Served, answer: bytes) -> None:
    reply = served.get(answer, closes=True)
    assert reply.status == 502 and (reply["x-weir-reason"] or "").startswith("upstream_")


def test_a_response_that_ends_with_its_connection_ends_cleanly(served: Served) -> None:
    reply = served.get(_OK + b"\r\nhello", closes=True)
    assert (reply.body, reply["transfer-encoding"]) == (b"hello", "chunked")


def test_http10_origins_are_understood(served: Served) -> None:
    reply = served.get(b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", closes=False)
    assert (reply.version, reply.body, reply["connection"]) == ("HTTP/1.1", b"hello", None)


@pytest.mark.parametrize("extra", [b"x", b"\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned"],
                         ids=["a byte", "an empty line", "a response"])
def test_what_follows_a_response_belongs_to_no_request(served: Served, extra: bytes) -> None:
    """The next request must get a connection of its own, or it would get a stranger's answer."""
    assert served.weir is not None
    with Connection(served.weir.port) as client:
        for body in (b"first", b"second"):
            served.answer, served.closes = _OK + b"content-length: %d\r\n\r\n%s" % (len(body), body) + extra, False
            served.asked += 1
            assert client.request("GET", "/").body == body
            served.wait_for_close()
