"""Which TLS sessions a listener takes up again."""
from __future__ import annotations

import pathlib
import socket
import ssl
from typing import Any, Iterator

import pytest
from certificates import Authority
from http_client import request_bytes
from plans import one_version
from ports import free_port
from serving import running_origin, running_weir


class Site:
    """A listener with two certificates, of which one is for two names."""

    def __init__(self, directory: pathlib.Path):
        self.authority, self.port = Authority(directory / "ca"), free_port()
        certificates = [self.authority.issue("a.test", "also-a.test").plan(), self.authority.issue("b.test").plan()]
        self.listener = {"address": f"127.0.0.1:{self.port}", "tls": {"certificates": certificates}}

    def visit(self, context: ssl.SSLContext, name: str | None, session: Any = None) -> tuple[bool, Any]:
        """Whether the session was taken up, and the one to come back with."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as plain:
            with context.wrap_socket(plain, server_hostname=name, session=session) as secure:
                secure.sendall(request_bytes("GET", "/"))
                assert secure.recv(100).startswith(b"HTTP/1.1 200")
                return bool(secure.session_reused), secure.session


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("sessions")
    site = Site(directory)
    with running_origin() as origin:
        with running_weir(one_version(origin, listeners=[site.listener]), directory):
            yield site


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("other", ["b.test", "also-a.test", None])
def test_a_session_is_of_one_name(site: Site, version: ssl.TLSVersion, other: str | None) -> None:
    """RFC 6066 3: not of another name, though its certificate is the same."""
    context = site.authority.client()
    context.check_hostname = False  # or none could be left out
    context.minimum_version = context.maximum_version = version
    for began, comes_as in (("a.test", other), (other, "a.test")):
        _, session = site.visit(context, began)
        assert site.visit(context, comes_as, session)[0] is False
        assert site.visit(context, began, session)[0] is True
