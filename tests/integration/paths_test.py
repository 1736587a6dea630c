"""Slashes that servers do not agree on: kept, refused or merged before a route is looked for."""
from __future__ import annotations

from typing import Callable

import pytest
from http_client import Connection
from plans import Plan, route, version
from raw_origin import RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def plan(inner: RawOrigin, outer: RawOrigin, **top: object) -> Plan:
    """/admin goes to `inner`, the rest to `outer`."""
    return {"services": {"inner": {"versions": {"inner": version(inner)}}, "outer": {"versions": {"outer": version(outer)}}},
            "routes": [route("inner", "/admin"), route("outer", "/")], **top}


@pytest.mark.parametrize("target", ["//admin", "/x/..//admin", "/x%2f..%2Fadmin", "/x%5c..%5cadmin", "/x%2F/..//admin?q=//"])
def test_merged_slashes_decide_the_route_and_are_sent_on_as_they_came(weir: StartWeir, target: str) -> None:
    merged = {"doubleSlash": "merge", "encodedSlash": "merge"}
    with RawOrigin(always(_ANSWER)) as inner, RawOrigin(always(_ANSWER)) as outer:
        served = weir(plan(inner, outer, paths=merged))
        with Connection(served.port) as client:
            assert client.request("GET", target)["x-weir-version"] == "inner"
        assert inner.heads[0].startswith(f"GET {target} HTTP/1.1\r\n".encode()) and not outer.heads
        # The default keeps them, for an origin may mean something by them.
        served.write(plan(inner, outer))
        served.cli("reload")
        with Connection(served.port) as client:
            assert client.request("GET", target)["x-weir-version"] == "outer"
        assert outer.heads[0].startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_what_is_refused_reaches_no_origin_and_has_a_code_of_its_own(weir: StartWeir) -> None:
    refused = {"doubleSlash": "reject", "encodedSlash": "reject"}
    with RawOrigin(always(_ANSWER)) as inner, RawOrigin(always(_ANSWER)) as outer:
        served = weir(plan(inner, outer, paths=refused))
        for target, code in (("//admin", "double_slash"), ("/a//", "double_slash"), ("/a%2fb", "encoded_slash"),
                             ("/%5Cadmin", "encoded_slash")):
            with Connection(served.port) as client:
                reply = client.request("GET", target)
                assert (reply.status, reply["x-weir-reason"]) == (400, code), target
                assert not reply.keeps_open() and client.at_end()
        assert not inner.heads and not outer.heads
        with Connection(served.port) as client:
            assert client.request("GET", "/a?b=//%2f").status == 200


def test_a_listener_has_its_own_rule(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as inner, RawOrigin(always(_ANSWER)) as outer:
        served = weir(plan(inner, outer))
        served.write(plan(inner, outer, paths={"doubleSlash": "reject", "encodedSlash": "reject"},
                          listeners=[{"address": f"127.0.0.1:{served.port}", "paths": {"doubleSlash": "merge"}}]))
        served.cli("reload")
        with Connection(served.port) as client:
            assert client.request("GET", "//admin")["x-weir-version"] == "inner"
            assert client.request("GET", "/%2fadmin")["x-weir-reason"] == "encoded_slash"
