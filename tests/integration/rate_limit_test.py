"""Local rate limits: how many requests a route takes, of whom, and what becomes of the others."""
from __future__ import annotations

from typing import Any, Callable

from http_client import Connection, get
from plans import Plan, version
from raw_origin import RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def plan(origin: Any, **limit: Any) -> Plan:
    """One a day unless the limit says otherwise: nothing comes back while a test runs."""
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "trustedHops": ["127.0.0.1"],
            "routes": [{"match": {"pathPrefix": "/"}, "service": "chat",
                        "rateLimit": {"requests": 1, "per": "1d", "burst": 3, **limit}}]}


def statuses(weir: Weir, count: int, **fields: str) -> list[int]:
    """Each on a connection of its own, so that all workers are asked."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return [get(weir.port, "/", named).status for _ in range(count)]


def test_all_workers_count_together(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir({**plan(origin, burst=20), "workers": 2})
        assert sorted(statuses(served, 40)) == [200] * 20 + [429] * 20
        assert len(origin.heads) == 20
        metrics = served.admin.metrics()
        assert "weir_requests_rate_limited_total 20" in metrics and "weir_requests_refused_total 20" in metrics


def test_who_is_refused_is_told_when_to_come_again(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin))
        with Connection(served.port) as client:
            assert [client.request("GET", "/").status for _ in range(3)] == [200] * 3
            reply = client.request("GET", "/")
            assert (reply.status, reply["x-weir-reason"], reply["x-weir-version"]) == (429, "rate_limited", None)
            assert 86_000 < int(reply["retry-after"] or "") <= 86_400
            assert reply.keeps_open()
            assert client.request("POST", "/", body=b"x").status == 429 and client.request("GET", "/").status == 429
        assert len(origin.heads) == 3


def test_each_client_header_and_key_counts_by_itself(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, by="clientAddress", burst=2))
        for client in ("", "10.0.0.1", "10.0.0.2", "2001:db8::1"):
            fields = {"X_Forwarded_For": client} if client else {}
            assert statuses(served, 3, **fields) == [200, 200, 429], client
        assert statuses(served, 1, X_Forwarded_For="2001:db8::2") == [429]  # the same network of one site
        served.write(plan(origin, by={"header": "X-User"}, burst=2))
        served.cli("reload")
        assert statuses(served, 3, x_user="alice") == [200, 200, 429]
        assert statuses(served, 3, x_user="bob") == [200, 200, 429]
        assert statuses(served, 3) == [200, 200, 429]


def test_a_route_without_a_name_is_the_same_in_another_place(weir: StartWeir) -> None:
    def limited(prefix: str) -> Plan:
        return {"match": {"pathPrefix": prefix}, "service": "chat", "rateLimit": {"requests": 1, "per": "1d"}}

    with RawOrigin(always(_ANSWER)) as origin:
        plans = {"services": {"chat": {"versions": {"v1": version(origin)}}}}
        served = weir({**plans, "routes": [limited("/a"), limited("/b")]})
        assert [get(served.port, "/a").status for _ in range(2)] == [200, 429]
        served.write({**plans, "routes": [limited("/b"), {"match": {"pathPrefix": "/c"}, "service": "chat"}, limited("/a")]})
        served.cli("reload")
        assert [get(served.port, path).status for path in ("/c", "/a", "/b", "/b")] == [200, 429, 200, 429]


def test_a_reload_goes_on_counting_what_did_not_change(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin))
        assert statuses(served, 4) == [200, 200, 200, 429]
        served.write({**plan(origin), "via": False})
        served.cli("reload")
        assert statuses(served, 1) == [429]
        served.write(plan(origin, burst=4))
        served.cli("reload")
        assert statuses(served, 5) == [200] * 4 + [429]
