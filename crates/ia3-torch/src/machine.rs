//! The state of a pickle's stack machine: the bytes, the objects, the stack with its marks, and the memo.

use std::collections::HashMap;

use crate::object::{Id, Object};
use crate::problem::PickleProblem::{self, *};

#[derive(Default)]
pub(crate) struct Machine<'a> {
    pickle: &'a [u8],
    /// The offset of the next byte.
    next: usize,
    /// The offset of the current opcode.
    at: usize,
    pub(crate) objects: Vec<Object>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

pub(crate) type Step<T = ()> = Result<T, PickleProblem>;

impl<'a> Machine<'a> {
    pub(crate) fn new(pickle: &'a [u8]) -> Self {
        Self { pickle, ..Self::default() }
    }

    /// The offset of the last opcode.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn opcode(&mut self) -> Step<u8> {
        self.at = self.next;
        self.byte()
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Step<&'a [u8]> {
        let bytes = self.pickle.get(self.next..).and_then(|rest| rest.get(..n)).ok_or(Truncated)?;
        self.next += n;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Step<u8> {
        self.bytes(1)?.first().copied().ok_or(Truncated)
    }

    pub(crate) fn u32(&mut self) -> Step<u32> {
        self.bytes(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).ok_or(Truncated)
    }

    pub(crate) fn line(&mut self) -> Step<String> {
        let rest = self.pickle.get(self.next..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == b'\n').ok_or(Truncated)?;
        let line = String::from_utf8_lossy(self.bytes(len)?).into_owned();
        self.next += 1;
        Ok(line)
    }

    pub(crate) fn mark(&mut self) -> Step {
        self.marks.push(self.stack.len());
        Ok(())
    }

    pub(crate) fn push(&mut self, object: Object) -> Step {
        self.stack.push(self.objects.len());
        self.objects.push(object);
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Step<Id> {
        match self.stack.len() > self.marks.last().copied().unwrap_or(0) {
            true => self.stack.pop().ok_or(Underflow),
            false => Err(Underflow),
        }
    }

    pub(crate) fn pop_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or(Underflow)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    pub(crate) fn top(&mut self) -> Step<&mut Object> {
        let top = self.pop()?;
        self.stack.push(top);
        self.objects.get_mut(top).ok_or(Underflow)
    }

    pub(crate) fn object(&self, id: Id) -> &Object {
        self.objects.get(id).unwrap_or(&Object::None)
    }

    pub(crate) fn dict(&mut self) -> Step<&mut Vec<(Id, Id)>> {
        match self.top()? {
            Object::Dict(items) => Ok(items),
            _ => Err(Unexpected { what: "sets items of something that is not a dictionary" }),
        }
    }

    fn memo_key(&mut self, short: bool) -> Step<u32> {
        if short { self.byte().map(u32::from) } else { self.u32() }
    }

    /// Stores the top of the stack in the memo.
    pub(crate) fn remember(&mut self, opcode: u8) -> Step {
        let key = self.memo_key(opcode == b'q')?;
        let top = self.pop()?;
        self.stack.push(top);
        self.memo.insert(key, top);
        Ok(())
    }

    /// Pushes an object of the memo.
    pub(crate) fn recall(&mut self, opcode: u8) -> Step {
        let key = self.memo_key(opcode == b'h')?;
        let id = self.memo.get(&key).copied().ok_or(Memo { key })?;
        self.stack.push(id);
        Ok(())
    }
}
