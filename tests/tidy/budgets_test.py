def function(lines: int, signature: str = "int f()") -> str:
    return signature + " {\n" + "  g();\n" * (lines - 2) + "}\n"


def test_a_file_of_600_lines_passes_where_the_median_is_small(tree):
    for number in range(3):
        tree.header(f"base/small_{number}.h")
    tree.write("base/x.cc", "int x;\n" * 600)
    assert tree.tidy() == []


def test_a_file_of_601_lines_fails(tree):
    tree.write("tests/x_test.cc", "int x;\n" * 601)
    assert tree.tidy() == ["tests/x_test.cc:601: file of 601 lines; at most 600"]


def test_the_median_file_is_at_most_120_lines(tree):
    for number in range(3):
        tree.write(f"base/x_{number}.cc", "int x;\n" * 121)
    assert tree.tidy() == [".:1: the median file has 121 lines; at most 120"]


def test_a_function_of_70_lines_passes_and_one_of_71_fails(tree):
    tree.write("tests/x_test.cc", function(70))
    assert tree.tidy() == []
    tree.write("tests/x_test.cc", "namespace n {\n" + function(71, "int A::f(int x) const") + "}\n")
    assert tree.tidy() == ["tests/x_test.cc:2: function f of 71 lines; at most 70"]


def test_one_function_in_twenty_may_be_long(tree):
    short = function(3) * 19
    tree.write("base/x.cc", short + function(41))
    assert tree.tidy() == []
    tree.write("base/x.cc", short + function(41) * 2)
    assert tree.tidy() == [".:1: one function in twenty is longer than 40 lines; at most 40"]


def test_bodies_are_found_behind_every_kind_of_head(tree):
    heads = [
        "template <class T>\nauto f(T x) -> std::vector<T>",
        "A::A(int x) : B(x), c_{x}, d_(x)",
        "bool operator()(int x) const noexcept",
        "std::function<void(int)> f() noexcept(false)",
        "Awaitable<> A::run()",
        "TEST(Name, Case)",
        "auto k = [](int x)",
    ]
    for head in heads:
        tree.write("tests/x_test.cc", function(71, head) + ";")
        findings = [finding for finding in tree.tidy() if "71 lines" in finding]
        is_lambda_at_file_scope = head.startswith("auto k")
        assert len(findings) == (0 if is_lambda_at_file_scope else 1), head


def test_members_defined_in_a_class_are_functions(tree):
    tree.write("tests/x.h", "#pragma once\nclass A : public B<int> {\n public:\n" + function(71) + "};\n")
    assert tree.tidy() == ["tests/x.h:4: function f of 71 lines; at most 70"]


def test_four_parameters_pass_and_five_fail(tree):
    tree.write("base/x.cc", "void f(int a, std::map<int, int> b, std::function<void(int, int)> c, int d = g(1, 2)) {}\n")
    assert tree.tidy() == []
    tree.write("base/x.cc", "\nA::A(int a, int b, int c, int d, int e) : a_(a), b_{b} {}\n")
    assert tree.tidy() == ["base/x.cc:2: function A takes 5 parameters; at most 4"]


def test_comments_and_strings_do_not_confuse_the_count(tree):
    body = 'int f() {\n  // }}}\n  auto s = "}{"; char c = \'}\'; /* { */\n  auto r = R"(}{)"; int n = 1\'000;\n}\n'
    tree.write("tests/x_test.cc", body + function(71, "int g()"))
    [finding] = tree.tidy()
    assert "function g of 71 lines" in finding
