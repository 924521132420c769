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

    def test_more_than_4_percent_of_questions_are_listed(self):
        question, fact = "/// How often it runs.\nfn f() {}\n", "/// A number.\nfn g() {}\n"
        reason = "of 24 doc comments 4.2 % begin with a question word, more than 4 %"
        expected = [f'{LIB}:1: doc comment "How often it runs. ...": {reason}']
        self.assertEqual(self.found(source_rules.questions, {LIB: question + 23 * fact}), expected)
        self.assertEqual(self.found(source_rules.questions, {LIB: question + 24 * fact}), [])

    def test_every_question_word_counts_in_rust_and_python(self):
        words = ["What", "Whether", "Who", "Whose", "When", "Where", "How", "Why", "Which", "By what", "To whom"]
        rust = "".join(f"/// {word} is.\nfn f() {{}}\n" for word in words)
        python = "".join(f'def f():\n    """{word} is."""\n\n' for word in words)
        self.assertEqual(len(self.found(source_rules.questions, {LIB: "//! What it is.\n\n" + rust})), len(words) + 1)
        self.assertEqual(len(self.found(source_rules.questions, {"infra/run.py": python})), len(words))
        self.assertEqual(self.found(source_rules.questions, {LIB: "/// Whatever.\nfn f() {}\n"}), [])

    def test_a_file_of_401_lines_is_too_long(self):
        for name in (LIB, "infra/run.py"):
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
        private = {LIB: "struct Report;\n", other: "pub struct Report;", "tests/flow/main.rs": "pub struct Report;"}
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

    def test_outside_tests_no_lint_for_panics_is_disabled(self):
        reason = "a lint for panics or long functions is disabled outside tests"
        attribute = "#[allow(clippy::unwrap_used)]\n"
        self.assertEqual(self.found(source_rules.exemptions, {LIB: attribute + "fn f() {}\n"}), [f"{LIB}:1: {reason}"])
        for lint in ("expect_used", "panic", "too_many_lines"):
            text = f"#![expect(dead_code, clippy::{lint})]\n"
            self.assertEqual(self.found(source_rules.exemptions, {LIB: text}), [f"{LIB}:1: {reason}"])
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
