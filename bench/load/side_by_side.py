#!/usr/bin/env python3
"""Weir, HAProxy and nginx side by side: same origins, same sticky split of 90 to 10, same requests, one core; in several
cases: small answers, TLS for the users, larger answers, many connections, many routes.

All three run all the time; short rounds of load go to one after the other, in an order that turns, so that what else
the machine does hits them alike. What is reported is the median over the rounds, and for the ratios the median of each
round's own ratio: its two parts were taken within seconds of each other. CPU is the time that all threads of a proxy's
processes ran; an answer that is no 2xx or 3xx fails the run. Both ends are played by one lean program on the other cores
(bench/load/peers.cc), so that the proxy is the bottleneck: one that waits for its peers pays for falling asleep and for
being woken as well, and the faster it is the more often.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
START_TIMEOUT_S = 20
USERS = 1000


@dataclasses.dataclass(frozen=True)
class Case:
    """What is different in it from small requests on 64 connections."""
    sentence: str
    connections: int = 64
    body: int = 0  # bytes of an answer; 0: as small as it can be
    routes: int = 1
    tls: bool = False
    limit: int = 0  # of the listener's connections; 0: the default one


CASES = {
    "plain": Case("small requests and answers on 64 kept connections"),
    "tls": Case("the same by TLS 1.3 from the users", tls=True),
    "16k": Case("answers of 16 KB", body=16_000),
    "1m": Case("answers of 1 MB", body=1_000_000, connections=16),
    "many": Case("small ones on 2,000 connections", connections=2000),
    "routes": Case("small ones by 1,000 routes", routes=1000),
}


def installed(program: str) -> str:
    """Where Debian has it, which is not on everybody's path."""
    return shutil.which(program) or f"/usr/sbin/{program}"


# What each proxy is started with; the configuration is the file of that name beside this one, filled in.
PROXIES = {
    "weir": ("weir.yaml", lambda build, config: [build / "app/weir", "run", config]),
    "haproxy": ("haproxy.cfg", lambda build, config: [installed("haproxy"), "-db", "-f", config]),
    "nginx": ("nginx.conf", lambda build, config: [installed("nginx"), "-c", config, "-p", config.parent]),
}
PEERS = ("haproxy", "nginx")
MEASURES = ("cpu_us_per_request", "busy", "requests_per_second", "latency_ms_p50", "latency_ms_p99", "rss_mib")
UNITS = {"cpu_us_per_request": "CPU us/request", "busy": "core in use", "requests_per_second": "requests/s",
         "latency_ms_p50": "p50 ms", "latency_ms_p99": "p99 ms", "rss_mib": "RSS MiB"}
ENOUGH_FOR_A_SHARE = 5000
# Below this share of its core a proxy has waited for its peers, and its round does not count.
SATURATED = 0.97


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} did not open port {port} within {START_TIMEOUT_S} s")


def family(pid: int) -> list[int]:
    """The process and its children: nginx has a master and a worker."""
    pids = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        pids += [child for word in (task / "children").read_text().split() for child in family(int(word))]
    return pids


def cpu_us(pid: int) -> float:
    """By the scheduler's own count, in nanoseconds: a clock tick is too coarse for short rounds."""
    tasks = [task for member in family(pid) for task in pathlib.Path(f"/proc/{member}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def rss_mib(pid: int) -> float:
    pages = sum(int(pathlib.Path(f"/proc/{member}/statm").read_text().split()[1]) for member in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def write_certificate(folder: pathlib.Path) -> None:
    """cert.pem, key.pem and, as HAProxy wants them, both in one."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


def case_values(case: Case, folder: pathlib.Path) -> dict[str, str]:
    """What the configurations say differently in each case."""
    paths = ["/"] if case.routes == 1 else [f"/service-{number}/" for number in range(case.routes)]
    (folder / "paths.lst").write_text("\n".join(paths) + "\n")
    tls = f"tls: {{ certificates: [ {{ certificate: {folder}/cert.pem, key: {folder}/key.pem }} ] }}"
    certificate = f"ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
    return {
        "WEIR_TLS": tls if case.tls else "",
        "WEIR_LIMITS": f"limits: {{ connections: {case.limit} }}" if case.limit else "",
        "WEIR_ROUTES": "\n".join(f"  - {{ match: {{ pathPrefix: {path} }}, service: model }}" for path in paths),
        "HAPROXY_ROUTES": f"http-request deny unless {{ path_beg -f {folder}/paths.lst }}" if case.routes > 1 else "",
        "HAPROXY_OPTION": "",
        "HAPROXY_TLS": f"ssl crt {folder}/both.pem" if case.tls else "",
        "NGINX_SSL": "ssl" if case.tls else "",
        "NGINX_TLS": certificate if case.tls else "",
        "NGINX_LOCATIONS": "\n".join(f"    location {path} {{ include {folder}/proxy.inc; }}" for path in paths),
    }


class Bench:
    started_with = PROXIES
    cost = "cpu_us_per_request"  # what is said of each round as it ends

    def __init__(self, options: argparse.Namespace, case: Case, folder: pathlib.Path):
        self.options = options
        self.case = case
        self.folder = folder
        self.running: list[subprocess.Popen] = []
        cores = sorted(os.sched_getaffinity(0))
        self.proxy_core = str(cores[0])
        self.other_cores = ",".join(map(str, cores[1:])) or self.proxy_core
        self.origins = [free_port(), free_port()]
        self.peers: subprocess.Popen | None = None
        self.ports = {name: free_port() for name in options.proxies}
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self, cores: str, command: list, **streams) -> subprocess.Popen:
        with open(self.folder / f"{len(self.running)}.log", "wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log} | streams
            process = subprocess.Popen(["taskset", "-c", cores, *map(str, command)], **streams)
        self.running.append(process)
        return process

    def stop_all(self) -> None:
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start_all(self) -> None:
        # Everybody started here inherits it: the peers alone hold each connection of every proxy.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.peers = self.start(self.other_cores, [*self.peers_command(), "--origin-1", self.origins[0], "--origin-2", self.origins[1]],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for port in self.origins:
            wait_until_open(port, self.peers)
        write_certificate(self.folder)
        (self.folder / "proxy.inc").write_text((HERE / "nginx_proxy.inc").read_text())
        for name in self.options.proxies:
            template, command = self.started_with[name]
            own = self.folder / name
            own.mkdir()
            config = own / template
            text = (HERE / template).read_text()
            values = {"PORT": self.ports[name], "ADMIN_PORT": free_port(), "FOLDER": own,
                      "ORIGIN_1": self.origins[0], "ORIGIN_2": self.origins[1], **self.values_for(name)}
            for key, value in values.items():
                text = text.replace(f"@{key}@", str(value))
            config.write_text(text)
            self.processes[name] = self.start(self.proxy_core, command(self.options.build, config))
            wait_until_open(self.ports[name], self.processes[name])

    def peers_command(self) -> list:
        return [self.options.build / "bench/bench_peers", "--users", USERS, "--body", self.case.body,
                "--paths", self.case.routes, "--tls", int(self.case.tls)]

    def values_for(self, _name: str) -> dict[str, str]:
        """What fills that proxy's configuration, beside ports and folders."""
        return case_values(self.case, self.folder)

    def tell_peers(self, line: str) -> str:
        self.peers.stdin.write(line + "\n")
        self.peers.stdin.flush()
        if answer := self.peers.stdout.readline():
            return answer
        raise SystemExit(f"the load ended with status {self.peers.wait()}: {(self.folder / '0.log').read_text()}")

    def load(self, name: str, seconds: float, others: str = "") -> dict:
        """What the users saw, and the CPU that the proxy used for it. `others`: how many slow readers, and how many that
        rush in."""
        pid = self.processes[name].pid
        self.tell_peers(f"{self.ports[name]} {self.case.connections} {seconds} {others}")
        before = cpu_us(pid)
        seen = json.loads(self.tell_peers("go"))
        return seen | {"cpu_us": cpu_us(pid) - before}

    def round(self, name: str) -> dict:
        pid = self.processes[name].pid
        seen = self.load(name, self.options.seconds)
        used = seen["cpu_us"]
        if seen["errors"] or not seen["requests"]:
            raise SystemExit(f"{name}: {seen['errors']} of {seen['requests']} requests failed; nothing is measured")
        share = seen["by_version"].get("v2", 0) / seen["requests"]
        if seen["requests"] >= ENOUGH_FOR_A_SHARE and not 0.05 < share < 0.15:
            raise SystemExit(f"{name}: v2 answered {share:.1%} of the requests; it should be 10 %")
        return {"cpu_us_per_request": used / seen["requests"], "busy": used / seen["seconds"] / 1e6,
                "requests_per_second": seen["requests"] / seen["seconds"],
                "latency_ms_p50": seen["latency_us_p50"] / 1000, "latency_ms_p99": seen["latency_us_p99"] / 1000,
                "rss_mib": rss_mib(pid)}

    def measure(self) -> dict[str, list[dict]]:
        names = list(self.options.proxies)
        print(f"\n{self.case.sentence}", flush=True)
        for name in names:
            self.load(name, 1)
        rounds: dict[str, list[dict]] = {name: [] for name in names}
        for number in range(self.options.rounds):
            turned = names[number % len(names):] + names[:number % len(names)]
            for name in turned:
                rounds[name].append(self.round(name))
                print(f"round {number + 1}/{self.options.rounds} {name}: {rounds[name][-1][self.cost]:.2f} {self.cost}",
                      flush=True)
        return rounds


def medians(rounds: dict[str, list[dict]]) -> dict[str, dict]:
    return {name: {measure: round(statistics.median(one[measure] for one in taken), 3) for measure in taken[0]}
            for name, taken in rounds.items()}


def ratios_to(peer: str, rounds: dict[str, list[dict]]) -> list[float]:
    """Weir's CPU per request over the peer's, smallest first: of each round in which both were at their limit."""
    pairs = zip(rounds.get("weir", []), rounds.get(peer, []))
    return sorted(ours["cpu_us_per_request"] / theirs["cpu_us_per_request"] for ours, theirs in pairs
                  if min(ours["busy"], theirs["busy"]) >= SATURATED)


def print_table(rounds: dict[str, list[dict]]) -> None:
    print("\nmedian of  " + "".join(f"{UNITS[measure]:>16}" for measure in MEASURES))
    for name, values in medians(rounds).items():
        print(f"{name:11}" + "".join(f"{values[measure]:>16.2f}" for measure in MEASURES))
    for peer in filter(rounds.__contains__, PEERS):
        ratios = ratios_to(peer, rounds)
        total = len(rounds[peer])
        if len(ratios) * 2 < total:
            print(f"weir / {peer}: not measured; in {total - len(ratios)} of {total} rounds the other cores did not keep up")
            continue
        print(f"weir / {peer}: {statistics.median(ratios):.3f} of its CPU per request, the median of {len(ratios)} rounds, "
              f"each by itself; half of them from {ratios[len(ratios) // 4]:.3f} to {ratios[-1 - len(ratios) // 4]:.3f}")


def results_of(case: Case, rounds: dict[str, list[dict]]) -> dict:
    results = {"case": case.sentence, "connections": case.connections, "median": medians(rounds), "rounds": rounds}
    for peer in PEERS:
        if ratios := ratios_to(peer, rounds):
            results[f"cpu_ratio_to_{peer}"] = round(statistics.median(ratios), 4)
            results[f"rounds_beside_{peer}"] = len(ratios)
    return results


def table_of(cases: dict[str, dict]) -> str:
    """For people: a line a case and proxy."""
    lines = ["| case | proxy | CPU us/request | requests/s | p50 ms | p99 ms | RSS MiB | Weir's CPU to its |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, results in cases.items():
        for proxy, seen in results["median"].items():
            ratio = results.get(f"cpu_ratio_to_{proxy}")
            cells = [name, proxy, f"{seen['cpu_us_per_request']:.2f}", f"{seen['requests_per_second']:.0f}",
                     f"{seen['latency_ms_p50']:.2f}", f"{seen['latency_ms_p99']:.2f}", f"{seen['rss_mib']:.1f}",
                     "" if ratio is None else f"{ratio:.3f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_results(options: argparse.Namespace, cases: dict[str, dict]) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True, capture_output=True,
                            check=False).stdout.strip()
    results = {"taken": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit,
               "kernel": platform.release(), "cores": os.cpu_count(), "load_average": os.getloadavg()[0],
               "seconds": options.seconds, "cases": cases}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(table_of(cases))
    print(f"written to {options.out} and {options.out.with_suffix('.md')}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the folder of the release build")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seconds", type=int, default=2, help="of load a round")
    parser.add_argument("--cases", default=",".join(CASES), type=lambda text: text.split(","),
                        help="of " + ", ".join(CASES))
    parser.add_argument("--proxies", default=",".join(PROXIES), type=lambda text: text.split(","))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/side_by_side.json")
    options = parser.parse_args()
    options.build = options.build.resolve()
    return options


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cases = {}
    for name in options.cases:
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
            bench = Bench(options, CASES[name], pathlib.Path(folder))
            try:
                bench.start_all()
                rounds = bench.measure()
            finally:
                bench.stop_all()
        print_table(rounds)
        cases[name] = results_of(CASES[name], rounds)
    write_results(options, cases)
    return 0


if __name__ == "__main__":
    sys.exit(main())
