//! Limits of a source's structure. The engine's parser and compiler call themselves for each operator and each nested
//! part, so that a larger source would exhaust the stack. The tokenizer, which finds the parts, does not.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::refusal::SourceRefusal;

/// Maximum number of operators, filters, attributes, subscripts and calls in one tag.
const MAX_OPERATORS: usize = 200;
/// Maximum nesting of brackets in a tag.
const MAX_BRACKETS: usize = 20;
/// Maximum nesting of statements.
const MAX_STATEMENTS: usize = 20;
/// Maximum number of `elif` in a source: each is nested in the one before it.
const MAX_BRANCHES: usize = 100;

const OPERATORS: &str = "must not have more than 200 operators, filters, attributes and calls in one tag";
const BRACKETS: &str = "must not nest brackets more than 20 deep";
const STATEMENTS: &str = "must not nest statements more than 20 deep";
const BRANCHES: &str = "must not have more than 100 elif";

/// Checks the structure of a source. An error of the syntax ends the check, because the parser stops there too.
///
/// # Errors
/// Returns the first part that exceeds a limit.
pub fn check_structure(source: &str) -> Result<(), SourceRefusal> {
    let mut structure = Structure::default();
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let Ok((token, span)) = token else { return Ok(()) };
        structure.add(&token).map_err(|message| SourceRefusal::at(span.start_offset, message))?;
    }
    Ok(())
}

#[derive(Default)]
struct Structure {
    /// Operators, and open brackets, of the present tag.
    operators: usize,
    brackets: usize,
    /// `true` if a bracket at this place belongs to the value before it.
    is_after_value: bool,
    statement: Statement,
    statements: usize,
    branches: usize,
}

/// Part of a statement that the present token is in.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// Expression or text.
    #[default]
    None,
    /// Its keyword follows.
    Keyword,
    /// After a keyword that needs no further look.
    Other,
    /// `set`, which captures a text unless `=` follows.
    Set,
}

impl Structure {
    fn add(&mut self, token: &Token<'_>) -> Result<(), &'static str> {
        let is_after_value = std::mem::take(&mut self.is_after_value);
        match token {
            Token::VariableStart => self.begin(Statement::None),
            Token::BlockStart => self.begin(Statement::Keyword),
            Token::BlockEnd => return self.end_statement(),
            Token::Ident(word) if self.statement == Statement::Keyword => return self.keyword(word),
            Token::Ident("and" | "or" | "not" | "in" | "is" | "if" | "else") => return self.operator(),
            Token::Ident(_) | Token::Str(_) | Token::String(_) => self.is_after_value = true,
            Token::Int(_) | Token::Int128(_) | Token::Float(_) => self.is_after_value = true,
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                self.brackets += 1;
                if self.brackets > MAX_BRACKETS {
                    return Err(BRACKETS);
                }
                return if is_after_value { self.operator() } else { Ok(()) };
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                self.brackets = self.brackets.saturating_sub(1);
                self.is_after_value = true;
            }
            Token::Assign => {
                if self.statement == Statement::Set && self.brackets == 0 {
                    self.statement = Statement::Other;
                }
            }
            Token::TemplateData(_) | Token::VariableEnd | Token::Comma | Token::Colon => {}
            _ => return self.operator(),
        }
        Ok(())
    }

    const fn begin(&mut self, statement: Statement) {
        (self.operators, self.brackets, self.statement) = (0, 0, statement);
    }

    const fn operator(&mut self) -> Result<(), &'static str> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS { Err(OPERATORS) } else { Ok(()) }
    }

    fn keyword(&mut self, word: &str) -> Result<(), &'static str> {
        self.statement = if word == "set" { Statement::Set } else { Statement::Other };
        match word {
            "for" | "if" | "with" | "autoescape" | "filter" => self.nest(),
            "elif" => {
                self.branches += 1;
                if self.branches > MAX_BRANCHES { Err(BRANCHES) } else { Ok(()) }
            }
            _ => {
                if word.starts_with("end") {
                    self.statements = self.statements.saturating_sub(1);
                }
                Ok(())
            }
        }
    }

    fn end_statement(&mut self) -> Result<(), &'static str> {
        if self.statement == Statement::Set { self.nest() } else { Ok(()) }
    }

    const fn nest(&mut self) -> Result<(), &'static str> {
        self.statements += 1;
        if self.statements > MAX_STATEMENTS { Err(STATEMENTS) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(source: &str) -> Option<&'static str> {
        check_structure(source).err().map(|refusal| refusal.message)
    }

    #[test]
    fn a_tag_has_a_maximum_number_of_operators() {
        for part in [
            "+n",
            "-n",
            "*n",
            "/n",
            "//n",
            "**n",
            "%n",
            "~n",
            " and n",
            " or n",
            "==n",
            "!=n",
            "<n",
            "<=n",
            ">n",
            ">=n",
            " in n",
            "|upper",
            "|upper()",
            ".a",
            "[0]",
            "(n)",
            " is defined",
            " if n",
            ".0",
            "[0:1]",
        ] {
            let source = |number: usize| format!("{{{{ n{} }}}}", part.repeat(number));
            assert_eq!(message(&source(60)), None, "{part}");
            assert_eq!(message(&source(201)), Some(OPERATORS), "{part}");
            assert_eq!(message(&source(6_000)), Some(OPERATORS), "{part}");
        }
        for part in ["-", "not ", "- ", "n if n else ", "n, n or "] {
            assert_eq!(message(&format!("{{{{ {}n }}}}", part.repeat(6_000))), Some(OPERATORS), "{part}");
            assert_eq!(message(&format!("{{% if {}n %}}", part.repeat(6_000))), Some(OPERATORS), "{part}");
        }
        assert_eq!(message(&format!("{{% set x{} %}}", "|upper".repeat(201))), Some(OPERATORS));
        assert_eq!(message(&"{{ a.b + 1 }}{% if a.b %}{% endif %}".repeat(500)), None);
        assert_eq!(message(&format!("{{{{ [{}] }}}}", "'a.b|c', ".repeat(2_000))), None);
    }

    #[test]
    fn brackets_and_statements_have_a_maximum_nesting() {
        let nested =
            |open: &str, close: &str, number: usize| format!("{}n{}", open.repeat(number), close.repeat(number));
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{1:", "}"), ("f(", ")"), ("n[", "]"), ("f(a=", ")"), ("n|f(", ")")]
        {
            let source = |number| format!("{{{{ {} }}}}", nested(open, close, number));
            assert_eq!((message(&source(20)), message(&source(21))), (None, Some(BRACKETS)), "{open}");
            assert_eq!(message(&format!("{{{{ {}", open.repeat(15_000))), Some(BRACKETS), "{open}");
        }
        assert_eq!(message(&format!("{{% set {}a", "(".repeat(60_000))), Some(BRACKETS));
        for (open, close) in [
            ("{% if n %}", "{% endif %}"),
            ("{% for a in n %}", "{% endfor %}"),
            ("{% set a %}", "{% endset %}"),
            ("{% set a | default(b=1) %}", "{% endset %}"),
            ("{% filter upper %}", "{% endfilter %}"),
            ("{% with a = 1 %}", "{% endwith %}"),
            ("{%- autoescape false -%}", "{%- endautoescape -%}"),
        ] {
            let source = |number| nested(open, close, number);
            assert_eq!((message(&source(20)), message(&source(21))), (None, Some(STATEMENTS)), "{open}");
            assert_eq!(message(&open.repeat(2_000)), Some(STATEMENTS), "{open}");
            assert_eq!(message(&format!("{open}{close}").repeat(300)), None, "{open}");
        }
        assert_eq!(message(&"{% set a = (1 == 2) %}".repeat(300)), None);
    }

    #[test]
    fn a_source_has_a_maximum_number_of_branches_and_the_place_is_that_of_the_excess() {
        let branches = |number: usize| format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(number));
        assert_eq!((message(&branches(100)), message(&branches(101))), (None, Some(BRANCHES)));
        assert_eq!(message("{{ 'not not' }}{# (((( #}{% raw %}{{ ((( {% endraw %}"), None);
        let source = format!("{{{{ n{} }}}}", "+n".repeat(201));
        assert_eq!(check_structure(&source), Err(SourceRefusal::at(4 + 400, OPERATORS)));
    }
}
