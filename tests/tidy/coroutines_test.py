import pytest


def coroutine(statement: str) -> str:
    return "Awaitable<> A::run() {\n" + statement + "\n}\n"


@pytest.mark.parametrize("statement", [
    "  co_await socket.read(buffer);",
    "  const auto n = co_await read(buffer, kUseAwaitable);",
    "  if (a == f(b)) co_await read();\n  if (c) n = co_await read();",
    "  if (auto n = co_await read(); n > 0) {\n    Options options{1, 2};\n    use(options);\n  }",
    "  Options options{.a = 1};\n  co_await f(options);",
    "  auto pick = [this] { return 1; };\n  co_await f(pick);",
    "  co_await f([] { return 1; });",
    "  const int x = a ? b : c;\n  co_await f(x);",
    "  for (int i = 0; i < 3; ++i) co_await f(i);\n  g({1, 2});",
    "  co_await f(values[index], *map[key]);",
    "  while (auto n = co_await next()) {\n    Item item{};\n  }",
    "  switch (auto n = co_await next()) {\n    case 1: {\n      break;\n    }\n    default: {\n      break;\n    }\n  }",
    "  // co_await f({1, 2});\n  g({1, 2});",
    "  spawn([this]() -> Awaitable<> { co_await f(x); });\n  Options o{1};",
    "  auto g = [this](int x) mutable -> Awaitable<int> {\n    co_return co_await f(x);\n  };",
    "  try {\n    co_await f();\n  } catch (const std::exception& e) {\n    g(Error{1});\n  }",
])
def test_allowed_forms(tree, statement):
    tree.write("base/x.cc", coroutine(statement))
    assert tree.tidy() == []


@pytest.mark.parametrize("statement, what", [
    ("  co_await f(Options{1, 2});", "brace-initialised value"),
    ("  co_await f({1, 2});", "brace-initialised value"),
    ("  const Result r{co_await f()};", "brace-initialised value"),
    ("  co_return Result{co_await f(), 1};", "brace-initialised value"),
    ("  if (co_await f(std::string{})) {\n    g();\n  }", "brace-initialised value"),
    ("  co_await f(std::vector<int>{1});", "brace-initialised value"),
    ("  co_await f([this] { return x_; });", "capturing lambda"),
    ("  co_await f(a, [&](int x) { return x + y; });", "capturing lambda"),
    ("  co_await f([x = 1]() mutable -> int { return x; });", "capturing lambda"),
    ("  co_await f(a ? b : c);", "?:"),
    ("  const int x = ready ? 1 : co_await f();", "?:"),
    ("  co_await f(std::initializer_list<int>(x));", "initializer_list"),
])
def test_refused_forms(tree, statement, what):
    tree.write("base/x.cc", coroutine(statement))
    findings = tree.tidy()
    assert findings[0].startswith(f"base/x.cc:2: {what} in a statement with co_await")


@pytest.mark.parametrize("condition", ["if (co_await f())", "if (a && !co_await f(b))", "while (x_ == (co_await f()))",
                                       "switch (co_await f())"])
def test_a_condition_that_waits_is_refused(tree, condition):
    tree.write("base/x.cc", coroutine(f"  {condition} {{\n  }}"))
    assert tree.tidy() == ["base/x.cc:2: co_await in a condition; name the value on the line before"]


def test_a_statement_over_several_lines_is_one_statement(tree):
    tree.write("tests/x_test.cc", coroutine("  const auto n =\n      co_await f(\n          a,\n          Options{1});"))
    [finding] = tree.tidy()
    assert finding.startswith("tests/x_test.cc:5: brace-initialised value")


def test_a_lambda_inside_an_awaiting_lambda_is_judged_by_its_own_statement(tree):
    tree.write("base/x.cc", coroutine("  spawn([this]() -> Awaitable<> {\n    co_await f(Options{1});\n  });"))
    [finding] = tree.tidy()
    assert finding.startswith("base/x.cc:3: brace-initialised value")
