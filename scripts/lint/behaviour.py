#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every row of docs/*/behaviour.md names the tests that show it, and those tests exist.

A cell names files (`irc/format_test`, `test_irc_5_format`, `irc_format_fuzz`) and, behind a colon, tests in them; the name
of a file may be a beginning that only one file has, and a name of tests may end in *.
"""

import re

from tree import main

_ROW = re.compile(r"^\|(.*)\|(.*)\|(.*)\|$")
_NAMED = re.compile(r"`([^`]+)`(?::\s*([^`;|]*))?")


def files_of(tree, name):
    """The test sources that `name` may mean."""
    name = re.sub(r"^(tests/)?(e2e/|unit/)?", "", name)
    name = re.sub(r"\.(py|c)$", "", name)
    if name.endswith("_fuzz"):
        return [path for path in tree.paths if path == f"tests/fuzz/{name}.c"]
    if name.startswith("test_"):
        exact = [path for path in tree.paths if path == f"tests/e2e/{name}.py"]
        return exact or [path for path in tree.paths if re.match(rf"tests/e2e/{name}[a-z0-9_]*\.py$", path)]
    return [path for path in tree.paths if path == f"tests/unit/{name}.c"]


def has_test(text, name):
    pattern = re.escape(name[:-1]) + r"\w*" if name.endswith("*") else re.escape(name)
    return re.search(rf"^(def|static void) {pattern}\(", text, re.MULTILINE)


def in_cell(tree, cell):
    """What is wrong with a cell."""
    named = _NAMED.findall(cell)
    if not named:
        yield "names no test"
    for name, tests in named:
        name, _, single = name.partition("::")
        files = files_of(tree, name)
        if len(files) != 1:
            yield f"{name} is {'no test file' if not files else 'the beginning of several test files'}"
            continue
        for test in re.split(r"[\s,]+", f"{tests} {single}"):
            if test and not has_test(tree.text(files[0]), test):
                yield f"{files[0]} has no test {test}"


def find(tree):
    findings = []
    for path in tree.paths:
        if not re.fullmatch(r"docs/\w+/behaviour\.md", path):
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            row = _ROW.match(line)
            cell = row.group(3).strip() if row else ""
            if not row or cell == "test" or set(cell) == {"-"}:
                continue
            findings += [f"{path}:{number}: {wrong}" for wrong in in_cell(tree, cell)]
    return findings


_TESTS = {
    "tests/unit/irc/line_test.c": "static void a_line_is_read(void **state)\n{\n}\n",
    "tests/e2e/test_irc_1_connections.py": "def test_1_it_connects(world):\n    pass\n",
    "tests/fuzz/irc_line_fuzz.c": "",
}


def _page(cell):
    return {**_TESTS, "docs/irc/behaviour.md": f"| behaviour | what | test |\n|---|---|---|\n| a | b | {cell} |\n"}


PLANTED = [
    (_page("`irc/line_test`: a_line_is_read; `test_irc_1`: test_1_it_connects, test_1_*; `irc_line_fuzz`"), None),
    (_page("`test_irc_1_connections.py::test_1_it_connects`, `irc/line_test`"), None),
    (_page("it just works"), "names no test"),
    (_page("`irc/word_test`"), "no test file"),
    (_page("`irc/line_test`: a_word_is_read"), "has no test a_word_is_read"),
    (_page("`test_irc_1`: test_2_*"), "has no test test_2_*"),
]

if __name__ == "__main__":
    main("behaviours", find, PLANTED)
