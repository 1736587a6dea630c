#!/usr/bin/env python3
"""Weir when ten times as many clients come as it may serve, some of them reading nothing: what those who were admitted
notice of it. Rounds without and with the others follow each other; reported is the median over the rounds of each round's
own ratio. The others are told 503 and come again after a second, as the answer asks them to.
"""
import argparse
import json
import pathlib
import signal
import statistics
import sys
import tempfile
import time

from side_by_side import ROOT, Bench, Case

USERS = 64
SLOW_READERS = 8
ALLOWED = USERS + SLOW_READERS
RUSHING = 10 * ALLOWED
SETTLING_S = 1  # the last round's connections have gone
CASE = Case("the listener's limit is reached", connections=USERS, body=16_000, limit=ALLOWED)


def measure(bench: Bench, rounds: int, seconds: int) -> list[dict]:
    measured = []
    bench.load("weir", 1)
    for number in range(rounds):
        time.sleep(SETTLING_S)
        idle = bench.load("weir", seconds)
        time.sleep(SETTLING_S)
        crowded = bench.load("weir", seconds, f"{SLOW_READERS} {RUSHING}")
        for seen in (idle, crowded):
            if seen["errors"]:
                raise SystemExit(f"{seen['errors']} of {seen['requests']} admitted requests failed")
        pair = {"p99_ms_idle": idle["latency_us_p99"] / 1000, "p99_ms_crowded": crowded["latency_us_p99"] / 1000}
        measured.append(pair | {"ratio": pair["p99_ms_crowded"] / pair["p99_ms_idle"]})
        print(f"round {number + 1}/{rounds}: p99 {pair['p99_ms_idle']:.2f} ms alone, {pair['p99_ms_crowded']:.2f} ms beside "
              f"{RUSHING} that rush and {SLOW_READERS} that do not read", flush=True)
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the folder of the release build")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=int, default=3, help="of load a round")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/overload.json")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.proxies = ["weir"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        bench = Bench(options, CASE, pathlib.Path(folder))
        try:
            bench.start_all()
            rounds = measure(bench, options.rounds, options.seconds)
        finally:
            bench.stop_all()
    ratio = statistics.median(one["ratio"] for one in rounds)
    print(f"p99 of admitted requests: {ratio:.2f} times that without the others, the median of {len(rounds)} rounds")
    options.out.write_text(json.dumps({"case": CASE.sentence, "ratio": round(ratio, 3), "rounds": rounds}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
