"""What a version, the requests of one route or those of one listener may have at the same time: who fills it waits and is
refused, and nobody else notices."""
from __future__ import annotations

import contextlib
from typing import Callable, Iterator

import pytest
from http_client import Connection, get, request_bytes
from outcomes import metric, wait_for_outcomes
from plans import Plan, one_version, route
from polling import wait_until
from ports import free_port
from raw_origin import Peer, RawOrigin
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_ONE = {"upstreamConnections": 1, "pending": 1}
_MANY = {"upstreamConnections": 100, "pending": 100}


class Origin(RawOrigin):
    """Answers at once, but for paths with "hang" in them."""

    def __init__(self) -> None:
        self.hanging = 0
        super().__init__(self._answer)

    def _answer(self, peer: Peer) -> None:
        while head := peer.request():
            if b"hang" in head.split(b"\r\n")[0]:
                self.hanging += 1
                try:
                    peer.wait_for_close()
                finally:
                    self.hanging -= 1
                return
            peer.send(_OK)


@pytest.fixture(name="origin")
def _origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@contextlib.contextmanager
def full(served: Weir, origin: Origin, path: str, port: int | None = None) -> Iterator[tuple[Connection, Connection]]:
    """Two requests for the path: the first hangs at the origin, the second waits."""
    with Connection(port or served.port) as first, Connection(port or served.port) as second:
        first.send(request_bytes("GET", path + "hang"))
        wait_until(lambda: origin.hanging == 1, "the first is at the origin")
        second.send(request_bytes("GET", path))
        wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the second waits")
        yield first, second


def is_full(port: int, path: str) -> bool:
    reply = get(port, path)
    return (reply.status, reply["x-weir-reason"], reply["retry-after"]) == (503, "overflow", "1")


def with_version_limits(origin: Origin, own: Plan, **top: Plan) -> Plan:
    plan = one_version(origin, workers=1, **top)
    plan["services"]["chat"]["versions"]["v1"]["limits"] = own
    return plan


def test_a_versions_own_limits_outrank_the_files(weir: StartWeir, origin: Origin) -> None:
    served = weir(with_version_limits(origin, _ONE, limits=_MANY))
    with full(served, origin, "/") as (first, second):
        assert is_full(served.port, "/")
        wait_for_outcomes(served, capacity=1)
        first.reset()
        assert second.reply().status == 200


def test_a_version_may_have_more_than_the_file_says(weir: StartWeir, origin: Origin) -> None:
    served = weir(with_version_limits(origin, _MANY, limits=_ONE))
    with Connection(served.port) as first:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: origin.hanging == 1, "the first is at the origin")
        assert get(served.port, "/").status == 200


def test_a_versions_own_endpoint_limits(weir: StartWeir, origin: Origin) -> None:
    served = weir(with_version_limits(origin, {"endpointConnections": 1, "endpointPending": 1}))
    with full(served, origin, "/"):
        assert is_full(served.port, "/")


def test_a_version_may_have_no_endpoint_limit_where_the_file_has_one(weir: StartWeir, origin: Origin) -> None:
    served = weir(with_version_limits(origin, {"endpointConnections": "none"}, limits={"endpointConnections": 1}))
    with Connection(served.port) as first:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: origin.hanging == 1, "the first is at the origin")
        assert get(served.port, "/").status == 200


def test_a_route_that_is_full_leaves_the_others_alone(weir: StartWeir, origin: Origin) -> None:
    plan = one_version(origin, workers=1)
    served = weir({**plan, "routes": [route(prefix="/batch/", limits=_ONE), route()]})
    with full(served, origin, "/batch/") as (first, second):
        assert is_full(served.port, "/batch/")
        assert [get(served.port, "/").status for _ in range(3)] == [200] * 3  # past the one that waits
        with Connection(served.port) as other:
            other.send(request_bytes("GET", "/hang"))
            wait_until(lambda: origin.hanging == 2, "the version has more connections than the route may have")
        first.reset()
        assert second.reply().status == 200
    assert get(served.port, "/batch/").status == 200
    wait_until(lambda: metric(served, "weir_requests_pending") == 0, "nobody waits")


def test_one_who_leaves_gives_up_the_place_he_waits_for(weir: StartWeir, origin: Origin) -> None:
    served = weir({**one_version(origin, workers=1), "routes": [route(limits=_ONE)]})
    with full(served, origin, "/") as (first, second):
        second.reset()
        wait_until(lambda: metric(served, "weir_requests_pending") == 0, "the second has left")
        with Connection(served.port) as third:
            third.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 1, "the third waits in its place")
            first.reset()
            assert third.reply().status == 200


def test_a_listener_that_is_full_leaves_the_others_alone(weir: StartWeir, origin: Origin) -> None:
    served = weir(one_version(origin, workers=1))
    inner = free_port()
    listeners = [{"address": f"127.0.0.1:{served.port}"}, {"address": f"127.0.0.1:{inner}", "limits": _ONE}]
    served.write({**served.plan, "listeners": listeners})
    assert served.admin.post("reload")[0] == 200
    with full(served, origin, "/", inner):
        assert is_full(inner, "/")
        assert get(served.port, "/").status == 200


def test_a_routes_limits_outrank_its_listeners(weir: StartWeir, origin: Origin) -> None:
    port = free_port()
    served = weir({**one_version(origin, workers=1), "routes": [route(prefix="/batch/", limits=_MANY), route()],
                   "listeners": [{"address": f"127.0.0.1:{port}", "limits": _ONE}]})
    with full(served, origin, "/", port):
        assert is_full(port, "/")
        with Connection(port) as first:
            first.send(request_bytes("GET", "/batch/hang"))
            wait_until(lambda: origin.hanging == 2, "the route has places of its own")
            assert get(port, "/batch/").status == 200


def test_a_route_that_only_limits_who_waits(weir: StartWeir, origin: Origin) -> None:
    plan = with_version_limits(origin, {"upstreamConnections": 1})
    served = weir({**plan, "routes": [route(prefix="/batch/", limits={"pending": 1}), route()]})
    with full(served, origin, "/batch/") as (first, second):
        assert is_full(served.port, "/batch/")
        with Connection(served.port) as other:
            other.send(request_bytes("GET", "/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 2, "another route's waits beside them")
            first.reset()
            assert (second.reply().status, other.reply().status) == (200, 200)


def test_a_reload_counts_on(weir: StartWeir, origin: Origin) -> None:
    served = weir({**one_version(origin, workers=1), "routes": [route(prefix="/batch/", name="batch", limits=_ONE), route()]})
    with full(served, origin, "/batch/"):
        more = {**served.plan, "routes": [route(prefix="/batch/", name="batch", limits={**_ONE, "pending": 2}), route()]}
        served.write(more)
        assert served.admin.post("reload")[0] == 200
        with Connection(served.port) as third:
            third.send(request_bytes("GET", "/batch/"))
            wait_until(lambda: metric(served, "weir_requests_pending") == 2, "the only place is still taken")
            assert is_full(served.port, "/batch/")


def test_more_places_by_a_reload_are_there_for_those_who_wait(weir: StartWeir, origin: Origin) -> None:
    served = weir({**one_version(origin, workers=1), "routes": [route(prefix="/batch/", name="batch", limits=_ONE), route()]})
    with full(served, origin, "/batch/") as (_, second):
        served.write({**served.plan, "routes": [route(prefix="/batch/", name="batch", limits=_MANY), route()]})
        assert served.admin.post("reload")[0] == 200
        assert get(served.port, "/batch/").status == 200
        assert second.reply().status == 200


def test_a_route_that_only_limits_who_waits_holds_no_listeners_places(weir: StartWeir, origin: Origin) -> None:
    served = weir(one_version(origin, workers=1))
    inner = free_port()
    served.write({**served.plan, "routes": [route(limits={"pending": 5})],
                  "listeners": [{"address": f"127.0.0.1:{served.port}"},
                                {"address": f"127.0.0.1:{inner}", "limits": {"upstreamConnections": 1}}]})
    assert served.admin.post("reload")[0] == 200
    with Connection(served.port) as first:
        first.send(request_bytes("GET", "/hang"))
        wait_until(lambda: origin.hanging == 1, "the first is at the origin")
        assert get(inner, "/").status == 200


def test_routes_that_only_limit_who_waits_share_their_listeners_places(weir: StartWeir, origin: Origin) -> None:
    port = free_port()
    served = weir({**one_version(origin, workers=1),
                   "routes": [route(prefix="/a/", limits={"pending": 1}), route(prefix="/b/", limits={"pending": 5}), route()],
                   "listeners": [{"address": f"127.0.0.1:{port}", "limits": {"upstreamConnections": 1}}]})
    with full(served, origin, "/a/", port), Connection(port) as other:
        assert is_full(port, "/a/")
        other.send(request_bytes("GET", "/b/hang"))
        wait_until(lambda: metric(served, "weir_requests_pending") == 2, "another route's waits for the same place")
        assert origin.hanging == 1


def test_a_versions_pending_counts_those_who_wait_in_every_bulkhead(weir: StartWeir, origin: Origin) -> None:
    one = {"upstreamConnections": 1}
    served = weir({**one_version(origin, workers=1, limits={"pending": 1}),
                   "routes": [route(prefix="/a/", limits=one), route(prefix="/b/", limits=one), route()]})
    with full(served, origin, "/a/"), Connection(served.port) as other:
        other.send(request_bytes("GET", "/b/hang"))
        wait_until(lambda: origin.hanging == 2, "another route's has its place")
        assert is_full(served.port, "/b/")
