"""Files of the plan, of TLS and the access log that hang or fail for a while: what is decided waits for none of them."""
from __future__ import annotations

import errno
import json
import os
import pathlib
import signal
from typing import Callable, Iterator

import pytest
from certificates import Authority
from faulty_files import FaultyFiles
from http_client import Connection, get
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary
from polling import wait_until
from ports import free_port
from steering import WITHOUT_LATENCY, begun, set_weight
from weir_harness import Weir

MakeFiles = Callable[[pathlib.Path], FaultyFiles]


class Site:
    """A rollout behind a plain listener and one of TLS."""

    def __init__(self, tmp_path: pathlib.Path, new_weir: Callable[..., Weir], origin: Callable[..., Origin]):
        self.certificates = tmp_path / "certificates"
        self.authority, self.port = Authority(self.certificates), free_port()
        self.served, self.fresh = self.authority.issue("a.test", "old.test"), self.authority.issue("a.test", "new.test")
        self.candidate = origin("v2")
        self.weir = new_weir(canary(origin("v1"), self.candidate, at_weight(20), rollout={"analysis": WITHOUT_LATENCY}))
        self.weir.write({**self.weir.plan, "listeners": [*self.weir.plan["listeners"], {
            "address": f"127.0.0.1:{self.port}", "tls": {"certificates": [self.served.plan()]}}]})

    def names(self) -> str:
        with Connection(self.port, tls=(self.authority.client(), "a.test")) as client:
            assert client.request("GET", "/").status == 200
            return str(client.socket.getpeercert())  # type: ignore[attr-defined]

    def problems(self, words: str) -> list[str]:
        return [line for line in self.weir.admin.status()["problems"] if words in line]

    def reloads(self) -> int:
        line = next(line for line in self.weir.admin.metrics().splitlines() if line.startswith("weir_reloads_total "))
        return int(line.split()[1])


@pytest.fixture
def site(tmp_path: pathlib.Path, new_weir: Callable[..., Weir], origin: Callable[..., Origin]) -> Site:
    return Site(tmp_path, new_weir, origin)


@pytest.fixture(name="files")
def _files(tmp_path: pathlib.Path) -> Iterator[MakeFiles]:
    made: list[FaultyFiles] = []

    def make(folder: pathlib.Path) -> FaultyFiles:
        made.append(FaultyFiles(tmp_path, folder))
        return made[-1]

    yield make
    for one in made:
        one.recover()


def _folder(site: Site, which: str) -> pathlib.Path:
    folders = {"certificates": site.certificates, "plan": site.weir.file, "state": site.weir.directory / "weir.db",
               "access log": site.weir.directory / "access.log", "joins": site.weir.directory / "weir.db.joins"}
    return folders[which]


@pytest.mark.parametrize("which", ["certificates", "plan"])
def test_a_candidate_is_taken_back_while_files_hang(which: str, site: Site, files: MakeFiles) -> None:
    disk = files(_folder(site, which))
    weir = begun(site.weir.start(**disk.environment))
    with Load(weir.port, rate=200, users=100) as load:
        wait_until(lambda: load.tally().answered > 200, "there is traffic")
        disk.hang()
        wait_until(lambda: site.problems("a disk does not answer"), "it says that files are not read")
        words = "listener 127.0.0.1:" if which == "certificates" else weir.file.name
        assert words in site.problems("a disk does not answer")[0]
        assert weir.log().count("disk_hangs") == 1
        set_weight(weir, 30)
        before = site.reloads()
        status, body = weir.admin.post("reload")
        assert status == 504 and json.loads(body)["error"]["code"] == "not_read_yet", (status, body)
        assert site.reloads() == before
        site.candidate.set(fail_share=1, fail_status=500)
        assert weir.wait_phase("rolledBack")["weight_percent"] == 0
        disk.recover()
        wait_until(lambda: site.reloads() > before, "what was asked for is done")
        wait_until(lambda: not site.problems("a disk does not answer"), "it says that files are read again")
        site.fresh.put_over(site.served)
        wait_until(lambda: "new.test" in site.names(), "the new certificate is served")


def test_a_certificate_that_could_not_be_read_is_read_again(site: Site, files: MakeFiles) -> None:
    disk = files(site.certificates)
    weir = site.weir.start(**disk.environment)
    disk.fail(errno.EMFILE)
    site.fresh.put_over(site.served)
    wait_until(lambda: site.problems("Too many open files"), "it says what is wrong", timeout_s=30)
    tries = disk.tries()
    wait_until(lambda: disk.tries() > tries, "it is tried again")
    assert "old.test" in site.names()
    disk.recover()
    wait_until(lambda: "new.test" in site.names(), "the new certificate is served", timeout_s=30)
    assert not site.problems("Too many open files")
    assert weir.log().count("certificates_refused") == 1


@pytest.mark.parametrize("which", ["plan", "secret", "certificates"])
def test_a_plan_that_could_not_be_read_is_read_again(which: str, site: Site, files: MakeFiles,
                                                     tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-thirty-two-bytes-about")
    disk = files(secret if which == "secret" else _folder(site, which))
    weir = site.weir.start(**disk.environment)
    before = site.reloads()
    disk.fail(errno.EIO)
    keys = {"keys": [{"name": "one", "key": {"file": str(secret)}}]}
    weir.write({**weir.plan, "routes": [{**weir.plan["routes"][0], "apiKeys": keys}]})
    wait_until(lambda: site.problems("the plan that runs is not the one in"), "it says what is wrong", timeout_s=30)
    tries = disk.tries()
    wait_until(lambda: disk.tries() > tries, "it is tried again")
    assert get(weir.port).status == 200
    disk.recover()
    wait_until(lambda: site.reloads() > before, "the plan is read again", timeout_s=30)
    assert get(weir.port).status == 401
    assert not site.problems("the plan that runs is not the one in")
    assert weir.log().count("reload_refused") == 1


@pytest.mark.parametrize("which", ["certificates", "plan"])
def test_it_ends_while_files_hang(which: str, site: Site, files: MakeFiles) -> None:
    disk = files(_folder(site, which))
    site.weir.start(**disk.environment)
    disk.hang()
    wait_until(lambda: site.problems("a disk does not answer"), "it says that files are not read")
    site.weir.stop()


def test_a_second_signal_ends_it_while_files_hang(site: Site, files: MakeFiles) -> None:
    disk = files(site.certificates)
    site.weir.write({**site.weir.plan, "timeouts": {"drainDelay": "1h"}})
    weir = site.weir.start(**disk.environment)
    disk.hang()
    wait_until(lambda: site.problems("a disk does not answer"), "it says that files are not read")
    weir.signal(signal.SIGTERM)
    wait_until(lambda: not weir.admin.ready(), "it drains")
    weir.signal(signal.SIGTERM)
    assert weir.wait() == 143


def _with_scores(plan: Plan) -> Plan:
    scored = {"guards": [*WITHOUT_LATENCY["guards"], {"metric": "feedback", "name": "relevance"}]}
    return {**plan, "rollouts": {"chat": {**plan["rollouts"]["chat"], "analysis": scored}}}


def test_a_candidate_is_taken_back_while_the_memory_of_requests_hangs(site: Site, files: MakeFiles) -> None:
    disk = files(_folder(site, "joins"))
    weir = begun(site.weir.start(**disk.environment))
    disk.hang()
    weir.write(_with_scores(weir.plan))
    wait_until(lambda: site.problems("a disk does not answer"), "it says that files are not read")
    assert "weir.db.joins" in site.problems("a disk does not answer")[0]
    with Load(weir.port, rate=200, users=100) as load:
        wait_until(lambda: load.tally().answered > 200, "there is traffic")
        site.candidate.set(fail_share=1, fail_status=500)
        assert weir.wait_phase("rolledBack")["weight_percent"] == 0
        disk.recover()
        wait_until(lambda: site.reloads() == 1, "the plan is loaded")
    assert _folder(site, "joins").exists()


_NOT_TAKEN = "the access log is not taken"


@pytest.fixture(name="logs")
def _logs(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def _with_a_log_that_hangs(site: Site, disk: FaultyFiles, logs: pathlib.Path) -> Weir:
    """It has answered two requests, and the line of the second is not taken."""
    site.weir.write({**site.weir.plan, "accessLog": {"path": str(logs / "access.log"), "format": "%path%"}})
    weir = begun(site.weir.start(**disk.environment))
    assert get(weir.port, "/before").status == 200
    wait_until(lambda: (logs / "access.log").read_text() == "/before\n", "a line is written")
    disk.hang()
    assert get(weir.port, "/lost").status == 200
    wait_until(lambda: site.problems(_NOT_TAKEN), "it says that lines are not taken")
    assert weir.log().count("access_log_hangs") == 1
    return weir


def test_it_ends_while_the_access_log_hangs(site: Site, files: MakeFiles, logs: pathlib.Path) -> None:
    weir = _with_a_log_that_hangs(site, files(logs), logs)
    weir.stop()
    assert "access_log_not_written" in weir.log() and '"state_saved":true' in weir.log()


def test_a_second_signal_ends_it_while_the_access_log_hangs(site: Site, files: MakeFiles, logs: pathlib.Path) -> None:
    site.weir.write({**site.weir.plan, "timeouts": {"drainDelay": "1h"}})
    weir = _with_a_log_that_hangs(site, files(logs), logs)
    weir.signal(signal.SIGTERM)
    wait_until(lambda: not weir.admin.ready(), "it drains")
    weir.signal(signal.SIGTERM)
    assert weir.wait() == 143


def test_a_log_that_hangs_can_be_left(site: Site, files: MakeFiles, logs: pathlib.Path) -> None:
    disk = files(logs)
    weir = _with_a_log_that_hangs(site, disk, logs)
    with_log = weir.plan
    weir.write({key: value for key, value in with_log.items() if key != "accessLog"})
    assert weir.admin.post("reload")[0] == 200
    set_weight(weir, 30)
    disk.recover()
    wait_until(lambda: not site.problems(_NOT_TAKEN), "it says that lines are taken")
    assert (logs / "access.log").read_text() == "/before\n/lost\n"
    assert get(weir.port, "/unseen").status == 200
    weir.write(with_log)
    assert weir.admin.post("reload")[0] == 200
    assert get(weir.port, "/after").status == 200
    weir.stop()
    assert (logs / "access.log").read_text() == "/before\n/lost\n/after\n"


def test_a_log_that_hangs_is_opened_anew_when_it_can(site: Site, files: MakeFiles, logs: pathlib.Path) -> None:
    disk = files(logs)
    weir = _with_a_log_that_hangs(site, disk, logs)
    (logs / "access.log").rename(logs / "old.log")
    weir.signal(signal.SIGUSR1)
    wait_until(lambda: site.problems("a disk does not answer: the access log"), "it says that opening it hangs")
    set_weight(weir, 30)
    status, body = weir.admin.post("reload")
    assert status == 504 and json.loads(body)["error"]["code"] == "not_read_yet", (status, body)
    disk.recover()
    wait_until((logs / "access.log").exists, "it is opened anew")
    wait_until(lambda: not site.problems(_NOT_TAKEN), "it says that lines are taken")
    assert get(weir.port, "/after").status == 200
    weir.stop()
    assert (logs / "old.log").read_text() == "/before\n/lost\n"
    assert (logs / "access.log").read_text() == "/after\n"


_AT_THE_START = {"certificates": "plan.yaml, or a file that it names", "plan": "plan.yaml", "state": "the state file",
                 "access log": "the access log", "joins": "weir.db.joins"}


@pytest.mark.parametrize("which", list(_AT_THE_START))
def test_a_start_that_hangs_says_for_what_and_can_be_ended(which: str, site: Site, files: MakeFiles) -> None:
    weir = site.weir
    folder = _folder(site, which)
    log = {"accessLog": {"path": str(folder)}} if which == "access log" else {}
    weir.write({**_with_scores(weir.plan), **log})
    disk = files(folder)
    disk.hang()
    weir.launch(**disk.environment)
    told = [line for line in wait_until(lambda: "start_waits" in weir.log() and weir.log(), "it says that it waits"
                                        ).splitlines() if "start_waits" in line]
    assert len(told) == 1 and _AT_THE_START[which] in told[0]
    weir.signal(signal.SIGINT if which == "plan" else signal.SIGTERM)
    assert weir.wait() == 143
    assert "ending_while_starting" in weir.log()
    disk.recover()
    begun(weir.start()).stop()


def test_a_start_that_hung_goes_on(site: Site, files: MakeFiles) -> None:
    weir = site.weir
    disk = files(_folder(site, "state"))
    disk.hang()
    weir.launch(**disk.environment)
    wait_until(lambda: "start_waits" in weir.log(), "it says that it waits")
    weir.signal(signal.SIGHUP)
    weir.signal(signal.SIGUSR1)
    disk.recover()
    wait_until(weir.admin.ready, "it serves")
    wait_until(lambda: site.reloads() == 1, "what was asked for meanwhile is done")
    weir.stop()


def test_a_pipe_in_place_of_a_certificate_is_refused(site: Site) -> None:
    weir = site.weir.start()
    for path in (site.served.certificate, site.served.key):
        path.unlink()
        os.mkfifo(path)
    wait_until(lambda: site.problems("it is no regular file"), "it says what is wrong", timeout_s=30)
    assert "old.test" in site.names()
    assert weir.admin.ready()
