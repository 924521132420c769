"""Files that the source rules check, and their findings."""

from __future__ import annotations

import pathlib
import re
from typing import NamedTuple

# Folders that hold no sources of this project.
SKIPPED_FOLDERS = {"target", "node_modules", "__pycache__"}
SUFFIXES = (".rs", ".py", ".js", ".md")

MODULE = re.compile(r"\s*(pub(\([^)]*\))? )?mod (?P<name>\w+)\s*(?P<end>[;{])")
TEST_ONLY = re.compile(r"\s*#!?\[cfg\((test|any\(test\b|all\(test\b|feature = \"testing\")")


class Source(NamedTuple):
    """A source file and its path from the root."""

    path: pathlib.PurePosixPath
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Finding(NamedTuple):
    """A violation of a rule."""

    path: pathlib.PurePosixPath
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def sources(root: pathlib.Path) -> list[Source]:
    """Returns the Rust, Python, JavaScript, Markdown and Cargo.toml files below a folder, without hidden and generated folders."""
    found = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        is_skipped = any(part in SKIPPED_FOLDERS or part.startswith(".") for part in relative.parts)
        is_source = path.suffix in SUFFIXES or path.name == "Cargo.toml"
        if is_source and not is_skipped and path.is_file():
            found.append(Source(pathlib.PurePosixPath(relative), path.read_text(encoding="utf-8")))
    return found


def files_of_tests(rust: list[Source]) -> set[pathlib.PurePosixPath]:
    """Returns the files that only `#[cfg(test)]` or the feature `testing` compiles, and all files of their modules."""
    known = {source.path for source in rust}
    found: set[pathlib.PurePosixPath] = set()
    for source in rust:
        lines = source.lines
        for index, line in enumerate(lines):
            match = MODULE.match(line)
            if match and match["end"] == ";" and any(map(TEST_ONLY.match, attributes_above(lines, index))):
                found |= module_files(source.path, match["name"], attributes_above(lines, index), known)
    return found


def module_files(
    parent: pathlib.PurePosixPath, name: str, attributes: list[str], known: set[pathlib.PurePosixPath]
) -> set[pathlib.PurePosixPath]:
    """Returns the files of the module `name` that `parent` declares, those of its submodules included."""
    named = [match[1] for line in attributes if (match := re.match(r'\s*#\[path = "([^"]+)"\]', line))]
    folder = parent.parent if parent.stem in ("lib", "main", "mod") else parent.parent / parent.stem
    if named:
        return {parent.parent / named[0]}
    return {path for path in known if path == folder / f"{name}.rs" or path.is_relative_to(folder / name)}


def attributes_above(lines: list[str], index: int) -> list[str]:
    """Returns the attributes of the item that begins at a line, in any order with its doc comment."""
    found, is_inside = [], False
    for line in reversed(lines[:index]):
        text = line.strip()
        # The last line of an attribute of several lines.
        is_inside |= text in (")]", "))]")
        if not is_inside and not text.startswith(("#[", "//")):
            break
        is_inside &= not text.startswith("#[")
        found.append(line)
    return found
