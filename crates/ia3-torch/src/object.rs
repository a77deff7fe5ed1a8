//! The objects that a pickle of tensors builds.

use std::rc::Rc;

use safetensors::Dtype;

/// The index of an object.
pub(crate) type Id = usize;

pub(crate) enum Object {
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
pub(crate) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// A storage: an entry of the archive.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) key: Rc<str>,
    pub(crate) dtype: Dtype,
    /// The number of values that the pickle declares.
    pub(crate) len: i64,
}

/// A tensor that has not been read: a window on a storage. Nothing in it has been checked against the file.
#[derive(Clone, Debug)]
pub(crate) struct TensorRef {
    pub(crate) storage: Storage,
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
}
