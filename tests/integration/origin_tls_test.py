"""TLS to origins: whom the weir believes, what it says of itself, and what it tells when it does not believe."""
from __future__ import annotations

import contextlib
import fcntl
import pathlib
import socket
import ssl
import struct
import termios
import threading
from typing import Any, Callable

import pytest
from certificates import Authority
from http_client import Connection, Truncated, get, request_bytes
from origin import Nginx
from outcomes import metric, wait_for_outcomes
from plans import Plan, route
from polling import wait_until
from ports import unanswering_port
from raw_origin import Peer, RawOrigin, always
from weir_harness import Weir, run_cli

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _plan(origin: Any, host: str = "127.0.0.1", **tls: Any) -> Plan:
    version: Plan = {"endpoints": [f"https://{host}:{origin.port}"]}
    if tls:
        version["tls"] = tls
    return {"services": {"chat": {"versions": {"v1": version}}}, "routes": [route()]}


@pytest.fixture(name="authority")
def _authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path / "ca")


def test_a_verified_origin_is_asked_by_its_address(authority: Authority, weir: Callable[..., Weir]) -> None:
    names: list[str | None] = []
    context = authority.server(authority.issue("127.0.0.1"))
    context.sni_callback = lambda connection, name, _: names.append(name)
    seen: list[Any] = []

    def serve(peer: Any) -> None:
        seen.append((peer.socket.selected_alpn_protocol(), peer.socket.version()))
        always(_OK)(peer)

    with RawOrigin(serve, tls=context) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate)))
        with Connection(proxy.port) as client:
            for _ in range(5):
                assert client.request("GET", "/").body == b"ok"
        assert origin.connections == 1
    assert seen == [("http/1.1", "TLSv1.3")]
    assert names == [None]  # RFC 6066 3: no name is an address


def test_a_name_is_sent_and_verified(authority: Authority, weir: Callable[..., Weir]) -> None:
    names: list[str | None] = []
    context = authority.server(authority.issue("model.test"))
    context.sni_callback = lambda connection, name, _: names.append(name)
    with RawOrigin(always(_OK), tls=context) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate), serverName="model.test"))
        assert get(proxy.port).body == b"ok"
        assert names == ["model.test"]
        # As is the endpoint's own, and the one that is here is another.
        proxy.write(_plan(origin, host="localhost", ca=str(authority.certificate)))
        proxy.cli("reload")
        reply = get(proxy.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "tls_verify")
        assert names[1] == "localhost"


@pytest.mark.parametrize("why", ["wrong name", "unknown authority", "the system's authorities"])
def test_who_cannot_show_who_he_is_gets_no_request(why: str, authority: Authority, tmp_path: pathlib.Path,
                                                   weir: Callable[..., Weir]) -> None:
    other = Authority(tmp_path / "other", "Another CA")
    issued = authority.issue("elsewhere.test" if why == "wrong name" else "127.0.0.1")
    trusted = {"wrong name": {"ca": str(authority.certificate)}, "unknown authority": {"ca": str(other.certificate)}}
    with RawOrigin(always(_OK), tls=authority.server(issued)) as origin:
        proxy = weir(_plan(origin, **trusted.get(why, {})))
        reply = get(proxy.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "tls_verify")
        assert not origin.heads
        reason = "IP address mismatch" if why == "wrong name" else "unable to get local issuer certificate"
        wait_until(lambda: reason in proxy.log(), "the log says why")
        assert "weir_upstream_tls_failures_total 0" not in proxy.admin.metrics()


def test_a_common_name_alone_is_no_name(authority: Authority, weir: Callable[..., Weir]) -> None:
    issued = authority.issue(subject="/CN=model.test")
    with RawOrigin(always(_OK), tls=authority.server(issued)) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate), serverName="model.test"))
        reply = get(proxy.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "tls_verify")
        assert not origin.heads
        wait_until(lambda: "hostname mismatch" in proxy.log(), "the log says why")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tls", ["verified", "insecure"])
def test_an_origin_that_refuses_our_certificate_is_named(version: ssl.TLSVersion, tls: str, authority: Authority,
                                                         weir: Callable[..., Weir]) -> None:
    context = authority.server(authority.issue("127.0.0.1"), ask=True)
    context.minimum_version = context.maximum_version = version
    trust: Plan = {"ca": str(authority.certificate)} if tls == "verified" else {"insecureSkipVerify": True}
    with RawOrigin(always(_OK), tls=context) as origin:
        proxy = weir(_plan(origin, **trust))
        # With TLS 1.3 it refuses when our part of the handshake is over, and the request is on its way.
        reply = get(proxy.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "tls_handshake")
        wait_for_outcomes(proxy, connect=1)
        wait_until(lambda: "upstream_tls_failed" in proxy.log() and "alert" in proxy.log(), "the log says why")
        assert "weir_upstream_tls_failures_total 0" not in proxy.admin.metrics()
        assert not origin.heads


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_another_endpoint_serves_what_one_refuses_by_our_certificate(version: ssl.TLSVersion, authority: Authority,
                                                                     weir: Callable[..., Weir]) -> None:
    issued = authority.issue("127.0.0.1")
    asks, takes_all = authority.server(issued, ask=True), authority.server(issued)
    asks.minimum_version = asks.maximum_version = version
    with RawOrigin(always(_OK), tls=asks) as refuses, RawOrigin(always(_OK), tls=takes_all) as serves:
        plan = _plan(refuses, ca=str(authority.certificate))
        chat = plan["services"]["chat"]["versions"]["v1"]
        chat["endpoints"].append(f"https://127.0.0.1:{serves.port}")
        chat["loadBalancing"], chat["outlier"] = {"policy": "roundRobin"}, "off"
        proxy = weir({**plan, "workers": 1})
        # Whoever has the first turn, and with a connection that is open already.
        assert {get(proxy.port).status for _ in range(6)} == {200}
        assert "weir_upstream_tls_failures_total 0" not in proxy.admin.metrics()


def test_a_handshake_that_does_not_end_is_named(weir: Callable[..., Weir]) -> None:
    with RawOrigin(Peer.wait_for_close) as silent, unanswering_port() as port:
        plan = _plan(silent, insecureSkipVerify=True)
        plan["timeouts"] = {"connect": "300ms"}
        plan["retries"] = {"attempts": 0}
        proxy = weir(plan)
        reply = get(proxy.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "tls_handshake")
        wait_until(lambda: "the handshake did not end in time" in proxy.log(), "the log says why")
        assert metric(proxy, "weir_upstream_tls_failures_total") >= 1
        wait_for_outcomes(proxy, connect=1)
        # Where nobody takes the connection, TLS has no part in it.
        plan["services"]["chat"]["versions"]["v1"]["endpoints"] = [f"https://127.0.0.1:{port}"]
        proxy.write(plan)
        proxy.cli("reload")
        assert get(proxy.port)["x-weir-reason"] == "connect"


def test_health_checks_verify_as_requests_do(authority: Authority, weir: Callable[..., Weir]) -> None:
    right, wrong = authority.issue("127.0.0.1"), authority.issue("elsewhere.test")
    with RawOrigin(always(_OK), tls=authority.server(right)) as one, \
            RawOrigin(always(_OK), tls=authority.server(wrong)) as other:
        plan = _plan(one, ca=str(authority.certificate))
        checked = plan["services"]["chat"]["versions"]["v1"]
        checked["endpoints"].append(f"https://127.0.0.1:{other.port}")
        checked["healthCheck"] = {"path": "/health", "interval": "100ms", "timeout": "100ms"}
        proxy = weir(plan)

        def healthy(origin: RawOrigin) -> float:
            return metric(proxy, "weir_upstream_endpoint_healthy", endpoint=f"https://127.0.0.1:{origin.port}")
        wait_until(lambda: healthy(other) == 0, "who shows another's certificate is ill")
        wait_until(lambda: len(one.heads) > 5, "the other is asked")
        assert healthy(one) == 1
        assert all(head.startswith(b"GET /health ") for head in one.heads) and not other.heads
        assert [get(proxy.port).status for _ in range(10)] == [200] * 10


def test_an_origin_that_speaks_no_tls(weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_OK)) as origin:
        proxy = weir(_plan(origin, insecureSkipVerify=True))
        origin_reason = get(proxy.port)["x-weir-reason"]
    assert origin_reason in ("tls_handshake", "connect")


def test_insecure_skip_verify_works_and_shouts(authority: Authority, weir: Callable[..., Weir]) -> None:
    with RawOrigin(always(_OK), tls=authority.server(authority.issue("elsewhere.test"))) as origin:
        proxy = weir(_plan(origin, insecureSkipVerify=True))
        assert get(proxy.port).body == b"ok"
        assert "endpoints_not_verified" in proxy.log()
        assert any("chat/v1 are not verified" in line for line in proxy.admin.status()["problems"])
        before = proxy.log().count("endpoints_not_verified")
        proxy.cli("reload")
        assert proxy.log().count("endpoints_not_verified") > before
        check = run_cli("check", str(proxy.file))
    assert check.returncode == 1 and "warning: services.chat.versions.v1.tls.insecureSkipVerify" in check.stderr


def test_a_client_certificate_is_shown(authority: Authority, weir: Callable[..., Weir]) -> None:
    shown: list[Any] = []

    def serve(peer: Any) -> None:
        shown.append(peer.socket.getpeercert()["subject"])
        always(_OK)(peer)

    mine = authority.issue("weir.test")
    with RawOrigin(serve, tls=authority.server(authority.issue("127.0.0.1"), ask=True)) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate), certificate=str(mine.certificate), key=str(mine.key)))
        assert get(proxy.port).body == b"ok"
    assert shown == [((("commonName", "weir.test"),),)]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed(version: ssl.TLSVersion, authority: Authority, new_weir: Callable[..., Weir]) -> None:
    context = authority.server(authority.issue("127.0.0.1"))
    context.minimum_version = context.maximum_version = version
    resumed: list[bool] = []

    def serve(peer: Any) -> None:
        peer.request()
        resumed.append(peer.socket.session_reused)
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    with RawOrigin(serve, tls=context) as origin:
        proxy = new_weir({**_plan(origin, ca=str(authority.certificate)), "workers": 1}).start()
        for _ in range(4):
            assert get(proxy.port).body == b"ok"
    assert resumed == [False, True, True, True]


def test_a_response_without_a_goodbye_is_truncated(authority: Authority, weir: Callable[..., Weir]) -> None:
    def serve(peer: Any) -> None:
        head = peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the close")
        if b"/whole" in head:
            peer.socket.unwrap()

    with RawOrigin(serve, tls=authority.server(authority.issue("127.0.0.1"))) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate)))
        assert get(proxy.port, "/whole").body == b"until the close"
        with Connection(proxy.port) as client:
            client.send(request_bytes("GET", "/cut"))
            with pytest.raises((Truncated, ConnectionResetError)):
                client.reply()


def unread(connection: socket.socket) -> int:
    return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.FIONREAD, b"\0\0\0\0"))[0]


@pytest.mark.parametrize("closes", [False, True])
def test_an_answer_to_an_upload_that_stands_still_is_heard(closes: bool, authority: Authority,
                                                           weir: Callable[..., Weir]) -> None:
    size = 48 * 1024 * 1024

    def answers_early(peer: Any) -> None:
        peer.head()
        left = 6_000_000 - peer.drop_unread()
        while left > 0:
            left -= len(peer.socket.recv(65536))
        seen = [-1, -2]

        def stands() -> bool:
            seen.append(unread(peer.socket))
            return len(set(seen[-25:])) == 1
        wait_until(stands, "the upload stands still")
        peer.send(b"HTTP/1.1 413 Too Large\r\n" + (b"Connection: close\r\n" if closes else b"") +
                  b"Content-Length: 2\r\n\r\nno")
        if not closes:
            answered.wait(30)

    def upload(client: Connection) -> None:
        with contextlib.suppress(OSError):
            client.socket.sendall(b"x" * size)

    answered = threading.Event()
    with RawOrigin(answers_early, tls=authority.server(authority.issue("127.0.0.1"))) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate)))
        with Connection(proxy.port) as client:
            client.send(request_bytes("POST", "/", {"Content-Length": str(size)}))
            sending = threading.Thread(target=upload, args=(client,))
            sending.start()
            try:
                assert client.reply().status == 413
            finally:
                answered.set()
                client.socket.shutdown(socket.SHUT_RDWR)
                sending.join()


def test_large_bodies_go_both_ways_whole(authority: Authority, weir: Callable[..., Weir]) -> None:
    body = bytes(range(256)) * 40_000

    def echo(peer: Any) -> None:
        while peer.head():
            received = peer.body(len(body))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received) + received)

    with RawOrigin(echo, tls=authority.server(authority.issue("127.0.0.1"))) as origin:
        proxy = weir(_plan(origin, ca=str(authority.certificate)))
        with Connection(proxy.port, timeout_s=60) as client:
            assert client.request("POST", "/", body=body).body == body


def test_nginx_through_tls(authority: Authority, tmp_path: pathlib.Path, weir: Callable[..., Weir]) -> None:
    issued = authority.issue("127.0.0.1")
    server = Nginx(tmp_path / "nginx", issued.certificate, issued.key)
    try:
        (server.files / "page.txt").write_text("from nginx")
        proxy = weir(_plan(server, ca=str(authority.certificate)))
        with Connection(proxy.port) as client:
            for _ in range(3):
                assert client.request("GET", "/page.txt").body == b"from nginx"
    finally:
        server.stop()


def test_an_authority_is_replaced(authority: Authority, tmp_path: pathlib.Path, weir: Callable[..., Weir]) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Authority(tmp_path / "other", "Another CA").certificate.read_bytes())
    with RawOrigin(always(_OK), tls=authority.server(authority.issue("127.0.0.1"))) as origin:
        proxy = weir(_plan(origin, ca=str(bundle)))
        assert get(proxy.port)["x-weir-reason"] == "tls_verify"
        bundle.write_bytes(authority.certificate.read_bytes())
        wait_until(lambda: get(proxy.port).status == 200, "the new authority is believed", timeout_s=30)
        # What has not changed stays connected over a reload.
        with Connection(proxy.port) as client:
            client.request("GET", "/")
            before = origin.connections
            proxy.cli("reload")
            client.request("GET", "/")
        assert origin.connections <= before + 1


def test_check_points_at_what_is_wrong(authority: Authority, tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"""\
listeners: [ {{ address: ":1" }} ]
routes: [ {{ match: {{ pathPrefix: / }}, service: chat }} ]
services:
  chat:
    weights: {{ a: 50, b: 25, c: 25 }}
    versions:
      a: {{ endpoints: ["http://h:1"], tls: {{ serverName: h }} }}
      b:
        endpoints: ["https://h"]
        tls: {{ ca: {tmp_path}/none }}
      c:
        endpoints: ["https://h"]
        tls: {{ certificate: {authority.certificate} }}
""")
    told = run_cli("check", str(plan)).stderr
    assert f"{plan}:7:44: error: services.chat.versions.a.tls: none of the endpoints speaks TLS" in told
    assert f"{plan}:10:20: error: services.chat.versions.b.tls.ca: {tmp_path}/none: No such file" in told
    assert f"{plan}:13:14: error: services.chat.versions.c.tls has one of certificate and key" in told
