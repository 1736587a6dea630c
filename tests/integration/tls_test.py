"""TLS at a listener: names, versions, protocols, resumption, clients' certificates, and bytes that go through it whole."""
from __future__ import annotations

import json
import pathlib
import socket
import ssl
import subprocess
import threading
from typing import Any, Callable, Iterator

import pytest
from certificates import RSA, Authority, Issued, openssl
from http_client import Connection, Truncated, request_bytes
from origin import Origin
from plans import Plan, one_version
from polling import wait_until
from ports import free_port
from raw_origin import RawOrigin, always
from serving import running_origin, running_weir
from weir_harness import Weir, run_cli

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _tls_plan(origin: Any, port: int, *certificates: dict[str, str], **tls: Any) -> Plan:
    listener = {"address": f"127.0.0.1:{port}", "tls": {"certificates": list(certificates), **tls}}
    return one_version(origin, listeners=[listener])


class Site:
    """A weir with two certificates, and an origin behind it."""

    def __init__(self, weir: Weir, port: int, authority: Authority, origin: Origin):
        self.weir, self.port, self.authority, self.origin = weir, port, authority, origin

    def connect(self, name: str = "a.test", **client: Any) -> Connection:
        return Connection(self.port, tls=(self.authority.client(**client), name))

    def s_client(self, *arguments: str, given: bytes = b"Q\n") -> str:
        return openssl("s_client", "-connect", f"127.0.0.1:{self.port}", "-CAfile", str(self.authority.certificate),
                       *arguments, given=given, check=False)


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority(directory / "ca")
    first, second = authority.issue("a.test", "other.test"), authority.issue("*.b.test", "b.test")
    port = free_port()
    with running_origin() as origin:
        plan = _tls_plan(origin, port, first.plan(ocsp=str(authority.ocsp_response(first))), second.plan())
        with running_weir(plan, directory) as weir:
            yield Site(weir, port, authority, origin)


def _names(connection: Connection) -> set[str]:
    assert isinstance(connection.socket, ssl.SSLSocket)
    certificate = connection.socket.getpeercert()
    assert certificate is not None
    return {value for _, value in certificate["subjectAltName"]}  # type: ignore[misc]


@pytest.mark.parametrize("name, expected", [("a.test", "a.test"), ("OTHER.test", "other.test"), ("b.test", "b.test"),
                                            ("x.b.test", "*.b.test")])
def test_the_name_asked_for_chooses_the_certificate(site: Site, name: str, expected: str) -> None:
    with site.connect(name) as client:
        assert expected in _names(client)
        assert client.request("GET", "/").status == 200


@pytest.mark.parametrize("name", ["unknown.test", "x.y.b.test", "b.test.evil"])
def test_who_asks_for_no_known_name_gets_the_first(site: Site, name: str) -> None:
    assert "CN = a.test" in site.s_client("-servername", name)
    assert "CN = a.test" in site.s_client("-noservername")


def test_the_origin_hears_of_https_and_the_cookie_is_secure(tmp_path: pathlib.Path, new_weir: Callable[..., Weir]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    with RawOrigin(always(_OK)) as origin:
        plan = _tls_plan(origin, port, authority.issue("a.test").plan())
        service = plan["services"]["chat"]
        service["versions"]["v2"] = service["versions"]["v1"]
        plan["services"]["chat"] = {**service, "weights": {"v1": 50, "v2": 50}, "stickiness": {"by": [{"cookie": "w"}]}}
        new_weir(plan).start()
        with Connection(port, tls=(authority.client(), "a.test")) as client:
            reply = client.request("GET", "/", {"X-Forwarded-Client-Cert": "Hash=0;Subject=\"CN=root\""})
    assert "Secure" in str(reply["set-cookie"])
    head = origin.heads[0].lower()
    assert b"x-forwarded-proto: https\r\n" in head
    assert b"x-forwarded-client-cert" not in head


@pytest.mark.parametrize("hops, secure", [(["127.0.0.0/8"], True), (["192.0.2.0/24"], False)])
def test_the_cookie_is_secure_where_a_trusted_hop_ended_tls(weir: Callable[..., Weir], hops: list[str],
                                                            secure: bool) -> None:
    with RawOrigin(always(_OK)) as origin:
        plan = {**one_version(origin), "trustedHops": hops}
        service = plan["services"]["chat"]
        service["versions"]["v2"] = service["versions"]["v1"]
        plan["services"]["chat"] = {**service, "weights": {"v1": 50, "v2": 50}, "stickiness": {"by": [{"cookie": "w"}]}}
        served = weir(plan)
        for body in (b"", b"x" * 1000):
            with Connection(served.port) as client:
                reply = client.request("POST", "/", {"X-Forwarded-Proto": "https"}, body)
                assert ("Secure" in str(reply["set-cookie"])) == secure
            with Connection(served.port) as client:
                assert "Secure" not in str(client.request("POST", "/", body=body)["set-cookie"])


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_both_versions_with_forward_secrecy(site: Site, version: str) -> None:
    told = site.s_client(version, "-servername", "a.test")
    assert "Verify return code: 0 (ok)" in told
    assert "Compression: NONE" in told
    assert version != "-tls1_2" or "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256" in told


@pytest.mark.parametrize("arguments", [("-tls1",), ("-tls1_1",), ("-tls1_2", "-cipher", "AES128-GCM-SHA256"),
                                       ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")])
def test_what_is_weaker_is_refused(site: Site, arguments: tuple[str, ...]) -> None:
    told = site.s_client(*arguments, "-cipher", "ALL@SECLEVEL=0") if arguments[0] != "-tls1_2" else site.s_client(*arguments)
    assert "Cipher is (NONE)" in told
    assert "alert" in told


def test_the_oldest_version_is_the_plans(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                         origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    new_weir(_tls_plan(origin(), port, authority.issue("a.test").plan(), minVersion="1.3")).start()
    address = f"127.0.0.1:{port}"
    assert "alert protocol version" in openssl("s_client", "-connect", address, "-tls1_2", given=b"Q\n", check=False)
    assert "TLSv1.3" in openssl("s_client", "-connect", address, given=b"Q\n", check=False)


def test_alpn_agrees_on_http_1_1_alone(site: Site) -> None:
    with site.connect(alpn=["h2", "http/1.1"]) as client:
        assert isinstance(client.socket, ssl.SSLSocket)
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.request("GET", "/").status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        site.connect(alpn=["h2"])
    wait_until(lambda: "weir_downstream_tls_handshakes_failed_total 0" not in site.weir.admin.metrics(),
               "the failed handshake is counted")


def test_a_client_may_not_renegotiate(site: Site) -> None:
    told = site.s_client("-tls1_2", given=b"R\n")
    assert "no renegotiation" in told.lower()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_whatever_worker_takes_them(site: Site, version: ssl.TLSVersion) -> None:
    context = site.authority.client()
    context.minimum_version = context.maximum_version = version
    session = None
    for attempt in range(12):
        with socket.create_connection(("127.0.0.1", site.port), timeout=15) as plain:
            with context.wrap_socket(plain, server_hostname="a.test", session=session) as secure:
                secure.sendall(request_bytes("GET", "/"))
                assert secure.recv(100).startswith(b"HTTP/1.1 200")
                assert secure.session_reused == (attempt > 0)
                session = secure.session


def test_the_ocsp_response_is_stapled_to_its_certificate_alone(site: Site) -> None:
    assert "Cert Status: good" in site.s_client("-status", "-servername", "a.test")
    assert "OCSP response: no response sent" in site.s_client("-status", "-servername", "b.test")


def _told(site: Weir, event: str) -> list[str]:
    return [line for line in site.log().splitlines() if event in line]


def _staples(port: int) -> bool:
    told = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-status", given=b"Q\n", check=False)
    assert ("Cert Status: good" in told) != ("OCSP response: no response sent" in told), told
    return "Cert Status: good" in told


def test_a_response_that_has_expired_is_not_stapled(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                                    origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    served = authority.issue("a.test")
    response = authority.outdated_response(served)
    weir = new_weir(_tls_plan(origin(), port, served.plan(ocsp=str(response)))).start()
    assert f"ocsp: {response}: the response expired " in weir.log()
    assert not _staples(port)
    stapled = f'weir_ocsp_response_stapled{{listener="127.0.0.1:{port}",file="{response}"}} '
    assert stapled + "0" in weir.admin.metrics()
    authority.ocsp_response(served)  # into the same file
    wait_until(lambda: _staples(port), "the new response is stapled", timeout_s=30)
    wait_until(lambda: stapled + "1" in weir.admin.metrics(), "the metric says so")
    assert not any("response" in line for line in weir.admin.status()["problems"])


def test_a_certificate_does_not_wait_for_its_response(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                                      origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    served, fresh = authority.issue("a.test", "old.test"), authority.issue("a.test", "new.test")
    response, right = authority.ocsp_response(served), authority.ocsp_response(fresh)
    weir = new_weir(_tls_plan(origin(), port, served.plan(ocsp=str(response)))).start()
    assert _staples(port)
    fresh.put_over(served)

    def now_served() -> set[str]:
        with Connection(port, tls=(authority.client(), "a.test")) as client:
            return _names(client)

    wait_until(lambda: "new.test" in now_served(), "the new certificate is served", timeout_s=30)
    wait_until(lambda: not _staples(port), "the old response is left out", timeout_s=30)
    wait_until(lambda: any("its response is for another certificate" in line for line in weir.admin.status()["problems"]),
               "the status says so", timeout_s=30)
    assert _told(weir, "ocsp_response_refused")
    assert f'weir_ocsp_response_stapled{{listener="127.0.0.1:{port}",file="{response}"}} 0' in weir.admin.metrics()
    response.write_bytes(right.read_bytes())
    wait_until(lambda: _staples(port), "the new response is stapled", timeout_s=30)


@pytest.mark.parametrize("what", ["of another", "none"])
def test_a_response_that_cannot_be_used_keeps_nobody_from_starting(what: str, tmp_path: pathlib.Path,
                                                                   new_weir: Callable[..., Weir],
                                                                   origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    served = authority.issue("a.test")
    response = authority.ocsp_response(authority.issue("b.test"))
    if what == "none":
        response.unlink()
    weir = new_weir(_tls_plan(origin(), port, served.plan(ocsp=str(response)))).start()
    assert not _staples(port)
    assert any(str(response) in line for line in weir.admin.status()["problems"])
    assert str(response) in weir.log()
    weir.cli("reload")
    check = run_cli("check", str(weir.file))
    assert check.returncode == 1  # warnings alone
    assert f"warning: listeners[0].tls.certificates[0].ocsp: {response}: " in check.stderr + check.stdout


def test_an_rsa_key_serves_who_knows_no_other(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                              origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    ecdsa, rsa = authority.issue("a.test", "b.test"), authority.issue("b.test", "a.test", key=RSA)
    other = authority.issue("c.test")
    new_weir(_tls_plan(origin(), port, ecdsa.plan(), rsa.plan(ocsp=str(authority.ocsp_response(rsa))),
                       other.plan())).start()

    def told(*arguments: str) -> str:
        return openssl("s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(authority.certificate), "-status",
                       "-servername", "a.test", *arguments, given=b"Q\n", check=False)

    for version in ("-tls1_2", "-tls1_3"):
        old, new = told(version, "-sigalgs", "rsa_pss_rsae_sha256:RSA+SHA256"), told(version, "-sigalgs", "ECDSA+SHA256")
        assert "Verify return code: 0" in old and "Peer signature type: RSA" in old, old
        assert "Verify return code: 0" in new and "Peer signature type: ECDSA" in new, new
        # Each has its own response, or none.
        assert "Cert Status: good" in old and "OCSP response: no response sent" in new


def test_a_file_that_is_gone_is_told_of_once(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                             origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    served = authority.issue("a.test")
    staple = authority.ocsp_response(served)
    asks = {"ca": str(authority.certificate), "require": False}
    weir = new_weir(_tls_plan(origin(), port, served.plan(ocsp=str(staple)), clientCertificates=asks)).start()

    def gone(path: pathlib.Path) -> bool:
        problem = f"listener 127.0.0.1:{port} uses what was read from a file that is gone: {path}: No such file"
        return any(line.startswith(problem) for line in weir.admin.status()["problems"])

    kept = served.key.rename(tmp_path / "kept")
    wait_until(lambda: gone(served.key), "the loss of the key is told", timeout_s=30)
    believed = authority.client()
    authority.certificate.rename(tmp_path / "ca.kept")
    wait_until(lambda: gone(authority.certificate), "the loss of the authorities is told", timeout_s=30)
    staple.rename(tmp_path / "staple.kept")
    wait_until(lambda: gone(staple), "the loss of the response is told", timeout_s=30)
    lost = _told(weir, "certificate_file_lost")
    assert len(lost) == 3  # once each, though the key's was looked at again
    assert ["would fail" in str(line) for line in lost] == [True, True, False]
    with Connection(port, tls=(believed, "a.test")) as client:
        assert client.request("GET", "/").status == 200
    kept.rename(served.key)
    wait_until(lambda: not gone(served.key), "it is back", timeout_s=30)
    assert len(_told(weir, "certificate_file_back")) == 1 and gone(authority.certificate)


def test_certificates_that_end_are_told_of_and_served(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                                      origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    ended, soon = authority.issue_between("ended.test", -9, -2), authority.issue_between("soon.test", -1, 5.5)
    later, long = authority.issue_between("later.test", 3, 90), authority.issue("long.test")
    certificates = [one.plan() for one in (ended, soon, later, long)]
    version = {"endpoints": ["https://127.0.0.1:1"],
               "tls": {"ca": str(ended.certificate), "certificate": str(soon.certificate), "key": str(soon.key)}}
    plan = _tls_plan(origin(), port, *certificates)
    plan["services"]["secure"] = {"versions": {"v1": version}}
    weir = new_weir(plan).start()
    checked = run_cli("check", str(weir.file))
    assert checked.returncode == 1  # warnings alone
    for where, what in ((f"listeners[0].tls.certificates[0].certificate: {ended.certificate}", "it expired 2 days ago, at 20"),
                        (f"listeners[0].tls.certificates[1].certificate: {soon.certificate}", "it expires in 5 days, at 20"),
                        (f"listeners[0].tls.certificates[2].certificate: {later.certificate}", "it is not valid before 20"),
                        (f"services.secure.versions.v1.tls.ca: {ended.certificate}", "it expired 2 days ago, at 20"),
                        (f"services.secure.versions.v1.tls.certificate: {soon.certificate}", "it expires in 5 days, at")):
        assert f": warning: {where}: {what}" in checked.stderr
    assert str(long.certificate) not in checked.stderr
    weir.cli("reload")
    told = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername", "ended.test", given=b"Q\n", check=False)
    assert "CN = ended.test" in told

    def ends(issued: Issued) -> int:
        text = openssl("x509", "-in", str(issued.certificate), "-noout", "-enddate").strip().partition("=")[2]
        return int(ssl.cert_time_to_seconds(text))

    def expiry(labels: str) -> int:
        line = next(line for line in weir.admin.metrics().splitlines()
                    if line.startswith("weir_certificate_expiry_timestamp_seconds{" + labels))
        return int(float(line.split()[-1]))

    for one in (ended, soon, later, long):
        assert expiry(f'listener="127.0.0.1:{port}",file="{one.certificate}"}}') == ends(one)
    assert expiry(f'service="secure",version="v1",file="{soon.certificate}"}}') == ends(soon)
    # What is put in the place of another is told of by the log.
    ended.put_over(long)
    wait_until(lambda: _told(weir, "certificate_validity"), "the log tells that it has expired", timeout_s=30)
    assert str(long.certificate) in _told(weir, "certificate_validity")[0]
    wait_until(lambda: any(f"{long.certificate}: it expired 2 days ago" in line for line in weir.admin.status()["problems"]),
               "the status does", timeout_s=30)


def test_curl(site: Site) -> None:
    done = subprocess.run(["curl", "-sS", "--cacert", str(site.authority.certificate), "--resolve",
                           f"a.test:{site.port}:127.0.0.1", f"https://a.test:{site.port}/", "-w", "%{http_code}",
                           "-o", "/dev/null"], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"200"


def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    with site.connect() as client:
        client.send(b"".join(request_bytes("GET", f"/{number}") for number in range(20)))
        assert [client.reply().status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("method, cut", [("GET", 0), ("POST", 0), ("HEAD", 0), ("HEAD", 2), ("HEAD", 5)])
def test_a_plain_request_is_told_of_tls(method: str, cut: int, site: Site) -> None:
    with Connection(site.port) as client:
        request = request_bytes(method, "/", {}, b"x" * 100)
        client.send(request[:cut])
        client.send(request[cut:])
        reply = client.reply(to=method)
        assert (reply.status, reply["x-weir-reason"], reply["connection"]) == (400, "tls_expected", "close")
        assert method == "HEAD" or reply.json()["error"]["code"] == "tls_expected"
        assert client.at_end()  # and of a HEAD nothing comes behind the head (RFC 9110 9.3.2)


def test_a_plain_request_to_tls_has_its_line(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                             origin: Callable[..., Origin]) -> None:
    authority, port, path = Authority(tmp_path / "ca"), free_port(), tmp_path / "access.log"
    plan = {**_tls_plan(origin(), port, authority.issue("a.test").plan()), "accessLog": {"path": str(path)}}
    weir = new_weir(plan).start()
    with Connection(port) as client:
        assert client.request("GET", "/").status == 400
        wait_until(lambda: path.exists() and path.read_text().endswith("\n"), "it has its line")
    line = json.loads(path.read_text())
    assert (line["status"], line["reason"]) == (400, "tls_expected")
    assert "weir_requests_refused_total 1\n" in weir.admin.metrics()


def test_what_is_neither_is_told_nothing_of_http(site: Site) -> None:
    with Connection(site.port) as client:
        client.send(b"SSH-2.0-OpenSSH_9.2\r\n")
        assert b"HTTP" not in client.socket.recv(1000)


class ByteByByte:
    """A TLS client whose every byte travels alone."""

    def __init__(self, port: int, context: ssl.SSLContext):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="a.test")

    def _do(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.socket.recv(65536)
                assert data
                self._in.write(data)

    def _flush(self) -> None:
        for byte in self._out.read():
            self.socket.sendall(bytes([byte]))

    def ask(self, request: bytes) -> bytes:
        self._do(self._tls.do_handshake)
        self._do(lambda: self._tls.write(request))
        return bytes(self._do(lambda: self._tls.read(65536)))


def test_records_that_come_byte_by_byte(site: Site) -> None:
    assert ByteByByte(site.port, site.authority.client()).ask(request_bytes("GET", "/")).startswith(b"HTTP/1.1 200")


def test_large_bodies_go_both_ways_whole(tmp_path: pathlib.Path, new_weir: Callable[..., Weir]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    body = bytes(range(256)) * 40_000  # 10 MB

    def echo(peer: Any) -> None:
        while peer.head():
            received = peer.body(len(body))
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received) + received)

    with RawOrigin(echo) as origin:
        new_weir(_tls_plan(origin, port, authority.issue("a.test").plan())).start()
        with Connection(port, timeout_s=60, tls=(authority.client(), "a.test")) as client:
            for _ in range(2):
                assert client.request("POST", "/", body=body).body == body


def test_an_idle_connection_wakes_and_a_slow_handshake_ends(tmp_path: pathlib.Path, new_weir: Callable[..., Weir],
                                                            origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    weir = new_weir({**_tls_plan(origin(), port, authority.issue("a.test").plan()), "timeouts": {"header": "2s"}}).start()
    with socket.create_connection(("127.0.0.1", port), timeout=15) as silent:
        with Connection(port, tls=(authority.client(), "a.test")) as client:
            assert client.request("GET", "/").status == 200
            # Longer than a connection keeps its buffers, and than a handshake may take.
            assert silent.recv(100) == b""
            assert client.request("GET", "/").status == 200
    wait_until(lambda: "weir_downstream_connections 0" in weir.admin.metrics(), "both connections are gone")


def test_a_response_cut_short_is_no_clean_end(tmp_path: pathlib.Path, new_weir: Callable[..., Weir]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()

    def serve(peer: Any) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    def end(peer: Any) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    certificate = authority.issue("a.test").plan()
    with RawOrigin(serve) as cutting, RawOrigin(end) as ending:
        weir = new_weir(_tls_plan(cutting, port, certificate)).start()
        with Connection(port, tls=(authority.client(), "a.test")) as client:
            client.send(request_bytes("GET", "/"))
            with pytest.raises((ssl.SSLError, Truncated, ConnectionResetError)):
                client.reply()
        # An HTTP/1.0 client is told by the connection's end: a close_notify, for Python reads no other as an end.
        weir.write(_tls_plan(ending, port, certificate))
        weir.cli("reload")
        with Connection(port, tls=(authority.client(), "a.test")) as client:
            client.send(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
            assert client.reply().body == b"all of it"


def _asking_for_certificates(authority: Authority, origin: Any, port: int, require: bool) -> Plan:
    clients = {"ca": str(authority.certificate), "require": require}
    return _tls_plan(origin, port, authority.issue("a.test").plan(), clientCertificates=clients)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_required_certificate_is_verified_and_told(version: ssl.TLSVersion, tmp_path: pathlib.Path,
                                                     new_weir: Callable[..., Weir]) -> None:
    authority, stranger, port = Authority(tmp_path / "ca"), Authority(tmp_path / "other"), free_port()
    known = authority.issue(subject="/O=Weir \"Tests\", Inc./CN=alice")
    with RawOrigin(always(_OK)) as origin:
        new_weir(_asking_for_certificates(authority, origin, port, True)).start()

        def ask(certificate: Issued | None, session: Any = None) -> Any:
            context = authority.client(certificate=certificate)
            context.minimum_version = context.maximum_version = version
            with Connection(port, tls=(context, "a.test")) as client:
                return client.request("GET", "/", {"X-Forwarded-Client-Cert": "Hash=1"})

        assert ask(known).body == b"ok"
        for wrong in (None, stranger.issue("mallory")):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                ask(wrong)
    assert len(origin.heads) == 1
    digest = openssl("x509", "-in", str(known.certificate), "-noout", "-fingerprint", "-sha256").partition("=")[2]
    expected = f"hash={digest.strip().replace(':', '').lower()};subject=\"cn=alice,o=weir \\\"tests\\\"\\, inc.\""
    lines = [line for line in origin.heads[0].decode().lower().split("\r\n") if "client-cert" in line]
    assert lines == [f"x-forwarded-client-cert: {expected}"]


def test_an_optional_certificate_may_be_left_out_but_not_be_wrong(tmp_path: pathlib.Path,
                                                                 new_weir: Callable[..., Weir]) -> None:
    authority, stranger, port = Authority(tmp_path / "ca"), Authority(tmp_path / "other"), free_port()
    with RawOrigin(always(_OK)) as origin:
        new_weir(_asking_for_certificates(authority, origin, port, False)).start()
        for certificate in (None, authority.issue("bob")):
            with Connection(port, tls=(authority.client(certificate=certificate), "a.test")) as client:
                assert client.request("GET", "/").body == b"ok"
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            with Connection(port, tls=(authority.client(certificate=stranger.issue("mallory")), "a.test")) as client:
                client.request("GET", "/")
    assert b"client-cert" not in origin.heads[0].lower()
    assert b"subject=\"cn=bob\"" in origin.heads[1].lower()
    assert len(origin.heads) == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_clients_certificate_is_looked_at_each_time(version: ssl.TLSVersion, tmp_path: pathlib.Path,
                                                      new_weir: Callable[..., Weir]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    with RawOrigin(always(_OK)) as origin:
        new_weir(_asking_for_certificates(authority, origin, port, True)).start()
        context = authority.client(certificate=authority.issue("bob"))
        context.maximum_version = version
        session = None
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port), timeout=15) as plain:
                with context.wrap_socket(plain, server_hostname="a.test", session=session) as secure:
                    secure.sendall(request_bytes("GET", "/"))
                    assert secure.recv(1000).startswith(b"HTTP/1.1 200") and not secure.session_reused
                    session = secure.session



@pytest.mark.parametrize("mutual", [False, True], ids=["server alone", "mutual"])
def test_certificates_are_replaced_under_load_and_no_request_fails(mutual: bool, tmp_path: pathlib.Path,
                                                                   new_weir: Callable[..., Weir],
                                                                   origin: Callable[..., Origin]) -> None:
    authority, port = Authority(tmp_path / "ca"), free_port()
    served, fresh = authority.issue("a.test", "old.test"), authority.issue("a.test", "new.test")
    mine = authority.issue("client.test") if mutual else None
    asks: dict[str, Any] = {"clientCertificates": {"ca": str(authority.certificate), "require": True}} if mutual else {}
    weir = new_weir(_tls_plan(origin(), port, served.plan(), **asks)).start()
    stop = threading.Event()
    statuses: list[int] = []
    failures: list[Exception] = []

    def connect() -> Connection:
        return Connection(port, tls=(authority.client(certificate=mine), "a.test"))

    def ask_on() -> None:
        try:
            with connect() as kept:
                while not stop.is_set():
                    statuses.append(kept.request("GET", "/").status)
                    with connect() as once:
                        statuses.append(once.request("GET", "/", {"Connection": "close"}).status)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    threads = [threading.Thread(target=ask_on) for _ in range(3)]
    for thread in threads:
        thread.start()

    def now_served() -> set[str]:
        with connect() as client:
            return _names(client)

    def problems() -> list[str]:
        return [line for line in weir.admin.status()["problems"] if "certificates" in line]

    assert "old.test" in now_served()
    fresh.put_over(served)
    wait_until(lambda: "new.test" in now_served(), "the new certificate is served", timeout_s=30)
    # A broken one is not taken, is told of, and is forgotten once it is mended.
    good = served.certificate.read_bytes()
    served.certificate.write_text("garbage")
    wait_until(problems, "the problem is told", timeout_s=30)
    assert f"{served.certificate}: it holds no certificate in PEM" in problems()[0]
    assert "certificates_refused" in weir.log()
    assert "new.test" in now_served()
    served.certificate.write_bytes(good)
    wait_until(lambda: not problems(), "the problem is gone", timeout_s=30)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures and set(statuses) == {200}


def test_check_points_at_files_that_cannot_be_used(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path / "ca")
    one, two = authority.issue("a.test"), authority.issue("b.test")
    response, old = authority.ocsp_response(one), authority.outdated_response(two)
    (tmp_path / "text").write_text("no pem")
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"""\
services: {{ chat: {{ versions: {{ v1: {{ endpoints: ["http://127.0.0.1:1"] }} }} }} }}
routes: [ {{ match: {{ pathPrefix: / }}, service: chat }} ]
listeners:
  - address: 127.0.0.1:1
    tls:
      certificates:
        - certificate: {one.certificate}
          key: {two.key}
        - certificate: {tmp_path}/none
          key: {tmp_path}/text
        - certificate: {two.certificate}
          key: {tmp_path}/text
        - certificate: {two.certificate}
          key: {two.key}
          ocsp: {tmp_path}/text
        - certificate: {two.certificate}
          key: {two.key}
          ocsp: {response}
        - certificate: {two.certificate}
          key: {two.key}
          ocsp: {old}
      clientCertificates:
        ca: {tmp_path}/text
""")
    told = run_cli("check", str(plan)).stderr
    for line in (f":8:16: error: listeners[0].tls.certificates[0].key: {two.key}: it is not the key of {one.certificate}",
                 f":9:24: error: listeners[0].tls.certificates[1].certificate: {tmp_path}/none: No such file",
                 f":12:16: error: listeners[0].tls.certificates[2].key: {tmp_path}/text: it holds no private key",
                 f":15:17: error: listeners[0].tls.certificates[3].ocsp: {tmp_path}/text: it holds no successful OCSP",
                 f":18:17: error: listeners[0].tls.certificates[4].ocsp: {response}: its response is for another certificate",
                 f":23:13: error: listeners[0].tls.clientCertificates.ca: {tmp_path}/text: "):
        assert f"{plan}{line}" in told


def test_check_tells_of_files_that_do_nothing(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path / "ca")
    first, second = authority.issue("a.test", "b.test"), authority.issue("b.test", "a.test")
    other, rsa, client = authority.issue("c.test"), authority.issue("a.test", "b.test", key=RSA), authority.issue("alice")

    def told(certificates: list[Issued], ca: pathlib.Path) -> list[str]:
        plan = _tls_plan(1, 443, *(one.plan() for one in certificates), clientCertificates={"ca": str(ca)})
        file = tmp_path / "plan.json"
        file.write_text(json.dumps(plan, indent=1))
        done = run_cli("check", str(file))
        assert done.returncode < 2, done.stderr
        return [line for line in done.stderr.splitlines() if ": warning: " in line]

    assert not told([first, other, rsa], authority.certificate)
    line, = told([first, other, second], authority.certificate)
    assert "listeners[0].tls.certificates[2].certificate: " in line and "certificates[0] is for the same names" in line
    line, = told([first], client.certificate)
    assert "listeners[0].tls.clientCertificates.ca: " in line and "no certificate in it is an authority's" in line
