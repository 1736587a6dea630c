"""The end of a weir: what is under way finishes, nobody is cut before time, and the exit code says which end it was."""
from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from typing import Callable

import pytest
from http_client import Connection, Truncated, request_bytes
from load import Load
from origin import Origin
from plans import one_version
from polling import stays, wait_until
from ports import free_port
from weir_harness import Weir

StartOrigin = Callable[..., Origin]
StartWeir = Callable[..., Weir]

# Long enough that a test which waits for it would fail on its own bounds.
LONG = {"drainDelay": "60s", "drain": "60s", "streamDrain": "60s"}


def timeouts(**given: str) -> dict[str, str]:
    return {"drainDelay": "0s", "drain": "20s", "streamDrain": "20s", **given}


def event(weir: Weir, name: str) -> dict[str, str]:
    """The words of this event's line of the log."""
    line = next(line for line in weir.log().splitlines() if f'"{name}"' in line)
    return dict(re.findall(r'"(\w+)":"?([^",}]*)', line))


def ended(weir: Weir) -> dict[str, str]:
    return event(weir, "ended")


def reset_or_cut(connection: Connection) -> bool:
    """Whether the connection ends inside its reply."""
    try:
        connection.reply()
    except (Truncated, ConnectionResetError):
        return True
    return False


def reset_or_cut_body(connection: Connection) -> bool:
    """Whether what follows a head that has been read ends without its last chunk."""
    tail = b""
    try:
        while piece := connection.read_some():
            tail += piece
    except ConnectionResetError:
        return True
    return not tail.endswith(b"0\r\n\r\n")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def waiting(origin: Origin, count: int) -> Callable[[], bool]:
    return lambda: origin.counts().waiting == count


class Held:
    """A request that the origin holds until the test lets it go, and its reply."""

    def __init__(self, port: int, target: str = "/held"):
        self.connection = Connection(port, timeout_s=60)
        self.connection.send(request_bytes("GET", target))

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.reset()  # an orderly end would say that it still reads


def begin_by_signal(weir: Weir) -> None:
    weir.signal(signal.SIGTERM)


def begin_by_command(weir: Weir) -> None:
    assert weir.cli("drain").stdout.startswith("draining: requests have ")


BEGINNINGS = pytest.mark.parametrize("begin", [begin_by_signal, begin_by_command], ids=["SIGTERM", "weir drain"])


@BEGINNINGS
def test_a_drain_under_load_breaks_no_request(origin: StartOrigin, weir: StartWeir,
                                              begin: Callable[[Weir], None]) -> None:
    server = origin("v1", delay_ms=20)
    gateway = weir(one_version(server, timeouts=timeouts(drainDelay="1s")))
    with Load(gateway.port, rate=300, connections=24) as load:
        wait_until(lambda: load.tally().answered >= 200, "traffic flows")
        begin(gateway)
        assert gateway.wait() == 0
        tally = load.stop()
    assert tally.broken == 0, tally.errors
    assert set(tally.by_status) == {"200"}
    assert tally.begun == tally.answered + tally.refused
    assert tally.refused > 0, "the load went on after the listener had closed"
    words = ended(gateway)
    assert (words["requests_cut"], words["state_saved"]) == ("0", "true")


def test_new_connections_that_wait_in_the_listener_are_served(origin: StartOrigin, weir: StartWeir) -> None:
    # Every request on a connection of its own: what the kernel has accepted when the listener closes must not be reset.
    server = origin("v1")
    gateway = weir(one_version(server, timeouts=timeouts()))
    results: list[str] = []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            began = sent = time.monotonic()
            try:
                with Connection(gateway.port) as connection:
                    connection.send(request_bytes("GET", "/", {"Connection": "close"}))
                    sent = time.monotonic()
                    results.append(str(connection.reply().status))
            except ConnectionRefusedError:
                return
            except (OSError, Truncated) as error:
                # A new connection's request is waited for, but not for ever: on a machine that stands still it may come
                # too late.
                if sent - began < 0.5:
                    results.append(repr(error))

    clients = [threading.Thread(target=client) for _ in range(8)]
    for one in clients:
        one.start()
    wait_until(lambda: len(results) >= 100, "traffic flows")
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    stop.set()
    for one in clients:
        one.join()
    assert set(results) == {"200"}


@BEGINNINGS
def test_default_drain_delay_serves_on_and_is_not_ready(origin: StartOrigin, weir: StartWeir,
                                                               begin: Callable[[Weir], None]) -> None:
    gateway = weir(one_version(origin("v1"), timeouts=LONG))
    with Connection(gateway.port) as kept:
        assert kept.request("GET", "/").keeps_open()
        begin(gateway)
        wait_until(lambda: gateway.admin.call("GET", "/readyz")[0] == 503, "/readyz fails")
        assert gateway.admin.call("GET", "/healthz")[0] == 200
        assert gateway.cli("health").returncode == 0
        status = gateway.admin.status()
        assert (status["ready"], status["draining"]) == (False, True)
        assert "weir_ready 0" in gateway.admin.metrics()
        # An old connection and a new one: both are answered, and told to go.
        reply = kept.request("GET", "/")
        assert (reply.status, reply["connection"]) == (200, "close")
        assert kept.at_end()
        with Connection(gateway.port) as fresh:
            reply = fresh.request("GET", "/")
            assert (reply.status, reply["connection"]) == (200, "close")
            assert fresh.at_end()
    gateway.kill()


def test_the_listener_is_open_until_the_delay_is_over(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1"), timeouts=timeouts(drainDelay="2s")))
    gateway.signal(signal.SIGTERM)
    stays(lambda: listens(gateway.port), "the listener is open", for_s=1)
    wait_until(lambda: not listens(gateway.port), "the listener closes")
    assert gateway.wait() == 0


def test_idle_connections_end_cleanly(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1"), timeouts=timeouts()))
    used, unused = Connection(gateway.port), Connection(gateway.port)
    with used, unused, Held(gateway.port, "/drip/10000/50") as held:
        assert used.request("GET", "/").status == 200
        wait_until(lambda: gateway.admin.metrics().find("weir_downstream_connections 3\n") > 0, "all are accepted")
        assert held.connection.head().status == 200
        gateway.signal(signal.SIGTERM)
        # An orderly end, not a reset, and while another request still runs.
        assert used.read_some() == b""
        assert unused.read_some() == b""
        assert gateway.running()
    assert gateway.wait() == 0


def test_what_has_begun_finishes(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("v1", delay_ms=1500)
    gateway = weir(one_version(server, timeouts=timeouts()))
    upload = Connection(gateway.port, timeout_s=60)
    with upload, Held(gateway.port) as slow, Held(gateway.port, "/drip/15/100") as stream:
        # Half a body: the request has begun, and its other half comes after the listener has closed.
        upload.send(b"POST /echo HTTP/1.1\r\nHost: weir.test\r\nContent-Length: 8\r\n\r\nhalf")
        wait_until(waiting(server, 3), "all are at the origin")
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: not listens(gateway.port), "the listener closes")
        upload.send(b"half")
        assert upload.reply().body == b"halfhalf"
        assert slow.connection.reply().body == b"ok"
        assert stream.connection.reply().body == b"drop\n" * 15
    assert gateway.wait() == 0
    assert ended(gateway)["requests_cut"] == "0"


def test_a_request_head_that_has_begun_is_served(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1"), timeouts=timeouts()))
    with Connection(gateway.port) as client, Held(gateway.port, "/hang"):
        client.send(b"GET / HTTP/1.1\r\nHost: wei")
        wait_until(lambda: gateway.admin.metrics().find("weir_downstream_connections 2\n") > 0, "both are accepted")
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: not listens(gateway.port), "the listener closes")
        client.send(b"r.test\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply["connection"]) == (200, "close")
    assert gateway.wait() == 0


def test_default_drain_cuts_requests_while_streams_go_on(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("v1")
    gateway = weir(one_version(server, timeouts=timeouts(drain="500ms", streamDrain="300s")))
    with Held(gateway.port, "/hang") as request, Held(gateway.port, "/half") as sized:
        with Held(gateway.port, "/drip/10000/50") as stream:
            wait_until(waiting(server, 3), "all are at the origin")
            assert stream.connection.head().status == 200
            gateway.signal(signal.SIGTERM)
            assert reset_or_cut(request.connection)
            assert reset_or_cut(sized.connection)
            wait_until(lambda: "weir_requests_cut_total 2\n" in gateway.admin.metrics(), "the cut ones are counted")
            wait_until(lambda: server.counts().aborted == 2, "the origin is told that nobody waits for them")
            sent = server.counts().body_out
            wait_until(lambda: server.counts().body_out > sent + 50, "the stream goes on")
            assert gateway.running() and stream.connection.read_some()
            cutting = event(gateway, "cutting_requests")
            assert (cutting["level"], cutting["requests"], cutting["streams"]) == ("warn", "2", "1")
        # The last one leaves: nothing is left to wait for.
    assert gateway.wait() == 0
    assert ended(gateway)["requests_cut"] == "2"


def test_streams_are_cut_after_stream_drain(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("v1")
    gateway = weir(one_version(server, timeouts=timeouts(drain="100ms", streamDrain="1s")))
    with Held(gateway.port, "/drip/10000/50") as stream:
        assert stream.connection.head().status == 200
        gateway.signal(signal.SIGTERM)
        # Long before streamDrain's default, and before the stream would end by itself.
        assert gateway.wait(timeout_s=60) == 0
        # Not ended as if it were whole.
        assert reset_or_cut_body(stream.connection)
    assert ended(gateway)["requests_cut"] == "1"


@BEGINNINGS
def test_a_second_sigterm_ends_at_once(origin: StartOrigin, weir: StartWeir, begin: Callable[[Weir], None]) -> None:
    server = origin("v1")
    gateway = weir(one_version(server, timeouts=LONG))
    with Held(gateway.port, "/hang"):
        wait_until(waiting(server, 1), "the request is at the origin")
        begin(gateway)
        wait_until(lambda: gateway.admin.status()["draining"], "it drains")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 143


def test_sigint_drains_like_sigterm(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("v1", delay_ms=500)
    gateway = weir(one_version(server, timeouts=timeouts()))
    with Held(gateway.port) as request:
        wait_until(waiting(server, 1), "the request is at the origin")
        gateway.signal(signal.SIGINT)
        assert request.connection.reply().status == 200
    assert gateway.wait() == 0


def test_a_second_drain_command_changes_nothing(origin: StartOrigin, weir: StartWeir) -> None:
    server = origin("v1", delay_ms=500)
    gateway = weir(one_version(server, timeouts=LONG))
    gateway.cli("drain")
    assert gateway.cli("drain").stdout == "draining already\n"
    assert gateway.running()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 143


def test_an_idle_weir_ends_without_waiting_for_the_drain(origin: StartOrigin, weir: StartWeir) -> None:
    gateway = weir(one_version(origin("v1"), timeouts=timeouts(drain="300s", streamDrain="300s")))
    gateway.signal(signal.SIGTERM)
    assert gateway.wait(timeout_s=60) == 0


def test_a_drain_takes_no_other_plan(origin: StartOrigin, weir: StartWeir) -> None:
    # A listener opened now would be one that nobody closes: the process would go on for ever.
    server = origin("v1")
    gateway = weir(one_version(server, timeouts=timeouts()))
    added = free_port()
    with Held(gateway.port, "/hang"):
        wait_until(waiting(server, 1), "the request is at the origin")
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: not listens(gateway.port), "the listener closes")
        gateway.write({**gateway.plan, "listeners": [{"address": f"127.0.0.1:{added}"}]})
        status, body = gateway.admin.post("reload")
        assert (status, json.loads(body)["error"]["code"]) == (409, "draining")
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: gateway.log().count("reload_refused") == 2, "SIGHUP is refused too")
        assert not listens(added)
    assert gateway.wait() == 0
    assert not listens(added)
