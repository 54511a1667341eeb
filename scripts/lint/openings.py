#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every source says its licence and then what it does; text files carry no trailing blanks and no place of one machine."""

import re

from tree import line_of, main

SPDX = "SPDX-License-Identifier: Apache-2.0"
_COMMENT = re.compile(r"^/\*\s*" + re.escape(SPDX) + r"\s*(\*/\n\s*(/\*|//)|\n \*\n \* \w)")
_HOME = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]\w*|(?<![\w.])/root" + "/")
_BLANKS = re.compile(r"[ \t]+$", re.MULTILINE)


def find(tree):
    findings = []
    for path in tree.paths:
        text = tree.text(path)
        if path.endswith((".c", ".h")) and not _COMMENT.match(text):
            findings.append(f"{path}:1: must open with /* {SPDX} */ and a comment on what the file does")
        if path.endswith((".py", ".sh")) and text and SPDX not in text[:200]:
            findings.append(f"{path}:1: must open with the licence line ({SPDX})")
        if path.startswith("tests/fuzz/corpus/") or "\0" in text[:4096]:
            continue
        for match in _HOME.finditer(text):
            findings.append(f"{path}:{line_of(text, match.start())}: names a place of one machine")
        if path.endswith((".c", ".h", ".py", ".sh", ".yml", ".cmake")):
            for match in _BLANKS.finditer(text):
                findings.append(f"{path}:{line_of(text, match.start())}: blanks at the end of the line")
    return findings


_GOOD = f"/* {SPDX} */\n/* What it does. */\n"
PLANTED = [
    ({"core/base/a.c": _GOOD, "core/base/a.h": f"/* {SPDX}\n *\n * What it does.\n */\n"}, None),
    ({"core/base/a.c": "int x;\n"}, "must open with"),
    ({"core/base/a.c": f"/* {SPDX} */\n#include <x.h>\n"}, "a comment on what the file does"),
    ({"tests/a.py": "import os\n"}, "licence line"),
    ({"docs/a.md": "see /" + "home/somebody/x\n"}, "place of one machine"),
    ({"core/base/a.h": _GOOD + "int x; \n"}, ":3: blanks"),
]

if __name__ == "__main__":
    main("openings", find, PLANTED)
