"""Source rules that neither the compilers nor clippy check (`make lint`).

Prints each violation as `file:line: reason` and exits with 1 if there is any. The arguments are the names of the rules to
check; without arguments, all are checked:

* `questions`: no doc comment begins with a question word or a question: a doc comment states a fact.
* `long_files`: no Rust, Python or JavaScript file has more than 400 lines.
* `long_functions`: no Python function has more than 60 lines. Clippy counts those of Rust.
* `duplicate_types`: the name of a type that other modules see is unique among the libraries.
* `outside_paths`: no `#[path]` leads out of its folder by `..`.
* `module_cycles`: no modules with one parent use one another in a circle, in functions, libraries and test libraries.
* `vague_names`: no module has a name that does not describe its contents, such as `utils`.
* `crates_without_lints`: each crate inherits the lints of the workspace.
* `crate_order`: each crate depends only on crates above it in the list of the workspace's members.
* `exemptions`: in the functions only tests disable the lints for panics and long functions.
* `testing_features`: a crate asks for the feature `testing` of each crate whose test modules it uses.
* `attribute_names`: outside the crate `store` and tests, no code builds or reads items of DynamoDB.
* `long_lines`: no line of Rust's comments or of Markdown's prose has more than 120 characters.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence

from line_width import long_lines
from module_graph import module_cycles
from rust_text import without_literals
from source_tree import MODULE, TEST_ONLY, Finding, Source, attributes_above, files_of_tests, sources
from testing_features import testing_features

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
# Libraries whose public types share one name space.
LIBRARIES = ("functions", "tests")
VAGUE_NAMES = {"utils", "util", "common", "core", "helpers", "helper", "shared", "misc"}

QUESTION_WORD = re.compile(r"(What|Whether|Who|Whose|Whom|When|Where|How|Why|Which|(By|From|In|To|Of|For) (what|whom|which))\b")
# A first sentence that asks, such as "Is it due?". A question mark inside a word is none.
QUESTION_MARK = re.compile(r"[^.!?]*\?(\s|$)")
CODE_SPAN = re.compile(r"`[^`]*`")
DOC_LINE = re.compile(r"\s*//[/!](?!/) ?(?P<text>.*)")
DOC_BLOCK = re.compile(r"/\*[*!](?![*/])\s*(?P<text>.*?)\s*\*/", re.DOTALL)
PUBLIC_TYPE = re.compile(r"\s*pub(\([^)]*\))? (unsafe )?(struct|enum|trait|type|union) (?P<name>\w+)")
PATH_OUTSIDE = re.compile(r'\s*#!?\[(cfg_attr\(.*)?path = "[^"]*\.\.')
# An attribute that disables lints, in one line or several, and the lints and groups that only tests may disable.
LEVEL_ATTRIBUTE = re.compile(r"#(?P<inner>!?)\[(?P<text>[^\]]*?\b(?:allow|expect)\s*\([^\]]*)\]")
GUARDED_LINTS = re.compile(
    r"\bwarnings\b|\bclippy::(unwrap_used|expect_used|panic|too_many_lines|all|pedantic|restriction)\b"
)

# Items, values and expressions of DynamoDB in the SDK's terms and in those of its stream's records.
ITEM_ACCESS = re.compile(
    r"\b(AttributeValue|from_attribute_value|expression_attribute_(names|values)|(get|put|update|delete|batch_get|batch_write)_items?\(\))"
)


def doc_comments(source: Source) -> Iterator[tuple[int, str]]:
    """Yields the line and the text, or its first paragraph, of each doc comment."""
    if source.path.suffix == ".py":
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text:
                    yield node.body[0].lineno, text
    if source.path.suffix == ".rs":
        first, paragraph, is_open = 0, [], False
        for number, line in enumerate([*source.lines, ""], 1):
            match = DOC_LINE.match(line)
            if match and not paragraph:
                first, paragraph, is_open = number, [match["text"]], True
            elif match and is_open:
                is_open = bool(match["text"].strip())
                paragraph.append(match["text"])
            elif not match and paragraph:
                yield first, " ".join(paragraph)
                paragraph = []
        for match in DOC_BLOCK.finditer(source.text):
            yield source.text.count("\n", 0, match.start()) + 1, match["text"]


def questions(files: list[Source]) -> list[Finding]:
    """Doc comments that begin with a question word, or with a sentence that asks."""
    found = []
    for source in files:
        for number, text in doc_comments(source):
            if QUESTION_WORD.match(text) or QUESTION_MARK.match(CODE_SPAN.sub("", text)):
                start = " ".join(text.split()[:6])
                found.append(Finding(source.path, number, f'doc comment "{start} ...": state a fact, ask no question'))
    return found


def long_files(files: list[Source]) -> list[Finding]:
    """Rust, Python and JavaScript files with too many lines."""
    code = [source for source in files if source.path.suffix in (".rs", ".py", ".js")]
    long = [(source.path, len(source.lines)) for source in code if len(source.lines) > MAX_FILE_LINES]
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


def vague_names(files: list[Source]) -> list[Finding]:
    """Modules, files and folders whose name does not describe their contents."""
    found = []
    for source in files:
        parts = () if source.path.suffix == ".md" else (*source.path.parent.parts, source.path.stem)
        for part in parts:
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


def crate_order(files: list[Source]) -> list[Finding]:
    """Crates that depend on one that is not above them in the list of members. Dependencies of tests are not counted."""
    manifests = {source.path.parent.as_posix(): source for source in files if source.path.name == "Cargo.toml"}
    if "." not in manifests:
        return []
    members = tomllib.loads(manifests["."].text)["workspace"]["members"]
    read = {member: tomllib.loads(manifests[member].text) for member in members if member in manifests}
    order = {manifest["package"]["name"]: place for place, manifest in enumerate(read.values())}
    found = []
    for place, (member, manifest) in enumerate(read.items()):
        for name in (*manifest.get("dependencies", {}), *manifest.get("build-dependencies", {})):
            if order.get(name, -1) >= place:
                reason = f"depends on {name}, which is not above it in the members of the workspace"
                found.append(Finding(manifests[member].path, 1, reason))
    return found


def exemptions(files: list[Source]) -> list[Finding]:
    """Attributes in the code of the functions, outside tests, that disable the lints for panics or long functions."""
    rust = [source for source in files if source.path.suffix == ".rs" and source.path.is_relative_to("functions")]
    test_files = files_of_tests(rust)
    found = []
    for source in rust:
        if source.path in test_files or not {"tests", "benches"}.isdisjoint(source.path.parts):
            continue
        code = without_literals(source.text)
        for match in LEVEL_ATTRIBUTE.finditer(code):
            index = code.count("\n", 0, match.start())
            is_guarded = GUARDED_LINTS.search(match["text"])
            if is_guarded and not is_for_tests(source.lines, index, is_inner=bool(match["inner"])):
                found.append(Finding(source.path, index + 1, "a lint for panics or long functions is disabled outside tests"))
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


def attribute_names(files: list[Source]) -> list[Finding]:
    """Uses of the SDK's items, values or expressions of DynamoDB in the functions, outside `store` and tests."""
    rust = [source for source in files if source.path.suffix == ".rs" and source.path.is_relative_to("functions")]
    test_files = files_of_tests(rust)
    found = []
    for source in rust:
        is_allowed = source.path.is_relative_to("functions/lib/store") or source.path in test_files
        if is_allowed or not {"tests", "benches"}.isdisjoint(source.path.parts):
            continue
        code = without_literals(source.text)
        for match in ITEM_ACCESS.finditer(code):
            line = code.count("\n", 0, match.start())
            if not is_for_tests(source.lines, line, is_inner=True):
                found.append(Finding(source.path, line + 1, f"{match[0]}: only the crate `store` names DynamoDB attributes"))
    return found


RULES = (
    questions,
    long_files,
    long_functions,
    duplicate_types,
    outside_paths,
    module_cycles,
    vague_names,
    crates_without_lints,
    crate_order,
    exemptions,
    testing_features,
    attribute_names,
    long_lines,
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
