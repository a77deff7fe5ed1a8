//! An encoder as a burn module. The derived implementation would need a struct for each body with each head, because the names
//! of its fields are the names of the layers.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;

use super::body::{EncoderBody, EncoderConfig};
use super::model::Encoder;

/// The name of the type that holds the body and the layers of the head.
const HOLDER: &str = "Struct:Encoder";

impl<B: EncoderBody> Module for Encoder<B> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.head.collect_devices(self.body.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        Self { body: self.body.fork(device), head: self.head.fork(device), ..self }
    }

    fn to_device(self, device: &Device) -> Self {
        Self { body: self.body.to_device(device), head: self.head.moved_to(device), ..self }
    }

    fn train(self) -> Self {
        Self { body: self.body.train(), head: self.head.train(), ..self }
    }

    fn valid(&self) -> Self {
        Self { body: self.body.valid(), head: self.head.valid(), config: self.config.clone() }
    }

    fn materialize(self) -> Self {
        Self { body: self.body.materialize(), head: self.head.materialize(), ..self }
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        match self.body_name() {
            None => self.body.visit(visitor),
            Some(name) => {
                visitor.enter_module(name, HOLDER);
                self.body.visit(visitor);
                visitor.exit_module(name, HOLDER);
            }
        }
        self.head.visit(HOLDER, visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let name = self.body_name();
        name.into_iter().for_each(|name| mapper.enter_module(name, HOLDER));
        let body = self.body.map(mapper);
        name.into_iter().for_each(|name| mapper.exit_module(name, HOLDER));
        Self { body, head: self.head.map(HOLDER, mapper), ..self }
    }
}

impl<B: EncoderBody> ModuleDisplayDefault for Encoder<B> {
    fn content(&self, content: Content) -> Option<Content> {
        let content = content.set_top_level_type("Encoder").add(self.config.body_name(), &self.body);
        self.head.content(content).optional()
    }

    fn num_params(&self) -> usize {
        Module::num_params(self)
    }
}

impl<B: EncoderBody> ModuleDisplay for Encoder<B> {}

impl<B: EncoderBody> std::fmt::Display for Encoder<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.format(Default::default()))
    }
}
