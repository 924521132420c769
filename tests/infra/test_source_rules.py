"""The source rules on small trees: one with each violation, and the same without."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lint"))

import source_rules  # noqa: E402

LIB = "functions/send/src/lib.rs"


class SourceRules(unittest.TestCase):
    def found(self, rule, files):
        """Returns the findings of a rule in a tree of these files, as text."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return [str(finding) for finding in source_rules.check(pathlib.Path(folder), [rule])]

    def test_a_doc_comment_that_begins_with_a_question_word_is_listed(self):
        question, fact = "/// How often it runs.\nfn f() {}\n", "/// A number.\nfn g() {}\n"
        expected = [f'{LIB}:3: doc comment "How often it runs. ...": state a fact, ask no question']
        self.assertEqual(self.found(source_rules.questions, {LIB: fact + question}), expected)
        self.assertEqual(self.found(source_rules.questions, {LIB: fact}), [])

    def test_every_question_word_counts_in_rust_and_python(self):
        words = ["What", "Whether", "Who", "Whose", "When", "Where", "How", "Why", "Which", "By what", "To whom"]
        rust = "".join(f"/// {word} is.\nfn f() {{}}\n" for word in words)
        python = "".join(f'def f():\n    """{word} is."""\n\n' for word in words)
        self.assertEqual(len(self.found(source_rules.questions, {LIB: "//! What it is.\n\n" + rust})), len(words) + 1)
        self.assertEqual(len(self.found(source_rules.questions, {"infra/run.py": python})), len(words))
        self.assertEqual(self.found(source_rules.questions, {LIB: "/// Whatever.\nfn f() {}\n"}), [])

    def test_a_question_is_found_in_each_form_of_a_doc_comment(self):
        for text in ("/// Is it due?\n", "/// Is the notification\n/// due? Then it is sent.\n", "/** What it is. */\n",
                     "/*! Is it\n * due? */\n", "/// A fact.\nfn g() {}\n/// Is it due?\n"):
            self.assertEqual(len(self.found(source_rules.questions, {LIB: text + "fn f() {}\n"})), 1, text)
        for text in ("/// Reads `/v1/audit?kind=`.\n", "/// A fact.\n///\n/// Is it due?\n", "// Is it due?\n", "/* What */\n"):
            self.assertEqual(self.found(source_rules.questions, {LIB: text + "fn f() {}\n"}), [], text)

    def test_a_file_of_401_lines_is_too_long(self):
        for name in (LIB, "infra/run.py", "functions/console/assets/console.js"):
            expected = [f"{name}:401: 401 lines, more than 400"]
            self.assertEqual(self.found(source_rules.long_files, {name: "x = 1\n" * 401}), expected)
            self.assertEqual(self.found(source_rules.long_files, {name: "x = 1\n" * 400}), [])

    def test_a_python_function_of_61_lines_is_too_long(self):
        for lines, expected in ((61, ["a.py:2: the function f has 61 lines, more than 60"]), (60, [])):
            text = "\ndef f():\n" + "    x = 1\n" * (lines - 1)
            self.assertEqual(self.found(source_rules.long_functions, {"a.py": text}), expected)

    def test_a_public_type_name_is_used_once(self):
        other = "tests/src/lib.rs"
        for kind in ("pub struct", "pub(crate) enum", "pub trait", "pub type", "pub union"):
            expected = [f"{other}:1: the public type name Report is already used at {LIB}:2"]
            files = {LIB: "\npub struct Report;\n", other: f"{kind} Report"}
            self.assertEqual(self.found(source_rules.duplicate_types, files), expected)
        for seen in ("pub(super) struct Report;", "pub(in crate::api) struct Report;"):
            for place in (other, "tests/flow/main.rs", "functions/send/src/api.rs"):
                found = self.found(source_rules.duplicate_types, {LIB: "pub struct Report;\n", place: seen})
                self.assertEqual(len(found), 1, (place, seen))
        private = {LIB: "struct Report;\n", other: "pub struct Report;", "infra/report.rs": "pub struct Report;"}
        self.assertEqual(self.found(source_rules.duplicate_types, private), [])

    def test_no_path_attribute_leads_outside(self):
        expected = [f"{LIB}:1: #[path] with `..`: make the shared code a library"]
        self.assertEqual(self.found(source_rules.outside_paths, {LIB: '#[path = "../x.rs"]\nmod x;\n'}), expected)
        self.assertEqual(self.found(source_rules.outside_paths, {LIB: '#[path = "x_tests.rs"]\nmod tests;\n'}), [])

    def test_modules_use_one_another_in_one_direction(self):
        files = {LIB: "mod a;\nmod b;\npub use b::{B, C};\n", "functions/send/src/a.rs": "use crate::B;\n",
                 "functions/send/src/b/mod.rs": "use crate::a::A;\n"}
        expected = [f"{LIB}:1: the modules a -> b -> a use one another in a circle"]
        self.assertIn(self.found(source_rules.module_cycles, files),
                      (expected, [f"{LIB}:1: the modules b -> a -> b use one another in a circle"]))
        for harmless in ("// crate::a\n", "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n", "use crate::c::A;\n"):
            files["functions/send/src/b/mod.rs"] = harmless
            self.assertEqual(self.found(source_rules.module_cycles, files), [])

    def test_the_libraries_of_tests_are_checked_too(self):
        files = {"tests/world/src/lib.rs": "mod a;\nmod b;\n", "tests/world/src/a.rs": "use super::b::B;\n",
                 "tests/world/src/b.rs": "use super::a::A;\n"}
        found = self.found(source_rules.module_cycles, files)
        self.assertEqual([finding.split(":")[0] for finding in found], ["tests/world/src/lib.rs"])

    def circles(self, modules, root="mod a;\nmod b;\n"):
        """Returns the circles among the modules of a crate, each as the set of its modules."""
        files = {LIB: root, **{f"functions/send/src/{name}.rs": text for name, text in modules.items()}}
        found = self.found(source_rules.module_cycles, files)
        return [set(finding.split(" modules ")[1].split(" use ")[0].split(" -> ")) for finding in found]

    def test_a_circle_is_found_in_every_form_of_a_path(self):
        for use in ("use super::b::B;", "use super::{b, other};", "use super::{\n    other,\n    b::{self, B},\n};", "use crate::{b::B};",
                    "use super::b as c;", "fn f() { crate::b::f() }", "use super::B;",
                    "#[cfg(test)]\nmod tests;\nuse super::b::B;", "#[cfg(test)]\nmod tests {\n    use super::*;\n}\nuse crate::b::B;"):
            found = self.circles({"a": use, "b": "use super::a::A;"}, "mod a;\nmod b;\nuse b::B;\n")
            self.assertEqual(found, [{"a", "b"}], use)

    def test_a_circle_is_found_below_the_top(self):
        parent = "mod x;\nmod y;\npub use x::X;\n"
        for use in ("use super::X;", "use super::x::X;", "use crate::a::X;", "use super::super::a::{x};"):
            modules = {"a/mod": parent, "a/x": "use super::y;", "a/y": use}
            self.assertEqual(self.circles(modules, "mod a;\n"), [{"a::x", "a::y"}], use)
        self.assertEqual(self.circles({"a/mod": parent, "a/x": "use super::y;", "a/y": "use super::Z;"}, "mod a;\n"), [])

    def test_tests_comments_and_literals_make_no_circle(self):
        for harmless in ("/* crate::a */", 'const A: &str = "crate::a::A";', 'const A: &str = r#"say "crate::a""#;',
                         "#[cfg(test)]\nuse crate::a::A;", "#[cfg(test)]\nimpl B {\n    fn f() -> crate::a::A {}\n}",
                         '#[cfg(any(test, feature = "testing"))]\npub mod sample {\n    use crate::a::A;\n}', "use a::A;"):
            self.assertEqual(self.circles({"a": "use crate::b::B;", "b": harmless}), [], harmless)

    def test_names_describe_the_contents(self):
        reason = "does not describe the contents"
        for name, line, part in (
            ("functions/lib/core/src/lib.rs", 1, "core"),
            ("functions/send/src/utils.rs", 1, "utils"),
            ("infra/helpers.py", 1, "helpers"),
            ("infra/common/__init__.py", 1, "common"),
        ):
            self.assertEqual(self.found(source_rules.vague_names, {name: "\n"}), [f"{name}:{line}: the name {part} {reason}"])
        inline = self.found(source_rules.vague_names, {LIB: "\npub mod shared {\n}\n"})
        self.assertEqual(inline, [f"{LIB}:2: the name shared {reason}"])
        self.assertEqual(self.found(source_rules.vague_names, {LIB: "mod scores;\n", "a/shared_stack.py": ""}), [])

    def test_a_crate_inherits_the_lints(self):
        package = '[package]\nname = "send"\n'
        name = "functions/send/Cargo.toml"
        expected = [f"{name}:1: the crate does not inherit the lints of the workspace"]
        self.assertEqual(self.found(source_rules.crates_without_lints, {name: package}), expected)
        for good in (package + "\n[lints]\nworkspace = true\n", "[workspace]\n" + package, "[workspace]\n"):
            self.assertEqual(self.found(source_rules.crates_without_lints, {name: good}), [])

    def test_a_crate_depends_only_on_crates_above_it(self):
        def manifest(name, more=""):
            return f'[package]\nname = "{name}"\n{more}'

        files = {"Cargo.toml": '[workspace]\nmembers = ["low", "high"]\n', "low/Cargo.toml": manifest("low"),
                 "high/Cargo.toml": manifest("high", "[dependencies]\nlow.workspace = true\nserde = '1'\n")}
        self.assertEqual(self.found(source_rules.crate_order, files), [])
        for kind, expected in (("dependencies", 1), ("build-dependencies", 1), ("dev-dependencies", 0)):
            files["low/Cargo.toml"] = manifest("low", f"[{kind}]\nhigh = {{ workspace = true }}\n")
            self.assertEqual(len(self.found(source_rules.crate_order, files)), expected, kind)
        reason = "depends on high, which is not above it in the members of the workspace"
        files["low/Cargo.toml"] = manifest("low", "[dependencies]\nhigh.workspace = true\n")
        self.assertEqual(self.found(source_rules.crate_order, files), [f"low/Cargo.toml:1: {reason}"])

    def test_a_crate_asks_for_the_test_modules_that_it_uses(self):
        low = '[package]\nname = "low"\n'
        gate = '#[cfg(any(test, feature = "testing"))]\n#[allow(missing_docs)]\npub mod sample;\n'
        use = "use low::recipient::sample::ada;\n"
        reason = "Cargo.toml does not ask for the feature `testing` of low"

        def high(kind, features):
            manifest = f'[package]\nname = "high"\n[{kind}]\nlow = {{ workspace = true{features} }}\n'
            return {"low/Cargo.toml": low, "low/src/recipient.rs": gate, "high/Cargo.toml": manifest, "high/src/lib.rs": use}

        testing = ', features = ["testing"]'
        for files, expected in ((high("dependencies", ""), [f"high/src/lib.rs:1: {reason}"]),
                                (high("dev-dependencies", testing), [f"high/src/lib.rs:1: {reason}"]),
                                (high("dependencies", testing), []),
                                (high("dev-dependencies", testing) | {"high/src/lib.rs": "", "high/tests/a.rs": use}, [])):
            self.assertEqual(self.found(source_rules.testing_features, files), expected, files["high/Cargo.toml"])

    def test_long_lines_of_comments_and_prose_are_listed(self):
        long, code = "word " * 25, "let x = 1; " * 12
        for name, text in ((LIB, f"/// {long}\n"), (LIB, f"    // {long}\n"), (LIB, f"let x = 1; // {long}\n"), ("docs/a.md", long),
                           ("docs/a.md", f"* Item\n\n  {long}\n"), (LIB, f"/* a\n{long}\n*/\n")):
            self.assertEqual(len(self.found(source_rules.long_lines, {name: text})), 1, text)
        for name, text in ((LIB, code), (LIB, f'let x = "{long}";\n'), (LIB, f"//! ```text\n//! {long}\n//! ```\n"),
                           (LIB, f"/// | {long} |\n"), (LIB, "/// https://example.com/" + "a" * 120), ("docs/a.md", f"| {long} |\n"),
                           ("docs/a.md", f"```text\n{long}\n```\n"), ("docs/a.md", f"Run:\n\n    {long}\n"), ("a.py", f"# {long}\n"),
                           ("docs/a.md", f"* Enter\n  `{long}`\n"), ("docs/golden/a.md", long), ("docs/a.md", "word " * 24)):
            self.assertEqual(self.found(source_rules.long_lines, {name: text}), [], text)

    def test_only_the_store_names_attributes(self):
        for use, name in (("use aws_sdk_dynamodb::types::AttributeValue;", "AttributeValue"), ("f(c.update_item());", "update_item()"),
                          ("let x = serde_dynamo::from_attribute_value(y);", "from_attribute_value")):
            expected = [f"{LIB}:1: {name}: only the crate `store` names DynamoDB attributes"]
            self.assertEqual(self.found(source_rules.attribute_names, {LIB: use + "\n"}), expected)
            for good in ({"functions/lib/store/src/item.rs": use}, {LIB: f"#[cfg(test)]\nmod tests {{\n    {use}\n}}\n"},
                         {LIB: f'// {use}\nfn f() {{ g("{use}") }}\n'}, {"tests/flow/main.rs": use},
                         {LIB: "#[cfg(test)]\nmod tests;\n", "functions/send/src/tests.rs": use}):
                self.assertEqual(self.found(source_rules.attribute_names, good), [], good)

    def test_outside_tests_no_lint_for_panics_is_disabled(self):
        reason = "a lint for panics or long functions is disabled outside tests"
        attribute = "#[allow(clippy::unwrap_used)]\n"
        self.assertEqual(self.found(source_rules.exemptions, {LIB: attribute + "fn f() {}\n"}), [f"{LIB}:1: {reason}"])
        for lint in ("expect_used", "panic", "too_many_lines"):
            text = f"#![expect(dead_code, clippy::{lint})]\n"
            self.assertEqual(self.found(source_rules.exemptions, {LIB: text}), [f"{LIB}:1: {reason}"])
        for lints in ("\n    clippy::unwrap_used,\n    clippy::panic\n", "warnings", "clippy::restriction", "clippy::pedantic"):
            text = f"#[allow({lints})]\nfn f() {{}}\n"
            self.assertEqual(self.found(source_rules.exemptions, {LIB: text}), [f"{LIB}:1: {reason}"], lints)
        self.assertEqual(self.found(source_rules.exemptions, {LIB: '#[allow(dead_code, reason = "clippy::panic")]\nfn f() {}\n'}), [])
        inner = "mod sums {\n    #![allow(clippy::unwrap_used)]\n}\n"
        self.assertEqual(self.found(source_rules.exemptions, {LIB: inner}), [f"{LIB}:2: {reason}"])

    def test_tests_may_disable_the_lints_for_panics(self):
        file = "#![allow(clippy::unwrap_used)]\n"
        for good in (
            {LIB: f"#[cfg(test)]\nmod tests {{\n    {file}}}\n"},
            {LIB: "#[cfg(test)]\nmod tests;\n", "functions/send/src/tests.rs": file},
            {LIB: "#[cfg(test)]\nmod tests;\n", "functions/send/src/tests/more.rs": file},
            {LIB: '#[cfg(test)]\n#[path = "lib_tests.rs"]\nmod tests;\n', "functions/send/src/lib_tests.rs": file},
            {LIB: '#[cfg(any(test, feature = "testing"))]\n#[allow(clippy::unwrap_used)]\npub mod sample;\n'},
            {"functions/send/tests/start.rs": file},
            {LIB: "#[cfg(test)]\n#[allow(\n    clippy::unwrap_used,\n    clippy::panic\n)]\nmod tests;\n", "functions/send/src/tests.rs": file},
        ):
            self.assertEqual(self.found(source_rules.exemptions, good), [])
        undeclared = {LIB: "mod parts;\n", "functions/send/src/parts.rs": file}
        self.assertEqual(len(self.found(source_rules.exemptions, undeclared)), 1)

    def test_the_command_fails_on_a_violation_and_refuses_an_unknown_rule(self):
        unknown = subprocess.run([sys.executable, source_rules.__file__, "no_rule"], capture_output=True, text=True)
        self.assertEqual((unknown.returncode, unknown.stderr), (1, "unknown rules: no_rule\n"))
        good = subprocess.run([sys.executable, source_rules.__file__, "vague_names"], capture_output=True, text=True)
        self.assertEqual((good.returncode, good.stdout), (0, "no violations of the source rules\n"))


if __name__ == "__main__":
    unittest.main()
