use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Tensor, assert_shape};
use ia3_config::Placement;

use crate::affine::affine;
use crate::broadcast::times;
use crate::factor::{assert_rows, copies, factor, rows, touch};

/// A layer that computes `x·W + b` with a weight `[d_in, d_out]`, such as burn's [`Linear`] and GPT-2's `Conv1D`.
pub trait Affine {
    /// The weight, `[d_in, d_out]`, which carries the (IA)³ state.
    fn weight(&self) -> &Param<Tensor<2>>;
    /// The bias, `[d_out]`.
    fn bias(&self) -> Option<&Param<Tensor<1>>>;
}

impl Affine for Linear {
    fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        self.bias.as_ref()
    }
}

/// The forward of a layer that may carry (IA)³ vectors, evaluated in activation space.
pub trait Ia3Forward: Affine {
    /// Computes `((x ⊙ l_in)·W + b) ⊙ l_out` with the attached vectors (arXiv 2205.05638 §3.3). Without vectors, it is
    /// `x·W + b`.
    ///
    /// The stored weight is used, so no scaled copy of it is made and no gradient of it is computed. On a bf16 or f16 base,
    /// the products with `l` are computed in float32 and cast back, as PEFT does. An input in float32 is computed in float32,
    /// even if the weight is in half precision ([`linear`](ia3_ops::linear)). If the rows of a batch have their own
    /// adapters ([`attach_rows`](crate::attach_rows)), the vectors of its own adapter scale each row.
    ///
    /// # Shapes
    ///
    /// - `x`: `[.., d_in]`
    /// - returns `[.., d_out]`
    ///
    /// # Panics
    ///
    /// Panics if the last axis of `x` is not `d_in`, or if the first axis is not the number of rows that have their own
    /// adapters.
    ///
    /// ```
    /// use burn::{nn::LinearConfig, tensor::{Device, Tensor}};
    /// use ia3_core::Ia3Forward;
    ///
    /// let device = Device::flex();
    /// let layer = LinearConfig::new(4, 8).init(&device);
    /// let y = layer.ia3_forward(Tensor::<3>::ones([2, 5, 4], &device));
    /// assert_eq!(y.dims(), [2, 5, 8]);
    /// ```
    fn ia3_forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        touch(self.weight());
        let (weight, bias) = (self.weight().base(), self.bias().map(Param::base));
        // This check comes before the product, which would broadcast a last axis of 1.
        let [d_in, _] = weight.dims();
        assert_shape!(x, [.., d_in]);
        assert_rows(self.weight(), &x);
        let x = times(x, factor(self.weight(), Placement::Input, D - 1));
        let y = match copies(self.weight()) {
            None => affine(x, weight, bias),
            Some(copies) => copies.affine(x, weight, bias),
        };
        times(y, factor(self.weight(), Placement::Output, D - 1))
    }

    /// Computes [`ia3_forward`](Self::ia3_forward) for an input that all rows of a batch share, such as a table of positions. The
    /// first axis of the result is 1, or the number of rows if they have their own adapters.
    ///
    /// # Shapes
    ///
    /// - `x`: `[1, seq, d_in]`
    /// - returns `[1 or batch, seq, d_out]`
    ///
    /// # Panics
    ///
    /// Panics if the shape of `x` is another one.
    fn ia3_forward_shared(&self, x: Tensor<3>) -> Tensor<3> {
        let batch = rows(self.weight()).unwrap_or(1);
        let [one, seq, d_in] = x.dims();
        assert_eq!(one, 1, "an input that all rows share has a first axis of 1, not {one}");
        self.ia3_forward(x.expand([batch, seq, d_in]))
    }
}

impl<T: Affine> Ia3Forward for T {}
