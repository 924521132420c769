//! Crates that reach only the functions that need them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Compiler of MJML, which brings the inliner of CSS: the function `catalog` uses it when a template is published, and
/// so does the console, whose pages call the handlers of `catalog`.
const MJML: &str = "mrml";

#[test]
fn no_function_that_sends_depends_on_the_compiler_of_mjml() {
    assert!(dependencies("catalog").contains(MJML));
    for function in ["send", "cascade", "rollup", "cleanup", "recipients", "track", "campaigns", "fanout"] {
        let all = dependencies(function);
        assert!(all.contains("delivery") || all.contains("platform"), "{function} has its own crates: {all:?}");
        assert!(!all.contains(MJML) && !all.contains("css-inline"), "{function}");
    }
}

/// Returns the dependencies of a crate, those of its own crates included, without those of tests.
fn dependencies(name: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = open.pop() {
        let Some(manifest) = manifest(&name) else { continue };
        let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
        let lines = section.lines().take_while(|line| !line.starts_with('['));
        for line in lines.filter(|line| line.contains('=')) {
            let dependency = line.split(['.', ' ', '=']).next().unwrap().to_owned();
            if found.insert(dependency.clone()) {
                open.push(dependency);
            }
        }
    }
    found
}

/// Returns the manifest of a crate of this workspace.
fn manifest(name: &str) -> Option<String> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    [root.join(name), root.join("lib").join(name)]
        .iter()
        .find_map(|folder| fs::read_to_string(folder.join("Cargo.toml")).ok())
}
