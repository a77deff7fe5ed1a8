//! The stack machine of a pickle: what its opcodes do to objects, whatever these mean.

use std::collections::HashMap;

use crate::torch::pickle::{Id, Object};
use crate::torch::problem::PickleProblem::{self, *};

#[derive(Default)]
pub(super) struct Machine<'a> {
    pickle: &'a [u8],
    /// Where the next byte is read.
    next: usize,
    /// Where the opcode began.
    at: usize,
    pub(super) objects: Vec<Object>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

pub(super) type Step<T = ()> = Result<T, PickleProblem>;

impl<'a> Machine<'a> {
    pub(super) fn new(pickle: &'a [u8]) -> Self {
        Self { pickle, ..Self::default() }
    }

    /// Where the last opcode began.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Runs to the end; returns what is on the stack then.
    pub(super) fn run(&mut self) -> Step<Id> {
        loop {
            self.at = self.next;
            match self.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Step {
        match opcode {
            0x80 => self.protocol(),
            b'(' => self.mark(),
            b'N' => self.push(Object::None),
            0x88 | 0x89 => self.push(Object::Bool),
            b'J' | b'K' | b'M' | 0x8a => self.int(opcode),
            b'G' => self.bytes(8).map(drop).and_then(|()| self.push(Object::Float)),
            b'X' => self.text(),
            b')' | b't' | 0x85..=0x87 => self.tuple(opcode),
            b']' => self.push(Object::List),
            b'a' => self.append(),
            b'e' => self.pop_mark().and_then(|_| self.list()),
            b'}' => self.push(Object::Dict(vec![])),
            b's' => self.set_item(),
            b'u' => self.set_items(),
            b'q' | b'r' => self.remember(opcode),
            b'h' | b'j' => self.recall(opcode),
            b'c' => self.global(),
            b'Q' => self.storage(),
            b'R' => self.call(),
            b'b' => self.build(),
            _ => Err(Opcode { opcode }),
        }
    }

    fn mark(&mut self) -> Step {
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn bytes(&mut self, n: usize) -> Step<&'a [u8]> {
        let bytes = self.pickle.get(self.next..).and_then(|rest| rest.get(..n)).ok_or(Truncated)?;
        self.next += n;
        Ok(bytes)
    }

    fn byte(&mut self) -> Step<u8> {
        self.bytes(1)?.first().copied().ok_or(Truncated)
    }

    fn u32(&mut self) -> Step<u32> {
        self.bytes(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(Truncated)
    }

    pub(super) fn push(&mut self, object: Object) -> Step {
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Step<Id> {
        match self.stack.len() > self.marks.last().copied().unwrap_or(0) {
            true => self.stack.pop().ok_or(Underflow),
            false => Err(Underflow),
        }
    }

    fn pop_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or(Underflow)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn top(&mut self) -> Step<&mut Object> {
        let top = self.pop()?;
        self.stack.push(top);
        self.objects.get_mut(top).ok_or(Underflow)
    }

    pub(super) fn object(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }

    fn protocol(&mut self) -> Step {
        match self.byte()? {
            2 => Ok(()),
            found => Err(Protocol { found }),
        }
    }

    fn int(&mut self, opcode: u8) -> Step {
        let width = match opcode {
            b'K' => 1,
            b'M' => 2,
            b'J' => 4,
            _ => usize::from(self.byte()?),
        };
        if width > 8 {
            return Err(LongInt { bytes: width });
        }
        let bytes = self.bytes(width)?;
        // The two short forms have no sign, the others are two's complement.
        let negative = !matches!(opcode, b'K' | b'M') && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut value = if negative { [0xff; 8] } else { [0; 8] };
        value.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.push(Object::Int(i64::from_le_bytes(value)))
    }

    fn text(&mut self) -> Step {
        let len = self.u32()? as usize;
        let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| NotText)?;
        self.push(Object::Text(text.into()))
    }

    fn tuple(&mut self, opcode: u8) -> Step {
        let items = match opcode {
            b't' => self.pop_mark()?,
            b')' => vec![],
            _ => {
                let mut items = (0x84..opcode).map(|_| self.pop()).collect::<Step<Vec<Id>>>()?;
                items.reverse();
                items
            }
        };
        self.push(Object::Tuple(items))
    }

    fn append(&mut self) -> Step {
        self.pop()?;
        self.list()
    }

    /// Lists are no part of a tensor; what is in them does not matter.
    fn list(&mut self) -> Step {
        match self.top()? {
            Object::List => Ok(()),
            _ => Err(Unexpected { what: "appends to something that is no list" }),
        }
    }

    fn set_item(&mut self) -> Step {
        let (value, key) = (self.pop()?, self.pop()?);
        self.dict()?.push((key, value));
        Ok(())
    }

    fn set_items(&mut self) -> Step {
        let items = self.pop_mark()?;
        let pairs = items.as_chunks::<2>();
        match pairs {
            (pairs, []) => {
                let dict = self.dict()?;
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            _ => Err(Unexpected { what: "sets a key without a value" }),
        }
    }

    pub(super) fn dict(&mut self) -> Step<&mut Vec<(Id, Id)>> {
        match self.top()? {
            Object::Dict(items) => Ok(items),
            _ => Err(Unexpected { what: "sets items of something that is no dictionary" }),
        }
    }

    fn memo_key(&mut self, short: bool) -> Step<u32> {
        if short { self.byte().map(u32::from) } else { self.u32() }
    }

    fn remember(&mut self, opcode: u8) -> Step {
        let key = self.memo_key(opcode == b'q')?;
        let top = self.pop()?;
        self.stack.push(top);
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Step {
        let key = self.memo_key(opcode == b'h')?;
        let id = self.memo.get(&key).copied().ok_or(Memo { key })?;
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn line(&mut self) -> Step<String> {
        let rest = self.pickle.get(self.next..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == b'\n').ok_or(Truncated)?;
        let line = String::from_utf8_lossy(self.bytes(len)?).into_owned();
        self.next += 1;
        Ok(line)
    }
}
