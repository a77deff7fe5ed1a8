//! Look-behind and references that Python refuses, although the backtracking engine reads them.
//!
//! Source: CPython 3.11 `Lib/re/_parser.py` (`getwidth`, `checkgroup`, `checklookbehindgroup`) and `Lib/re/_compiler.py`.

use fancy_regex::{Expr, LookAround};

/// Refuses what Python refuses, in Python's words. `pattern` is one that the engine reads.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    let tree = Expr::parse_tree(pattern).map_err(|error| error.to_string())?;
    let mut groups = Groups::default();
    groups.width(&tree.expr)?;
    match groups.tested.filter(|tested| *tested > groups.closed.len()) {
        Some(tested) => Err(format!("invalid group reference {tested}")),
        None => Ok(()),
    }
}

/// The fewest and the most characters that a part matches.
type Width = (usize, usize);

const NOTHING: Width = (0, 0);
const ONE: Width = (1, 1);

/// The groups that have begun so far.
#[derive(Default)]
struct Groups {
    /// The width of each group that has ended.
    closed: Vec<Option<Width>>,
    /// How many groups had begun before the outermost look-behind.
    before_look_behind: Option<usize>,
    /// The largest number of a group that a conditional tests.
    tested: Option<usize>,
}

impl Groups {
    fn width(&mut self, part: &Expr) -> Result<Width, String> {
        match part {
            Expr::Literal { val, .. } => Ok((val.chars().count(), val.chars().count())),
            Expr::LiteralBytes { .. } | Expr::Any { .. } | Expr::Delegate { .. } => Ok(ONE),
            Expr::Concat(parts) => {
                parts.iter().try_fold(NOTHING, |sum, part| Ok(add(sum, self.width(part)?)))
            }
            Expr::Alt(branches) => self.alternatives(branches),
            Expr::Group(inner) => self.group(inner),
            Expr::AtomicGroup(inner) => self.width(inner),
            Expr::LookAround(inner, side) => self.look_around(inner, *side),
            Expr::Repeat { child, lo, hi, .. } => {
                let (least, most) = self.width(child)?;
                Ok((least.saturating_mul(*lo), most.saturating_mul(*hi)))
            }
            Expr::Backref { group, .. } => self.referred(*group),
            Expr::BackrefExistsCondition { group, .. } => self.tested(*group),
            Expr::Conditional { condition, true_branch, false_branch } => {
                self.width(condition)?;
                Ok(either(self.width(true_branch)?, self.width(false_branch)?))
            }
            _ => Ok(NOTHING),
        }
    }

    fn alternatives(&mut self, branches: &[Expr]) -> Result<Width, String> {
        let widths = branches.iter().map(|branch| self.width(branch)).collect::<Result<Vec<_>, _>>()?;
        Ok(widths.into_iter().reduce(either).unwrap_or(NOTHING))
    }

    fn group(&mut self, inner: &Expr) -> Result<Width, String> {
        let number = self.closed.len();
        self.closed.push(None);
        let width = self.width(inner)?;
        self.closed[number] = Some(width);
        Ok(width)
    }

    fn look_around(&mut self, inner: &Expr, side: LookAround) -> Result<Width, String> {
        let is_behind = matches!(side, LookAround::LookBehind | LookAround::LookBehindNeg);
        let outer = self.before_look_behind;
        if is_behind {
            self.before_look_behind = outer.or(Some(self.closed.len()));
        }
        let (least, most) = self.width(inner)?;
        self.before_look_behind = outer;
        match is_behind && least != most {
            true => Err("look-behind requires fixed-width pattern".into()),
            false => Ok(NOTHING),
        }
    }

    /// The width of a group that is referred to, which must have ended.
    fn referred(&self, group: usize) -> Result<Width, String> {
        match group.checked_sub(1).and_then(|index| self.closed.get(index)) {
            None => Err(format!("invalid group reference {group}")),
            Some(None) => Err("cannot refer to an open group".into()),
            Some(Some(_)) if self.before_look_behind.is_some_and(|before| group > before) => {
                Err("cannot refer to group defined in the same lookbehind subpattern".into())
            }
            Some(Some(width)) => Ok(*width),
        }
    }

    /// A conditional may test a group that has not ended, or that begins later, except in a look-behind.
    fn tested(&mut self, group: usize) -> Result<Width, String> {
        self.tested = self.tested.max(Some(group));
        if self.before_look_behind.is_some() {
            self.referred(group)?;
        }
        Ok(NOTHING)
    }
}

fn add(a: Width, b: Width) -> Width {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
}

fn either(a: Width, b: Width) -> Width {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_python_refuses_is_refused_in_its_words() {
        let fixed = "look-behind requires fixed-width pattern";
        let open = "cannot refer to an open group";
        let same = "cannot refer to group defined in the same lookbehind subpattern";
        for (pattern, reason) in [
            ("(?<=a+)b", fixed),
            ("(?<!a|bc)b", fixed),
            ("(?<=a?)b", fixed),
            ("(a|bc)(?<=\\1)", fixed),
            ("(a\\1)", open),
            ("((b)\\1)", open),
            ("(a)(?<=(b)\\2)", same),
            ("(a)(?(2)b|c)", "invalid group reference 2"),
        ] {
            assert_eq!(check(pattern), Err(reason.to_string()), "{pattern}");
        }
    }

    #[test]
    fn what_python_reads_is_read() {
        for pattern in [
            "(?<=a{2}|bc)b",
            "(?<!\\b)",
            "(?<=(?:^)*a)",
            "(a)(?<=\\1)b",
            "(a)\\1",
            "(?(1)a|b)(c)",
            "(?<=(?=a+)b)c",
            "((?(1)a|b))",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }
}
