use burn::tensor::Device;

use super::config::ClipConfig;
use crate::architecture::ArchitectureConfig;
use crate::encoder::{EncoderConfig, Head, HeadConfig, HeadLayers, Step};
use crate::error::ModelError;
use crate::image::ImageShape;
use crate::task::Task;

impl EncoderConfig for ClipConfig {
    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn class_prefix(&self) -> &'static str {
        match self.head.task {
            Task::FeatureExtraction => "CLIPVision",
            _ => "CLIP",
        }
    }

    fn body_name(&self) -> &'static str {
        "vision_model"
    }

    fn body_prefix(&self) -> &'static str {
        "vision_model."
    }

    fn image(&self) -> Option<ImageShape> {
        Some(self.image())
    }

    fn float32_states(&self) -> bool {
        self.float32_states
    }

    fn head(&self) -> &HeadConfig {
        &self.head
    }

    fn init_head(&self, device: &Device) -> Head {
        let (d, std, dropout) = (self.hidden_size, self.initializer_range, 0.0);
        let layers = HeadLayers { d, std, dropout, device };
        let steps = match self.head.task {
            Task::FeatureExtraction => vec![Step::PoolerBeside],
            _ => vec![Step::MeanAfterFirst, layers.linear("classifier", self.head.count())],
        };
        Head { steps }
    }
}

impl ArchitectureConfig for ClipConfig {
    const MODEL_TYPES: &'static [&'static str] = &["clip", "clip_vision_model"];

    fn read(text: &str) -> Result<Self, ModelError> {
        Self::from_json(text)
    }

    fn model_type(&self) -> &str {
        &self.model_type
    }

    fn vocab_size(&self) -> usize {
        0
    }

    fn image(&self) -> Option<ImageShape> {
        Some(self.image())
    }

    fn set_float32_states(&mut self, float32: bool) {
        self.float32_states = float32;
    }

    fn base_model_prefix(&self) -> Option<&'static str> {
        Some(self.body_prefix())
    }

    fn optional_modules(&self) -> &'static [&'static str] {
        match self.head.task {
            Task::FeatureExtraction => &[],
            _ => &["classifier"],
        }
    }

    fn classifier(&self) -> Option<&'static str> {
        (self.head.task != Task::FeatureExtraction).then_some("classifier")
    }

    fn head(&self) -> Option<&HeadConfig> {
        Some(&self.head)
    }

    fn head_mut(&mut self) -> Option<&mut HeadConfig> {
        Some(&mut self.head)
    }

    fn set_task(&mut self, task: Task) -> bool {
        let alone = self.model_type == "clip_vision_model" && task != Task::FeatureExtraction;
        !alone && self.head.set_task_of_images(task)
    }
}
