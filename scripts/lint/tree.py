# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the project's files, C without its comments, and the frame of a lint program.

A lint is a function from a tree of files to findings ("path:line: sentence"). Each lint carries planted violations and
`--self-test` shows that it finds every one of them, and nothing in their mended twins.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)


def without_comments(text, keep_strings=True):
    """C source with comments blanked out (and the inside of strings, when asked); lines stay where they are."""

    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token if keep_strings else token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    """A directory of project files: in the project itself those that git knows or would take."""

    def __init__(self, root, paths=None):
        self.root = Path(root)
        self.paths = sorted(paths if paths is not None else self._listed())
        self._texts = {}

    def _listed(self):
        argv = ["git", "-C", str(self.root), "ls-files", "-z", "-co", "--exclude-standard"]
        listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split("\0")
        return [path for path in listed if path and (self.root / path).is_file()]

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(errors="replace")
        return self._texts[path]

    def c_files(self, *folders):
        """The .c and .h files below the folders (all when none is named)."""
        return [
            path
            for path in self.paths
            if path.endswith((".c", ".h")) and (not folders or path.startswith(tuple(f + "/" for f in folders)))
        ]


def _planted_tree(directory, files):
    for path, text in files.items():
        target = Path(directory) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Tree(directory, list(files))


def _self_test(find, planted):
    """`planted`: (files, part of the finding expected or None for a clean tree)."""
    failures = 0
    for files, expected in planted:
        with tempfile.TemporaryDirectory() as directory:
            found = find(_planted_tree(directory, files))
        good = not found if expected is None else any(expected in finding for finding in found)
        if not good:
            failures += 1
            print(f"self-test: expected {expected!r}, found {found} in {list(files)}")
    return failures


def main(name, find, planted):
    """The program: checks the project, or itself with --self-test. Exit status 1 on findings."""
    if sys.argv[1:] == ["--self-test"]:
        failures = _self_test(find, planted)
        print(f"{name} self-test: {len(planted) - failures} of {len(planted)} planted cases as expected")
        sys.exit(1 if failures else 0)
    findings = find(Tree(Path(__file__).resolve().parents[2]))
    for finding in findings:
        print(finding)
    print(f"{name}: {len(findings)} findings" if findings else f"{name}: clean")
    sys.exit(1 if findings else 0)
