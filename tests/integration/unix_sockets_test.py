"""Unix sockets on both sides: as listeners, with their files' life, and as endpoints."""
from __future__ import annotations

import pathlib
import signal
import socket
import stat
import subprocess
import threading
from typing import Any, Callable

import pytest
from http_client import Connection, get
from plans import Plan, one_version, route
from polling import wait_until
from raw_origin import RawOrigin, always
from weir_harness import Weir, run_cli

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _listening(weir_or_plan: Plan, *addresses: str) -> Plan:
    return {**weir_or_plan, "listeners": [{"address": address} for address in addresses]}


def _at(path: pathlib.Path) -> Plan:
    return {"services": {"chat": {"versions": {"v1": {"endpoints": [f"unix:{path}"]}}}}, "routes": [route()]}


def _ask(path: pathlib.Path, **fields: str) -> Any:
    with Connection(path) as connection:
        return connection.request("GET", "/", {"Connection": "close", **fields})


def test_a_client_on_a_unix_socket_is_served_and_given_no_address(tmp_path: pathlib.Path,
                                                                 new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    with RawOrigin(always(_OK)) as origin:
        weir = new_weir(_listening(one_version(origin), f"unix:{path}")).start()
        assert _ask(path, **{"X-Forwarded-For": "192.0.2.1"}).body == b"ok"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert weir.admin.status()["listeners"] == [f"unix:{path}"]
        weir.write(_listening({**one_version(origin), "preset": "sidecar"}, f"unix:{path}"))
        weir.cli("reload")
        assert _ask(path, **{"X-Forwarded-For": "192.0.2.1"}).body == b"ok"
    edge, sidecar = origin.heads
    # Nobody's word is taken on the edge; behind a trusted hop what it said stands, and no address is made up.
    assert b"x-forwarded-for" not in edge.lower()
    assert sidecar.lower().count(b"x-forwarded-for: 192.0.2.1\r\n") == 1


def test_requests_go_to_an_endpoint_at_a_unix_socket(tmp_path: pathlib.Path, weir: Callable[..., Weir]) -> None:
    path = tmp_path / "origin.sock"
    with RawOrigin(always(_OK), path) as origin:
        proxy = weir(_at(path))
        with Connection(proxy.port) as client:
            for _ in range(3):
                assert client.request("GET", "/x").body == b"ok"
            client.send(b"GET /old HTTP/1.0\r\n\r\n")
            assert client.reply().body == b"ok"
    assert b"host: weir.test\r\n" in origin.heads[0].lower()
    assert b"host: localhost\r\n" in origin.heads[3].lower()
    assert origin.connections == 1


def test_an_endpoint_without_its_socket_is_no_endpoint(tmp_path: pathlib.Path, weir: Callable[..., Weir]) -> None:
    proxy = weir(_at(tmp_path / "nobody.sock"))
    reply = get(proxy.port)
    assert (reply.status, reply["x-weir-reason"]) == (503, "connect")


def test_curl_through_unix_sockets_alone(tmp_path: pathlib.Path, new_weir: Callable[..., Weir]) -> None:
    front, back = tmp_path / "front.sock", tmp_path / "back.sock"
    with RawOrigin(always(_OK), back):
        new_weir(_listening(_at(back), f"unix:{front}")).start()
        done = subprocess.run(["curl", "-sS", "--unix-socket", str(front), "http://any/"], capture_output=True,
                              timeout=30, check=True)
    assert done.stdout == b"ok"


def test_every_worker_takes_connections_and_none_is_lost(tmp_path: pathlib.Path,
                                                         new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    answered: list[bytes] = []

    def ask_some() -> None:
        for _ in range(40):
            answered.append(_ask(path).body)

    with RawOrigin(always(_OK)) as origin:
        new_weir({**_listening(one_version(origin), f"unix:{path}"), "workers": 4}).start()
        threads = [threading.Thread(target=ask_some) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answered == [b"ok"] * 200


def test_the_file_goes_with_the_weir(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                     new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    assert path.is_socket()
    weir.stop()
    assert not path.exists()


def test_a_file_left_behind_is_replaced(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                        new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    weir.kill()
    assert path.is_socket()
    weir.start()
    assert _ask(path).status == 200


@pytest.mark.parametrize("kind", ["live", "file"])
def test_what_is_not_ours_stays(kind: str, tmp_path: pathlib.Path, origin: Callable[..., Any],
                                new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    other = socket.socket(socket.AF_UNIX)
    if kind == "live":
        other.bind(str(path))
        other.listen()
    else:
        path.write_text("notes")
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}"))
    weir.launch()
    assert weir.wait() == 1
    assert f"cannot listen on unix:{path}: " in weir.log()
    assert ("in use" if kind == "live" else "no socket") in weir.log()
    assert path.exists()
    other.close()


def test_a_file_that_another_has_put_there_stays(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                                 new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        weir.stop()
        assert path.is_socket()


def test_reload_adds_keeps_and_removes(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                       new_weir: Callable[..., Weir]) -> None:
    first, second = tmp_path / "first.sock", tmp_path / "second.sock"
    plan = one_version(origin())
    weir = new_weir(_listening(plan, f"unix:{first}")).start()
    with Connection(first) as kept:
        assert kept.request("GET", "/").status == 200
        weir.write(_listening(plan, f"unix:{first}", f"unix:{second}"))
        weir.cli("reload")
        assert _ask(second).status == 200
        assert kept.request("GET", "/").status == 200
        inode = first.stat().st_ino
        weir.write(_listening(plan, f"unix:{first}"))
        weir.cli("reload")
        assert not second.exists()
        assert first.stat().st_ino == inode
        assert kept.request("GET", "/").status == 200
    weir.write(_listening(plan, f"unix:{first}", f"unix:{second}"))
    weir.cli("reload")
    assert _ask(second).status == 200


def test_reload_makes_a_file_again_that_is_gone(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                                new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    with Connection(path) as kept:
        assert kept.request("GET", "/").status == 200
        path.unlink()
        weir.cli("reload")
        assert _ask(path).status == 200
        assert kept.request("GET", "/").status == 200  # whoever had come by the old one goes on
    inode = path.stat().st_ino
    weir.cli("reload")
    assert path.stat().st_ino == inode  # it is made once
    weir.stop()
    assert not path.exists()


def test_reload_replaces_a_file_that_nobody_listens_at(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                                       new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))  # and is gone, as after a kill
    weir.cli("reload")
    assert _ask(path).status == 200
    path.unlink()
    path.write_text("no socket")
    status, body = weir.admin.post("reload")
    assert status == 409 and "there is a file that is no socket" in body


def test_reload_says_that_a_file_cannot_be_made_again(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                                      new_weir: Callable[..., Weir]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    weir = new_weir(_listening(one_version(origin()), f"unix:{folder}/weir.sock")).start()
    (folder / "weir.sock").unlink()
    folder.rmdir()
    status, body = weir.admin.post("reload")
    assert status == 409 and f"cannot listen on unix:{folder}/weir.sock" in body
    folder.mkdir()
    assert weir.admin.post("reload")[0] == 200
    assert _ask(folder / "weir.sock").status == 200


def test_reload_leaves_a_file_that_another_has_put_there(tmp_path: pathlib.Path, origin: Callable[..., Any],
                                                         new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    weir = new_weir(_listening(one_version(origin()), f"unix:{path}")).start()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        inode = path.stat().st_ino
        weir.cli("reload")
        assert path.stat().st_ino == inode


def test_a_drain_answers_what_waits_and_removes_the_file(tmp_path: pathlib.Path,
                                                         new_weir: Callable[..., Weir]) -> None:
    path = tmp_path / "weir.sock"
    go = threading.Event()

    def serve(peer: Any) -> None:
        peer.request()
        go.wait(30)
        peer.send(_OK)

    with RawOrigin(serve) as origin:
        weir = new_weir(_listening(one_version(origin), f"unix:{path}")).start()
        with Connection(path) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_until(lambda: origin.heads, "the request has reached the origin")
            weir.signal(signal.SIGTERM)
            wait_until(lambda: not path.exists(), "the file is gone")
            go.set()
            reply = client.reply()
            assert (reply.body, reply["connection"]) == (b"ok", "close")
        assert weir.wait() == 0


def test_check_points_at_a_path_that_is_too_long(tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("listeners:\n  - address: unix:/" + "x" * 107 + "\n  - address: unix:/" + "x" * 106 + "\n"
                    "  - address: unix:relative\n"
                    "services: { chat: { versions: { v1: { endpoints: [\"unix:/" + "y" * 107 + "\"] } } } }\n"
                    "routes: [ { match: { pathPrefix: / }, service: chat } ]\n")
    done = run_cli("check", str(plan))
    assert done.returncode == 2
    assert f"{plan}:2:14: error: listeners[0].address: " in done.stderr
    assert f"{plan}:4:14: error: listeners[2].address: " in done.stderr
    assert f"{plan}:5:51: error: services.chat.versions.v1.endpoints: " in done.stderr
    assert done.stderr.count("at most 107 bytes") == 3
    assert "listeners[1]" not in done.stderr
