def test_a_clean_tree_passes(tree):
    assert tree.tidy() == []


def test_includes_of_declared_modules_pass_transitively(tree):
    tree.module("config", "base").header("config/c.h")
    tree.module("proxy/http", "config").write("proxy/http/x.cc", '#include "base/a.h"\n#include "config/c.h"\n')
    assert tree.tidy() == []


def test_an_include_of_an_undeclared_module_fails(tree):
    tree.module("config").write("config/x.cc", '\n#include "base/a.h"\n')
    assert tree.tidy() == ['config/x.cc:2: config may not include "base/a.h": base is not among its DEPS']


def test_an_include_not_written_from_the_root_fails(tree):
    tree.write("base/a.cc", '#include "a.h"\n')
    [finding] = tree.tidy()
    assert finding.startswith('base/a.cc:1: "a.h" is not a file of the tree')


def test_the_planes_may_not_depend_on_each_other(tree):
    tree.module("proxy/http", "base").module("analysis/stats", "proxy/http")
    [finding] = tree.tidy()
    assert finding.startswith("analysis/stats/CMakeLists.txt:1: back edge: analysis/stats may not depend on proxy/http")


def test_a_dependency_to_the_right_fails(tree):
    tree.module("proxy/forward", "base").module("proxy/route", "base", "proxy/forward")
    [finding] = tree.tidy()
    assert "back edge: proxy/route may not depend on proxy/forward" in finding


def test_members_of_one_group_may_not_depend_on_each_other(tree):
    tree.module("proxy/net", "base").module("proxy/http", "proxy/net")
    [finding] = tree.tidy()
    assert "back edge: proxy/http may not depend on proxy/net" in finding


def test_parts_of_one_member_may_depend_on_each_other_but_not_in_a_circle(tree):
    tree.module("config", "base").module("config/load", "config")
    assert tree.tidy() == []
    tree.module("config", "config/load")
    assert len(tree.tidy()) == 2


def test_only_app_may_depend_on_both_planes_and_nobody_on_app(tree):
    tree.module("proxy/server", "base").module("analysis/rollout", "base")
    tree.module("app", "proxy/server", "analysis/rollout", "app/admin").module("app/admin", "analysis/rollout")
    assert tree.tidy() == []
    tree.module("proxy/server", "app")
    assert any("back edge: proxy/server may not depend on app" in finding for finding in tree.tidy())


def test_a_dependency_on_no_module_fails(tree):
    tree.module("config", "bse")
    assert tree.tidy() == ["config/CMakeLists.txt:1: module config depends on bse, which is no module"]


def test_a_file_outside_every_module_fails(tree):
    tree.header("proxy/route/r.h")
    assert tree.tidy() == ["proxy/route/r.h:1: belongs to no add_module()"]


def test_tests_may_include_any_module(tree):
    tree.write("tests/unit/base/a_test.cc", '#include "base/a.h"\n')
    assert tree.tidy() == []
