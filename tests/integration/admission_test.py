"""Who may use a listener and a route: by address and by API key, and whom a version is then chosen for."""
from __future__ import annotations

import socket
from typing import Any, Callable

import pytest
from assignment import bucket
from http_client import Connection, get
from plans import Plan, version
from raw_origin import RawOrigin, always
from weir_harness import Weir

StartWeir = Callable[..., Weir]
NewWeir = Callable[..., Weir]

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_KEYS = [{"name": "team-a", "key": {"env": "KEY_A"}}, {"name": "team-b", "key": {"env": "KEY_B"}}]
_SECRETS = {"KEY_A": "sesame-a", "KEY_B": "sesame-b"}


def plan(origin: Any, *routes: Plan, **top: Any) -> Plan:
    return {"services": {"chat": {"versions": {"v1": version(origin)}}}, "routes": list(routes), **top}


def to_chat(prefix: str = "/", **rules: Any) -> Plan:
    return {"match": {"pathPrefix": prefix}, "service": "chat", **rules}


def counted(weir: Weir, name: str) -> int:
    line = next(line for line in weir.admin.metrics().splitlines() if line.startswith(f"weir_{name}_total "))
    return int(line.split()[1])


# Addresses


def test_a_routes_addresses_are_those_of_clients_behind_trusted_hops(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, to_chat("/in", allow=["10.0.0.0/8", "127.0.0.0/8"], deny=["10.6.6.0/24"]),
                           to_chat("/", deny=["192.0.2.0/24"]), trustedHops=["127.0.0.1"]))
        for target, client, status in (("/in", "", 200), ("/in", "10.1.2.3", 200), ("/in", "10.6.6.6", 403),
                                       ("/in", "192.0.2.1", 403), ("/in", "2001:db8::1", 403), ("/", "192.0.2.1", 403),
                                       ("/", "192.0.3.1", 200), ("/", "2001:db8::1", 200)):
            reply = get(served.port, target, {"X-Forwarded-For": client} if client else {})
            assert reply.status == status, (target, client)
            if status == 403:
                assert reply["x-weir-reason"] == "address_denied" and reply.json()["error"]["code"] == "address_denied"
                assert reply["x-weir-version"] is None
        assert len(origin.heads) == 4
        assert counted(served, "requests_denied_address") == counted(served, "requests_refused") == 4


def test_nobody_talks_himself_past_a_routes_addresses(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, to_chat(allow=["10.0.0.0/8"])))
        assert get(served.port, "/", {"X-Forwarded-For": "10.0.0.1"}).status == 403
        with Connection(served.port) as client:
            assert client.request("POST", "/", body=b"x" * 100).status == 403
        assert not origin.heads


def test_a_listener_closes_connections_of_those_it_denies(weir: StartWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = weir(plan(origin, to_chat()))
        served.write(plan(origin, to_chat(), listeners=[{"address": f"127.0.0.1:{served.port}",
                                                         "deny": ["127.0.0.2/31"], "allow": ["127.0.0.0/8"]}]))
        served.cli("reload")
        assert get(served.port).status == 200
        for own in ("127.0.0.2", "127.0.0.3"):
            with socket.create_connection(("127.0.0.1", served.port), timeout=15, source_address=(own, 0)) as denied:
                try:
                    assert denied.recv(100) == b""
                except ConnectionResetError:
                    pass
        with socket.create_connection(("127.0.0.1", served.port), timeout=15, source_address=("127.0.0.4", 0)) as let_in:
            let_in.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert let_in.recv(100).startswith(b"HTTP/1.1 200 ")
        assert counted(served, "downstream_connections_denied") == 2


# API keys


def started(new_weir: NewWeir, wanted: Plan) -> Weir:
    return new_weir(wanted).start(**_SECRETS)


def test_a_key_lets_in_and_is_not_sent_on(new_weir: NewWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = started(new_weir, plan(origin, to_chat(apiKeys={"keys": _KEYS})))
        with Connection(served.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-API-Key: sesame-b\r\nAccept: a\r\n\r\n")
            assert client.reply().status == 200
        assert b"sesame" not in origin.heads[0] and b"\r\nAccept: a\r\n" in origin.heads[0]
        assert b"x-api-key" not in origin.heads[0].lower()
        for fields in ({}, {"x-api-key": "sesame-c"}, {"x-api-key": "sesame-a "}, {"Authorization": "Bearer sesame-a"}):
            reply = get(served.port, "/", fields)
            if fields.get("x-api-key") == "sesame-a ":
                assert reply.status == 200  # white space around a value is none of it
                continue
            assert (reply.status, reply["x-weir-reason"], reply["www-authenticate"]) == (401, "api_key_needed", "ApiKey")
        with Connection(served.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-API-Key: sesame-b\r\nx-api-key: sesame-b\r\n\r\n")
            assert client.reply().status == 401
        assert counted(served, "requests_denied_key") == 4 and len(origin.heads) == 2
        assert "sesame" not in served.log() and "sesame" not in served.admin.metrics()


def test_a_bearer_token_can_be_sent_on(new_weir: NewWeir) -> None:
    keys = {"header": "Authorization", "keys": _KEYS, "forward": True}
    with RawOrigin(always(_ANSWER)) as origin:
        served = started(new_weir, plan(origin, to_chat(apiKeys=keys)))
        assert get(served.port, "/", {"Authorization": "bearer sesame-a"}).status == 200
        assert b"\r\nAuthorization: bearer sesame-a\r\n" in origin.heads[0]
        reply = get(served.port, "/", {"Authorization": "Basic sesame-a"})
        assert reply.status == 401 and reply["www-authenticate"] == "Bearer"


def test_a_key_guards_what_the_weir_answers_itself(new_weir: NewWeir) -> None:
    route = {"match": {}, "respond": {"body": "in"}, "apiKeys": {"keys": _KEYS}}
    served = started(new_weir, plan(1, route))
    assert get(served.port).status == 401
    assert get(served.port, "/", {"x-api-key": "sesame-a"}).body == b"in"


def test_keys_change_with_a_reload(new_weir: NewWeir) -> None:
    with RawOrigin(always(_ANSWER)) as origin:
        served = started(new_weir, plan(origin, to_chat(apiKeys={"keys": _KEYS})))
        with Connection(served.port) as client:
            assert client.request("GET", "/", {"x-api-key": "sesame-a"}).status == 200
            served.write(plan(origin, to_chat(apiKeys={"keys": _KEYS[1:]})))
            served.cli("reload")
            assert client.request("GET", "/", {"x-api-key": "sesame-a"}).status == 401
            assert client.request("GET", "/", {"x-api-key": "sesame-b"}).status == 200


# Whom a version is chosen for


@pytest.mark.parametrize(("source", "target", "fields", "key"), [
    ({"query": "user"}, "/?x=1&user=al%69ce", {}, "alice"),
    ({"clientAddress": True}, "/", {}, "127.0.0.1"),
    ({"clientAddress": True}, "/", {"X-Forwarded-For": "2001:db8:0::1"}, "2001:db8::1"),
    ({"apiKey": True}, "/", {"x-api-key": "sesame-b"}, "team-b"),
])
def test_a_version_is_chosen_by_what_is_beside_the_head(new_weir: NewWeir, source: Plan, target: str,
                                                        fields: dict[str, str], key: str) -> None:
    ours = bucket(key, "chat")
    with RawOrigin(always(_ANSWER)) as origin:
        for v1_ppm, expected in ((ours, "v2"), (ours + 1, "v1")):
            percent = f"{v1_ppm // 10_000}.{v1_ppm % 10_000:04}"
            rest = f"{(1_000_000 - v1_ppm) // 10_000}.{(1_000_000 - v1_ppm) % 10_000:04}"
            chat = {"versions": {"v1": version(origin), "v2": version(origin)}, "weights": {"v1": percent, "v2": rest},
                    "stickiness": {"by": [source]}}
            api_keys = {"apiKeys": {"keys": _KEYS}} if "apiKey" in source else {}
            served = started(new_weir, {"services": {"chat": chat}, "routes": [to_chat(**api_keys)],
                                        "trustedHops": ["127.0.0.1"]})
            assert get(served.port, target, fields)["x-weir-version"] == expected
