#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The plan of the house (docs/architecture.md) as a check: includes go down the layers or sideways, headers have no
cycle, core never includes or names a protocol, and each outside library is known to its own folder only."""

import posixpath
import re

from tree import line_of, main, without_comments

LAYERS = ["base", "io", "config", "store", "matrix", "delivery", "bridge", "daemon"]

# Which files of core and bridges may include a library's header: everything else goes through ours. Test programs
# stand apart from trestle and use libraries as they like.
OWNERS = {
    r"cjson/cJSON\.h|cJSON\.h": r"core/base/json(_[a-z_]+)?\.c|core/base/json_[a-z_]+\.h",
    r"pcre2\.h": r"core/base/(regex|grapheme)\.c",
    r"uv\.h": r"core/io/.*|core/store/db_(sqlite|postgres_link)\.c",
    r"curl/curl\.h": r"core/io/http_client[a-z_]*\.[ch]",
    r"microhttpd\.h": r"core/io/http_server[a-z_]*\.[ch]",
    r"yaml\.h": r"core/config/yaml[a-z_]*\.c",
    r"sqlite3\.h": r"core/store/.*",
    r"libpq-fe\.h": r"(core|tests/unit)/store/.*",
    r"gumbo\.h": r"core/matrix/html[a-z_]*\.[ch]",
    r"libircclient/.*|libircclient\.h": r"(?!)",  # for the independent IRC user in tests only
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
_PROTOCOL = re.compile(r"(?<![A-Za-z0-9])(irc|xmpp|s4b|telegram|msteams)(?![A-Za-z0-9])", re.IGNORECASE)


def layer(path):
    """The height of a file in the house, None for what stands outside (tests)."""
    parts = path.split("/")
    if parts[0] == "bridges":
        return len(LAYERS)
    if parts[0] == "core" and parts[1] in LAYERS:
        return LAYERS.index(parts[1])
    return None


def includes_of(text):
    for match in _INCLUDE.finditer(without_comments(text)):
        yield line_of(text, match.start(1) if match.group(1) else match.start(2)), match.group(1), match.group(2)


def resolve(tree, path, target):
    """The project file an include in quotes means: from the root, else beside the including file."""
    beside = posixpath.normpath(posixpath.dirname(path) + "/" + target)
    for candidate in (target, beside):
        if candidate in tree.paths:
            return candidate
    return None


def check_project_include(path, target):
    mine, other = layer(path), layer(target)
    if mine is None or other is None:
        return "includes a file outside core and bridges" if mine is not None else None
    if other > mine:
        return "includes upward"
    if path.startswith("bridges/") and target.startswith("bridges/") and path.split("/")[1] != target.split("/")[1]:
        return "includes another bridge"
    return None


def check_library_include(path, target):
    if layer(path) is None:
        return None
    for header, owner in OWNERS.items():
        if re.fullmatch(header, target) and not re.fullmatch(owner, path):
            return f"includes <{target}>, which only {owner} may"
    return None


def find_cycles(graph):
    """Each cycle once, as a list of headers."""
    state, stack, cycles = {}, [], []

    def visit(node):
        state[node] = "open"
        stack.append(node)
        for following in graph.get(node, ()):
            if state.get(following) == "open":
                cycles.append(stack[stack.index(following) :] + [following])
            elif following not in state:
                visit(following)
        stack.pop()
        state[node] = "done"

    for node in graph:
        if node not in state:
            visit(node)
    return cycles


def find(tree):
    findings, graph = [], {}
    for path in tree.c_files("core", "bridges", "tests"):
        for line, quoted, angled in includes_of(tree.text(path)):
            target = resolve(tree, path, quoted) if quoted else None
            if quoted and target is None:
                findings.append(f'{path}:{line}: no such file in the project: "{quoted}"')
                continue
            problem = check_project_include(path, target) if target else check_library_include(path, angled)
            if problem:
                findings.append(f"{path}:{line}: {problem}: {quoted or angled}")
            if target and path.endswith(".h"):
                graph.setdefault(path, []).append(target)
    for path in tree.c_files("core"):
        match = _PROTOCOL.search(without_comments(tree.text(path)))
        if match:
            findings.append(f"{path}:{line_of(tree.text(path), match.start())}: core names a protocol: {match.group()}")
    findings += [f"{cycle[0]}:1: headers include each other: {' -> '.join(cycle)}" for cycle in find_cycles(graph)]
    return findings


PLANTED = [
    ({"core/base/a.h": '#include "core/io/b.h"\n', "core/io/b.h": ""}, "core/base/a.h:1: includes upward"),
    ({"core/io/a.h": '#include "core/base/b.h"\n', "core/base/b.h": ""}, None),
    ({"core/bridge/a.c": '#include "bridges/irc/b.h"\n', "bridges/irc/b.h": ""}, "includes upward"),
    ({"bridges/irc/a.c": '#include "bridges/xmpp/b.h"\n', "bridges/xmpp/b.h": ""}, "another bridge"),
    ({"core/io/a.c": "\n#include <cjson/cJSON.h>\n"}, "core/io/a.c:2: includes <cjson/cJSON.h>"),
    ({"core/base/json.h": "#include <cjson/cJSON.h>\n"}, "core/base/json.h:1: includes <cjson/cJSON.h>"),
    ({"core/base/json.c": "#include <cjson/cJSON.h>\n", "tests/support/a.c": "#include <cjson/cJSON.h>\n"}, None),
    ({"bridges/irc/a.c": "#include <libircclient.h>\n"}, "includes <libircclient.h>"),
    ({"core/io/a.c": "// #include <cjson/cJSON.h>\n/* irc */\n"}, None),
    ({"core/base/a.h": '#include "core/base/b.h"\n', "core/base/b.h": '#include "a.h"\n'}, "include each other"),
    ({"core/io/a.c": '#include "core/io/gone.h"\n'}, "no such file"),
    ({"tests/unit/irc/a.c": '#include "../io/b.h"\n', "tests/unit/io/b.h": ""}, None),
    ({"core/bridge/a.c": 'int tr_irc_x;\n'}, "core names a protocol"),
    ({"core/bridge/a.c": 'const char *x = "direct circle";\n'}, None),
    ({"core/io/a.c": '#include "tests/support/b.h"\n', "tests/support/b.h": ""}, "outside core"),
]

if __name__ == "__main__":
    main("includes", find, PLANTED)
