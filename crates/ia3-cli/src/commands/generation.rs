//! The generation of one batch, which `ia3 generate` and `ia3 chat` share.

use std::path::Path;

use anyhow::bail;
use ia3::data::Tokenizer;
use ia3::models::{GenerationConfig, Model, Sampling};
use ia3::{GenerationFile, ModelInputs, StopStrings, Task};

use crate::args::GenerationArgs;
use crate::output::note;
use crate::tokenizer;

/// The largest number of new tokens, unless the options name another.
const MAX_NEW_TOKENS: usize = 64;

/// A batch to generate for.
pub(super) struct Batch<'a> {
    pub(super) model: &'a Model,
    pub(super) inputs: &'a ModelInputs,
    pub(super) config: GenerationConfig,
    /// The texts that end a row, with the tokenizer that they need.
    pub(super) stop: Option<(&'a Tokenizer, &'a [String])>,
}

impl Batch<'_> {
    /// Generates for all rows, several sequences of each where the settings return as many, and counts the logits that are not
    /// finite. `on_token` is called with each new token of the first row.
    pub(super) fn generate(
        &self,
        non_finite: &mut usize,
        on_token: &mut dyn FnMut(i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Vec<i64>>> {
        let mut shown = Ok(());
        let mut stop = self.stop.map(|(tokenizer, texts)| StopStrings::new(tokenizer, texts));
        let generated = self.model.generate_with(self.inputs, &self.config, |step| {
            stop.iter_mut().for_each(|stop| stop.watch(&step));
            if shown.is_ok() {
                shown = on_token(step.tokens[0]);
            }
        })?;
        shown?;
        stop.map_or(Ok(()), StopStrings::finish)?;
        *non_finite += generated.non_finite;
        let width = generated.ids.dims()[1];
        let ids: Vec<i64> = generated.ids.try_into_data()?.iter().collect();
        Ok(ids.chunks(width).map(<[i64]>::to_vec).collect())
    }

    /// Generates one row, and passes its text to `print` while it comes.
    pub(super) fn stream(
        &self,
        tokenizer: &Tokenizer,
        non_finite: &mut usize,
        print: impl FnMut(&str),
    ) -> anyhow::Result<Vec<i64>> {
        let mut stream = tokenizer.streaming(print);
        Ok(self.generate(non_finite, &mut |id| Ok(stream(id)?))?.swap_remove(0))
    }
}

/// The settings with the language and the task that options name.
pub(super) fn of_speech(
    mut file: GenerationFile,
    language: &Option<String>,
    task: &Option<String>,
) -> anyhow::Result<GenerationFile> {
    if let Some(language) = language {
        file = file.with_language(language)?;
    }
    if let Some(task) = task {
        file = file.with_task(task)?;
    }
    Ok(file)
}

/// The settings of the model and of the base's `generation_config.json`, changed by the options.
pub(super) fn config(
    model: &Model,
    file: &GenerationFile,
    args: &GenerationArgs,
) -> anyhow::Result<GenerationConfig> {
    let new = args.max_new_tokens.unwrap_or(MAX_NEW_TOKENS);
    let mut config = file.applied_to(model.generation_config(new));
    config.min_new_tokens = args.min_new_tokens.unwrap_or(config.min_new_tokens);
    config.repetition_penalty = args.repetition_penalty.unwrap_or(config.repetition_penalty);
    config.no_repeat_ngram_size = args.no_repeat_ngram_size.unwrap_or(config.no_repeat_ngram_size);
    config.length_penalty = args.length_penalty.unwrap_or(config.length_penalty);
    config.early_stopping = args.early_stopping.map_or(config.early_stopping, Into::into);
    config.prompt_lookup_num_tokens = args.prompt_lookup_num_tokens.unwrap_or(0);
    config.num_return_sequences = args.num_return_sequences.unwrap_or(config.num_return_sequences);
    if args.forced_bos_token.is_some() && model.task() != Task::Seq2SeqLm {
        bail!("--forced-bos-token is for encoder-decoders, and the base is none; leave it out");
    }
    Ok(config.with_sampling(args.sample.then(|| sampling(file.sampling(), args))))
}

fn sampling(file: Sampling, args: &GenerationArgs) -> Sampling {
    file.with_temperature(args.temperature.unwrap_or(file.temperature))
        .with_top_k(args.top_k.or(file.top_k))
        .with_top_p(args.top_p.unwrap_or(file.top_p))
        .with_min_p(args.min_p.or(file.min_p))
        .with_seed(args.seed)
}

/// Reads `generation_config.json` of a base, and puts the beams and the forced token of the options in the place of its own. Notes
/// what the file asks for and the command does not do. `streams` names what prints a text while it is generated, which takes one
/// beam.
pub(super) fn file(
    base: &Path,
    args: &GenerationArgs,
    streams: Option<&'static str>,
) -> anyhow::Result<GenerationFile> {
    let mut file = GenerationFile::open(base)?;
    if file.do_sample == Some(true) && !args.sample {
        note("the base's generation_config.json draws tokens; --sample does it too, with its settings");
    }
    let others = [("--sample", args.sample), ("--stop", !args.stop.is_empty())];
    let one_beam = streams.or(others.iter().find(|(_, given)| *given).map(|(name, _)| *name));
    let several = |beams: Option<usize>| beams.filter(|&beams| beams > 1);
    match one_beam {
        Some(with) if several(args.num_beams).is_some() => {
            bail!("--num-beams does not go with {with}, which needs one beam; leave one of them out")
        }
        Some(with) => {
            if let (Some(beams), None) = (several(file.num_beams), args.num_beams) {
                note(format!(
                    "the base's generation_config.json searches with {beams} beams; {with} takes one"
                ));
            }
            file.num_beams = Some(1);
        }
        None => file.num_beams = args.num_beams.or(file.num_beams),
    }
    if let Some(token) = &args.forced_bos_token {
        file.forced_bos_token_id = Some(tokenizer::open(base)?.id_of(token)?);
    }
    Ok(file)
}
