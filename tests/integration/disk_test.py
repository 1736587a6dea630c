"""Disks that are full, read-only, hang or lie: users are served, no weight rises, and a bad candidate is taken back."""
from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import sqlite3
import threading
from typing import Any, Callable, Iterator

import pytest
from assignment import arm
from exposition import Exposition
from faulty_disk import HangingDisk, SmallDisk, no_quota_while
from load import Load
from origin import Origin
from plans import Plan, at_weight, canary
from polling import stays, wait_until
from steering import WITHOUT_LATENCY, begun, history_of, set_weight, versions_of
from weir_harness import Weir

_USERS = [f"user-{i}" for i in range(60)]
_ALL_ON_BASELINE = {user: "v1" for user in _USERS}


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "disk")
    yield small
    small.remove()


@pytest.fixture
def hanging(tmp_path: pathlib.Path) -> Iterator[HangingDisk]:
    disk = HangingDisk(tmp_path)
    yield disk
    disk.go_on()


@pytest.fixture
def arms(origin: Callable[..., Origin]) -> tuple[Origin, Origin]:
    return origin("v1"), origin("v2")


def _plan(arms: tuple[Origin, Origin], **top: Any) -> Plan:
    return canary(*arms, at_weight(10), rollout={"analysis": WITHOUT_LATENCY}, **top)


def _on(disk: SmallDisk, records: str = "0B") -> Plan:
    """Without records, which would make room on a full disk."""
    return {"state": {"path": str(disk.directory / "weir.db"), "records": records}}


def _expected(percent: float) -> dict[str, str]:
    return {user: arm(user, percent) for user in _USERS}


@contextlib.contextmanager
def _asked_for_more(weir: Weir) -> Iterator[list[tuple[int, str]]]:
    """An operator who asks for more weight and waits for the answer, which is in the list when it has come."""
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        try:
            answers.append(weir.admin.post("services/chat/weight", json.dumps({"percent": 60})))
        except (OSError, http.client.HTTPException) as error:
            answers.append((0, repr(error)))

    asking = threading.Thread(target=ask)
    asking.start()
    yield answers
    asking.join()


def _problems(weir: Weir) -> list[str]:
    return [problem for problem in weir.admin.status()["problems"] if "the state is not written" in problem]


def _says_that_it_cannot_write(weir: Weir) -> bool:
    metrics = Exposition(weir.admin.metrics())
    return bool(_problems(weir)) and metrics.total("weir_store_healthy") == 0


def _is_well_again(weir: Weir) -> bool:
    metrics = Exposition(weir.admin.metrics())
    return (not _problems(weir) and bool(weir.admin.rollout()["durable"]) and metrics.total("weir_store_healthy") == 1
            and metrics.total("weir_store_pending_records") == 0)


def _nothing_rises(weir: Weir, answers: list[tuple[int, str]]) -> None:
    wait_until(lambda: _says_that_it_cannot_write(weir), "it says that the disk does not take a write")
    stays(lambda: weir.admin.rollout()["weight_percent"] == 20, "the weight does not rise", for_s=1)
    assert versions_of(weir.port, _USERS) == _expected(20) and not answers


def _takes_back_without_a_disk(weir: Weir, candidate: Origin, load: Load) -> None:
    """What protects users waits for no disk."""
    candidate.set(fail_share=1, fail_status=500)
    rollout = weir.wait_phase("rolledBack")
    assert rollout["weight_percent"] == 0 and rollout["reason"].startswith("errorRate: candidate ")
    assert versions_of(weir.port, _USERS) == _ALL_ON_BASELINE
    wait_until(lambda: _says_that_it_cannot_write(weir), "it says that the disk does not take a write")
    assert not weir.admin.rollout()["durable"]
    tally = load.tally()
    assert tally.broken == tally.refused == 0 and tally.failed_by_version.get("v1", 0) == 0


def _resumes(weir: Weir, start: Callable[[], Any]) -> None:
    """The disk takes writes again: everything is written, and `start` finds it after an end."""
    wait_until(lambda: _is_well_again(weir), "everything is written")
    history = history_of(weir)
    assert [record["decision"] for record in history] == ["rollback", "weight", "start"]
    weir.stop()
    start()
    assert weir.admin.rollout()["phase"] == "rolledBack" and history_of(weir) == history


def test_a_full_disk(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin], disk: SmallDisk) -> None:
    running = begun(new_weir(_plan(arms, **_on(disk))).start(prepare=disk.enter))
    set_weight(running, 20)
    with Load(running.port, rate=200, users=100) as load:
        wait_until(lambda: load.tally().answered > 200, "there is traffic")
        disk.fill()
        with _asked_for_more(running) as answers:
            _nothing_rises(running, answers)
            _takes_back_without_a_disk(running, arms[1], load)
        assert [status for status, _ in answers] == [409], answers
        disk.free()
        _resumes(running, lambda: running.start(prepare=disk.enter))


def _records_of_yesterday(folder: pathlib.Path, mib: int) -> list[pathlib.Path]:
    folder.mkdir(mode=0o700)
    paths = [folder / f"{number:010}.records" for number in range(1, mib + 1)]
    for path in paths:
        path.write_bytes(bytes(1024 * 1024))
    return paths


def test_records_make_room_on_a_full_disk(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin],
                                          disk: SmallDisk) -> None:
    old = _records_of_yesterday(disk.seen_from_here / "weir.db.records", 4)
    running = begun(new_weir(_plan(arms, **_on(disk, "1GiB"))).start(prepare=disk.enter))
    assert all(path.exists() for path in old)
    disk.fill()
    with _asked_for_more(running):
        wait_until(lambda: not old[0].exists(), "the oldest records go")
        wait_until(lambda: running.admin.rollout()["weight_percent"] == 60 and _is_well_again(running), "the weight rises")
    assert old[-1].exists(), "no more of them than the state needs"


def test_records_stay_within_a_quota(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin],
                                     tmp_path: pathlib.Path) -> None:
    old = _records_of_yesterday(tmp_path / "weir.db.records", 2)
    running = new_weir(_plan(arms, state={"path": str(tmp_path / "weir.db")}))
    begun(running.start(**no_quota_while(old[0], tmp_path)))
    wait_until(lambda: not old[0].exists(), "the oldest records go")
    wait_until(lambda: Exposition(running.admin.metrics()).total("weir_records_written_bytes_total") > 0, "records are kept")
    assert old[1].exists() and "records" not in "".join(running.admin.status()["problems"])


def test_a_disk_that_hangs(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin], hanging: HangingDisk) -> None:
    running = begun(new_weir(_plan(arms)).start(**hanging.environment()))
    set_weight(running, 20)
    with Load(running.port, rate=200, users=100) as load:
        wait_until(lambda: load.tally().answered > 200, "there is traffic")
        hanging.hang()
        _takes_back_without_a_disk(running, arms[1], load)
        hanging.go_on()
        _resumes(running, lambda: running.start(**hanging.environment()))


def test_it_ends_while_the_disk_hangs(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin],
                                      hanging: HangingDisk) -> None:
    running = begun(new_weir(_plan(arms)).start(**hanging.environment()))
    set_weight(running, 20)
    hanging.hang()
    with _asked_for_more(running) as answers:
        _nothing_rises(running, answers)
        running.stop()
    hanging.go_on()
    assert all(status != 200 for status, _ in answers)
    begun(running.start(**hanging.environment()))
    assert running.admin.rollout()["weight_percent"] == 20


def _is_on_the_baseline_for_want_of_a_disk(weir: Weir, durable: bool) -> bool:
    rollout = weir.admin.rollout()
    said = any(wait.startswith("disk: ") for wait in rollout["waits"]) and rollout["durable"] == durable
    return rollout["weight_percent"] == 0 and said and _says_that_it_cannot_write(weir)


def _comes_back(weir: Weir, history: list[Any]) -> None:
    wait_until(lambda: weir.admin.rollout()["weight_percent"] == 20, "the weight is served again")
    wait_until(lambda: _is_well_again(weir), "everything is written")
    assert weir.admin.rollout()["phase"] == "running" and history_of(weir) == history
    assert versions_of(weir.port, _USERS) == _expected(20)


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_start_on_a_full_disk_serves_the_baseline(end: str, new_weir: Callable[..., Weir],
                                                    arms: tuple[Origin, Origin], disk: SmallDisk) -> None:
    running = begun(new_weir(_plan(arms, **_on(disk))).start(prepare=disk.enter))
    set_weight(running, 20)
    history = history_of(running)
    disk.fill()
    if end == "stopped":
        running.stop()
        disk.fill()
    else:
        running.kill()
    running.start(prepare=disk.enter)
    wait_until(lambda: _is_on_the_baseline_for_want_of_a_disk(running, durable=True), "it waits for the disk, and says so")
    assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
    disk.free()
    _comes_back(running, history)


def test_a_start_on_a_read_only_disk_serves_the_baseline(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin],
                                                         disk: SmallDisk) -> None:
    running = begun(new_weir(_plan(arms, **_on(disk))).start(prepare=disk.enter))
    set_weight(running, 20)
    history = history_of(running)
    running.stop()
    disk.set_read_only(True)
    running.start(prepare=disk.enter)
    wait_until(lambda: _is_on_the_baseline_for_want_of_a_disk(running, durable=True), "it waits for the disk, and says so")
    assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
    disk.set_read_only(False)
    _comes_back(running, history)


def test_a_first_start_on_a_full_disk_begins_when_it_can(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin],
                                                         disk: SmallDisk) -> None:
    disk.fill()
    running = new_weir(_plan(arms, **_on(disk))).start(prepare=disk.enter)
    wait_until(lambda: _is_on_the_baseline_for_want_of_a_disk(running, durable=False), "it waits for the disk, and says so")
    assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
    disk.free()
    wait_until(lambda: running.admin.rollout()["weight_percent"] == 10, "the rollout begins")
    assert [record["decision"] for record in history_of(running)] == ["start"]


def _overwrite(state: pathlib.Path) -> None:
    data = bytearray(state.read_bytes())
    data[:64] = b"\xa5" * 64
    state.write_bytes(data)


def _cut(state: pathlib.Path) -> None:
    state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])


def _alter(state: pathlib.Path) -> None:
    """What SQLite cannot notice."""
    with contextlib.closing(sqlite3.connect(state)) as database, database:
        changed = database.execute("UPDATE rollouts SET state = replace(state, '200000', '900000')")
        assert changed.rowcount == 1


def _empty(state: pathlib.Path) -> None:
    state.write_bytes(b"")


@pytest.mark.parametrize("damage", [_overwrite, _cut, _alter, _empty])
def test_a_damaged_state_file_is_kept_aside(damage: Callable[[pathlib.Path], None], weir: Callable[..., Weir],
                                            arms: tuple[Origin, Origin]) -> None:
    running = begun(weir(_plan(arms)))
    set_weight(running, 20)
    running.stop()
    state = running.directory / "weir.db"
    damage(state)
    damaged = state.read_bytes()
    running.start()
    rollout = running.wait_phase("rolledBack")
    companions = ("-wal", "-shm")
    aside = [path for path in running.directory.glob("weir.db.damaged-*") if not path.name.endswith(companions)]
    assert [path.read_bytes() for path in aside] == ([damaged] if damaged else [])
    assert rollout["weight_percent"] == 0 and "damaged" in rollout["reason"]
    assert all(str(path) in rollout["reason"] for path in aside)
    assert "weir retry chat" in rollout["reason"]
    assert any("damaged" in problem for problem in running.admin.status()["problems"])
    assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
    # It stays so, and goes on only when somebody says so.
    running.stop()
    running.start()
    assert running.wait_phase("rolledBack")["reason"] == rollout["reason"]
    running.cli("retry", "chat")
    wait_until(lambda: running.admin.rollout()["weight_percent"] == 10, "the rollout begins anew")
    assert [record["decision"] for record in history_of(running)] == ["start", "rollback"]
    assert versions_of(running.port, _USERS) == _expected(10)
    wait_until(lambda: not any("damaged" in problem for problem in running.admin.status()["problems"]),
               "what was made up for is no problem")


def _without_log(state: pathlib.Path) -> None:
    state.with_name(state.name + "-wal").unlink()


def _flipped_log(state: pathlib.Path) -> None:
    log = state.with_name(state.name + "-wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)


@pytest.mark.parametrize("damage", [_without_log, _flipped_log])
def test_a_rollback_is_not_forgotten_with_a_part_of_the_file(damage: Callable[[pathlib.Path], None],
                                                             weir: Callable[..., Weir],
                                                             arms: tuple[Origin, Origin]) -> None:
    running = begun(weir(_plan(arms)))
    set_weight(running, 20)
    running.cli("abort", "chat")
    begun(running)
    running.kill()
    damage(running.directory / "weir.db")
    for _ in range(2):
        running.start()
        rollout = running.wait_phase("rolledBack")
        assert "damaged" in rollout["reason"]
        assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
        running.kill()


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_rollback_that_a_full_disk_did_not_take_outlives_a_restart(end: str, new_weir: Callable[..., Weir],
                                                                     arms: tuple[Origin, Origin],
                                                                     disk: SmallDisk) -> None:
    running = begun(new_weir(_plan(arms, **_on(disk))).start(prepare=disk.enter))
    set_weight(running, 20)
    disk.fill()
    with Load(running.port, rate=200, users=100) as load:
        _takes_back_without_a_disk(running, arms[1], load)
    if end == "stopped":
        running.stop()
        assert "decision_not_saved" in running.log() and "keeps it on its baseline" in running.log()
        disk.fill()
    else:
        running.kill()
    running.start(prepare=disk.enter)
    rollout = running.wait_phase("rolledBack")
    assert "did not take the record" in rollout["reason"] and not rollout["durable"]
    assert versions_of(running.port, _USERS) == _ALL_ON_BASELINE
    disk.free()
    wait_until(lambda: _is_well_again(running), "everything is written")
    running.stop()
    running.start(prepare=disk.enter)
    assert running.wait_phase("rolledBack")["durable"]
    assert [record["decision"] for record in history_of(running)] == ["rollback", "weight", "start"]


def test_a_state_file_that_is_removed_is_written_anew(weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    running = begun(weir(_plan(arms)))
    set_weight(running, 20)
    for path in running.directory.glob("weir.db*"):
        if path.suffix not in (".lock", ".mark", ".records"):
            path.unlink()
    set_weight(running, 30)
    history = history_of(running)
    wait_until(lambda: "state_file_replaced" in running.log(), "it says so")
    running.kill()
    begun(running.start())
    assert running.admin.rollout()["weight_percent"] == 30 and history_of(running) == history


def test_a_state_file_belongs_to_one_weir(new_weir: Callable[..., Weir], arms: tuple[Origin, Origin]) -> None:
    first = begun(new_weir(_plan(arms)).start())
    second = new_weir(_plan(arms, state={"path": str(first.directory / "weir.db")}))
    second.launch()
    assert second.wait() == 1
    assert f"process id {first.pid}," in second.log() and str(first.file) in second.log()
    set_weight(first, 20)  # nothing has happened to the first
    first.kill()
    begun(second.start())
    assert second.admin.rollout()["weight_percent"] == 20
