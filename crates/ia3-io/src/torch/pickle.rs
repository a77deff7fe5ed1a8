//! A reader of the pickles that `torch.save` writes for a dictionary of tensors, and of nothing else.
//!
//! A pickle is a program for a stack machine (`pickletools.py` of Python documents it). This machine knows the
//! opcodes that PyTorch writes (protocol 2) and the names of `GLOBALS`. It calls nothing: a name outside of the
//! list ends the reading. Objects lie in one list and refer to each other by index, so neither nesting nor cycles
//! cost stack; each opcode makes one object at most and copies no text, so memory is bounded by the size of the
//! pickle.

use std::rc::Rc;

use safetensors::Dtype;

use crate::torch::machine::{Machine, Step};
use crate::torch::problem::PickleProblem::{self, Unexpected};
use crate::torch::tensor::{Storage, TensorRef, rebuild_tensor};

/// Index of an object.
pub(super) type Id = usize;

pub(super) enum Object {
    None,
    Bool,
    Int(i64),
    Float,
    Text(Rc<str>),
    Tuple(Vec<Id>),
    List,
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(Rc<TensorRef>),
}

/// What a pickle may refer to by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

const GLOBALS: [(&str, Global); 13] = [
    ("collections.OrderedDict", Global::OrderedDict),
    ("torch._utils._rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils._rebuild_parameter", Global::RebuildParameter),
    ("torch.FloatStorage", Global::Storage(Dtype::F32)),
    ("torch.HalfStorage", Global::Storage(Dtype::F16)),
    ("torch.BFloat16Storage", Global::Storage(Dtype::BF16)),
    ("torch.DoubleStorage", Global::Storage(Dtype::F64)),
    ("torch.LongStorage", Global::Storage(Dtype::I64)),
    ("torch.IntStorage", Global::Storage(Dtype::I32)),
    ("torch.ShortStorage", Global::Storage(Dtype::I16)),
    ("torch.CharStorage", Global::Storage(Dtype::I8)),
    ("torch.ByteStorage", Global::Storage(Dtype::U8)),
    ("torch.BoolStorage", Global::Storage(Dtype::BOOL)),
];

/// Tensors by key; `None` for a value that is no tensor.
pub(super) type Tensors = Vec<(Rc<str>, Option<Rc<TensorRef>>)>;

/// The values of a dictionary in its order; those whose keys are no texts are left out.
///
/// The error has the offset of the opcode that could not be followed.
pub(super) fn read(pickle: &[u8]) -> Result<Tensors, (usize, PickleProblem)> {
    let mut machine = Machine::new(pickle);
    let tensors = machine.run().and_then(|root| machine.tensors(root));
    tensors.map_err(|problem| (machine.at(), problem))
}

/// The opcodes with a meaning of PyTorch's.
impl Machine<'_> {
    pub(super) fn global(&mut self) -> Step {
        let (module, name) = (self.line()?, self.line()?);
        let name = format!("{module}.{name}");
        let known = GLOBALS.iter().find(|(known, _)| *known == name).map(|(_, global)| *global);
        self.push(Object::Global(known.ok_or(PickleProblem::Global { name })?))
    }

    /// A persistent id: `("storage", type, key, location, length)`.
    pub(super) fn storage(&mut self) -> Step {
        const WHAT: PickleProblem = Unexpected { what: "refers to something that is no storage of a tensor" };
        let id = self.pop()?;
        let Object::Tuple(items) = self.object(id) else { return Err(WHAT) };
        let &[tag, kind, key, location, len] = items.as_slice() else { return Err(WHAT) };
        let storage = match [tag, kind, key, location, len].map(|id| self.object(id)) {
            [
                Object::Text(tag),
                Object::Global(Global::Storage(dtype)),
                Object::Text(key),
                Object::Text(_),
                Object::Int(len),
            ] if &**tag == "storage" => Storage { key: key.clone(), dtype: *dtype, len: *len },
            _ => return Err(WHAT),
        };
        self.push(Object::Storage(storage))
    }

    pub(super) fn call(&mut self) -> Step {
        let (args, callable) = (self.pop()?, self.pop()?);
        let (Object::Global(global), Object::Tuple(args)) = (self.object(callable), self.object(args)) else {
            return Err(Unexpected { what: "calls something that is no function" });
        };
        let object = match (global, args.as_slice()) {
            (Global::OrderedDict, []) => Object::Dict(vec![]),
            (Global::RebuildTensor, args) => Object::Tensor(rebuild_tensor(args, &self.objects)?.into()),
            (Global::RebuildParameter, &[tensor, _, _]) => match self.object(tensor) {
                Object::Tensor(tensor) => Object::Tensor(tensor.clone()),
                _ => return Err(Unexpected { what: "makes a parameter of something that is no tensor" }),
            },
            _ => {
                return Err(Unexpected {
                    what: "calls a function with arguments that PyTorch does not give it",
                });
            }
        };
        self.push(object)
    }

    /// Attributes of an ordered dictionary (PyTorch's `_metadata`), which are no part of the tensors.
    pub(super) fn build(&mut self) -> Step {
        self.pop()?;
        self.dict().map(drop)
    }

    fn tensors(&self, root: Id) -> Step<Tensors> {
        let Object::Dict(items) = self.object(root) else {
            return Err(Unexpected { what: "holds something that is no dictionary of tensors" });
        };
        let tensor = |(key, value): &(Id, Id)| match (self.object(*key), self.object(*value)) {
            (Object::Text(key), Object::Tensor(tensor)) => Some((key.clone(), Some(tensor.clone()))),
            (Object::Text(key), _) => Some((key.clone(), None)),
            _ => None,
        };
        Ok(items.iter().filter_map(tensor).collect())
    }
}
