#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format decides how C looks; this compares and changes nothing."""

import shutil
import subprocess
from pathlib import Path

from tree import main

STYLE = Path(__file__).resolve().parents[2] / ".clang-format"


def find(tree):
    paths = tree.c_files()
    if not paths:
        return []
    if not shutil.which("clang-format"):
        return ["clang-format is not installed (scripts/install-packages test)"]
    argv = ["clang-format", f"--style=file:{STYLE}", "--dry-run", "--Werror", *paths]
    done = subprocess.run(argv, cwd=tree.root, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if ": error: " in line]
    if done.returncode and not lines:
        return [f"clang-format: {done.stderr[-500:]}"]
    return [line.replace("error: ", "").replace(" [-Wclang-format-violations]", "") for line in lines]


PLANTED = [
    ({"core/base/a.c": "int f(void)\n{\n\treturn 0;\n}\n"}, None),
    ({"core/base/a.c": "int f(void) {\n    return 0; }\n"}, "core/base/a.c:1"),
]

if __name__ == "__main__":
    main("clang-format", find, PLANTED)
