//! Check that lists and objects stay as small as the message and the source make them.
//!
//! The engine repeats, joins and compares lists without limits: `[n] * 100000000` is a list that takes no memory, and
//! `'a' ~ list` writes all of it in one step that no fuel stops. So operators may have texts, numbers and booleans
//! alone, and no list or object may contain itself. The check runs when a source is compiled. It knows the declared
//! variables, and for each name the values that any statement of the source gives to it.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{
    BinOp, BinOpKind, Call, CallArg, CallType, Compare, CompareOpKind, Expr, Filter, ForLoop, Map, Slice, Stmt,
    UnaryOpKind,
};

use super::refusal::SourceRefusal;
use super::value_shape::ValueShape;
use crate::variables::Variables;

/// Maximum nesting of lists and objects.
const MAX_DEPTH: usize = 16;
/// Maximum number of passes over a source until each name has its values: a value goes forward through any number of
/// names in one pass.
const MAX_PASSES: usize = 20;

const OPERATOR: &str = "must not use an operator on a list or an object; use a loop, a filter or an item";
const KEY: &str = "must have a text or a number as the key";
const STEP: &str = "must not slice a text with a step";
const NESTED: &str = "must not build a list or an object from itself, or nest them more than 16 deep";
const ENTANGLED: &str = "must set names before they are used";

type Shaped<'s> = Result<ValueShape<'s>, SourceRefusal>;
type Checked = Result<(), SourceRefusal>;

/// Checks the operators of a parsed source.
///
/// # Errors
/// Returns the first operator, key or list that is refused.
pub fn check_shapes<'e>(source: &'e Stmt<'e>, variables: &'e Variables) -> Checked {
    let declared = variables.properties().iter();
    let names = declared.map(|(name, schema)| (name.as_str(), ValueShape::of(&schema.kind))).collect();
    let mut check = ShapeCheck { names, recursive: Vec::new(), has_changed: true, is_final: false };
    for _ in 0..MAX_PASSES {
        check.has_changed = false;
        check.recursive.clear();
        check.statement(source)?;
        if !check.has_changed {
            check.is_final = true;
            check.recursive.clear();
            return check.statement(source);
        }
    }
    Err(SourceRefusal { offset: 0, message: ENTANGLED })
}

struct ShapeCheck<'e> {
    /// Every value that a name may have.
    names: BTreeMap<&'e str, ValueShape<'e>>,
    /// Targets of the loops that may call themselves.
    recursive: Vec<&'e Expr<'e>>,
    has_changed: bool,
    /// `true` if all names are known, so that operators are checked.
    is_final: bool,
}

impl<'e> ShapeCheck<'e> {
    fn body(&mut self, body: &'e [Stmt<'e>]) -> Checked {
        body.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'e Stmt<'e>) -> Checked {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitExpr(emit) => self.shape(&emit.expr).map(|_| ()),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::ForLoop(for_loop) => self.for_loop(for_loop),
            Stmt::IfCond(condition) => {
                self.shape(&condition.expr)?;
                self.body(&condition.true_body)?;
                self.body(&condition.false_body)
            }
            Stmt::WithBlock(with) => {
                for (target, value) in &with.assignments {
                    let shape = self.shape(value)?;
                    self.assign(target, shape);
                }
                self.body(&with.body)
            }
            Stmt::Set(set) => {
                let shape = self.shape(&set.expr)?;
                self.assign(&set.target, shape);
                Ok(())
            }
            Stmt::SetBlock(set) => {
                self.body(&set.body)?;
                let filtered = set.filter.as_ref().map(|filter| self.shape(filter)).transpose()?;
                self.assign(&set.target, filtered.unwrap_or(ValueShape::Scalar));
                Ok(())
            }
            Stmt::AutoEscape(block) => {
                self.shape(&block.enabled)?;
                self.body(&block.body)
            }
            Stmt::FilterBlock(block) => {
                self.body(&block.body)?;
                self.shape(&block.filter).map(|_| ())
            }
            Stmt::Do(statement) => self.call(&statement.call).map(|_| ()),
        }
    }

    fn for_loop(&mut self, for_loop: &'e ForLoop<'e>) -> Checked {
        let items = self.shape(&for_loop.iter)?.items();
        self.assign(&for_loop.target, items);
        if for_loop.recursive {
            self.recursive.push(&for_loop.target);
        }
        if let Some(condition) = &for_loop.filter_expr {
            self.shape(condition)?;
        }
        self.body(&for_loop.body)?;
        self.body(&for_loop.else_body)
    }

    fn assign(&mut self, target: &'e Expr<'e>, shape: ValueShape<'e>) {
        match target {
            Expr::Var(variable) => {
                let old = self.names.get(variable.id).cloned().unwrap_or(ValueShape::Missing);
                let new = old.clone().or(shape);
                if new != old {
                    self.has_changed = true;
                    self.names.insert(variable.id, new);
                }
            }
            Expr::List(list) => {
                let items = shape.items();
                list.items.iter().for_each(|target| self.assign(target, items.clone()));
            }
            // The engine has no object that can be changed.
            _ => {}
        }
    }

    /// Returns the shape of an operand, which must be no list and no object.
    fn operand(&mut self, operand: &'e Expr<'e>, message: &'static str) -> Checked {
        let shape = self.shape(operand)?;
        if self.is_final && shape.depth() > 0 {
            return Err(SourceRefusal::at(operand.span().start_offset, message));
        }
        Ok(())
    }

    fn shape(&mut self, expression: &'e Expr<'e>) -> Shaped<'e> {
        match expression {
            Expr::Var(variable) => Ok(self.names.get(variable.id).cloned().unwrap_or(ValueShape::Missing)),
            Expr::Const(_) => Ok(ValueShape::Scalar),
            Expr::Slice(slice) => self.slice(slice, expression),
            Expr::UnaryOp(unary) => {
                match unary.op {
                    UnaryOpKind::Not => _ = self.shape(&unary.expr)?,
                    UnaryOpKind::Neg => self.operand(&unary.expr, OPERATOR)?,
                }
                Ok(ValueShape::Scalar)
            }
            Expr::BinOp(binary) => self.binary(binary),
            Expr::Compare(compare) => self.compare(compare),
            Expr::IfExpr(choice) => {
                self.shape(&choice.test_expr)?;
                let shape = self.shape(&choice.true_expr)?;
                let other = choice.false_expr.as_ref().map(|other| self.shape(other)).transpose()?;
                Ok(shape.or(other.unwrap_or(ValueShape::Missing)))
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => {
                self.shape(&test.expr)?;
                self.arguments(&test.args)?;
                Ok(ValueShape::Scalar)
            }
            Expr::GetAttr(attribute) => Ok(self.shape(&attribute.expr)?.property(attribute.name)),
            Expr::GetItem(item) => {
                let shape = self.shape(&item.expr)?;
                self.operand(&item.subscript_expr, KEY)?;
                let name = if let Expr::Const(name) = &item.subscript_expr { name.value.as_str() } else { None };
                Ok(name.map_or_else(|| shape.items_or_values(), |name| shape.property(name)))
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.built(&list.items, expression),
            Expr::Tuple(tuple) => self.built(&tuple.items, expression),
            Expr::Map(map) => self.map(map, expression),
        }
    }

    fn binary(&mut self, binary: &'e BinOp<'e>) -> Shaped<'e> {
        match binary.op {
            BinOpKind::ScAnd | BinOpKind::ScOr => {
                let left = self.shape(&binary.left)?;
                Ok(left.or(self.shape(&binary.right)?))
            }
            BinOpKind::In => {
                self.operand(&binary.left, OPERATOR)?;
                self.shape(&binary.right)?;
                Ok(ValueShape::Scalar)
            }
            _ => {
                self.operand(&binary.left, OPERATOR)?;
                self.operand(&binary.right, OPERATOR)?;
                Ok(ValueShape::Scalar)
            }
        }
    }

    fn compare(&mut self, compare: &'e Compare<'e>) -> Shaped<'e> {
        self.operand(&compare.expr, OPERATOR)?;
        for (index, comparison) in compare.ops.iter().enumerate() {
            // What stands after `in` may be a list, unless it is compared further.
            let is_last = index + 1 == compare.ops.len();
            if is_last && matches!(comparison.op, CompareOpKind::In | CompareOpKind::NotIn) {
                self.shape(&comparison.expr)?;
            } else {
                self.operand(&comparison.expr, OPERATOR)?;
            }
        }
        Ok(ValueShape::Scalar)
    }

    fn slice(&mut self, slice: &'e Slice<'e>, whole: &Expr<'e>) -> Shaped<'e> {
        let shape = self.shape(&slice.expr)?;
        for bound in [&slice.start, &slice.stop, &slice.step].into_iter().flatten() {
            self.operand(bound, KEY)?;
        }
        if shape.is_collection() {
            return nested(ValueShape::built(shape.items(), shape.depth() + 1), whole);
        }
        if self.is_final && slice.step.is_some() {
            return Err(SourceRefusal::at(slice.expr.span().start_offset, STEP));
        }
        if shape.depth() > 0 { nested(ValueShape::Mixed { depth: shape.depth() + 1 }, whole) } else { Ok(shape) }
    }

    fn built(&mut self, items: &'e [Expr<'e>], whole: &Expr<'e>) -> Shaped<'e> {
        let mut shape = ValueShape::Missing;
        for item in items {
            shape = shape.or(self.shape(item)?);
        }
        let depth = shape.depth() + 1;
        nested(ValueShape::built(shape, depth), whole)
    }

    fn map(&mut self, map: &'e Map<'e>, whole: &Expr<'e>) -> Shaped<'e> {
        map.keys.iter().try_for_each(|key| self.operand(key, KEY))?;
        self.built(&map.values, whole)
    }

    fn filter(&mut self, filter: &'e Filter<'e>) -> Shaped<'e> {
        // Without an expression, the filter has a captured text.
        let input = filter.expr.as_ref().map(|input| self.shape(input)).transpose()?.unwrap_or(ValueShape::Scalar);
        let arguments = self.arguments(&filter.args)?;
        Ok(match filter.name {
            "default" | "d" => input.or(arguments),
            "first" | "last" => input.items(),
            _ => ValueShape::Scalar,
        })
    }

    fn call(&mut self, call: &'e Call<'e>) -> Shaped<'e> {
        let arguments = self.arguments(&call.args)?;
        match call.identify_call() {
            CallType::Function(_) => {
                // A loop that calls itself, by its name or another one. What it returns is a text.
                for target in self.recursive.clone() {
                    self.assign(target, arguments.items());
                }
                Ok(ValueShape::Scalar)
            }
            CallType::Method(object, name) => {
                self.shape(object)?;
                if name != "cycle" && self.is_final && arguments.depth() > 0 {
                    return Err(SourceRefusal::at(object.span().start_offset, OPERATOR));
                }
                Ok(arguments)
            }
            CallType::Object(object) => {
                self.shape(object)?;
                Ok(arguments)
            }
        }
    }

    /// Returns the shape of any of the arguments.
    fn arguments(&mut self, arguments: &'e [CallArg<'e>]) -> Shaped<'e> {
        let mut shape = ValueShape::Missing;
        for argument in arguments {
            shape = shape.or(match argument {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.shape(value)?,
                CallArg::PosSplat(values) | CallArg::KwargSplat(values) => self.shape(values)?.items_or_values(),
            });
        }
        Ok(shape)
    }
}

/// Refuses what is nested too deep.
fn nested<'s>(shape: ValueShape<'s>, whole: &Expr<'_>) -> Shaped<'s> {
    if shape.depth() > MAX_DEPTH {
        return Err(SourceRefusal::at(whole.span().start_offset, NESTED));
    }
    Ok(shape)
}

#[cfg(test)]
mod tests;
