#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Functions that no C file of the project calls: they overflow, hide state, or start a shell."""

import re

from tree import line_of, main, without_comments

BANNED = {
    "strcpy": "tr_buf or snprintf",
    "stpcpy": "tr_buf or snprintf",
    "strcat": "tr_buf or snprintf",
    "sprintf": "snprintf or tr_buf",
    "vsprintf": "vsnprintf or tr_buf",
    "strtok": "struct tr_str",
    "strtok_r": "struct tr_str",
    "gets": "fgets",
    "atoi": "a checked conversion",
    "atol": "a checked conversion",
    "atoll": "a checked conversion",
    "atof": "a checked conversion",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "system": "nothing: no shell is started",
    "popen": "nothing: no shell is started",
    "alloca": "tr_arena",
}
_CALL = re.compile(r"(?<![A-Za-z0-9_.>])(%s|v?[fsw]*scanf)\s*\(" % "|".join(BANNED))


def find(tree):
    findings = []
    for path in tree.c_files():
        text = without_comments(tree.text(path), keep_strings=False)
        for match in _CALL.finditer(text):
            instead = BANNED.get(match.group(1), "a parser with limits")
            findings.append(f"{path}:{line_of(text, match.start())}: {match.group(1)} is banned; use {instead}")
    return findings


PLANTED = [
    ({f"core/base/{name}.c": f"void f(void)\n{{\n\t{name}(x);\n}}\n"}, f":3: {name} is banned")
    for name in [*BANNED, "scanf", "sscanf", "fscanf", "vsscanf"]
] + [
    ({"tests/unit/base/a_test.c": "x = system (y);\n"}, "system is banned"),
    ({"core/base/a.c": '/* strcpy(a, b) */ log("system(x)"); my_system(x); o->gets(x); gmtime_r(a, b);\n'}, None),
]

if __name__ == "__main__":
    main("banned functions", find, PLANTED)
