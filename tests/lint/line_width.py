"""Lines of comments and of prose that are too long to read. rustfmt keeps those of code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rust_text import TOKEN
from source_tree import Finding, Source

MAX_WIDTH = 120
# A line with a word or a span of code of this length, such as a URL, may be as long as it is.
LONG_WORD = 80
CODE_SPAN = re.compile(r"`[^`]*`")
FENCE = re.compile(r"\s*(```|~~~)")
# Rows of tables, headings, images and definitions of links have one line each.
ONE_LINE = re.compile(r"\s*(\||#|!\[|\[[^\]]+\]: )")
INDENTED_CODE = re.compile(r"    +\S")
COMMENT_MARK = re.compile(r"\s*//[/!]?")


def long_lines(files: list[Source]) -> list[Finding]:
    """Lines of more than 120 characters in the comments of Rust and in the prose of Markdown."""
    found = []
    for source in files:
        if source.path.suffix in (".rs", ".md") and "golden" not in source.path.parts:
            lines = commented_lines(source) if source.path.suffix == ".rs" else prose(list(enumerate(source.lines, 1)))
            for number, line in lines:
                words = CODE_SPAN.sub(lambda span: span[0].replace(" ", "_"), line).split()
                if len(line) > MAX_WIDTH and max(map(len, words)) < LONG_WORD:
                    found.append(Finding(source.path, number, f"{len(line)} characters, more than {MAX_WIDTH}"))
    return found


def commented_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yields the lines of a Rust file that have a comment, without tables and code in doc comments."""
    lines, whole, is_fenced = source.lines, set(), False
    for match in TOKEN.finditer(source.text):
        if match["comment"]:
            first = source.text.count("\n", 0, match.start())
            whole.update(range(first, first + match[0].count("\n") + 1))
    for index in sorted(whole):
        text = COMMENT_MARK.sub("", lines[index], count=1)
        is_fenced ^= bool(FENCE.match(text))
        if not is_fenced and not text.lstrip().startswith("|"):
            yield index + 1, lines[index]


def prose(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yields the lines of Markdown's paragraphs and lists."""
    is_fenced, is_code, before = False, False, ""
    for number, line in lines:
        is_fence = bool(FENCE.match(line))
        is_fenced ^= is_fence
        is_code = bool(INDENTED_CODE.match(line)) and (is_code or not before.strip()) or is_code and not line.strip()
        if not (is_fence or is_fenced or is_code or ONE_LINE.match(line)):
            yield number, line
        before = line
