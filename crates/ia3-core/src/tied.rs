use std::ops::Deref;

use burn::module::{
    Content, Devices, Flag, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param,
    ParamId,
};
use burn::nn::{Embedding, Linear};
use burn::tensor::{Device, Tensor};

/// A layer that has the weight of an embedding until it gets a weight of its own, such as the head of a language model
/// (`_tied_weights_keys` of transformers).
///
/// It dereferences to an [`Option`], which is `None` while the layer is tied. Visitors then see no parameter of it.
/// [`attach`](crate::attach), [`attach_rows`](crate::attach_rows) and [`merge`](crate::merge) give it a weight of its own
/// where an adapter replaces the layer or the embedding: as in PEFT, the other of the two keeps the weight of the base.
///
/// ```
/// use burn::{module::Module, nn::{Embedding, EmbeddingConfig, Linear}, tensor::Device};
/// use ia3_core::Tied;
///
/// #[derive(Module, Debug)]
/// struct Net { wte: Embedding, lm_head: Tied<Linear> }
///
/// let wte = EmbeddingConfig::new(5, 3).init(&Device::flex());
/// let net = Net { wte, lm_head: Tied::to("wte") };
/// assert!(net.lm_head.is_none());
/// assert_eq!(net.num_params(), 15);
/// ```
#[derive(Clone, Debug)]
pub struct Tied<L> {
    own: Option<L>,
    to: Option<&'static str>,
}

/// A layer that can be [`Tied`] to an embedding.
pub trait TiedLayer: Module {
    /// The container type under which visitors enter a tied layer of this type.
    const MARK: &'static str;

    /// The layer with the weight of an embedding, `[rows, dim]`.
    fn of_embedding(weight: Param<Tensor<2>>) -> Self;
}

/// The mark of a tied [`Linear`].
pub(crate) const TIED_LINEAR: &str = "TiedLinear";
/// The mark of a tied [`Embedding`].
pub(crate) const TIED_EMBEDDING: &str = "TiedEmbedding";

impl TiedLayer for Linear {
    const MARK: &'static str = TIED_LINEAR;

    fn of_embedding(weight: Param<Tensor<2>>) -> Self {
        let transposed = weight.val().transpose();
        Self { weight: Param::initialized(weight.id, transposed), bias: None }
    }
}

impl TiedLayer for Embedding {
    const MARK: &'static str = TIED_EMBEDDING;

    fn of_embedding(weight: Param<Tensor<2>>) -> Self {
        Self { weight }
    }
}

impl<L> Tied<L> {
    /// A layer that has the weight of the embedding `to`, a path that starts at one of the modules around the layer.
    pub fn to(to: &'static str) -> Self {
        Self { own: None, to: Some(to) }
    }

    /// A place without a layer, such as that of the head in a model which has no head. Visitors see nothing of it.
    pub fn absent() -> Self {
        Self { own: None, to: None }
    }

    /// The same place with a layer that has its own weight; `None` ties it again.
    pub fn with_own(self, own: Option<L>) -> Self {
        Self { own, ..self }
    }
}

impl<L> Deref for Tied<L> {
    type Target = Option<L>;

    fn deref(&self) -> &Option<L> {
        &self.own
    }
}

impl<L: TiedLayer> Tied<L> {
    /// Shows the mapper a flag. A mapper that returns another flag, which only [`untied`](crate::untie::untied) does, gives
    /// the layer its weight.
    fn offered<M: ModuleMapper>(mapper: &mut M) -> Option<L> {
        let flag = Param::<Flag>::from_bool(false);
        let id = flag.id;
        mapper.enter_module("weight", L::MARK);
        let wanted = mapper.map_flag(flag).id != id;
        let own = wanted.then(|| L::of_embedding(mapper.map_float(placeholder())));
        mapper.exit_module("weight", L::MARK);
        own
    }
}

/// A parameter that a mapper replaces.
fn placeholder() -> Param<Tensor<2>> {
    let zeros = |device: &Device, _| Tensor::zeros([1, 1], device);
    Param::uninitialized(ParamId::new(), zeros, Device::default(), false, [1, 1].into())
}

impl<L: TiedLayer> Module for Tied<L> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.own.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self { own: self.own.fork(device), ..self }
    }

    fn to_device(self, device: &Device) -> Self {
        Self { own: self.own.to_device(device), ..self }
    }

    fn train(self) -> Self {
        Self { own: self.own.train(), ..self }
    }

    fn valid(&self) -> Self {
        Self { own: self.own.valid(), ..*self }
    }

    fn materialize(self) -> Self {
        Self { own: self.own.materialize(), ..self }
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        match (&self.own, self.to) {
            (Some(own), _) => own.visit(visitor),
            (None, Some(to)) => {
                visitor.enter_module(to, L::MARK);
                visitor.exit_module(to, L::MARK);
            }
            (None, None) => {}
        }
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let own = match self.own {
            Some(own) => Some(own.map(mapper)),
            None => self.to.and_then(|_| Self::offered(mapper)),
        };
        Self { own, ..self }
    }
}

impl<L: ModuleDisplay> ModuleDisplayDefault for Tied<L> {
    fn content(&self, content: Content) -> Option<Content> {
        match (&self.own, self.to) {
            (Some(own), _) => content.add_single(own).optional(),
            (None, Some(to)) => content.add_single(&format!("tied to {to}")).optional(),
            (None, None) => None,
        }
    }
}

impl<L: ModuleDisplay> ModuleDisplay for Tied<L> {}
