"""Source rules that neither the compilers nor clippy check (`make lint`).

Prints each violation as `file:line: reason` and exits with 1 if there is any. The arguments are the names of the rules to
check; without arguments, all are checked:

* `questions`: at most 4 % of the doc comments begin with a question word: a doc comment states a fact.
* `long_files`: no Rust or Python file has more than 400 lines.
* `long_functions`: no Python function has more than 60 lines. Clippy counts those of Rust.
* `duplicate_types`: the name of a public type is unique among the libraries.
* `outside_paths`: no `#[path]` leads out of its folder by `..`.
* `module_cycles`: no modules of a function's or a library's crate use one another in a circle.
* `vague_names`: no module has a name that does not describe its contents, such as `utils`.
* `crates_without_lints`: each crate inherits the lints of the workspace.
* `exemptions`: in the functions only tests disable the lints for panics and long functions.
"""

from __future__ import annotations

import ast
import graphlib
import pathlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_QUESTION_PERCENT = 4
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
# Folders that hold no sources of this project.
SKIPPED_FOLDERS = {"target", "node_modules", "__pycache__"}
# Libraries whose public types share one name space.
LIBRARIES = ("functions", "tests/src", "tests/world")
VAGUE_NAMES = {"utils", "util", "common", "core", "helpers", "helper", "shared", "misc"}

QUESTION = re.compile(r"(What|Whether|Who|Whose|Whom|When|Where|How|Why|Which|(By|From|In|To|Of|For) (what|whom|which))\b")
DOC_LINE = re.compile(r"\s*//[/!] ?(?P<text>.*)")
PUBLIC_TYPE = re.compile(r"\s*pub(\(crate\))? (unsafe )?(struct|enum|trait|type|union) (?P<name>\w+)")
PATH_OUTSIDE = re.compile(r'\s*#!?\[(cfg_attr\(.*)?path = "[^"]*\.\.')
MODULE = re.compile(r"\s*(pub(\([^)]*\))? )?mod (?P<name>\w+)\s*(?P<end>[;{])")
EXEMPTION = re.compile(r"\s*#(?P<inner>!?)\[.*\b(allow|expect)\(.*clippy::(unwrap_used|expect_used|panic|too_many_lines|all)\b")
# A path into another module of the crate, and a re-export of the crate's root.
CRATE_PATH = re.compile(r"\bcrate::(?:(?P<one>\w+)|\{(?P<many>[^;]*)\};)")
SUPER_PATH = re.compile(r"\bsuper::(?P<one>\w+)")
REEXPORT = re.compile(r"^pub(?:\(crate\))? use (?P<module>\w+)::(?P<names>[^;]+);", re.MULTILINE)
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s+(?:#\[.*\]\s+)*mod ")
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
    """Returns the Rust, Python and Cargo.toml files below a folder, without hidden and generated folders."""
    found = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        is_skipped = any(part in SKIPPED_FOLDERS or part.startswith(".") for part in relative.parts)
        is_source = path.suffix in (".rs", ".py") or path.name == "Cargo.toml"
        if is_source and not is_skipped and path.is_file():
            found.append(Source(pathlib.PurePosixPath(relative), path.read_text(encoding="utf-8")))
    return found


def doc_comments(source: Source) -> Iterator[tuple[int, str]]:
    """Yields the line and the first line of text of each doc comment."""
    if source.path.suffix == ".py":
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text:
                    yield node.body[0].lineno, text
        return
    is_inside = False
    for number, line in enumerate(source.lines, 1):
        match = DOC_LINE.match(line)
        if match and not is_inside:
            yield number, match["text"]
        is_inside = bool(match)


def questions(files: list[Source]) -> list[Finding]:
    """Doc comments that begin with a question word, if they are too many."""
    total, found = 0, []
    for source in files:
        for number, text in doc_comments(source):
            total += 1
            if QUESTION.match(text):
                found.append((source.path, number, " ".join(text.split()[:6])))
    percent = 100 * len(found) / max(total, 1)
    if percent <= MAX_QUESTION_PERCENT:
        return []
    share = f"of {total} doc comments {percent:.1f} % begin with a question word, more than {MAX_QUESTION_PERCENT} %"
    return [Finding(path, number, f'doc comment "{start} ...": {share}') for path, number, start in found]


def long_files(files: list[Source]) -> list[Finding]:
    """Rust and Python files with too many lines."""
    long = [(source.path, len(source.lines)) for source in files if len(source.lines) > MAX_FILE_LINES]
    return [Finding(path, MAX_FILE_LINES + 1, f"{length} lines, more than {MAX_FILE_LINES}") for path, length in long]


def long_functions(files: list[Source]) -> list[Finding]:
    """Python functions with too many lines."""
    found = []
    for source in (source for source in files if source.path.suffix == ".py"):
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    reason = f"the function {node.name} has {length} lines, more than {MAX_FUNCTION_LINES}"
                    found.append(Finding(source.path, node.lineno, reason))
    return found


def duplicate_types(files: list[Source]) -> list[Finding]:
    """Public types of the libraries that have the name of an earlier one."""
    places: dict[str, list[tuple[pathlib.PurePosixPath, int]]] = {}
    for source in files:
        if source.path.suffix == ".rs" and any(source.path.is_relative_to(library) for library in LIBRARIES):
            for number, line in enumerate(source.lines, 1):
                if match := PUBLIC_TYPE.match(line):
                    places.setdefault(match["name"], []).append((source.path, number))
    return [
        Finding(*place, f"the public type name {name} is already used at {own[0][0]}:{own[0][1]}")
        for name, own in sorted(places.items())
        for place in own[1:]
    ]


def outside_paths(files: list[Source]) -> list[Finding]:
    """`#[path]` attributes that contain `..`."""
    reason = "#[path] with `..`: make the shared code a library"
    return [
        Finding(source.path, number, reason)
        for source in files
        for number, line in enumerate(source.lines, 1)
        if source.path.suffix == ".rs" and PATH_OUTSIDE.match(line)
    ]


def module_cycles(files: list[Source]) -> list[Finding]:
    """Top-level modules of a crate that use one another in a circle, outside tests and comments."""
    rust = [source for source in files if source.path.suffix == ".rs" and source.path.is_relative_to("functions")]
    test_files, found = files_of_tests(rust), []
    for root in (source for source in rust if source.path.name == "lib.rs"):
        crate, uses = root.path.parent, {}
        exported = {name: match["module"] for match in REEXPORT.finditer(root.text) for name in re.findall(r"\w+", match["names"])}
        for source in rust:
            if source.path.is_relative_to(crate) and source.path not in test_files and source.path.name not in ("lib.rs", "main.rs"):
                module = source.path.relative_to(crate).parts[0].removesuffix(".rs")
                uses.setdefault(module, set()).update(used_names(source, is_top=source.path.parent == crate))
        known = {module: {exported.get(name, name) for name in names} & uses.keys() - {module} for module, names in uses.items()}
        try:
            graphlib.TopologicalSorter(known).prepare()
        except graphlib.CycleError as error:
            found.append(Finding(root.path, 1, f"the modules {' -> '.join(reversed(error.args[1]))} use one another in a circle"))
    return found


def used_names(source: Source, *, is_top: bool) -> set[str]:
    """Returns the first names of the paths in a file that begin at the crate's root."""
    text = re.sub(r"//.*", "", TEST_MODULE.split(source.text)[0])
    matches = [*CRATE_PATH.finditer(text), *(SUPER_PATH.finditer(text) if is_top else ())]
    return {name for match in matches for name in re.findall(r"\w+", match["one"] or match["many"])}


def vague_names(files: list[Source]) -> list[Finding]:
    """Modules, files and folders whose name does not describe their contents."""
    found = []
    for source in files:
        for part in (*source.path.parent.parts, source.path.stem):
            if part in VAGUE_NAMES:
                found.append(Finding(source.path, 1, f"the name {part} does not describe the contents"))
        for number, line in enumerate(source.lines, 1):
            match = MODULE.match(line) if source.path.suffix == ".rs" else None
            if match and match["end"] == "{" and match["name"] in VAGUE_NAMES:
                found.append(Finding(source.path, number, f"the name {match['name']} does not describe the contents"))
    return found


def crates_without_lints(files: list[Source]) -> list[Finding]:
    """Members of the workspace that do not inherit its lints. A manifest with a workspace of its own is no member."""
    found = []
    for source in files:
        is_member = source.path.name == "Cargo.toml" and "[workspace]" not in source.text and "[package]" in source.text
        if is_member and not re.search(r"^\[lints\]\nworkspace = true$", source.text, re.MULTILINE):
            found.append(Finding(source.path, 1, "the crate does not inherit the lints of the workspace"))
    return found


def exemptions(files: list[Source]) -> list[Finding]:
    """Attributes in the code of the functions, outside tests, that disable the lints for panics or long functions."""
    rust = [source for source in files if source.path.suffix == ".rs" and source.path.is_relative_to("functions")]
    test_files = files_of_tests(rust)
    found = []
    for source in rust:
        if source.path in test_files or not {"tests", "benches"}.isdisjoint(source.path.parts):
            continue
        lines = source.lines
        for index, line in enumerate(lines):
            match = EXEMPTION.match(line)
            if match and not is_for_tests(lines, index, is_inner=bool(match["inner"])):
                found.append(Finding(source.path, index + 1, "a lint for panics or long functions is disabled outside tests"))
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
    found = []
    for line in reversed(lines[:index]):
        if not line.lstrip().startswith(("#[", "//")):
            break
        found.append(line)
    return found


def is_for_tests(lines: list[str], index: int, *, is_inner: bool) -> bool:
    """Returns true if the attribute at a line belongs to an item that only tests compile."""
    if not is_inner:
        below = next((place for place in range(index, len(lines)) if not lines[place].lstrip().startswith("#[")), index)
        return any(map(TEST_ONLY.match, attributes_above(lines, below)))
    indent = len(lines[index]) - len(lines[index].lstrip())
    for place in range(index - 1, -1, -1):
        line = lines[place]
        if MODULE.match(line) and len(line) - len(line.lstrip()) < indent:
            return any(map(TEST_ONLY.match, attributes_above(lines, place)))
    return False


RULES = (
    questions,
    long_files,
    long_functions,
    duplicate_types,
    outside_paths,
    module_cycles,
    vague_names,
    crates_without_lints,
    exemptions,
)


def check(root: pathlib.Path, rules: Sequence[Callable[[list[Source]], list[Finding]]] = RULES) -> list[Finding]:
    """Returns the findings of the rules, in the order of the rules."""
    files = sources(root)
    return [finding for rule in rules for finding in rule(files)]


def main() -> None:
    """Prints the findings."""
    names = sys.argv[1:]
    unknown = set(names) - {rule.__name__ for rule in RULES}
    if unknown:
        sys.exit(f"unknown rules: {', '.join(sorted(unknown))}")
    found = check(ROOT, [rule for rule in RULES if not names or rule.__name__ in names])
    for finding in found:
        print(finding)
    if found:
        sys.exit(f"{len(found)} violations of the source rules")
    print("no violations of the source rules")


if __name__ == "__main__":
    main()
