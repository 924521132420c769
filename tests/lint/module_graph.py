"""Modules of a crate that use one another in a circle, at every level of the tree of modules."""

from __future__ import annotations

import graphlib

from rust_text import rooted_paths, use_statements, without_tests
from source_tree import Finding, Source, files_of_tests

Path = tuple[str, ...]
# Folders of the crates that are checked. The other crates of tests have no library.
FOLDERS = ("functions", "tests/src", "tests/world")
# Longest chain of re-exports that is followed.
MAX_REEXPORTS = 10


class Crate:
    """The modules of one crate, without those of tests: the code of each, and the names that each imports."""

    def __init__(self, root: Source, files: list[Source]) -> None:
        folder = root.path.parent
        self.code = {
            self._module(source.path.relative_to(folder).with_suffix("").parts): without_tests(source.text) for source in files
        }
        self.imports = {module: self._imports(module, code) for module, code in self.code.items()}

    @staticmethod
    def _module(parts: Path) -> Path:
        return parts[:-1] if parts[-1] in ("lib", "mod") else parts

    def _imports(self, module: Path, code: str) -> dict[str, Path]:
        """Returns the path of each name that the `use` statements of a module bring in from this crate."""
        found = {}
        for names in use_statements(code):
            last, _, alias = names[-1].partition(" as ")
            path = self._absolute(module, [*names[:-1], last])
            if path and last not in ("self", "*"):
                found[alias or last] = path
        return found

    def _absolute(self, module: Path, names: list[str]) -> Path | None:
        """Returns a path of this crate from its root; `None` for a path of another crate."""
        names = [name.partition(" as ")[0] for name in names]
        if names[0] == "crate":
            return tuple(names[1:])
        if names[0] in ("self", "super"):
            while names and names[0] in ("self", "super"):
                module = module[:-1] if names[0] == "super" else module
                names = names[1:]
            return (*module, *names)
        return (*module, *names) if (*module, names[0]) in self.code else None

    def target(self, path: Path, reexports: int = MAX_REEXPORTS) -> Path:
        """Returns the module in which the thing at a path is defined, as far as the `use` statements show."""
        module: Path = ()
        for index, name in enumerate(path):
            if (*module, name) in self.code:
                module = (*module, name)
                continue
            imported = self.imports.get(module, {}).get(name)
            if imported and reexports and imported != path:
                return self.target((*imported, *path[index + 1 :]), reexports - 1)
            break
        return module

    def levels(self) -> dict[Path, dict[Path, set[Path]]]:
        """Returns for each module the uses among its submodules. Uses of a parent, and by a parent, are left out."""
        found: dict[Path, dict[Path, set[Path]]] = {}
        for module, code in self.code.items():
            for root, names in rooted_paths(code):
                path = self._absolute(module, [*root.split("::"), *names])
                used = self.target(path) if path is not None else ()
                shared = next((n for n, (own, other) in enumerate(zip(module, used)) if own != other), None)
                if shared is not None:
                    level = found.setdefault(module[:shared], {})
                    level.setdefault(module[: shared + 1], set()).add(used[: shared + 1])
        return found


def module_cycles(files: list[Source]) -> list[Finding]:
    """Modules of a crate with the same parent that use one another in a circle, outside tests, comments and literals."""
    rust = [source for source in files if source.path.suffix == ".rs" and any(map(source.path.is_relative_to, FOLDERS))]
    test_files, found = files_of_tests(rust), []
    for root in (source for source in rust if source.path.name == "lib.rs"):
        own = [source for source in rust if source.path.is_relative_to(root.path.parent)]
        crate = Crate(root, [source for source in own if source.path not in test_files and source.path.name != "main.rs"])
        for _, uses in sorted(crate.levels().items()):
            try:
                graphlib.TopologicalSorter(uses).prepare()
            except graphlib.CycleError as error:
                circle = " -> ".join("::".join(module) for module in reversed(error.args[1]))
                found.append(Finding(root.path, 1, f"the modules {circle} use one another in a circle"))
    return found
