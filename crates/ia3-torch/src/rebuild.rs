//! The opcodes with which PyTorch builds tensors: names, storages and calls.

use safetensors::Dtype;

use crate::machine::{Machine, Step};
use crate::object::{Global, Id, Object, Storage, TensorRef};
use crate::problem::PickleProblem::{self, Unexpected};

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

impl Machine<'_> {
    pub(crate) fn global(&mut self) -> Step {
        let (module, name) = (self.line()?, self.line()?);
        let name = format!("{module}.{name}");
        let known = GLOBALS.iter().find(|(known, _)| *known == name).map(|(_, global)| *global);
        self.push(Object::Global(known.ok_or(PickleProblem::Global { name })?))
    }

    /// A persistent id: `("storage", type, key, location, length)`.
    pub(crate) fn storage(&mut self) -> Step {
        const WHAT: PickleProblem =
            Unexpected { what: "refers to something that is not the storage of a tensor" };
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

    pub(crate) fn call(&mut self) -> Step {
        let (args, callable) = (self.pop()?, self.pop()?);
        let (Object::Global(global), Object::Tuple(args)) = (self.object(callable), self.object(args)) else {
            return Err(Unexpected { what: "calls something that is not a function" });
        };
        let object = match (global, args.as_slice()) {
            (Global::OrderedDict, []) => Object::Dict(vec![]),
            (Global::RebuildTensor, args) => Object::Tensor(rebuild_tensor(args, &self.objects)?.into()),
            (Global::RebuildParameter, &[tensor, _, _]) => match self.object(tensor) {
                Object::Tensor(tensor) => Object::Tensor(tensor.clone()),
                _ => return Err(Unexpected { what: "makes a parameter of something that is not a tensor" }),
            },
            _ => {
                return Err(Unexpected {
                    what: "calls a function with arguments that PyTorch does not give it",
                });
            }
        };
        self.push(object)
    }

    /// Sets attributes of an ordered dictionary, PyTorch's `_metadata`. They are not needed for the tensors.
    pub(crate) fn build(&mut self) -> Step {
        self.pop()?;
        self.dict().map(drop)
    }
}

/// The largest number of axes in PyTorch.
const MAX_AXES: usize = 64;

/// The arguments of `torch._utils._rebuild_tensor_v2`: storage, offset, shape, strides, whether it needs a
/// gradient, hooks; and metadata since PyTorch 2.0.
pub(crate) fn rebuild_tensor(args: &[Id], objects: &[Object]) -> Result<TensorRef, PickleProblem> {
    const WHAT: PickleProblem =
        PickleProblem::Unexpected { what: "makes a tensor in another way than PyTorch" };
    let object = |id: Id| objects.get(id).unwrap_or(&Object::None);
    let ints = |ids: &[Id]| -> Option<Vec<i64>> {
        let int = |id: &Id| if let Object::Int(n) = object(*id) { Some(*n) } else { None };
        (ids.len() <= MAX_AXES).then(|| ids.iter().map(int).collect())?
    };
    let (&[storage, offset, shape, strides, _, _] | &[storage, offset, shape, strides, _, _, _]) = args
    else {
        return Err(WHAT);
    };
    match [storage, offset, shape, strides].map(object) {
        [Object::Storage(storage), Object::Int(offset), Object::Tuple(shape), Object::Tuple(strides)] => {
            let (shape, strides) = (ints(shape).ok_or(WHAT)?, ints(strides).ok_or(WHAT)?);
            Ok(TensorRef { storage: storage.clone(), offset: *offset, shape, strides })
        }
        _ => Err(WHAT),
    }
}
