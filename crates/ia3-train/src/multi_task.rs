use ia3_core::Adapter;

use crate::dataset::Dataset;

/// An adapter and the data that it is trained on, one of several that [`Trainer::multi_task`](crate::Trainer::multi_task)
/// trains at once.
#[derive(Clone, Debug)]
pub struct AdapterTask<'a> {
    /// The adapter to start from. It has to fit the base.
    pub adapter: Adapter,
    /// Its rows. The targets of all tasks have to be of one kind.
    pub data: &'a Dataset,
}
