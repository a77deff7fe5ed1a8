use burn::module::{Module, Param};
use burn::tensor::module::embedding;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::adapter::Adapter;
use crate::affine::affine;

/// The weight and bias of an adapter for a linear layer of its `modules_to_save`, or the weight for an embedding.
#[derive(Module, Debug)]
pub(crate) struct SavedLayer {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
}

/// The state of a layer of `modules_to_save` in a mixed batch: the weight and bias of each adapter, and the batch entries that
/// use them.
#[derive(Module, Debug)]
pub(crate) struct Copies {
    copies: Vec<Copy>,
    /// The batch entries without a copy, which the weight of the base computes.
    base: Option<Tensor<1, Int>>,
    /// The position of each batch entry in the concatenation of the copies' entries, followed by those of the base.
    back: Tensor<1, Int>,
}

#[derive(Module, Debug)]
struct Copy {
    layer: SavedLayer,
    rows: Tensor<1, Int>,
}

impl SavedLayer {
    /// The parameters of the layer at `path`, if the adapter saves it. They have the identities that the adapter stores for them.
    pub(crate) fn of(adapter: &Adapter, path: &str, device: &Device) -> Option<Self> {
        let weight = param(adapter, &format!("{path}.weight"), device)?;
        Some(Self { weight, bias: param(adapter, &format!("{path}.bias"), device) })
    }

    /// The bytes that the values take.
    pub(crate) fn num_bytes(&self) -> usize {
        let bias = self.bias.as_ref().map_or(0, |bias| bytes(&bias.val()));
        bytes(&self.weight.val()) + bias
    }
}

impl Copies {
    /// The layers of some adapters, each with the entries of a batch of `batch` that use it; the others use the base. The result
    /// is `None` if there is no layer.
    pub(crate) fn new(
        layers: impl IntoIterator<Item = (SavedLayer, Vec<usize>)>,
        batch: usize,
        device: &Device,
    ) -> Option<Self> {
        let (mut copies, mut order) = (vec![], vec![]);
        for (layer, rows) in layers {
            copies.push(Copy { layer, rows: index(&rows, device) });
            order.extend(rows);
        }
        let base: Vec<usize> = (0..batch).filter(|row| !order.contains(row)).collect();
        order.extend(&base);
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &row)| back[row] = place);
        let base = (!base.is_empty()).then(|| index(&base, device));
        (!copies.is_empty()).then(|| Self { copies, base, back: index(&back, device) })
    }

    /// Computes `x·W + b`, where `W` and `b` are the adapter's copy for each batch entry, or the layer's own if the adapter has
    /// no copy.
    pub(crate) fn affine<const D: usize>(
        &self,
        x: Tensor<D>,
        weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Tensor<D> {
        let dtype = x.dtype();
        let own = |copy: &Copy| {
            let bias = copy.layer.bias.as_ref().map(|bias| bias.val().cast(dtype)).or_else(|| bias.clone());
            affine(x.clone().select(0, copy.rows.clone()), copy.layer.weight.val().cast(dtype), bias)
        };
        let own = self.copies.iter().map(own).collect();
        self.with_base(own, |rows| affine(x.clone().select(0, rows), weight, bias))
    }

    /// Rows `ids` of the embedding of each batch entry's adapter, or of the layer, in `dtype`.
    pub(crate) fn embed(&self, ids: Tensor<2, Int>, weight: Tensor<2>, dtype: DType) -> Tensor<3> {
        let rows_of = |weight: Tensor<2>, rows: &Tensor<1, Int>| {
            embedding(weight, ids.clone().select(0, rows.clone())).cast(dtype)
        };
        let own = |copy: &Copy| rows_of(copy.layer.weight.val(), &copy.rows);
        let own = self.copies.iter().map(own).collect();
        self.with_base(own, |rows| rows_of(weight.clone(), &rows))
    }

    /// The results of the copies and of the base for its batch entries, in the order of the batch.
    fn with_base<const D: usize>(
        &self,
        mut parts: Vec<Tensor<D>>,
        base: impl FnOnce(Tensor<1, Int>) -> Tensor<D>,
    ) -> Tensor<D> {
        parts.extend(self.base.clone().map(base));
        Tensor::cat(parts, 0).select(0, self.back.clone())
    }
}

/// The adapter's copy of the parameter at `path`, with the identity that the adapter stores for it.
fn param<const D: usize>(adapter: &Adapter, path: &str, device: &Device) -> Option<Param<Tensor<D>>> {
    let data: &TensorData = adapter.saved.get(path)?;
    let value = Tensor::from_data(data.clone(), (device, data.dtype()));
    Some(Param::initialized(adapter.saved.id(path), value).set_require_grad(true))
}

fn bytes<const D: usize>(values: &Tensor<D>) -> usize {
    values.shape().num_elements() * values.dtype().size()
}

/// The indices as a tensor `[batch]`.
pub(crate) fn index(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    let len = rows.len();
    Tensor::from_data(TensorData::new(rows, [len]), device)
}
