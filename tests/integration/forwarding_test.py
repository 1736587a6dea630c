"""Messages through the weir: whole, in order, framed as they came, each connection ending when it should."""
from __future__ import annotations

import hashlib
import threading
from typing import Iterator

import pytest
from http_client import Connection, Reply, chunked, get, request_bytes
from origin import Origin
from plans import one_version
from raw_origin import Peer, RawOrigin, always
from serving import running_origin, running_weir
from weir_harness import Weir

_PATTERN = bytes(range(256))
_CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture(name="origin_v1", scope="module")
def _origin_v1() -> Iterator[Origin]:
    with running_origin() as origin:
        yield origin


@pytest.fixture(name="served", scope="module")
def _served(origin_v1: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weir]:
    with running_weir(one_version(origin_v1), tmp_path_factory.mktemp("weir")) as weir:
        yield weir


def body_of_origin(size: int) -> bytes:
    """What /bytes/SIZE and its like send."""
    return (_PATTERN * (size // 256 + 1))[:size]


def body_of_client(size: int) -> bytes:
    """Unlike any part of itself, so that a lost, doubled or swapped block shows."""
    return b"".join(hashlib.sha256(str(block).encode()).digest() for block in range(size // 32 + 1))[:size]


def in_pieces(body: bytes, size: int = 7001) -> list[bytes]:
    return [body[at: at + size] for at in range(0, len(body), size)]


# Keep-alive and its end


def test_requests_follow_each_other_on_one_connection(served: Weir, origin_v1: Origin) -> None:
    before = origin_v1.counts()
    with Connection(served.port) as client:
        for number in range(20):
            reply = client.request("GET", f"/inspect?{number}")
            assert reply.status == 200 and reply.json()["target"] == f"/inspect?{number}"
            assert reply["connection"] is None
    after = origin_v1.counts()
    # One worker has the client's connection, so one connection upstream will do.
    assert after.requests - before.requests == 20 and after.connections - before.connections <= 1


def test_pipelined_requests_are_answered_in_order(served: Weir) -> None:
    targets = ["/drip/3/30", "/inspect?second", "/bytes/70000", "/status/404", "/inspect?fifth", "/drip/2/10",
               "/status/204"]
    with Connection(served.port) as client:
        client.send(b"".join(request_bytes("GET", target) for target in targets))
        replies = [client.reply() for _ in targets]
        assert replies[0].body == b"drop\n" * 3
        assert replies[1].json()["target"] == "/inspect?second"
        assert replies[2].body == body_of_origin(70_000)
        assert (replies[3].status, replies[3].body) == (404, b"404")
        assert replies[4].json()["target"] == "/inspect?fifth"
        assert replies[5].body == b"drop\n" * 2
        assert replies[6].status == 204
        assert client.request("GET", "/inspect").status == 200


def test_pipelined_bodies_stay_with_their_requests(served: Weir) -> None:
    bodies = [body_of_client(size) for size in (0, 1, 5000, 40_000, 3)]
    with Connection(served.port) as client:
        for number, body in enumerate(bodies):
            if number % 2:
                client.send(request_bytes("POST", "/sink", _CHUNKED, chunked(*in_pieces(body, 999))))
            else:
                client.send(request_bytes("POST", "/sink", {"Content-Length": str(len(body))}, body))
        for body in bodies:
            assert client.reply().json() == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def test_an_empty_line_before_a_request_is_skipped(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(b"\r\n" + request_bytes("GET", "/inspect"))
        assert client.reply().status == 200


def test_a_head_may_come_byte_by_byte(served: Weir) -> None:
    with Connection(served.port) as client:
        for byte in request_bytes("GET", "/inspect?slow", {"X-Field": "value"}):
            client.send(bytes([byte]))
        assert client.reply().json()["target"] == "/inspect?slow"


@pytest.mark.parametrize("option", ["close", "Close", "x-other, close", "close, keep-alive"])
def test_a_client_that_says_close_is_closed_after_its_answer(served: Weir, option: str) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("GET", "/inspect", {"Connection": option}) + request_bytes("GET", "/inspect"))
        reply = client.reply()
        assert reply.status == 200 and reply["connection"] == "close"
        assert client.at_end()  # the second request is not answered


def test_an_origin_that_says_close_ends_its_own_connection_only(served: Weir, origin_v1: Origin) -> None:
    before = origin_v1.counts()
    with Connection(served.port) as client:
        for _ in range(3):
            reply = client.request("GET", "/close")
            assert reply.body == b"closing" and reply["connection"] is None
    after = origin_v1.counts()
    assert after.requests - before.requests == 3 and after.connections - before.connections >= 2


# HTTP/1.0


def test_an_http10_client_is_closed_after_its_answer(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(b"GET /inspect HTTP/1.0\r\nHost: old.test\r\n\r\n")
        reply = client.reply()
        assert reply["connection"] == "close" and client.at_end()
        seen = reply.json()
        assert seen["version"] == "HTTP/1.1" and ["host", "old.test"] in seen["fields"]


def test_an_http10_client_may_keep_its_connection(served: Weir) -> None:
    request = b"GET /bytes/5000 HTTP/1.0\r\nHost: old.test\r\nConnection: keep-alive\r\n\r\n"
    with Connection(served.port) as client:
        for _ in range(3):
            client.send(request)
            reply = client.reply()
            assert reply["connection"] == "keep-alive" and reply.body == body_of_origin(5000)


@pytest.mark.parametrize("option", [b"", b"Connection: keep-alive\r\n"])
def test_an_http10_client_gets_no_chunks(served: Weir, option: bytes) -> None:
    with Connection(served.port) as client:
        client.send(b"GET /chunked/5000 HTTP/1.0\r\nHost: old.test\r\n" + option + b"\r\n")
        reply = client.reply()  # reads to the connection's end
        assert reply["transfer-encoding"] is None and reply["content-length"] is None and reply["connection"] == "close"
        assert reply.body == body_of_origin(5000)


def test_an_http10_client_without_host_is_given_the_endpoints(served: Weir, origin_v1: Origin) -> None:
    with Connection(served.port) as client:
        client.send(b"GET /inspect HTTP/1.0\r\n\r\n")
        assert ["host", f"127.0.0.1:{origin_v1.port}"] in client.reply().json()["fields"]


# Bodies


_SIZES = [0, 1, 2047, 2049, 32_768, 100_000, 5_000_001]


@pytest.mark.parametrize("size", _SIZES)
def test_a_request_body_with_a_length_arrives_unchanged(served: Weir, size: int) -> None:
    body = body_of_client(size)
    with Connection(served.port) as client:
        reply = client.request("POST", "/sink", {"Content-Length": str(size)}, body)
        assert reply.json() == {"bytes": size, "sha256": hashlib.sha256(body).hexdigest()}
        assert client.request("GET", "/inspect").status == 200


@pytest.mark.parametrize("size", _SIZES)
def test_a_chunked_request_body_arrives_unchanged(served: Weir, size: int) -> None:
    body = body_of_client(size)
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", _CHUNKED, chunked(*in_pieces(body))))
        assert client.reply().json() == {"bytes": size, "sha256": hashlib.sha256(body).hexdigest()}
        assert client.request("GET", "/inspect").status == 200


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("kind", ["bytes", "chunked", "until-close"])
def test_a_response_body_arrives_unchanged(served: Weir, kind: str, size: int) -> None:
    with Connection(served.port) as client:
        reply = client.request("GET", f"/{kind}/{size}")
        assert hashlib.sha256(reply.body).digest() == hashlib.sha256(body_of_origin(size)).digest()
        # Framed as it came; what ends with its connection is chunked, so that this one need not end.
        expected = (str(size), None) if kind == "bytes" else (None, "chunked")
        assert (reply["content-length"], reply["transfer-encoding"]) == expected
        assert client.request("GET", "/inspect").status == 200


@pytest.mark.parametrize("as_chunks", [False, True])
def test_a_body_flows_both_ways_at_once(served: Weir, as_chunks: bool) -> None:
    body = body_of_client(3_000_000)
    framed = request_bytes("POST", "/echo", _CHUNKED, chunked(*in_pieces(body))) if as_chunks \
        else request_bytes("POST", "/echo", {}, body)
    with Connection(served.port) as client:
        sender = threading.Thread(target=client.send, args=(framed,))
        sender.start()
        reply = client.reply()
        sender.join()
        assert hashlib.sha256(reply.body).digest() == hashlib.sha256(body).digest()
        assert (reply["transfer-encoding"] == "chunked") == as_chunks
        assert client.request("GET", "/inspect").status == 200


def test_parts_of_a_stream_are_passed_on_as_they_come(served: Weir, origin_v1: Origin) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("GET", "/drip/3/60000"))
        head = client.head()
        assert head["transfer-encoding"] == "chunked"
        # The second part is a minute away: a weir that collects would say nothing now.
        assert client.read_some() == b"5\r\ndrop\n\r\n"
        assert origin_v1.counts().waiting >= 1
        client.reset()


def test_parts_of_an_upload_are_passed_on_as_they_come(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/echo", _CHUNKED))
        client.send(b"5\r\nfirst\r\n")
        client.head()
        assert client.read_some() == b"5\r\nfirst\r\n"
        client.send(b"6\r\nsecond\r\n0\r\n\r\n")
        rest = b""
        while not rest.endswith(b"0\r\n\r\n"):
            rest += client.read_some()
        assert rest == b"6\r\nsecond\r\n0\r\n\r\n"


def test_chunk_extensions_are_dropped(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"Transfer-Encoding": "Chunked"},
                                  b'005;a=b\r\nhello\r\n6;x="y z"\r\n world\r\n0;last\r\n\r\n'))
        assert client.reply().json() == {"bytes": 11, "sha256": hashlib.sha256(b"hello world").hexdigest()}


def test_trailers_of_a_request_reach_the_origin(served: Weir) -> None:
    trailers = b"X-Sum: 42\r\nX-More: a, b\r\n"
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/inspect", _CHUNKED, chunked(b"hello", trailers=trailers)))
        assert client.reply().json()["trailers"] == ["X-Sum: 42", "X-More: a, b"]


def test_trailers_come_back(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/echo", _CHUNKED,
                                  chunked(b"hello", trailers=b"X-Sum: 42\r\n")))
        reply = client.reply()
        assert (reply.body, reply.trailers) == (b"hello", [("x-sum", "42")])
        assert client.request("GET", "/chunked/10").trailers == [("x-sum", "17")]


def test_trailers_that_would_change_a_message_are_left_out(served: Weir) -> None:
    trailers = (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: Basic eA==\r\n"
                b"Cookie: a=b\r\nX-Fine: 1\r\n")
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/inspect", _CHUNKED, chunked(b"hello", trailers=trailers)))
        seen = client.reply().json()
    assert seen["trailers"] == ["X-Fine: 1"]
    assert ["host", "weir.test"] in seen["fields"] and not any(name.lower() == "cookie" for name, _ in seen["fields"])


# Expect


def test_a_client_that_waits_is_told_to_continue(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(b"POST /inspect HTTP/1.1\r\nHost: weir.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        interim = client.head()
        assert interim.status == 100
        client.send(b"hello")
        reply = client.reply()
        assert reply.status == 200 and reply.json()["bytes"] == 5
        # Whoever has said 100 itself must not make the origin say it again.
        assert not any(name.lower() == "expect" for name, _ in reply.json()["fields"])


@pytest.mark.parametrize("target", ["/sink", "/expect"])
def test_a_client_that_does_not_wait_gets_one_answer(served: Weir, target: str) -> None:
    """/expect is an origin that says 100 by itself."""
    with Connection(served.port) as client:
        for _ in range(2):
            client.send(request_bytes("POST", target, {"Expect": "100-continue"}, b"hello"))
            reply = client.reply()
            assert reply.json() == {"bytes": 5, "sha256": hashlib.sha256(b"hello").hexdigest()}
            assert {interim.status for interim in reply.interim} == {100}


def test_an_expectation_without_a_body_waits_for_nothing(served: Weir) -> None:
    with Connection(served.port) as client:
        reply = client.request("GET", "/inspect", {"Expect": "100-continue"})
        assert reply.status == 200 and not reply.interim


def test_a_refused_upload_is_not_asked_for(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/sink", {"Expect": "100-continue", "Content-Length": "67108865"}))
        reply = client.reply()
        assert reply.status == 413 and not reply.interim and client.at_end()


def test_an_http10_client_is_never_told_to_continue(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(b"POST /sink HTTP/1.0\r\nHost: weir.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
        reply = client.reply()
        assert reply.status == 200 and not reply.interim


# Responses without a body, interim ones, early ones


@pytest.mark.parametrize("target,length", [("/bytes/1000", "1000"), ("/inspect", None), ("/chunked/1000", None)])
def test_head_has_the_fields_and_no_body(served: Weir, target: str, length: str | None) -> None:
    with Connection(served.port) as client:
        reply = client.request("HEAD", target)
        assert reply.status == 200 and reply.body == b""
        assert length is None or reply["content-length"] == length
        # A body after all would be read as the next reply.
        assert client.request("GET", "/status/404").body == b"404"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_leaves_the_connection_usable(served: Weir, status: int) -> None:
    with Connection(served.port) as client:
        reply = client.request("GET", f"/status/{status}")
        assert reply.status == status and reply["etag"] == '"1"'
        assert reply["transfer-encoding"] is None and (status == 304 or reply["content-length"] is None)
        assert client.request("GET", "/status/404").body == b"404"


def test_a_304_may_say_how_long_the_body_would_be(weir, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with RawOrigin(always(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n")) as origin:
        with Connection(weir(one_version(origin)).port) as client:
            for _ in range(2):
                reply = client.request("GET", "/")
                assert (reply.status, reply["content-length"], reply.body) == (304, "500", b"")
        assert origin.connections == 1


def test_interim_responses_are_passed_on(weir) -> None:  # type: ignore[no-untyped-def]
    hints = (b"HTTP/1.1 102 Processing\r\n\r\n"
             b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\n\r\n"
             b"HTTP/1.1 103 Early Hints\r\nlink: </c.js>\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n"
             b"HTTP/1.1 199 Whatever\r\n\r\n")
    with RawOrigin(always(hints + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as origin:
        served = weir(one_version(origin))
        with Connection(served.port) as client:
            for _ in range(2):
                reply = client.request("GET", "/")
                assert (reply.status, reply.body) == (200, b"ok")
                assert [interim.status for interim in reply.interim] == [102, 103, 103, 199]
                assert reply.interim[1]["link"] == "</a.css>; rel=preload, </b.js>; rel=preload"
                assert reply.interim[2].fields == [("link", "</c.js>")]
        with Connection(served.port) as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            reply = client.reply()
            assert (reply.status, reply.interim) == (200, [])  # HTTP/1.0 knows none


def test_early_hints_arrive_before_the_response(weir) -> None:  # type: ignore[no-untyped-def]
    go_on = threading.Event()

    def serve(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n")
        assert go_on.wait(20)
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with RawOrigin(serve) as origin, Connection(weir(one_version(origin)).port) as client:
        client.send(request_bytes("GET", "/"))
        assert client.head().status == 103
        go_on.set()
        assert client.reply().status == 200


@pytest.mark.parametrize("size", [10, 100_000, 12_000_000])
def test_an_answer_to_an_unread_body_reaches_a_client_that_writes_first(served: Weir, size: int) -> None:
    """The origin refuses the upload and closes. The client looks for an answer only once all is written."""
    with Connection(served.port) as client:
        client.send(request_bytes("POST", "/early", {}, b"u" * size))
        reply = client.reply()
        assert (reply.status, reply.body) == (413, b"too much")
        # What was not read of a large one would be taken for the next request.
        assert size < 1_000_000 or client.at_end()


def test_the_weir_serves_on_after_all_that(served: Weir) -> None:
    reply: Reply = get(served.port, "/inspect")
    assert reply.status == 200 and reply["connection"] == "close"
