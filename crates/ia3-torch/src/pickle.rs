//! A reader of the pickles that `torch.save` writes for a dictionary of tensors, and of nothing else.
//!
//! A pickle is a program for a stack machine (`pickletools.py` of Python documents it). This reader knows the opcodes that
//! PyTorch writes (protocol 2) and the names in `GLOBALS`. It calls nothing: a name outside of that list ends the reading.
//! Objects are kept in one list and refer to each other by index, so neither nesting nor cycles use the call stack. Each
//! opcode makes at most one object and copies no text, so memory is bounded by the size of the pickle.

use std::rc::Rc;

use crate::machine::{Machine, Step};
use crate::object::{Id, Object, TensorRef};
use crate::problem::PickleProblem::{self, *};

/// Tensors by key; `None` for a value that is not a tensor.
pub(crate) type Tensors = Vec<(Rc<str>, Option<Rc<TensorRef>>)>;

/// The values of a dictionary in its order. Values whose keys are not texts are left out.
///
/// The error has the offset of the opcode that could not be followed.
pub(crate) fn read(pickle: &[u8]) -> Result<Tensors, (usize, PickleProblem)> {
    let mut machine = Machine::new(pickle);
    let tensors = machine.run().and_then(|root| machine.tensors(root));
    tensors.map_err(|problem| (machine.at(), problem))
}

impl Machine<'_> {
    /// Runs the pickle to its end; returns the object on top of the stack.
    fn run(&mut self) -> Step<Id> {
        loop {
            match self.opcode()? {
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
        // The two short forms are unsigned, the others are in two's complement.
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

    /// Appends to a list. No tensor needs a list, so its items are not kept.
    fn list(&mut self) -> Step {
        match self.top()? {
            Object::List => Ok(()),
            _ => Err(Unexpected { what: "appends to something that is not a list" }),
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

    fn tensors(&self, root: Id) -> Step<Tensors> {
        let Object::Dict(items) = self.object(root) else {
            return Err(Unexpected { what: "holds something that is not a dictionary of tensors" });
        };
        let tensor = |(key, value): &(Id, Id)| match (self.object(*key), self.object(*value)) {
            (Object::Text(key), Object::Tensor(tensor)) => Some((key.clone(), Some(tensor.clone()))),
            (Object::Text(key), _) => Some((key.clone(), None)),
            _ => None,
        };
        Ok(items.iter().filter_map(tensor).collect())
    }
}
