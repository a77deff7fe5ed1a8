use burn::module::{Content, Devices, Module, ModuleMapper, ModuleVisitor};
use burn::nn::{Dropout, Embedding, Linear};
use burn::tensor::{Device, Int, Tensor};
use ia3_core::Ia3Forward;

use super::decoder::TokenDecoder;
use crate::activation::Activation;
use crate::norm::LayerNorm;
use crate::pooling::Pooling;

/// What follows the body of an encoder: the layers that turn hidden states into the answer, in the order in which they are
/// computed. The heads of Hugging Face's classes differ in these layers and in their names.
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) steps: Vec<Step>,
}

/// What some steps of a [`Head`] compute.
pub(crate) struct Answer {
    pub(crate) logits: Tensor<3>,
    pub(crate) pooled: Option<Tensor<3>>,
}

/// One step of a [`Head`].
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Selects the first token.
    First,
    /// The mean of all tokens but the first, as of the patches of an image.
    MeanAfterFirst,
    /// Makes one vector of the real tokens.
    Pool(Pooling),
    /// The pooler of the body, which selects the first token too.
    Pooler,
    /// The pooler beside the hidden states, which stay the answer.
    PoolerBeside,
    /// A layer with weights. Its name is its path in the model.
    Linear(&'static str, Linear),
    /// A dropout with its path in the model.
    Dropout(&'static str, Dropout),
    /// The dropout of an earlier step once more.
    DropoutAgain,
    Activation(Activation),
    Norm(&'static str, LayerNorm),
    /// The transposed embedding of tokens. The names are the paths of its weight and of its bias.
    Decoder([&'static str; 2], Box<TokenDecoder>),
}

impl Head {
    /// The linear layer at the path `name`, such as `classifier`, to replace its parameters.
    pub fn layer_mut(&mut self, name: &str) -> Option<&mut Linear> {
        self.steps.iter_mut().find_map(|step| match step {
            Step::Linear(path, layer) if *path == name => Some(layer),
            _ => None,
        })
    }

    /// Whether the head needs the pooler of the body.
    pub(crate) fn has_pooler(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Pooler | Step::PoolerBeside))
    }

    /// Computes what `steps`, which are all of a head or some, make of hidden states `[batch, seq, d]`, and the pooler
    /// `[batch, 1, d]` where it is beside them. All steps make the answer `[batch, seq or 1, labels]`. `mask` `[batch, seq]` is 1 for
    /// a real token, `pool` computes the pooler, and `embedding` is that of tokens.
    pub(crate) fn answer(
        steps: &[Step],
        x: Tensor<3>,
        mask: Option<&Tensor<2, Int>>,
        pool: impl Fn(Tensor<3>) -> Tensor<3>,
        embedding: Option<&Embedding>,
    ) -> Answer {
        let mut dropped: Option<&Dropout> = None;
        let mut pooled = None;
        let logits = steps.iter().fold(x, |x, step| match step {
            Step::PoolerBeside => {
                pooled = Some(pool(x.clone()));
                x
            }
            Step::First => x.narrow(1, 0, 1),
            Step::MeanAfterFirst => {
                let patches = x.dims()[1] - 1;
                x.narrow(1, 1, patches).mean_dim(1)
            }
            Step::Pool(pooling) => pooling.forward(x.clone(), mask).cast(x.dtype()).unsqueeze_dim(1),
            Step::Pooler => pool(x),
            Step::Linear(_, layer) => layer.ia3_forward(x),
            Step::Dropout(_, dropout) => dropped.insert(dropout).forward(x),
            Step::DropoutAgain => dropped.map_or(x.clone(), |dropout| dropout.forward(x)),
            Step::Activation(activation) => activation.forward(x),
            Step::Norm(_, norm) => norm.forward(x),
            Step::Decoder(_, decoder) => decoder.forward(x, embedding),
        });
        Answer { logits, pooled }
    }

    /// The head with each of its modules changed.
    fn map_steps(self, change: &impl ChangeModule) -> Self {
        let step = |step| match step {
            Step::Linear(name, layer) => Step::Linear(name, change.change(layer)),
            Step::Dropout(name, layer) => Step::Dropout(name, change.change(layer)),
            Step::Norm(name, layer) => Step::Norm(name, change.change(layer)),
            Step::Decoder(names, decoder) => {
                let TokenDecoder { weight, bias } = *decoder;
                let (weight, bias) = (change.change(weight), change.change(bias));
                Step::Decoder(names, Box::new(TokenDecoder { weight, bias }))
            }
            other => other,
        };
        Self { steps: self.steps.into_iter().map(step).collect() }
    }
}

/// A change of a module of any type.
trait ChangeModule {
    fn change<M: Module>(&self, module: M) -> M;
}

struct Fork<'a>(&'a Device);
struct Move<'a>(&'a Device);
struct Train;
struct Valid;
struct Materialize;

impl ChangeModule for Fork<'_> {
    fn change<M: Module>(&self, module: M) -> M {
        module.fork(self.0)
    }
}

impl ChangeModule for Move<'_> {
    fn change<M: Module>(&self, module: M) -> M {
        module.to_device(self.0)
    }
}

impl ChangeModule for Train {
    fn change<M: Module>(&self, module: M) -> M {
        module.train()
    }
}

impl ChangeModule for Valid {
    fn change<M: Module>(&self, module: M) -> M {
        module.valid()
    }
}

impl ChangeModule for Materialize {
    fn change<M: Module>(&self, module: M) -> M {
        module.materialize()
    }
}

/// The modules that a layer is in, with the types that hold them.
fn path(
    name: &'static str,
    holder: &'static str,
) -> impl DoubleEndedIterator<Item = (&'static str, &'static str)> {
    let inside = |(i, field)| (field, if i == 0 { holder } else { "Struct:Head" });
    name.split('.').enumerate().map(inside).collect::<Vec<_>>().into_iter()
}

/// Visits a module under its own path, as if it were a field of the model, whose type is `holder`.
fn visit_at<M: Module, V: ModuleVisitor>(
    module: &M,
    name: &'static str,
    holder: &'static str,
    visitor: &mut V,
) {
    path(name, holder).for_each(|(field, holder)| visitor.enter_module(field, holder));
    module.visit(visitor);
    path(name, holder).rev().for_each(|(field, holder)| visitor.exit_module(field, holder));
}

/// Maps a module, which is entered as by [`visit_at`].
fn map_at<M: Module, V: ModuleMapper>(
    module: M,
    name: &'static str,
    holder: &'static str,
    mapper: &mut V,
) -> M {
    path(name, holder).for_each(|(field, holder)| mapper.enter_module(field, holder));
    let module = module.map(mapper);
    path(name, holder).rev().for_each(|(field, holder)| mapper.exit_module(field, holder));
    module
}

impl Head {
    /// Visits the layers under their own names, as if they were fields of the model, whose type is `holder`.
    pub(crate) fn visit<V: ModuleVisitor>(&self, holder: &'static str, visitor: &mut V) {
        for step in &self.steps {
            match step {
                Step::Linear(name, layer) => visit_at(layer, name, holder, visitor),
                Step::Dropout(name, layer) => visit_at(layer, name, holder, visitor),
                Step::Norm(name, layer) => visit_at(layer, name, holder, visitor),
                Step::Decoder([weight, bias], decoder) => {
                    visit_at(&decoder.weight, weight, holder, visitor);
                    visit_at(&decoder.bias, bias, holder, visitor);
                }
                _ => {}
            }
        }
    }

    /// Maps the layers, which are entered as by [`visit`](Self::visit).
    pub(crate) fn map<M: ModuleMapper>(self, holder: &'static str, mapper: &mut M) -> Self {
        let mut map = |step: Step| match step {
            Step::Linear(name, layer) => Step::Linear(name, map_at(layer, name, holder, mapper)),
            Step::Dropout(name, layer) => Step::Dropout(name, map_at(layer, name, holder, mapper)),
            Step::Norm(name, layer) => Step::Norm(name, map_at(layer, name, holder, mapper)),
            Step::Decoder(names, decoder) => {
                let TokenDecoder { weight, bias } = *decoder;
                let weight = map_at(weight, names[0], holder, mapper);
                let bias = map_at(bias, names[1], holder, mapper);
                Step::Decoder(names, Box::new(TokenDecoder { weight, bias }))
            }
            other => other,
        };
        Self { steps: self.steps.into_iter().map(&mut map).collect() }
    }

    pub(crate) fn collect_devices(&self, devices: Devices) -> Devices {
        self.steps.iter().fold(devices, |devices, step| match step {
            Step::Linear(_, layer) => layer.collect_devices(devices),
            Step::Dropout(_, layer) => layer.collect_devices(devices),
            Step::Norm(_, layer) => layer.collect_devices(devices),
            Step::Decoder(_, decoder) => {
                decoder.bias.collect_devices(decoder.weight.collect_devices(devices))
            }
            _ => devices,
        })
    }

    pub(crate) fn fork(self, device: &Device) -> Self {
        self.map_steps(&Fork(device))
    }

    pub(crate) fn moved_to(self, device: &Device) -> Self {
        self.map_steps(&Move(device))
    }

    pub(crate) fn train(self) -> Self {
        self.map_steps(&Train)
    }

    pub(crate) fn valid(&self) -> Self {
        self.clone().map_steps(&Valid)
    }

    pub(crate) fn materialize(self) -> Self {
        self.map_steps(&Materialize)
    }
}

impl Head {
    /// Adds the layers to what a model displays.
    pub(crate) fn content(&self, content: Content) -> Content {
        self.steps.iter().fold(content, |content, step| match step {
            Step::Linear(name, layer) => content.add(name, layer),
            Step::Dropout(name, layer) => content.add(name, layer),
            Step::Norm(name, layer) => content.add(name, layer),
            Step::Decoder([weight, bias], decoder) => {
                content.add(weight, &decoder.weight).add(bias, &decoder.bias)
            }
            _ => content,
        })
    }
}
