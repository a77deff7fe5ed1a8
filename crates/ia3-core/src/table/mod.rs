//! Many adapters on one model, of which each row of a batch names one.

mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::{Param, Reparameterizer};
use burn::tensor::{DType, Device, Tensor};
use ia3_config::{ModelInfo, Placement};

use crate::activation_space::ActivationSpace;
use crate::adapter::Adapter;
use crate::check::{check_pristine, check_shapes, check_vectors, replaces_linear, shapes};
use crate::copies::SavedLayer;
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::from_field_path;
use state::{Layer, Lines, RowsOfBatch};

pub use state::Ia3Table;

/// The vectors of the adapters that are resident on a model: one table `[capacity + 1, d]` for each side of each layer.
///
/// [`attach_rows`](crate::attach_rows) makes a model for one batch. A table is attached once and then serves any number of
/// batches: [`write`](Self::write) puts an adapter at a place, and [`set_rows`](Self::set_rows) says which place each row of
/// the next batch uses. Neither touches the model. A row has the same result as with its adapter alone
/// ([`attach`](crate::attach)).
///
/// A table of a layer takes memory when the first adapter with a vector for it is written, for `capacity` adapters at once. So
/// its memory is bounded by `capacity` before any adapter is there. Linear layers that an adapter replaces (`modules_to_save`, such as
/// the head of a classifier) take memory for each adapter that has them, and are computed once for each such adapter in a batch.
///
/// ```
/// use burn::{nn::LinearConfig, tensor::{Device, Tensor}};
/// use ia3_core::{ActivationSpace, Adapter, AdapterTable, Ia3Config, Ia3Forward};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Net { wo: burn::nn::Linear }
/// impl ActivationSpace for Net {}
///
/// let device = Device::flex();
/// let base = Net { wo: LinearConfig::new(4, 8).init(&device) };
/// let config = Ia3Config::new().with_target_modules(["wo"]).with_feedforward_modules(["wo"]);
/// let adapter = Adapter::init(&base, &config.plan(&base.info())?);
/// let (model, table) = AdapterTable::attach(&base, 100)?;
/// table.write(7, &adapter)?;
/// table.set_rows(&[Some(7), None, Some(7)]);
/// assert_eq!(model.wo.ia3_forward(Tensor::<3>::ones([3, 5, 4], &device)).dims(), [3, 5, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AdapterTable {
    info: ModelInfo,
    /// The shapes of the parameters of the base.
    shapes: BTreeMap<String, Vec<usize>>,
    layers: BTreeMap<String, Arc<Layer>>,
    rows: Arc<RowsOfBatch>,
    capacity: usize,
    device: Device,
}

impl AdapterTable {
    /// Attaches an empty table for `capacity` adapters to a copy of `base`, which shares the weights of `base`. Until
    /// [`set_rows`](Self::set_rows) is called, every row is computed by the base alone.
    ///
    /// # Errors
    ///
    /// [`AdapterError::AlreadyAttached`]: the base carries vectors.
    pub fn attach<M: ActivationSpace>(base: &M, capacity: usize) -> Result<(M, Self), AdapterError> {
        Self::attach_as(base, capacity, DType::F32)
    }

    /// As [`attach`](Self::attach), with vectors that are stored as `dtype`: float32, or float16 or bfloat16 in half of the memory.
    /// They are rounded when they are [written](Self::write), and computed with in float32. Vectors of (IA)³ are near 1, where float16
    /// has steps of 0.001 and bfloat16 of 0.008. Layers that an adapter replaces keep their dtype.
    ///
    /// # Errors
    ///
    /// The errors are those of [`attach`](Self::attach).
    ///
    /// # Panics
    ///
    /// Panics for another dtype.
    pub fn attach_as<M: ActivationSpace>(
        base: &M,
        capacity: usize,
        dtype: DType,
    ) -> Result<(M, Self), AdapterError> {
        let known = [DType::F32, DType::F16, DType::BF16].contains(&dtype);
        assert!(known, "the vectors of a table are float32, float16 or bfloat16, not {dtype:?}");
        check_pristine(base)?;
        let info = model_info(base, None, None);
        let device = base.devices().first().cloned().unwrap_or_default().without_autodiff();
        let rows = Arc::new(RowsOfBatch::default());
        let linear = info.modules.iter().filter(|m| m.kind.is_adaptable() && m.kind.weight_rank() == 2);
        let layers: BTreeMap<String, Arc<Layer>> =
            linear.map(|m| (m.path.clone(), Arc::new(Layer::new(rows.clone(), dtype)))).collect();
        let model = base.clone().apply_reparameterization(Attacher { layers: layers.clone() });
        let shapes = shapes(base);
        Ok((model, Self { info, shapes, layers, rows, capacity, device }))
    }

    /// The number of adapters for which there is room.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Checks that [`write`](Self::write) can take an adapter.
    ///
    /// # Errors
    ///
    /// - [`AdapterError::NoSuchModule`], [`AdapterError::NotAdaptable`], [`AdapterError::Length`],
    ///   [`AdapterError::WeightRank`], [`AdapterError::UnknownChannels`], [`AdapterError::SavedParameter`]: the adapter does not
    ///   fit the base.
    /// - [`AdapterError::NotStorable`]: a value is too large for the dtype of the table.
    /// - [`AdapterError::SavedByRow`]: the adapter replaces a parameter that belongs to no linear layer, or scales a convolution.
    pub fn check(&self, adapter: &Adapter) -> Result<(), AdapterError> {
        check_vectors(adapter, &self.info)?;
        check_shapes(adapter, &self.shapes)?;
        for (path, vector) in &adapter.vectors {
            let count = self.layers.get(path).map_or(0, |layer| layer.lost(vector.values()));
            if count > 0 {
                return Err(AdapterError::NotStorable { path: path.clone(), count });
            }
        }
        let saved = adapter.saved.keys().find(|path| !replaces_linear(adapter, path, &self.info));
        let other = adapter.vectors.keys().find(|path| !self.layers.contains_key(*path));
        match saved.or(other) {
            Some(path) => Err(AdapterError::SavedByRow { path: path.clone() }),
            None => Ok(()),
        }
    }

    /// Puts an adapter at `place`, over the one that is there. Rows that use the place have the new vectors from the next
    /// forward on. An adapter that is refused changes nothing.
    ///
    /// # Errors
    ///
    /// The errors are those of [`check`](Self::check).
    ///
    /// # Panics
    ///
    /// Panics if `place` is not below [`capacity`](Self::capacity).
    pub fn write(&self, place: usize, adapter: &Adapter) -> Result<(), AdapterError> {
        assert!(place < self.capacity, "place {place} of a table for {} adapters", self.capacity);
        self.check(adapter)?;
        for (path, layer) in &self.layers {
            layer.save(place + 1, SavedLayer::of(adapter, path, &self.device));
            let vector = adapter.vectors.get(path);
            for placement in [Placement::Input, Placement::Output] {
                let values = vector.filter(|v| v.placement == placement).map(|v| v.values().detach());
                layer.write(placement, [place + 1, self.capacity + 1], values, &self.device);
            }
        }
        Ok(())
    }

    /// Says which place each row of the next batches uses, or `None` for the base.
    ///
    /// # Panics
    ///
    /// Panics if a place is not below [`capacity`](Self::capacity). The forward of the model panics if a batch has another number of rows.
    pub fn set_rows(&self, rows: &[Option<usize>]) {
        let line = |row: &Option<usize>| match *row {
            Some(place) if place >= self.capacity => {
                panic!("place {place} of a table for {} adapters", self.capacity)
            }
            place => place.map_or(0, |place| place + 1),
        };
        let lines: Vec<usize> = rows.iter().map(line).collect();
        let adapted = lines.iter().any(|line| *line > 0);
        self.rows.set(adapted.then(|| Lines::new(lines, &self.device)));
    }

    /// The bytes that the tables take.
    pub fn num_bytes(&self) -> usize {
        self.layers.values().map(|layer| layer.num_bytes()).sum()
    }
}

struct Attacher {
    layers: BTreeMap<String, Arc<Layer>>,
}

impl Reparameterizer for Attacher {
    type Reparam = Ia3Table;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<Ia3Table>) {
        let path = from_field_path(path);
        let layer = path.strip_suffix(".weight").and_then(|module| self.layers.remove(module));
        (param.set_require_grad(false), layer.map(Ia3Table::new))
    }
}
