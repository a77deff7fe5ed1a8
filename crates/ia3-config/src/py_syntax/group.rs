//! Translates groups, flags and comments.

use super::{Last, Parser, Refused, refuse};

const NOT_PYTHON: &str = "is not a group of Python";

impl Parser<'_> {
    /// Translates the start of a group. The opening parenthesis has been read.
    pub(super) fn open_group(&mut self) -> Result<(), Refused> {
        let Some(extension) = self.rest.strip_prefix('?') else {
            return self.enter("", self.is_verbose());
        };
        let verbose = self.is_verbose();
        match extension.as_bytes() {
            [b'#', ..] => self.comment(),
            [b':' | b'=' | b'!' | b'>', ..] => self.enter(&self.rest[..2], verbose),
            [b'<', b'=' | b'!', ..] => self.enter(&self.rest[..3], verbose),
            [b'P', b'<', ..] => self.named(),
            [b'P', b'=', ..] => self.named_reference(),
            [b'(', ..] => self.conditional(),
            _ => self.flags(),
        }
    }

    /// Enters a group whose head is the given start of the rest.
    fn enter(&mut self, head: &str, verbose: bool) -> Result<(), Refused> {
        self.take(head.len());
        self.out.push('(');
        self.out.push_str(head);
        self.verbose.push(verbose);
        self.last = Last::Nothing;
        self.at_start = false;
        Ok(())
    }

    fn comment(&mut self) -> Result<(), Refused> {
        let Some(end) = self.rest.find(')') else {
            return refuse("(?#", "opens a comment that does not end");
        };
        self.take(end + 1);
        // An empty group keeps the text before the comment apart from the text after it.
        self.out.push_str("(?:)");
        self.last = Last::Comment;
        Ok(())
    }

    fn named(&mut self) -> Result<(), Refused> {
        let (rest, verbose) = (self.rest, self.is_verbose());
        match rest.find('>').map(|end| (end, &rest[3..end])) {
            Some((_, name)) if self.names.contains(&name) => refuse(name, "is the name of two groups"),
            Some((end, name)) if is_identifier(name) => {
                self.names.push(name);
                self.enter(&rest[..=end], verbose)
            }
            _ => refuse("(?P<", "needs a name of letters, digits and `_`, ended by `>`"),
        }
    }

    fn named_reference(&mut self) -> Result<(), Refused> {
        match self.rest.find(')') {
            Some(end) if is_identifier(&self.rest[3..end]) => {
                let reference = self.take(end + 1);
                self.out.push('(');
                self.out.push_str(reference);
                self.last = Last::Item;
                self.at_start = false;
                Ok(())
            }
            _ => refuse("(?P=", "needs the name of a group"),
        }
    }

    /// Translates `(?(1)yes|no)` or `(?(name)yes|no)`. The engine requires `(?(<name>)yes|no)` for a name.
    fn conditional(&mut self) -> Result<(), Refused> {
        let Some((name, _)) = self.rest[2..].split_once(')') else {
            return refuse("(?(", "opens a condition that does not end");
        };
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number && !self.names.contains(&name) {
            return refuse("(?(", "needs the number or the name of a group that comes before");
        }
        let condition = if is_number { format!("(?({name})") } else { format!("(?(<{name}>)") };
        self.take(name.len() + 3);
        self.enter("", self.is_verbose())?;
        self.out.pop();
        self.out.push_str(&condition);
        Ok(())
    }

    /// Translates flags: `(?i)` at the start of the pattern, or `(?i-x:` anywhere.
    fn flags(&mut self) -> Result<(), Refused> {
        let rest = self.rest;
        let letters =
            rest[1..].bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-').count();
        let (flags, behind) = rest[1..].split_at(letters);
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        if on.contains('a') {
            return refuse(
                "(?a",
                "selects Python's ASCII mode; leave it out, because module paths are ASCII",
            );
        }
        let known =
            on.chars().all(|flag| "imsux".contains(flag)) && off.chars().all(|flag| "imsx".contains(flag));
        match behind.chars().next() {
            Some(':') if known && !flags.is_empty() && !flags.ends_with('-') => {
                let verbose = on.contains('x') || self.is_verbose() && !off.contains('x');
                self.enter(&rest[..letters + 2], verbose)
            }
            Some(')') if known && !flags.is_empty() && !flags.contains('-') => {
                self.global_flags(&rest[..letters + 2], on.contains('x'))
            }
            next => refuse(format!("(?{flags}{}", next.map(String::from).unwrap_or_default()), NOT_PYTHON),
        }
    }

    fn global_flags(&mut self, head: &str, verbose: bool) -> Result<(), Refused> {
        if !self.at_start {
            return refuse(format!("({head}"), "must stand at the start of the pattern");
        }
        self.take(head.len());
        self.out.push('(');
        self.out.push_str(head);
        self.verbose[0] |= verbose;
        self.last = Last::Nothing;
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    first && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}
