//! A conversation with a model, whose adapter can change.

use std::path::{Path, PathBuf};

use anyhow::bail;
use burn::tensor::Device;

use ia3::core::Adapter;
use ia3::data::{ChatTemplate, Conversation, Tokenizer};
use ia3::models::{Model, PaddingSide};
use ia3::{GenerationFile, PretrainedOptions};
use ia3_guard::quote;

use super::template;
use crate::args::{Chat, GenerationArgs};
use crate::commands::base_model;
use crate::commands::generation::{self, Batch};
use crate::output;
use crate::tokenizer;

pub(super) struct Session<'a> {
    generation: &'a GenerationArgs,
    file: GenerationFile,
    device: &'a Device,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    base: Model,
    adapters: Vec<(String, Adapter)>,
    /// The place of the adapter that answers; `None` is the base.
    active: Option<usize>,
    /// The conversation before its first message.
    start: Conversation,
    conversation: Conversation,
}

impl<'a> Session<'a> {
    pub(super) fn open(args: &'a Chat, device: &'a Device) -> anyhow::Result<Self> {
        let tokenizer = tokenizer::open(&args.base)?;
        let template = template(&args.base)?;
        let options = PretrainedOptions::new()
            .with_dtype(base_model::dtype(args.dtype))
            .with_keep_quantized(args.keep_quantized);
        let base = base_model::load_with(&args.base, &options, device)?;
        let (names, folders): (Vec<String>, Vec<PathBuf>) =
            args.adapters.iter().map(|arg| named(arg)).unzip();
        let adapters = base_model::adapters(&folders, &base.model, &args.base, device)?;
        let active = (!adapters.is_empty()).then_some(0);
        let adapters = names.into_iter().zip(adapters).collect();
        let start =
            args.system.iter().fold(Conversation::new(), |chat, text| chat.with_message("system", text));
        let (generation, conversation) = (&args.generation, start.clone());
        let file = generation::file(&args.base, generation, Some("ia3 chat"))?;
        Ok(Self {
            generation,
            file,
            device,
            tokenizer,
            template,
            base: base.model,
            adapters,
            active,
            start,
            conversation,
        })
    }

    /// Who answers.
    pub(super) fn who(&self) -> String {
        match self.active {
            Some(place) => format!("the adapter `{}` answers", quote(&self.adapters[place].0)),
            None => "the base answers".into(),
        }
    }

    pub(super) fn adapters(&self) -> String {
        let names: Vec<String> = self.adapters.iter().map(|(name, _)| format!("`{}`", quote(name))).collect();
        match names.is_empty() {
            true => "there are no adapters; --adapter NAME=DIR gives one".into(),
            false => format!("adapters: {}; {}", names.join(", "), self.who()),
        }
    }

    /// Lets the adapter of this name answer, or the base.
    pub(super) fn choose(&mut self, name: Option<&str>) -> anyhow::Result<()> {
        self.active = match name {
            None => None,
            Some(name) => match self.adapters.iter().position(|(own, _)| own == name) {
                Some(place) => Some(place),
                None => bail!("there is no adapter `{}`; {}", quote(name), self.adapters()),
            },
        };
        output::on_stderr(self.who());
        Ok(())
    }

    pub(super) fn reset(&mut self) {
        self.conversation = self.start.clone();
    }

    /// Answers what the user says; the answer is printed while it comes. A failure leaves the conversation as it was.
    pub(super) fn answer(&mut self, text: &str) -> anyhow::Result<()> {
        let asked = self.conversation.clone().with_message("user", text);
        let prompt = self.tokenizer.encode_plain(&self.template.render(&asked, true)?, None)?;
        let active: Vec<&Adapter> = self.active.iter().map(|&place| &self.adapters[place].1).collect();
        let model = ia3::attach(&self.base, &active)?;
        let inputs = model.batch(std::slice::from_ref(&prompt), PaddingSide::Left, self.device)?;
        let config = generation::config(&model, &self.file, self.generation)?;
        let stop = Some((&self.tokenizer, self.generation.stop.as_slice()));
        let batch = Batch { model: &model, inputs: &inputs, config, stop };
        let mut non_finite = 0;
        let ids = batch.stream(&self.tokenizer, &mut non_finite, output::piece)?;
        output::piece_end()?;
        if non_finite > 0 {
            bail!("{non_finite} values of `logits` are NaN or infinite, so the answer means nothing");
        }
        let answer = self.tokenizer.decode(ids.get(prompt.len()..).unwrap_or_default())?;
        self.conversation = asked.with_message("assistant", &answer);
        Ok(())
    }
}

/// The name and the folder of an adapter: `NAME=DIR`, or `DIR` under its own name.
fn named(arg: &Path) -> (String, PathBuf) {
    let text = arg.to_string_lossy();
    match text.split_once('=').filter(|_| !arg.exists()) {
        Some((name, dir)) => (name.into(), dir.into()),
        None => {
            let name = arg.file_name().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_else(|| text.clone().into_owned()), arg.to_owned())
        }
    }
}
