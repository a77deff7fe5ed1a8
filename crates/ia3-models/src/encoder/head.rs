use burn::module::{Content, Devices, Module, ModuleMapper, ModuleVisitor};
use burn::nn::{Dropout, Linear};
use burn::tensor::{Device, Tensor};
use ia3_core::Ia3Forward;

use crate::activation::Activation;

/// What follows the body of an encoder: the layers that turn hidden states into the answer, in the order in which they are
/// computed. The heads of Hugging Face's classes differ in these layers and in their names.
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) steps: Vec<Step>,
}

/// What a [`Head`] computes.
pub(crate) struct Answer {
    pub(crate) logits: Tensor<3>,
    pub(crate) pooled: Option<Tensor<3>>,
}

/// One step of a [`Head`].
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Selects the first token.
    First,
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

    /// Computes the answer `[batch, seq or 1, labels]` of hidden states `[batch, seq, d]`, and the pooler `[batch, 1, d]` where it
    /// is beside them. `pool` computes the pooler.
    pub(crate) fn forward(&self, x: Tensor<3>, pool: impl Fn(Tensor<3>) -> Tensor<3>) -> Answer {
        let mut dropped: Option<&Dropout> = None;
        let mut pooled = None;
        let logits = self.steps.iter().fold(x, |x, step| match step {
            Step::PoolerBeside => {
                pooled = Some(pool(x.clone()));
                x
            }
            Step::First => x.narrow(1, 0, 1),
            Step::Pooler => pool(x),
            Step::Linear(_, layer) => layer.ia3_forward(x),
            Step::Dropout(_, dropout) => dropped.insert(dropout).forward(x),
            Step::DropoutAgain => dropped.map_or(x.clone(), |dropout| dropout.forward(x)),
            Step::Activation(activation) => activation.forward(x),
        });
        Answer { logits, pooled }
    }

    fn map_steps(self, linear: impl Fn(Linear) -> Linear, dropout: impl Fn(Dropout) -> Dropout) -> Self {
        let step = |step| match step {
            Step::Linear(name, layer) => Step::Linear(name, linear(layer)),
            Step::Dropout(name, layer) => Step::Dropout(name, dropout(layer)),
            other => other,
        };
        Self { steps: self.steps.into_iter().map(step).collect() }
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

impl Head {
    /// Visits the layers under their own names, as if they were fields of the model, whose type is `holder`.
    pub(crate) fn visit<V: ModuleVisitor>(&self, holder: &'static str, visitor: &mut V) {
        for step in &self.steps {
            let name = match step {
                Step::Linear(name, _) | Step::Dropout(name, _) => *name,
                _ => continue,
            };
            path(name, holder).for_each(|(field, holder)| visitor.enter_module(field, holder));
            match step {
                Step::Linear(_, layer) => layer.visit(visitor),
                Step::Dropout(_, layer) => layer.visit(visitor),
                _ => {}
            }
            path(name, holder).rev().for_each(|(field, holder)| visitor.exit_module(field, holder));
        }
    }

    /// Maps the layers, which are entered as by [`visit`](Self::visit).
    pub(crate) fn map<M: ModuleMapper>(self, holder: &'static str, mapper: &mut M) -> Self {
        let mut map = |step| {
            let name = match &step {
                Step::Linear(name, _) | Step::Dropout(name, _) => *name,
                _ => return step,
            };
            path(name, holder).for_each(|(field, holder)| mapper.enter_module(field, holder));
            let step = match step {
                Step::Linear(name, layer) => Step::Linear(name, layer.map(mapper)),
                Step::Dropout(name, layer) => Step::Dropout(name, layer.map(mapper)),
                other => other,
            };
            path(name, holder).rev().for_each(|(field, holder)| mapper.exit_module(field, holder));
            step
        };
        Self { steps: self.steps.into_iter().map(&mut map).collect() }
    }

    pub(crate) fn collect_devices(&self, devices: Devices) -> Devices {
        self.steps.iter().fold(devices, |devices, step| match step {
            Step::Linear(_, layer) => layer.collect_devices(devices),
            Step::Dropout(_, layer) => layer.collect_devices(devices),
            _ => devices,
        })
    }

    pub(crate) fn fork(self, device: &Device) -> Self {
        self.map_steps(|layer| layer.fork(device), |layer| layer.fork(device))
    }

    pub(crate) fn moved_to(self, device: &Device) -> Self {
        self.map_steps(|layer| layer.to_device(device), |layer| layer.to_device(device))
    }

    pub(crate) fn train(self) -> Self {
        self.map_steps(Module::train, Module::train)
    }

    pub(crate) fn valid(&self) -> Self {
        self.clone().map_steps(|layer| layer.valid(), |layer| layer.valid())
    }

    pub(crate) fn materialize(self) -> Self {
        self.map_steps(Module::materialize, Module::materialize)
    }
}

impl Head {
    /// Adds the layers to what a model displays.
    pub(crate) fn content(&self, content: Content) -> Content {
        self.steps.iter().fold(content, |content, step| match step {
            Step::Linear(name, layer) => content.add(name, layer),
            Step::Dropout(name, layer) => content.add(name, layer),
            _ => content,
        })
    }
}
