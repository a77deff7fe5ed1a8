//! The feed-forward layer of two matrices, whose fields have other names in each model.

/// Defines a feed-forward layer `second(act(first(x)))` with the two layers of type `$layer` under the names of its model.
macro_rules! feed_forward {
    ($(#[$doc:meta])* $name:ident { $first:ident, $second:ident }: $layer:ty) => {
        $(#[$doc])*
        #[derive(burn::module::Module, Debug)]
        pub struct $name {
            /// The first matrix, `[d, d_inner]`.
            pub $first: $layer,
            /// The second matrix, `[d_inner, d]`; an (IA)³ target whose input is scaled.
            pub $second: $layer,
            /// The dropout on the output.
            pub dropout: burn::nn::Dropout,
            #[module(skip)]
            activation: crate::activation::Activation,
        }

        impl $name {
            pub(crate) fn new(
                [$first, $second]: [$layer; 2],
                activation: crate::activation::Activation,
                dropout: f64,
            ) -> Self {
                Self { $first, $second, dropout: crate::layers::dropout(dropout), activation }
            }

            /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
            pub(crate) fn forward(&self, x: burn::tensor::Tensor<3>) -> burn::tensor::Tensor<3> {
                use ia3_core::Ia3Forward;
                let h = self.activation.forward(self.$first.ia3_forward(x));
                crate::layers::dropped(&self.dropout, self.$second.ia3_forward(h))
            }
        }
    };
}

pub(crate) use feed_forward;
