"""curl on one side, nginx and Python's own server on the other, and TLS on both: what browsers and uploaders ask for."""
from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import hashlib
import http.client
import http.server
import pathlib
import socket
import ssl
import subprocess
import threading
from typing import Any, Callable, Iterator

import pytest
from certificates import Authority
from origin import Nginx
from outcomes import metric
from plans import Plan, route
from polling import wait_until
from ports import free_port
from weir_harness import Weir

_TEXT = b"".join(b"line %d of a text that compresses well\n" % number for number in range(20_000))


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers an upload with its hash, and OPTIONS as an API that browsers of another site may use."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["content-length"]))
        self._answer(200, hashlib.sha256(body).hexdigest().encode())

    def do_OPTIONS(self) -> None:  # pylint: disable=invalid-name
        self._answer(204, None, **{"Access-Control-Allow-Origin": "https://site.test",
                                   "Access-Control-Allow-Methods": "POST"})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        self._answer(200, self.path.encode())

    def _answer(self, status: int, body: bytes | None, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        pass


@contextlib.contextmanager
def _python_origin(context: ssl.SSLContext) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Site:
    """A weir that speaks TLS both ways."""

    def __init__(self, weir: Weir, port: int, authority: Authority):
        self.weir, self.port, self.authority = weir, port, authority

    def curl(self, path: str, *arguments: str) -> bytes:
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--cacert", str(self.authority.certificate),
                   "--resolve", f"site.test:{self.port}:127.0.0.1", *arguments, f"https://site.test:{self.port}{path}"]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        return done.stdout

    def connect(self) -> http.client.HTTPSConnection:
        """As a browser would: to the address, with the name."""
        connection = http.client.HTTPSConnection("site.test", self.port, timeout=30)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sock = self.authority.client(alpn=["h2", "http/1.1"]).wrap_socket(plain, server_hostname="site.test")
        return connection


def _plan(authority: Authority, port: int, origin: int) -> Plan:
    version = {"endpoints": [f"https://127.0.0.1:{origin}"], "tls": {"ca": str(authority.certificate)}}
    listener = {"address": f"127.0.0.1:{port}", "tls": {"certificates": [authority.issue("site.test").plan()]}}
    return {"services": {"chat": {"versions": {"v1": version}}}, "routes": [route()], "listeners": [listener]}


@pytest.fixture(name="authority")
def _authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture(name="files")
def _files(authority: Authority, tmp_path: pathlib.Path, new_weir: Callable[..., Weir]) -> Iterator[_Site]:
    issued, port = authority.issue("127.0.0.1"), free_port()
    nginx = Nginx(tmp_path / "nginx", issued.certificate, issued.key)
    try:
        (nginx.files / "text.txt").write_bytes(_TEXT)
        (nginx.files / "blob.bin").write_bytes(hashlib.sha512(b"blob").digest() * 100_000)
        yield _Site(new_weir(_plan(authority, port, nginx.port)).start(), port, authority)
    finally:
        nginx.stop()


@pytest.fixture(name="python")
def _python(authority: Authority, new_weir: Callable[..., Weir]) -> Iterator[_Site]:
    port = free_port()
    with _python_origin(authority.server(authority.issue("127.0.0.1"))) as origin:
        yield _Site(new_weir(_plan(authority, port, origin)).start(), port, authority)


def test_files_come_whole_compressed_and_in_parts(files: _Site) -> None:
    assert files.curl("/blob.bin") == hashlib.sha512(b"blob").digest() * 100_000
    assert files.curl("/text.txt", "--compressed") == _TEXT
    assert gzip.decompress(files.curl("/text.txt", "--header", "Accept-Encoding: gzip")) == _TEXT
    assert files.curl("/text.txt", "--range", "1000-1999") == _TEXT[1000:2000]
    assert files.curl("/text.txt", "--range", "-10") == _TEXT[-10:]
    head = files.curl("/text.txt", "--head").lower()
    assert head.startswith(b"http/1.1 200") and b"content-length: %d\r\n" % len(_TEXT) in head


def test_a_file_that_has_not_changed_is_not_sent_again(files: _Site, tmp_path: pathlib.Path) -> None:
    tag = tmp_path / "etag"
    files.curl("/text.txt", "--etag-save", str(tag))
    told = files.curl("/text.txt", "--etag-compare", str(tag), "--write-out", "%{http_code} %{size_download}")
    assert told == b"304 0"


def test_one_connection_serves_many_requests(files: _Site) -> None:
    same = ["--output", "/dev/null", "--write-out", "%{http_code} %{num_connects} %{http_version}\n"]
    again = [argument for _ in range(4) for argument in (f"https://site.test:{files.port}/text.txt", *same)]
    assert files.curl("/missing", *same, *again).decode().splitlines() == [
        "200 1 1.1", "200 0 1.1", "200 0 1.1", "200 0 1.1", "404 0 1.1"]


@pytest.mark.parametrize("expect", ["100-continue", ""])
def test_an_upload_arrives_whole(expect: str, python: _Site, tmp_path: pathlib.Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(_TEXT * 4)
    said = python.curl("/", "--data-binary", f"@{upload}", "--header", f"Expect: {expect}" if expect else "Expect:")
    assert said.decode() == hashlib.sha256(_TEXT * 4).hexdigest()


# Six connections at once, one of them opened for nothing; a preflight; an icon; a page that is left before it has come.
def test_a_browsers_habits(python: _Site) -> None:
    with contextlib.closing(python.connect()):  # on speculation
        preflight = python.connect()
        preflight.request("OPTIONS", "/api", headers={"Origin": "https://site.test",
                                                      "Access-Control-Request-Method": "POST"})
        reply = preflight.getresponse()
        assert (reply.status, reply.headers["access-control-allow-methods"]) == (204, "POST")
        preflight.close()

        def load(connection: http.client.HTTPSConnection) -> list[bytes]:
            bodies = []
            for target in ("/page", "/favicon.ico", "/style.css"):
                connection.request("GET", target, headers={"Accept-Encoding": "gzip, deflate, br"})
                bodies.append(connection.getresponse().read())
            connection.close()
            return bodies
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            pages = list(pool.map(load, [python.connect() for _ in range(6)]))
        assert pages == [[b"/page", b"/favicon.ico", b"/style.css"]] * 6
    wait_until(lambda: metric(python.weir, "weir_downstream_connections") == 0, "all have gone")


def test_a_download_that_is_left_half_way_ends(files: _Site) -> None:
    left = files.connect()
    left.request("GET", "/blob.bin", headers={"Range": "bytes=0-"})
    reply = left.getresponse()
    assert reply.status == 206 and len(reply.read(1000)) == 1000
    reply.close()
    left.close()
    wait_until(lambda: metric(files.weir, "weir_requests_active") == 0, "nobody works for who has left")
    assert files.curl("/text.txt") == _TEXT
