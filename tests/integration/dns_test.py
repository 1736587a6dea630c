"""Endpoints that have a name: all of its addresses are used, and the answer of now counts, or the last good one."""
from __future__ import annotations

import collections
import contextlib
import pathlib
import signal
import threading
from typing import Any, Callable, Iterator

import pytest
from certificates import Authority
from exposition import Exposition
from http_client import Connection, get
from load import Load
from plans import Plan, one_version
from polling import stays, wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

from dns_server import DnsServer

StartWeir = Callable[..., Weir]

NAME = "model.test"
PORT = free_port()


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


def told(address: str, **more: str) -> Callable[[Peer], None]:
    """Says which address answers."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"x-origin": address, **more}.items())

    def serve(peer: Peer) -> None:
        while peer.request():
            peer.send(f"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n".encode())
    return serve


@contextlib.contextmanager
def origins(*addresses: str) -> Iterator[list[RawOrigin]]:
    """One at each of these addresses, all at one port."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RawOrigin(told(address), at=(address, PORT))) for address in addresses]


def by_name(dns: DnsServer, name: str = NAME, version: Plan | None = None, **rest: Any) -> Plan:
    plan = one_version(0, dns={"servers": [dns.address], "minTtl": "100ms", "maxTtl": "100ms", **rest})
    plan["services"]["chat"]["versions"]["v1"] = {"endpoints": [f"http://{name}:{PORT}"],
                                                  "loadBalancing": {"policy": "roundRobin"}, **(version or {})}
    return plan


def takers(weir: Weir, requests: int = 12) -> dict[str | None, int]:
    """Who answered; every request was answered well."""
    found: collections.Counter[str | None] = collections.Counter()
    for _ in range(requests):
        reply = get(weir.port)
        assert reply.status == 200, (reply.status, reply["x-weir-reason"])
        found[reply["x-origin"]] += 1
    return found


def become(weir: Weir, *addresses: str) -> None:
    """Until these take requests, and nobody else does."""
    wait_until(lambda: set(takers(weir)) == set(addresses), f"requests go to {addresses}")


def endpoints(weir: Weir) -> set[str]:
    """As the metrics name them."""
    return Exposition(weir.admin.metrics()).labels("weir_upstream_endpoint_requests_total", "endpoint")


def problems(weir: Weir) -> list[str]:
    return [line for line in weir.admin.status()["problems"] if NAME in line]


def test_all_addresses_of_a_name_take_requests(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2", "127.0.0.3")
    with origins("127.0.0.2", "127.0.0.3") as both:
        served = weir({**by_name(dns), "workers": 1})
        assert takers(served) == {"127.0.0.2": 6, "127.0.0.3": 6}
        assert endpoints(served) == {f"http://{NAME}:{PORT}/127.0.0.2", f"http://{NAME}:{PORT}/127.0.0.3"}
        # The client's Host goes on, as ever.
        assert not any(NAME.encode() in head.lower() for origin in both for head in origin.heads)
        assert not problems(served)


def test_a_change_of_the_answer_is_followed_and_fails_nothing(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2", "127.0.0.3")
    with origins("127.0.0.2", "127.0.0.3", "127.0.0.4") as (_, leaves, _):
        served = weir(by_name(dns))
        become(served, "127.0.0.2", "127.0.0.3")
        with Load(served.port) as load:
            dns.set(NAME, "127.0.0.2", "127.0.0.4")
            become(served, "127.0.0.2", "127.0.0.4")
            wait_until(lambda: leaves.open == 0, "idle connections to the address that left are closed")
            tally = load.stop()
        assert tally.answered == tally.begun and set(tally.by_status) == {"200"}, tally
        assert Exposition(served.admin.metrics()).total("weir_upstream_retries_total") == 0
        assert endpoints(served) == {f"http://{NAME}:{PORT}/127.0.0.2", f"http://{NAME}:{PORT}/127.0.0.4"}


def test_connections_to_an_address_that_stays_are_kept(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2", "127.0.0.3")
    with origins("127.0.0.2", "127.0.0.3", "127.0.0.4") as (stays_in, _, comes):
        served = weir({**by_name(dns), "workers": 1, "timeouts": {"upstreamIdle": "1h"}})
        become(served, "127.0.0.2", "127.0.0.3")
        dns.set(NAME, "127.0.0.2", "127.0.0.4")
        become(served, "127.0.0.2", "127.0.0.4")
        assert (stays_in.connections, comes.connections) == (1, 1)  # one after the other needs no more


def test_a_request_under_way_finishes_at_an_address_that_left(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2")
    asked, go_on = threading.Event(), threading.Event()

    def slow(peer: Peer) -> None:
        while peer.request():
            first = not asked.is_set()
            asked.set()
            assert not first or go_on.wait(30)
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-origin: slow\r\n\r\nlate")

    with RawOrigin(slow, at=("127.0.0.2", PORT)) as leaves, origins("127.0.0.3"):
        served = weir(by_name(dns))
        with Connection(served.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert asked.wait(30)
            dns.set(NAME, "127.0.0.3")
            become(served, "127.0.0.3")
            go_on.set()
            assert client.reply().body == b"late"
        wait_until(lambda: leaves.open == 0, "its connection is not kept")


@pytest.mark.parametrize("how", ["silent", "no address"])
def test_what_was_known_last_stays_in_use(how: str, dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2")
    with origins("127.0.0.2", "127.0.0.3"):
        served = weir(by_name(dns))
        assert set(takers(served)) == {"127.0.0.2"}
        if how == "silent":
            dns.silent = True
        else:
            dns.set(NAME)
        line = wait_until(lambda: problems(served), "status says so", 40)
        assert "the addresses known last stay in use: 127.0.0.2" in line[0]
        assert set(takers(served)) == {"127.0.0.2"}
        metrics = Exposition(served.admin.metrics())
        assert metrics.total("weir_dns_names_failing") == 1
        assert metrics.total("weir_dns_failures_total") >= 1
        dns.silent = False
        dns.set(NAME, "127.0.0.3")
        become(served, "127.0.0.3")
        wait_until(lambda: not problems(served), "and that it is well again")
    assert served.log().count("name_not_resolved") == 1
    assert served.log().count("name_resolved") == 1


def test_a_name_that_is_none_yet_is_served_once_it_is_one(dns: DnsServer, weir: StartWeir) -> None:
    with origins("127.0.0.2"):
        served = weir(by_name(dns, version={"outlier": "off"}))
        reply = get(served.port)
        assert (reply.status, reply["x-weir-reason"]) == (503, "connect")
        assert problems(served) == [f"{NAME} cannot be resolved (no such name); nothing can be sent there"]
        dns.set(NAME, "127.0.0.2")
        wait_until(lambda: get(served.port).status == 200, "the name is served", 40)
        wait_until(lambda: not problems(served), "and status says nothing of it any more")


def test_a_silent_server_does_not_keep_the_weir_from_starting(dns: DnsServer, weir: StartWeir) -> None:
    dns.silent = True
    with origins("127.0.0.2") as (known,):
        plan = by_name(dns)
        # Who has an address takes all that one without would fail.
        plan["services"]["chat"]["versions"]["v1"]["endpoints"].append(f"http://127.0.0.2:{known.port}")
        served = weir(plan)
        assert set(takers(served)) == {"127.0.0.2"}
        assert problems(served)
        assert endpoints(served) == {f"http://127.0.0.2:{PORT}"}


def test_a_reload_keeps_what_is_known_and_waits_for_what_is_new(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2")
    dns.set("other.test", "127.0.0.3")
    with origins("127.0.0.2", "127.0.0.3"):
        served = weir(by_name(dns))
        assert set(takers(served)) == {"127.0.0.2"}
        with Load(served.port) as load:
            served.write(by_name(dns, "other.test"))
            served.cli("reload")
            assert set(takers(served)) == {"127.0.0.3"}
            # Nobody answers for either name, and both are known.
            dns.silent = True
            served.write(by_name(dns, "other.test", maxTtl="1m"))
            served.cli("reload")
            assert set(takers(served)) == {"127.0.0.3"}
            # A new one has its time, and then the plan goes without it.
            served.write(by_name(dns))
            assert "loaded" in served.cli("reload").stdout
            tally = load.stop()
        assert get(served.port)["x-weir-reason"] == "connect"
        assert tally.answered == tally.begun, tally
        dns.silent = False
        wait_until(lambda: get(served.port).status == 200, "the name is resolved at last", 40)


def test_a_drain_answers_a_reload_that_waits(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2")
    served = weir(by_name(dns))
    dns.silent = True
    served.write(by_name(dns, "other.test"))
    replies: list[tuple[int, str]] = []
    waiting = threading.Thread(target=lambda: replies.append(served.admin.post("reload")))
    waiting.start()
    wait_until(lambda: "other.test" in dns.asked, "the new name is asked for")
    served.signal(signal.SIGTERM)
    waiting.join()
    assert served.wait() == 0
    assert replies and replies[0][0] in (200, 409)


def test_health_checks_and_ejection_are_each_address_own(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2", "127.0.0.3")

    def ill(peer: Peer) -> None:
        while peer.request():
            peer.send(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")

    check = {"path": "/health", "interval": "500ms", "timeout": "500ms"}
    with origins("127.0.0.2"), RawOrigin(ill, at=("127.0.0.3", PORT)) as bad:
        served = weir(by_name(dns, version={"healthCheck": check}))
        gone = f"http://{NAME}:{PORT}/127.0.0.3"
        wait_until(lambda: any(gone in line for line in served.admin.status()["problems"]), "it is out")
        assert set(takers(served)) == {"127.0.0.2"}
        assert all(f"host: {NAME}:{PORT}".encode() in head.lower() for head in bad.heads if b"GET /health" in head)
        # An answer with another address leaves it out: what is known of it stays.
        dns.set(NAME, "127.0.0.2", "127.0.0.3", "127.0.0.4")
        with origins("127.0.0.4"):
            become(served, "127.0.0.2", "127.0.0.4")


def test_tls_goes_by_the_name(dns: DnsServer, weir: StartWeir, tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    names: list[str | None] = []
    context = authority.server(authority.issue(NAME))
    context.sni_callback = lambda connection, name, _: names.append(name)
    dns.set(NAME, "127.0.0.2")
    with RawOrigin(told("127.0.0.2"), tls=context, at=("127.0.0.2", PORT)):
        plan = by_name(dns, version={"endpoints": [f"https://{NAME}:{PORT}"], "tls": {"ca": str(authority.certificate)}})
        served = weir(plan)
        assert set(takers(served)) == {"127.0.0.2"}
    assert set(names) == {NAME}


def test_localhost_needs_no_server(dns: DnsServer, weir: StartWeir) -> None:
    with RawOrigin(told("local"), at=("127.0.0.1", PORT)):
        served = weir(by_name(dns, "localhost"))
        assert set(takers(served)) == {"local"}
        assert endpoints(served) == {f"http://localhost:{PORT}"}
    assert not dns.asked


def test_the_ttl_says_when_a_name_is_asked_for_again(dns: DnsServer, weir: StartWeir) -> None:
    dns.set(NAME, "127.0.0.2", ttl_s=3600)
    with origins("127.0.0.2"):
        served = weir(by_name(dns, maxTtl="1h", family="ipv4"))
        assert set(takers(served)) == {"127.0.0.2"}
        asked = len(dns.asked)
        stays(lambda: len(dns.asked) == asked, "it is not asked for before its time", 1.0)
