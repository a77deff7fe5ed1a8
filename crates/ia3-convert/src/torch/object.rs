//! The objects that a pickle of tensors builds.

use std::rc::Rc;

use safetensors::Dtype;

/// The index of an object.
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

/// The functions and classes that a pickle may refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// A storage: an entry of the archive.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) key: Rc<str>,
    pub(super) dtype: Dtype,
    /// The number of values that the pickle declares.
    pub(super) len: i64,
}

/// A tensor that has not been read: a window on a storage. Nothing in it has been checked against the file.
#[derive(Clone, Debug)]
pub(crate) struct TensorRef {
    pub(super) storage: Storage,
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) strides: Vec<i64>,
}
