//! Translates escapes and character classes.

use super::{Last, Parser, Refused, refuse};

const NOT_PYTHON: &str = "is not an escape of Python";
const OCTAL: &str = "is an octal escape; write `\\xhh`";

impl Parser<'_> {
    /// Translates an escape outside of a class. The backslash has been read.
    pub(super) fn escape(&mut self) -> Result<(), Refused> {
        let Some(next) = self.bump() else {
            return refuse("\\", "ends the pattern; write `\\\\` for the character");
        };
        self.last = Last::Item;
        match next {
            'A' | 'b' | 'B' | 'Z' => self.anchor(next),
            '1'..='9' => self.back_reference(next),
            '<' | '>' => {
                refuse(format!("\\{next}"), "is a word boundary in Rust; write the character without `\\`")
            }
            _ => self.character(next),
        }
    }

    fn anchor(&mut self, next: char) -> Result<(), Refused> {
        if self.rest.starts_with('{') {
            return refuse(format!("\\{next}{{"), "repeats an anchor; write `\\{` for the character");
        }
        self.last = Last::Nothing;
        self.out.push('\\');
        self.out.push(if next == 'Z' { 'z' } else { next });
        Ok(())
    }

    fn back_reference(&mut self, first: char) -> Result<(), Refused> {
        let more = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.take(more);
        if more > 1 {
            return refuse(format!("\\{first}{digits}"), "is ambiguous; write `\\xhh` or `(?:\\N)`");
        }
        self.out.push('\\');
        self.out.push(first);
        self.out.push_str(digits);
        Ok(())
    }

    /// Translates an escape for a character or a kind of character, inside or outside of a class.
    fn character(&mut self, next: char) -> Result<(), Refused> {
        match next {
            'x' => self.code_point(next, 2),
            'u' => self.code_point(next, 4),
            'U' => self.code_point(next, 8),
            '0'..='9' => refuse(format!("\\{next}"), OCTAL),
            'N' => refuse("\\N", "selects a character by its name; write the character itself"),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => {
                self.out.push('\\');
                self.out.push(next);
                Ok(())
            }
            _ if next.is_ascii_alphabetic() => refuse(format!("\\{next}"), NOT_PYTHON),
            _ => {
                self.literal(next);
                Ok(())
            }
        }
    }

    fn code_point(&mut self, kind: char, digits: usize) -> Result<(), Refused> {
        let found = self.rest.bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
        if found < digits {
            return refuse(format!("\\{kind}"), "needs exactly 2, 4 or 8 hexadecimal digits for x, u and U");
        }
        let hex = self.take(digits);
        self.out.push_str(&format!("\\x{{{hex}}}"));
        Ok(())
    }

    /// Writes an escaped character that stands for itself.
    fn literal(&mut self, next: char) {
        if next.is_ascii() && next != '<' && next != '>' {
            self.out.push('\\');
        }
        self.out.push(next);
    }

    /// Translates a class. The opening bracket has been read.
    pub(super) fn class(&mut self) -> Result<(), Refused> {
        self.push('[', Last::Item);
        if self.rest.starts_with('^') {
            self.bump();
            self.out.push('^');
        }
        let mut first = true;
        while let Some(next) = self.bump() {
            if next == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            self.class_item(next)?;
            first = false;
        }
        refuse("[", "opens a class that does not end; write `\\[` for the character")
    }

    fn class_item(&mut self, next: char) -> Result<(), Refused> {
        match next {
            '\\' => return self.class_escape(),
            '[' => return refuse("[", "inside a class opens a nested class in Rust; write `\\[`"),
            '&' | '-' | '~' if self.rest.starts_with(next) => {
                return refuse(format!("{next}{next}"), "is a set operation in Rust; escape the characters");
            }
            ']' | '#' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => self.out.push('\\'),
            _ => {}
        }
        self.out.push(next);
        Ok(())
    }

    fn class_escape(&mut self) -> Result<(), Refused> {
        match self.bump() {
            Some('b') => self.out.push_str(r"\x08"),
            Some(next) => return self.character(next),
            None => return refuse("[", "opens a class that does not end"),
        }
        Ok(())
    }
}
