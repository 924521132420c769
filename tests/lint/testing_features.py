"""Rule `testing_features`: a crate that uses a module behind the feature `testing` of another crate asks for the feature.

A build of the whole workspace has the features that any crate asks for. So only a build of one crate, such as that of the fuzz
targets, would show that a feature is missing.
"""

from __future__ import annotations

import re
import tomllib

from source_tree import Finding, Source, files_of_tests

GATED = re.compile(r'#\[cfg\(any\(test, feature = "testing"\)\)\]\n(?:\s*#\[[^\n]*\]\n)*\s*pub mod (?P<name>\w+);')


def testing_features(files: list[Source]) -> list[Finding]:
    """Uses of a module behind the feature `testing` of a crate for which the manifest does not ask."""
    manifests = {source.path.parent: tomllib.loads(source.text) for source in files if source.path.name == "Cargo.toml"}
    members = {folder: manifest for folder, manifest in manifests.items() if "package" in manifest}
    rust = [source for source in files if source.path.suffix == ".rs"]
    names = {folder: manifest["package"]["name"] for folder, manifest in members.items()}
    owner = {source.path: max((one for one in members if source.path.is_relative_to(one)), key=lambda one: len(one.parts))
             for source in rust if any(source.path.is_relative_to(one) for one in members)}
    gated = {(names[owner[source.path]], match["name"])
             for source in rust if source.path in owner for match in GATED.finditer(source.text)}
    if not gated:
        return []
    uses = re.compile(r"\b(" + "|".join(rf"{crate}::(?:\w+::)*{module}" for crate, module in sorted(gated)) + r")\b")
    test_files = files_of_tests(rust)
    found = []
    for source in rust:
        folder = owner.get(source.path)
        if folder is None:
            continue
        is_test = source.path in test_files or not {"tests", "benches"}.isdisjoint(source.path.relative_to(folder).parts)
        kinds = ("dependencies", "dev-dependencies") if is_test or "#[cfg(test)]" in source.text else ("dependencies",)
        for number, line in enumerate(source.lines, 1):
            match = uses.search(line)
            crate = match[1].split("::")[0] if match else ""
            asked = [members[folder].get(kind, {}).get(crate) for kind in kinds]
            is_asked = any(isinstance(one, dict) and "testing" in one.get("features", ()) for one in asked)
            if crate and crate != names[folder] and not is_asked:
                found.append(Finding(source.path, number, f"Cargo.toml does not ask for the feature `testing` of {crate}"))
    return found
