use std::any::Any;
use std::fmt;

use burn::module::{Param, ParamId};
use burn::tensor::{Bool, Device, Int, Shape, Tensor, TensorData};

/// The kind of values that a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamKind {
    /// Floats, or the integers of a quantised weight.
    Float,
    /// Integers.
    Int,
    /// Booleans.
    Bool,
}

/// A parameter of any rank and kind, as [`visit_params`](crate::visit_params) passes it.
///
/// Only [`data`](Self::data) initialises the parameter; the other methods do not.
#[derive(Clone, Copy)]
pub struct ParamRef<'a>(&'a dyn ErasedParam);

impl<'a> ParamRef<'a> {
    pub(crate) fn new(param: &'a dyn ErasedParam) -> Self {
        Self(param)
    }

    /// The kind of values that the parameter holds.
    pub fn kind(&self) -> ParamKind {
        self.0.kind()
    }

    /// The identity of the parameter, by which an optimiser finds it.
    pub fn id(&self) -> ParamId {
        self.0.id()
    }

    /// The shape of the parameter.
    pub fn shape(&self) -> Shape {
        self.0.shape()
    }

    /// The number of values.
    pub fn num_elements(&self) -> usize {
        self.shape().num_elements()
    }

    /// The device of the parameter.
    pub fn device(&self) -> Device {
        self.0.device()
    }

    /// Whether the parameter already has values. burn initialises them when they are first read.
    pub fn is_initialized(&self) -> bool {
        self.0.is_initialized()
    }

    /// Whether training changes the parameter.
    pub fn requires_grad(&self) -> bool {
        self.0.requires_grad()
    }

    /// The stored values, in the dtype in which they are stored. State attached to the parameter does not change them.
    pub fn data(&self) -> TensorData {
        self.0.data()
    }

    /// The parameter itself, if it holds floats and has `D` axes.
    pub fn as_float<const D: usize>(&self) -> Option<&'a Param<Tensor<D>>> {
        self.0.as_any().downcast_ref()
    }

    /// The parameter itself, if it holds integers and has `D` axes.
    pub fn as_int<const D: usize>(&self) -> Option<&'a Param<Tensor<D, Int>>> {
        self.0.as_any().downcast_ref()
    }

    /// The parameter itself, if it holds booleans and has `D` axes.
    pub fn as_bool<const D: usize>(&self) -> Option<&'a Param<Tensor<D, Bool>>> {
        self.0.as_any().downcast_ref()
    }
}

impl fmt::Debug for ParamRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id, shape) = (self.kind(), self.id(), self.shape());
        f.debug_struct("ParamRef").field("kind", &kind).field("id", &id).field("shape", &shape).finish()
    }
}

/// A parameter whose rank and kind the caller does not know at compile time.
pub(crate) trait ErasedParam {
    fn kind(&self) -> ParamKind;
    fn id(&self) -> ParamId;
    fn shape(&self) -> Shape;
    fn device(&self) -> Device;
    fn is_initialized(&self) -> bool;
    fn requires_grad(&self) -> bool;
    fn data(&self) -> TensorData;
    fn as_any(&self) -> &dyn Any;
}

macro_rules! erased_param {
    ($tensor:ty, $kind:expr, $requires_grad:expr) => {
        impl<const D: usize> ErasedParam for Param<$tensor> {
            fn kind(&self) -> ParamKind {
                $kind
            }
            fn id(&self) -> ParamId {
                self.id
            }
            fn shape(&self) -> Shape {
                self.lazy_shape()
            }
            fn device(&self) -> Device {
                self.lazy_device()
            }
            fn is_initialized(&self) -> bool {
                Param::is_initialized(self)
            }
            fn requires_grad(&self) -> bool {
                $requires_grad(self)
            }
            fn data(&self) -> TensorData {
                self.base().into_data()
            }
            fn as_any(&self) -> &dyn Any {
                self
            }
        }
    };
}

erased_param!(Tensor<D>, ParamKind::Float, |param: &Param<Tensor<D>>| param.is_require_grad());
erased_param!(Tensor<D, Int>, ParamKind::Int, |_: &Self| false);
erased_param!(Tensor<D, Bool>, ParamKind::Bool, |_: &Self| false);
