"""Rust source text without what must not be searched: comments, literals and code that only tests compile."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A comment or a literal. Lifetimes are no character literals. Block comments do not nest in this project.
COMMENT = r"//[^\n]*|/\*.*?\*/"
LITERAL = r'b?r(?P<hashes>#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"' + r"|b?'(?:\\[^\n]{1,9}?|[^'\\\n])'"
TOKEN = re.compile(f"(?P<comment>{COMMENT})|(?P<literal>{LITERAL})", re.DOTALL)
# An attribute of code that only tests, or crates with the feature `testing`, compile.
TEST_ATTRIBUTE = re.compile(r'#\[cfg\((?:test|any\(test\b|all\(test\b|feature = "testing").*?\)\]', re.DOTALL)
ATTRIBUTE = re.compile(r"\s*#\[[^\]]*\]")
# An item that ends with a semicolon, and one that ends with a semicolon or its braces. Anything else is a field or statement.
VISIBILITY = r"\s*(?:pub(?:\([^)]*\))?\s+)?"
STATEMENT_ITEM = re.compile(VISIBILITY + r"(?:use|type|static|extern crate|const(?!\s+(?:fn|unsafe|async)\b))\b")
BLOCK_ITEM = re.compile(VISIBILITY + r"(?:mod|fn|impl|struct|enum|union|trait|unsafe|async|const|macro_rules!)")
USE_ROOT = re.compile(r"(?<![\w:])(?P<root>crate|self|super(?:::super)*)::(?=[\w{*])")
WORD = re.compile(r"(?:r#)?\w+")


def without_comments(text: str) -> str:
    """Returns a text of the same length and lines in which comments are blank."""
    return TOKEN.sub(lambda match: blank(match[0]) if match["comment"] else match[0], text)


def without_literals(text: str) -> str:
    """Returns a text of the same length and lines in which comments and literals are blank."""
    return TOKEN.sub(lambda match: blank(match[0]), text)


def blank(text: str) -> str:
    """Returns as many blanks, with the line ends."""
    return re.sub(r"[^\n]", " ", text)


def without_tests(text: str) -> str:
    """Returns a text of the same length and lines in which comments, literals and code for tests are blank."""
    attributes = [match.span() for match in TEST_ATTRIBUTE.finditer(without_comments(text))]
    code = without_literals(text)
    for start, end in attributes:
        stop = item_end(code, end)
        code = code[:start] + blank(code[start:stop]) + code[stop:]
    return code


def item_end(code: str, start: int) -> int:
    """Returns the end of the item, field or statement whose other attributes begin at `start`."""
    while match := ATTRIBUTE.match(code, start):
        start = match.end()
    if STATEMENT_ITEM.match(code, start):
        ends, may_end_with_block = ";", False
    elif BLOCK_ITEM.match(code, start):
        ends, may_end_with_block = ";", True
    else:
        ends, may_end_with_block = ",;", True
    depth = 0
    for place in range(start, len(code)):
        letter = code[place]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            if depth == 0:
                return place
            depth -= 1
            if depth == 0 and letter == "}" and may_end_with_block:
                return place + 1
        elif depth == 0 and letter in ends:
            return place + 1
    return len(code)


def rooted_paths(code: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each path that begins with `crate`, `self` or `super`: the root, and the names after it."""
    for match in USE_ROOT.finditer(code):
        for names in use_tree(code, match.end())[0]:
            yield match["root"], names


def use_statements(code: str) -> Iterator[list[str]]:
    """Yields the names of each path that a `use` names, its root included. The last one may be `name as alias`."""
    for match in re.finditer(r"\buse\s+(?:::)?(?=[\w{])", code):
        yield from use_tree(code, match.end())[0]


def use_tree(code: str, place: int) -> tuple[list[list[str]], int]:
    """Returns the paths of the tree at a place, and the place after it."""
    names: list[str] = []
    while match := WORD.match(code, place):
        names.append(match[0])
        place = match.end()
        if alias := re.compile(r"\s+as\s+(\w+)").match(code, place):
            return [[*names[:-1], f"{names[-1]} as {alias[1]}"]], alias.end()
        if not code.startswith("::", place):
            return [names], place
        place += 2
    if not code.startswith("{", place):
        return [[*names, "*"]], place + 1
    found, place = [], place + 1
    while place < len(code) and code[place] != "}":
        if WORD.match(code, place) or code[place] in "{*":
            branches, place = use_tree(code, place)
            found += [[*names, *branch] for branch in branches]
        else:
            place += 1
    return found, place + 1
