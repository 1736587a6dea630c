#!/usr/bin/env python3
"""What it costs to carry streams, and to read them: 1,000 answers at a time, each a stream of 50 tokens a second as an
OpenAI-compatible server writes them. Weir with and without `inspect`, HAProxy and nginx carry the same streams in turn.

Unlike in side_by_side.py the load has a pace, and no proxy is at its limit: what is reported is CPU time per event, the
median over rounds that go to one after the other, and the ratios are of each round by itself. `inspect` is at its whole
work: first output, gaps, tokens, finish reason, and whether each answer ended as it should.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile

from side_by_side import PROXIES, ROOT, USERS, Bench, Case, case_values, medians

READING = "weir, inspecting"
STARTED_WITH = {"weir": PROXIES["weir"], READING: PROXIES["weir"], "haproxy": PROXIES["haproxy"], "nginx": PROXIES["nginx"]}
# What two lines of a round are held against each other for.
RATIOS = ((READING, "weir"), ("weir", "haproxy"), ("weir", "nginx"), (READING, "haproxy"), (READING, "nginx"))


class StreamBench(Bench):
    started_with = STARTED_WITH
    cost = "cpu_us_per_event"

    def peers_command(self) -> list:
        return [self.options.build / "bench/bench_stream_peers", "--users", USERS, "--rate", self.options.rate,
                "--events", self.options.events]

    def values_for(self, name: str) -> dict[str, str]:
        inspect = "openai" if name == READING else "off"
        return case_values(self.case, self.folder) | {
            "WEIR_ROUTES": f"  - {{ match: {{ pathPrefix: / }}, service: model, inspect: {inspect} }}",
            # Else they keep events back: HAProxy for as long as 200 ms, so that several go out together.
            "HAPROXY_OPTION": "option http-no-delay",
            "NGINX_LOCATIONS": f"    location / {{ include {self.folder}/proxy.inc; proxy_buffering off; }}",
        }

    def round(self, name: str) -> dict:
        seen = self.load(name, self.options.seconds)
        if seen["errors"]:
            raise SystemExit(f"{name}: {seen['errors']} streams broke; nothing is measured")
        owed = self.case.connections * self.options.rate * seen["seconds"]
        if seen["requests"] < 0.9 * owed:
            raise SystemExit(f"{name}: {seen['requests']} of {owed:.0f} events came; the other cores did not keep up")
        return {"cpu_us_per_event": seen["cpu_us"] / seen["requests"], "busy": seen["cpu_us"] / seen["seconds"] / 1e6,
                "events_per_second": seen["requests"] / seen["seconds"], "delay_ms_p50": seen["latency_us_p50"] / 1000,
                "delay_ms_p99": seen["latency_us_p99"] / 1000}


def in_time(seen: dict, rate: int) -> bool:
    """Who is behind by as much as the time between two events sends several together, whatever each costs."""
    return seen["delay_ms_p50"] < 1000 / rate / 4


def ratios(rounds: dict[str, list[dict]], rate: int) -> dict[str, float]:
    """Of rounds in which both were in time; of pairs for which at least half of them are."""
    found = {}
    for one, other in RATIOS:
        pairs = list(zip(rounds.get(one, []), rounds.get(other, [])))
        good = [a["cpu_us_per_event"] / b["cpu_us_per_event"] for a, b in pairs if in_time(a, rate) and in_time(b, rate)]
        if good and 2 * len(good) >= len(pairs):
            found[f"{one} / {other}"] = round(statistics.median(good), 3)
        elif pairs:
            print(f"{one} / {other}: not measured; in {len(pairs) - len(good)} of {len(pairs)} rounds one was behind")
    return found


def table_of(results: dict) -> str:
    """For people."""
    lines = [f"{results['streams']} streams of {results['rate']} events a second, {len(next(iter(results['rounds'].values())))} rounds, "
             f"commit {results['commit']}, Linux {results['kernel']}.", "",
             "| proxy | CPU us/event | core in use | delay p50 ms | delay p99 ms |", "| --- | --- | --- | --- | --- |"]
    for name, seen in results["median"].items():
        lines.append(f"| {name} | {seen['cpu_us_per_event']:.2f} | {seen['busy']:.2f} | {seen['delay_ms_p50']:.2f} "
                     f"| {seen['delay_ms_p99']:.2f} |")
    lines += ["", "| CPU of / to that of | ratio |", "| --- | --- |"]
    lines += [f"| {pair} | {ratio:.3f} |" for pair, ratio in results["ratios"].items()]
    return "\n".join(lines) + "\n"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the folder of the release build")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=int, default=4, help="of a round")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=50, help="events a second of each stream")
    parser.add_argument("--events", type=int, default=500, help="of a stream, before its user asks for another")
    parser.add_argument("--proxies", default="|".join(STARTED_WITH), type=lambda text: text.split("|"),
                        help="of " + ", ".join(f"'{name}'" for name in STARTED_WITH) + ", with | between them")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/streams.json")
    options = parser.parse_args()
    options.build = options.build.resolve()
    return options


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        bench = StreamBench(options, Case("streams of tokens", connections=options.streams), pathlib.Path(folder))
        try:
            bench.start_all()
            rounds = bench.measure()
        finally:
            bench.stop_all()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True, capture_output=True,
                            check=False).stdout.strip()
    results = {"taken": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit,
               "kernel": platform.release(), "cores": os.cpu_count(), "streams": options.streams, "rate": options.rate,
               "seconds": options.seconds, "median": medians(rounds), "ratios": ratios(rounds, options.rate), "rounds": rounds}
    options.out.write_text(json.dumps(results, indent=1) + "\n")
    options.out.with_suffix(".md").write_text(table_of(results))
    print("\n" + table_of(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
