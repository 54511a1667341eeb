#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SQL is static text with parameters. Nothing formats, joins or appends it, and statements are static constants:
their address is the key of the prepared-statement cache."""

import re

from tree import line_of, main, without_comments

_STRINGS = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*')
_SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX|UNIQUE)"
    r"|ALTER\s+TABLE\s|DROP\s+(TABLE|INDEX)\s|WITH\s+\w+\s+AS\s)"
)
_CONVERSION = re.compile(r"%[-+ #0]*(\*|\d+)?(\.(\*|\d+))?(hh|h|ll|l|z|j|t)?[diouxXcsp]")
_BUILDERS = re.compile(r"printf|format|append|concat|buf_add|buf_put|strdup|_cat\b")
_STATEMENT = re.compile(r"(static\s+const\s+)?struct\s+tr_db_statement\s+\w+(\[[^\]]*\])*\s*=")
_TEMPORARY = re.compile(r"\(\s*(const\s+)?struct\s+tr_db_statement\s*\)\s*\{")


def enclosing_call(text, offset):
    """The name of the function whose argument list holds the offset, or an empty string."""
    depth = 0
    for index in range(offset - 1, -1, -1):
        character = text[index]
        if character == ")":
            depth += 1
        elif character == "(":
            if depth == 0:
                name = re.search(r"(\w+)\s*$", text[:index])
                return name.group(1) if name else ""
            depth -= 1
        elif character in ";{}":
            return ""
    return ""


def find(tree):
    findings = []
    for path in tree.c_files("core", "bridges"):
        text = without_comments(tree.text(path))

        def report(offset, sentence, path=path, text=text):
            findings.append(f"{path}:{line_of(text, offset)}: {sentence}")

        for match in _STRINGS.finditer(text):
            joined = re.sub(r'"\s*"', "", match.group())[1:-1]
            if not _SQL.match(joined):
                continue
            if _CONVERSION.search(joined) or (joined.endswith("%") and text[match.end() :].lstrip().startswith("PRI")):
                report(match.start(), "SQL with a printf conversion in it; use a parameter")
            call = enclosing_call(text, match.start())
            if _BUILDERS.search(call):
                report(match.start(), f"SQL put together by {call}(); use a static statement")
        for match in _STATEMENT.finditer(text):
            if not match.group(1):
                report(match.start(), "a statement that is not static const")
        for match in _TEMPORARY.finditer(text):
            report(match.start(), "a statement made on the spot; its address would not stay")
    return findings


PLANTED = [
    ({"core/store/a.c": 'f("SELECT a FROM b WHERE c = \'%s\'", x);\n'}, "printf conversion"),
    ({"core/store/a.c": 'q = "INSERT INTO a "\n\t"VALUES (%" PRIu64 ")";\n'}, "printf conversion"),
    ({"core/store/a.c": 'snprintf(q, sizeof(q), "DELETE FROM a");\n'}, "put together by snprintf"),
    ({"bridges/irc/a.c": 'tr_buf_append(&b, "SELECT 1 FROM t");\n'}, "put together by tr_buf_append"),
    ({"core/store/a.c": 'struct tr_db_statement s = {"SELECT 1 FROM t"};\n'}, "not static const"),
    ({"core/store/a.c": 'f(&(struct tr_db_statement){sql});\n'}, "made on the spot"),
    (
        {
            "core/store/a.c": 'static const struct tr_db_statement s = {\n\t"SELECT a FROM b WHERE c LIKE $1 || \'%\'"};\n'
            'static const struct tr_db_statement all[] = {{"DELETE FROM a"}};\nlog("Selecting %s", x);\n'
        },
        None,
    ),
]

if __name__ == "__main__":
    main("SQL", find, PLANTED)
