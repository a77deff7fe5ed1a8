//! Views of matrices. A constructor checks that every element lies inside the memory it is given.

mod read;
mod write;

pub use read::MatRef;
pub(crate) use read::lies_inside;
pub(crate) use write::MatMut;
