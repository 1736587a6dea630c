"""The PROXY protocol: whom a connection is for, said by the proxy before us in front of the connection's own bytes."""
from __future__ import annotations

import json
import pathlib
import socket
import ssl
import struct
from typing import Any, Callable, Iterator

import pytest
from certificates import Authority
from exposition import Exposition
from http_client import Connection
from origin import Origin
from plans import Plan, one_version
from polling import wait_until
from weir_harness import Weir

StartWeir = Callable[..., Weir]

REQUEST = b"GET /inspect HTTP/1.1\r\nHost: weir.test\r\n\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_2(source: str, port: int, *, command: int = 0x21, tlvs: bytes = b"") -> bytes:
    v6 = ":" in source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    block = socket.inet_pton(family, source) + socket.inet_pton(family, "::1" if v6 else "127.0.0.1")
    block += struct.pack("!HH", port, 443) + tlvs
    return SIGNATURE + bytes([command, 0x21 if v6 else 0x11]) + struct.pack("!H", len(block)) + block


@pytest.fixture(name="served")
def _served(new_weir: StartWeir, origin: Callable[..., Origin]) -> Iterator[Weir]:
    yield with_header(new_weir, one_version(origin(), forwarded=True, trustedHops=["127.0.0.1"]))


def with_header(new_weir: StartWeir, plan: Plan, **listener: Any) -> Weir:
    made = new_weir(plan)
    made.write({**plan, "listeners": [{"address": f"127.0.0.1:{made.port}", "proxyProtocol": True, **listener}]})
    return made.start()


def fields_behind(weir: Weir, *pieces: bytes) -> dict[str, str]:
    with Connection(weir.port) as client:
        for piece in pieces:
            client.send(piece)
        reply = client.reply()
        assert reply.status == 200
        return {name.lower(): value for name, value in reply.json()["fields"]}


def refused(weir: Weir, data: bytes) -> bool:
    """Closed without a word."""
    with socket.create_connection(("127.0.0.1", weir.port), timeout=30) as client:
        client.sendall(data)
        try:
            return client.recv(1) == b""
        except ConnectionResetError:
            return True


def count_refused(weir: Weir) -> float:
    return Exposition(weir.admin.metrics()).total("weir_downstream_proxy_headers_refused_total")


@pytest.mark.parametrize("header,source,forwarded", [
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n", "192.0.2.7", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7", '"[2001:db8::7]"'),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1", "127.0.0.1"),
    (version_2("192.0.2.7", 4711), "192.0.2.7", "192.0.2.7"),
    (version_2("2001:db8::7", 4711, tlvs=b"\x04\x00\x02\x00\x00" * 200), "2001:db8::7", '"[2001:db8::7]"'),
    (version_2("192.0.2.7", 4711, command=0x20), "127.0.0.1", "127.0.0.1"),
])
def test_the_header_says_whom_it_is_for(served: Weir, header: bytes, source: str, forwarded: str) -> None:
    ways = ([header + REQUEST], [header, REQUEST], [header[:5], header[5:14], header[14:] + REQUEST])
    for pieces in ways:
        fields = fields_behind(served, *pieces)
        assert fields["x-forwarded-for"] == source
        assert fields["forwarded"] == f'for={forwarded};host="weir.test";proto=http'
    assert count_refused(served) == 0


def test_each_byte_may_come_alone(served: Weir) -> None:
    header = version_2("192.0.2.7", 4711)
    assert fields_behind(served, *(bytes([byte]) for byte in header + REQUEST))["x-forwarded-for"] == "192.0.2.7"


def test_a_connection_goes_on_behind_its_header(served: Weir) -> None:
    with Connection(served.port) as client:
        client.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + REQUEST + REQUEST)
        for _ in range(2):
            assert ["x-forwarded-for", "192.0.2.7"] in client.reply().json()["fields"]
        client.send(b"PROXY TCP4 192.0.2.8 127.0.0.1 1 2\r\n" + REQUEST)
        assert client.reply().status == 400  # once, at the front


@pytest.mark.parametrize("data", [
    REQUEST, b"PROXY TCP4 192.0.2.7 127.0.0.1 1\r\n" + REQUEST, b"PROXY " + b"x" * 200,
    b"PROXY UNKNOWN\n" + REQUEST, SIGNATURE + b"\x31\x11\x00\x0c", SIGNATURE + b"\x21\x11\xff\xff",
    b"\x16\x03\x01\x02\x00\x01",
])
def test_without_a_header_it_ends(served: Weir, data: bytes) -> None:
    before = count_refused(served)
    assert refused(served, data)
    wait_until(lambda: count_refused(served) == before + 1, "it is counted")


def test_a_header_that_does_not_come_is_not_waited_for(new_weir: StartWeir, origin: Callable[..., Origin]) -> None:
    weir = with_header(new_weir, one_version(origin(), trustedHops=["127.0.0.1"], timeouts={"header": "100ms"}))
    assert refused(weir, b"") and refused(weir, b"PROXY TCP4 192")
    wait_until(lambda: count_refused(weir) == 2, "it is counted")


def test_a_listeners_rules_are_for_whom_it_says(new_weir: StartWeir, origin: Callable[..., Origin]) -> None:
    weir = with_header(new_weir, one_version(origin(), trustedHops=["127.0.0.1"]), allow=["192.0.2.7"])
    header = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"
    assert fields_behind(weir, header + REQUEST)["x-forwarded-for"] == "192.0.2.7"
    assert refused(weir, header.replace(b"2.7", b"2.8") + REQUEST)
    metrics = Exposition(weir.admin.metrics())
    assert metrics.total("weir_downstream_connections_denied_total") == 1 and count_refused(weir) == 0


class Behind(Connection):
    """TLS, with something in front of the handshake's first bytes, in the same segment."""

    def __init__(self, port: int, authority: Authority, first: bytes, together: bytes):
        super().__init__(port)
        self.send(first)
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = authority.client().wrap_bio(received, sent, server_hostname="a.test")
        self.received, self.sent = received, sent
        while not self._shaken():
            self.send(together + sent.read())
            together = b""
            more = self.socket.recv(65536)
            assert more, "it has closed inside the handshake"
            received.write(more)
        self.send(together + sent.read())

    def _shaken(self) -> bool:
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def ask(self, request: bytes) -> bytes:
        """All that comes until the end."""
        self.tls.write(request)
        self.send(self.sent.read())
        answer = b""
        while more := self.socket.recv(65536):
            self.received.write(more)
            try:
                while piece := self.tls.read(65536):
                    answer += piece
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                pass
        return answer


def test_it_stands_before_the_first_byte_of_tls(tmp_path: pathlib.Path, new_weir: StartWeir,
                                                origin: Callable[..., Origin]) -> None:
    authority = Authority(tmp_path / "ca")
    tls = {"certificates": [authority.issue("a.test").plan()]}
    weir = with_header(new_weir, one_version(origin(), trustedHops=["127.0.0.1"]), tls=tls)
    header = version_2("192.0.2.7", 4711, tlvs=b"\x04\x00\x64" + bytes(100))
    for cut in (0, 1, 20, len(header)):
        with Behind(weir.port, authority, header[:cut], header[cut:]) as client:
            answer = client.ask(REQUEST[:-2] + b"Connection: close\r\n\r\n")
        fields = json.loads(answer.partition(b"\r\n\r\n")[2])["fields"]
        assert ["x-forwarded-for", "192.0.2.7"] in fields and ["x-forwarded-proto", "https"] in fields
    assert count_refused(weir) == 0
    assert refused(weir, b"\x16\x03\x01\x02\x00\x01")


def test_who_finds_no_room_is_told_behind_its_header(tmp_path: pathlib.Path, new_weir: StartWeir,
                                                     origin: Callable[..., Origin]) -> None:
    """Else what TLS reads first would be the header, and nobody could be told anything."""
    authority = Authority(tmp_path / "ca")
    tls = {"certificates": [authority.issue("a.test").plan()]}
    weir = with_header(new_weir, one_version(origin(), limits={"connections": 1}), tls=tls)
    header = version_2("192.0.2.7", 4711)
    with Behind(weir.port, authority, header, b""):
        with Behind(weir.port, authority, header, b"") as another:
            answer = another.ask(REQUEST)
        assert answer.startswith(b"HTTP/1.1 503 ") and b"x-weir-reason: too_many_connections\r\n" in answer
        assert refused(weir, b"\x16\x03\x01\x02\x00\x01")
    wait_until(lambda: count_refused(weir) == 1, "the one without a header is counted")
    assert Exposition(weir.admin.metrics()).total("weir_downstream_tls_handshakes_failed_total") == 0


def test_only_trusted_hops_may_speak_for_others(new_weir: StartWeir, origin: Callable[..., Origin]) -> None:
    server = origin()
    header = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"
    stranger = with_header(new_weir, one_version(server, trustedHops=["192.0.2.0/24"]))
    assert refused(stranger, header + REQUEST)
    # Whom it says is then asked for itself what it may say.
    known = with_header(new_weir, one_version(server, trustedHops=["127.0.0.1", "192.0.2.7"]))
    said = REQUEST[:-2] + b"X-Forwarded-For: 198.51.100.9\r\n\r\n"
    assert fields_behind(known, header + said)["x-forwarded-for"] == "198.51.100.9, 192.0.2.7"
    other = header.replace(b"2.7", b"2.8")
    assert fields_behind(known, other + said)["x-forwarded-for"] == "192.0.2.8"
