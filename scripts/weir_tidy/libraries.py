"""One home per library: the folders (or files) of the program that may include a third-party library."""
from __future__ import annotations

import re
from collections.abc import Iterator

from weir_tidy.source import Finding, Tree

# The first prefix that matches an include decides. Tests, benchmarks and examples use what they like.
_HOMES = (
    # To run something later on the own worker's loop is nobody's privilege; sockets and timers are.
    ("boost/asio/post.hpp", ("proxy/", "app/")),
    ("boost/asio/co_spawn.hpp", ("proxy/", "app/")),
    ("boost/asio/detached.hpp", ("proxy/", "app/")),
    ("boost/asio", ("proxy/net/", "base/asio.", "app/")),
    ("boost/beast", ("app/",)),
    ("boost/json", ("base/json.", "base/json_pieces.")),
    ("boost/math", ("analysis/stats/",)),
    ("boost/random", ("analysis/sim/",)),
    ("boost/system", ("base/", "proxy/net/", "app/")),
    ("openssl/", ("proxy/net/",)),
    ("ares.h", ("proxy/resolve/",)),
    ("nghttp2/", ("proxy/http/",)),
    ("yaml-cpp/", ("config/load/",)),
    ("prometheus/", ("app/metrics/",)),
    ("sqlite3.h", ("analysis/store/",)),
    ("spdlog/", ("base/log.",)),
    ("re2/", ("base/pattern.",)),
    ("xxhash.h", ("base/hash.",)),
    ("xxh3.h", ("base/hash.",)),
    ("CLI/", ("app/cli/",)),
    ("boost/", ()),
    ("gtest/", ()),
    ("gmock/", ()),
    ("benchmark/", ()),
)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    for source in tree.production:
        for match in _INCLUDE.finditer(source.text):
            for prefix, homes in _HOMES:
                if match.group(1).startswith(prefix):
                    if not source.path.startswith(homes):
                        at_home = ", ".join(homes).replace(".,", ",").rstrip(".") or "no part of the program"
                        yield source.at(match.start(), f"<{match.group(1)}> is at home in {at_home}")
                    break
