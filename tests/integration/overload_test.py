"""More than there is room for: clients beyond the listener's limit, peers that hold what they have, no memory, no
descriptors. Who was admitted is answered, who was not is told so at once, and all is well when they have gone."""
from __future__ import annotations

import contextlib
import errno
import http.client
import pathlib
import resource
import ssl
import threading
from typing import Callable

import pytest
from certificates import Authority
from exposition import Exposition
from faulty_sockets import LackingSockets
from footprint import Growth, instrumented
from http_client import Connection, Reply, get, request_bytes
from origin import Origin
from outcomes import metric, wait_for_outcomes
from plans import at_weight, canary, one_version
from polling import wait_until
from ports import free_port
from weir_harness import Weir

StartWeir = Callable[..., Weir]
StartOrigin = Callable[..., Origin]

_KIB = 1024
_MIB = 1024 * _KIB

_ALLOWED = 20
_SLOW_READERS = 5
_RUSH = 10 * _ALLOWED


def overloaded(reply: Reply) -> tuple[int, str | None, str | None]:
    return (reply.status, reply["x-weir-reason"], reply["retry-after"])


class Regular:
    """A client that was admitted, and asks on while others rush."""

    def __init__(self, port: int):
        self.connection = Connection(port)
        assert self.connection.request("GET", "/bytes/100").status == 200
        self.statuses: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._ended.is_set():
            self.statuses.append(self.connection.request("GET", "/bytes/1000").status)

    def leave(self) -> list[int]:
        self._ended.set()
        self._thread.join()
        self.connection.close()
        return self.statuses


def test_ten_times_the_connections_and_slow_readers(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), limits={"connections": _ALLOWED}))
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(Connection(served.port, receive_buffer=4096)) for _ in range(_SLOW_READERS)]
        for client in slow:
            client.send(request_bytes("GET", f"/bytes/{64 * _MIB}"))
            assert client.head().status == 200
        regulars = [Regular(served.port) for _ in range(_ALLOWED - _SLOW_READERS)]
        told = 0
        with Growth(served) as growth:
            rush = [held.enter_context(Connection(served.port)) for _ in range(_RUSH)]
            for client in rush:
                client.socket.sendall(request_bytes("GET", "/"))
            # Some are told; the rest wait in the kernel's queue, at no cost, and are told in their turn.
            for client in rush:
                reply = client.reply()
                assert overloaded(reply) == (503, "too_many_connections", "1")
                told += 1
                client.close()
        assert told == _RUSH
        assert instrumented() or growth.most < 8 * _MIB
        for regular in regulars:
            statuses = regular.leave()
            assert statuses and set(statuses) == {200}
        wait_until(lambda: metric(served, "weir_downstream_connections") == _SLOW_READERS, "the regulars have left")
        assert get(served.port).status == 200


def test_no_memory_is_said_before_it_is_gone(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), workers=1, limits={"memory": "1MiB", "buffer": "64KiB"}))
    kept = Connection(served.port)
    assert kept.request("GET", "/").status == 200
    with contextlib.ExitStack() as held:
        def another_slow_reader() -> bool:
            client = held.enter_context(Connection(served.port, receive_buffer=4096))
            client.send(request_bytes("GET", f"/bytes/{64 * _MIB}"))
            return client.head().status == 503

        wait_until(another_slow_reader, "there is no memory left")
        # Connections that are open, and new ones; who is served goes on.
        assert overloaded(kept.request("GET", "/")) == (503, "overloaded", "1")
        assert kept.at_end()
        with Connection(served.port) as fresh:
            assert overloaded(fresh.reply()) == (503, "overloaded", "1")
        assert metric(served, "weir_overloaded_total") >= 3
        assert 900 * _KIB < metric(served, "weir_buffer_bytes") <= 1200 * _KIB
    wait_until(lambda: metric(served, "weir_buffer_bytes") < 200 * _KIB, "the memory is free again")
    assert get(served.port).status == 200


def _client_hello() -> bytes:
    """What a client says first, that then says nothing any more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    return said.read()


def test_handshakes_that_do_not_end_take_half_of_the_memory(weir: StartWeir, origin: StartOrigin,
                                                            tmp_path: pathlib.Path) -> None:
    authority, port, plain = Authority(tmp_path / "ca"), free_port(), free_port()
    listeners = [{"address": f"127.0.0.1:{port}", "tls": {"certificates": [authority.issue("a.test").plan()]}},
                 {"address": f"127.0.0.1:{plain}"}]
    served = weir(one_version(origin(), workers=1, limits={"memory": "1MiB"}, listeners=listeners))

    def secure() -> Connection:
        return Connection(port, tls=(authority.client(), "a.test"))

    with secure() as kept, contextlib.ExitStack() as held:
        assert kept.request("GET", "/").status == 200
        for _ in range(100):
            held.enter_context(Connection(port)).send(_client_hello())
        wait_until(lambda: metric(served, "weir_overloaded_total") >= 50, "there is no room for more handshakes")
        assert metric(served, "weir_downstream_connections") < 20
        assert 400 * _KIB < metric(served, "weir_buffer_bytes") <= 700 * _KIB
        # Who has shaken hands, or need not, is served.
        assert kept.request("GET", "/").status == get(plain).status == 200
    wait_until(lambda: metric(served, "weir_buffer_bytes") < 100 * _KIB, "the memory is free again")
    with secure() as fresh:
        assert fresh.request("GET", "/").status == 200


def test_heads_that_grow_find_no_memory(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), workers=1, limits={"memory": "1MiB"}))
    with contextlib.ExitStack() as held:
        begun = [held.enter_context(Connection(served.port)) for _ in range(100)]
        for client in begun:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        wait_until(lambda: metric(served, "weir_downstream_connections") == 100, "all are there")
        for client in begun:
            client.send(b"".join(b"x-%d: %s\r\n" % (i, b"v" * 1000) for i in range(40)))
        for client in begun:
            client.send(b"\r\n")
        replies = [client.reply() for client in begun]
        refused = [reply for reply in replies if reply.status != 200]
        assert refused and all(overloaded(reply) == (503, "overloaded", "1") for reply in refused)
        assert metric(served, "weir_buffer_bytes") <= 1100 * _KIB
    wait_until(lambda: metric(served, "weir_buffer_bytes") < 200 * _KIB, "the memory is free again")
    assert get(served.port).status == 200


@pytest.mark.parametrize("limits", [{"memory": "1MiB", "buffer": "64KiB"}, {"connections": 20}])
def test_who_is_turned_away_is_told_at_once_though_others_stay(weir: StartWeir, origin: StartOrigin,
                                                               limits: dict[str, object]) -> None:
    """Clients that keep their connection open behind the answer take nobody else's turn for long."""
    served = weir(one_version(origin(), workers=1, limits=limits))
    with contextlib.ExitStack() as held:
        def another_slow_reader() -> bool:
            client = held.enter_context(Connection(served.port, receive_buffer=4096))
            client.send(request_bytes("GET", f"/bytes/{64 * _MIB}"))
            return client.head().status == 503
        wait_until(another_slow_reader, "there is no room left")
        staying = [held.enter_context(Connection(served.port)) for _ in range(1200)]
        for client in staying:
            client.send(request_bytes("GET", "/"))
        # Behind all of them. They are told by 128, a quarter of a second each; were they to stay for their two seconds
        # behind the answer, this client would have given up before.
        with Connection(served.port, timeout_s=8) as last:
            last.send(request_bytes("GET", "/"))
            assert (last.reply().status, last.at_end()) == (503, True)
        replies = [client.reply() for client in staying]
        assert {(reply.status, reply["retry-after"]) for reply in replies} == {(503, "1")}


def accept_errors(admin: http.client.HTTPConnection) -> float:
    admin.request("GET", "/metrics")
    return Exposition(admin.getresponse().read().decode()).total("weir_downstream_accept_errors_total")


def test_accepting_goes_on_when_there_are_descriptors_again(weir: StartWeir, origin: StartOrigin) -> None:
    served = weir(one_version(origin(), workers=1))
    soft, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
    # Of an admin connection that is open already: there will be no descriptor for another.
    admin = http.client.HTTPConnection("127.0.0.1", served.admin.port, timeout=15)
    with contextlib.closing(admin), Connection(served.port) as before:
        assert before.request("GET", "/").status == 200 and accept_errors(admin) == 0
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (3, hard))
        with Connection(served.port) as waiting:
            waiting.send(request_bytes("GET", "/"))
            wait_until(lambda: accept_errors(admin) > 0, "an accept has failed")
            assert before.request("GET", "/").status == 200  # who has connections goes on
            resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert waiting.reply().status == 200


@pytest.mark.parametrize("lack", [errno.EMFILE, errno.EADDRNOTAVAIL])
def test_no_version_answers_for_what_the_weir_lacks(lack: int, new_weir: StartWeir, origin: StartOrigin,
                                                    tmp_path: pathlib.Path) -> None:
    plan = canary(origin("v1"), origin("v2"), at_weight(50), workers=1, timeouts={"upstreamIdle": "10ms"})
    for version in plan["services"]["chat"]["versions"].values():
        version["healthCheck"] = {"path": "/", "interval": "50ms", "timeout": "50ms"}
    sockets = LackingSockets(tmp_path)
    served = new_weir(plan).start(**sockets.environment)
    wait_until(lambda: metric(served, "weir_upstream_connections_opened_total") == 2, "the candidate is warm")
    wait_until(lambda: metric(served, "weir_upstream_connections_idle") == 0, "and cold again")
    sockets.lack(lack)
    replies = [get(served.port, "/", {"x-user-id": str(user)}) for user in range(40)]
    assert {overloaded(reply) for reply in replies} == {(503, "no_resources", "1")}
    assert {reply["x-weir-version"] for reply in replies} == {"v1", "v2"}
    lacked = metric(served, "weir_upstream_no_resources_total")
    assert lacked >= 40
    wait_until(lambda: metric(served, "weir_upstream_no_resources_total") > lacked + 20, "checks have been left out")
    wait_for_outcomes(served, capacity=40)
    counted = Exposition(served.admin.metrics())
    assert counted.total("weir_upstream_connect_failures_total") == 0
    assert counted.total("weir_upstream_endpoint_ejections_total") == 0
    assert counted.total("weir_upstream_endpoint_healthy") == 2
    assert served.admin.rollout()["requests_in_step"] == {"baseline": 0, "candidate": 0}
    assert served.log().count("upstream_no_resources") == 1 and "endpoint_out" not in served.log()
    sockets.recover()
    assert [get(served.port, "/", {"x-user-id": str(user)}).status for user in range(10)] == [200] * 10
