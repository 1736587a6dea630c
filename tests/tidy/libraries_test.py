import pytest


@pytest.mark.parametrize("module, file, include", [
    ("proxy/net", "proxy/net/x.cc", "boost/asio/ip/tcp.hpp"),
    ("base", "base/asio.cc", "boost/asio/impl/src.hpp"),
    ("base", "base/json.cc", "boost/json.hpp"),
    ("base", "base/json_pieces.h", "boost/json/basic_parser_impl.hpp"),
    ("base", "base/error.h", "boost/system/result.hpp"),
    ("analysis/stats", "analysis/stats/x.cc", "boost/math/distributions/beta.hpp"),
    ("analysis/sim", "analysis/sim/x.cc", "boost/random/normal_distribution.hpp"),
    ("analysis/store", "analysis/store/x.cc", "sqlite3.h"),
    ("config/load", "config/load/x.cc", "yaml-cpp/yaml.h"),
    ("app/metrics", "app/metrics/x.cc", "prometheus/collectable.h"),
    ("app/cli", "app/cli/x.cc", "CLI/CLI.hpp"),
    ("app/admin", "app/admin/x.cc", "boost/beast/http.hpp"),
])
def test_a_library_may_be_included_at_home(tree, module, file, include):
    tree.module(module)
    (tree.header if file.endswith(".h") else tree.write)(file, f"#include <{include}>\n")
    assert tree.tidy() == []


@pytest.mark.parametrize("include", [
    "boost/asio/ip/tcp.hpp", "boost/json.hpp", "boost/beast/http.hpp", "boost/math/distributions/beta.hpp",
    "boost/algorithm/string.hpp", "openssl/ssl.h", "yaml-cpp/yaml.h", "prometheus/collectable.h", "sqlite3.h",
    "spdlog/spdlog.h", "xxhash.h", "CLI/CLI.hpp", "gtest/gtest.h",
])
def test_a_library_may_not_be_included_elsewhere(tree, include):
    tree.module("proxy/route").write("proxy/route/x.cc", f"#include <{include}>\n")
    [finding] = tree.tidy()
    assert finding.startswith(f"proxy/route/x.cc:1: <{include}> is at home in ")


def test_tests_and_examples_use_what_they_like(tree):
    tree.write("tests/unit/proxy/x_test.cc", "#include <boost/beast/http.hpp>\n")
    tree.write("examples/load/x.cc", "#include <boost/asio.hpp>\n")
    assert tree.tidy() == []
