//! The fields that completions and chat completions share.

use std::collections::BTreeMap;

use ia3::models::{GenerationConfig, Sampling};
use serde::Deserialize;

use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use crate::engine::{Penalties, Request, Room};
use crate::error::ServeError;

/// The largest number of answers to one request.
const MAX_CHOICES: usize = 128;
/// The largest number of texts that end an answer.
const MAX_STOP: usize = 16;
/// The longest of these texts, in bytes.
const MAX_STOP_BYTES: usize = 1024;

/// What a request asks for beside its prompt.
#[derive(Debug)]
pub(super) struct Params {
    /// The name of the model as the request gives it.
    pub(super) model: String,
    /// The number of answers to each prompt.
    pub(super) n: usize,
    pub(super) stream: bool,
    /// Whether a stream ends with the numbers of tokens.
    pub(super) usage: bool,
    /// The log-probabilities of the most probable tokens, where any are wanted.
    pub(super) top_logprobs: Option<usize>,
    adapter: Option<String>,
    max_tokens: Option<usize>,
    config: GenerationConfig,
    sampling: Option<Sampling>,
    penalties: Penalties,
    stop: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

impl Params {
    /// Takes the fields of a request. Those of the log-probabilities are taken by the caller.
    pub(super) fn take(fields: &mut Fields, app: &App) -> Result<Self, ApiError> {
        let model: String = fields.need("model")?;
        let n = fields.take("n")?.unwrap_or(1);
        if !(1..=MAX_CHOICES).contains(&n) {
            return Err(ApiError::field("n", format!("is {n}, expected 1 to {MAX_CHOICES}")));
        }
        let stream = fields.take("stream")?.unwrap_or(false);
        let options: Option<StreamOptions> = fields.take("stream_options")?;
        if options.is_some() && !stream {
            return Err(ApiError::field("stream_options", "is set, but `stream` is not"));
        }
        let max_tokens = match (fields.take("max_completion_tokens")?, fields.take("max_tokens")?) {
            (Some(_), Some(_)) => {
                return Err(ApiError::field("max_tokens", "is set beside `max_completion_tokens`"));
            }
            (newer, older) => newer.or(older),
        };
        Ok(Self {
            adapter: app.adapter(&model).map(str::to_string),
            model,
            n,
            stream,
            usage: options.is_some_and(|options| options.include_usage),
            top_logprobs: None,
            max_tokens,
            config: config(fields, app)?,
            sampling: sampling(fields, app)?,
            penalties: penalties(fields, app)?,
            stop: stop(fields)?,
        })
    }

    /// The request for answer `choice` to a prompt. Without `max_tokens`, an answer has up to `most` tokens, or what fits.
    pub(super) fn request(
        &self,
        prompt: Vec<i64>,
        choice: usize,
        most: usize,
        app: &App,
    ) -> Result<Request, ApiError> {
        let (base, options) = (app.engines().base(), app.engines().options());
        let too_long = |error| match error {
            ServeError::Request { .. } => ApiError::from(error).with_code("context_length_exceeded"),
            other => other.into(),
        };
        let room = Room::new(base, &options, prompt.len(), &self.config).map_err(too_long)?;
        self.max_tokens.map_or(Ok(()), |tokens| room.check(tokens)).map_err(too_long)?;
        let sampling = self.sampling.map(|s| s.with_seed(s.seed.wrapping_add(choice as u64)));
        let config =
            self.config.clone().with_max_new_tokens(self.max_tokens.unwrap_or(most.min(room.new_tokens())));
        Ok(Request::new(prompt, config.with_sampling(sampling))
            .with_adapter(self.adapter.clone())
            .with_penalties(self.penalties.clone())
            .with_stop(self.stop.clone())
            .with_top_logprobs(self.top_logprobs))
    }
}

fn config(fields: &mut Fields, app: &App) -> Result<GenerationConfig, ApiError> {
    let file = &app.options().generation;
    let mut config = file.applied_to(app.engines().base().module().generation_config(1)).with_num_beams(1);
    config.num_return_sequences = 1;
    if let Some(tokens) = fields.take("min_tokens")? {
        config.min_new_tokens = tokens;
    }
    if let Some(penalty) = fields.take("repetition_penalty")? {
        config.repetition_penalty = penalty;
    }
    if fields.take("ignore_eos")?.unwrap_or(false) {
        config.eos_token_id.clear();
    }
    config.eos_token_id.extend(fields.take::<Vec<i64>>("stop_token_ids")?.unwrap_or_default());
    Ok(config)
}

/// How tokens are drawn: `None`, the most probable one, at temperature 0. What the request leaves out is that of the base's
/// generation_config.json, or else 1, as in OpenAI's API.
fn sampling(fields: &mut Fields, app: &App) -> Result<Option<Sampling>, ApiError> {
    let mut sampling = app.options().generation.sampling();
    sampling.temperature = fields.take("temperature")?.unwrap_or(sampling.temperature);
    sampling.top_p = fields.take("top_p")?.unwrap_or(sampling.top_p);
    sampling.min_p = fields.take("min_p")?.or(sampling.min_p);
    if let Some(top_k) = fields.take::<i64>("top_k")? {
        // -1 and 0 are no limit in other servers.
        sampling.top_k = usize::try_from(top_k).ok().filter(|k| *k > 0);
    }
    let seed = fields.take::<i64>("seed")?.map(i64::cast_unsigned);
    sampling.seed = seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    // A draw checks these too, but at temperature 0 nothing is drawn.
    for (field, share) in [("top_p", Some(sampling.top_p)), ("min_p", sampling.min_p)] {
        if let Some(share) = share.filter(|share| !(0.0..=1.0).contains(share)) {
            return Err(ApiError::field(field, format!("is {share}, expected a number from 0 to 1")));
        }
    }
    Ok((sampling.temperature != 0.0).then_some(sampling))
}

fn penalties(fields: &mut Fields, app: &App) -> Result<Penalties, ApiError> {
    let mut number = |name| match fields.take::<f32>(name)?.unwrap_or(0.0) {
        number if number.is_finite() => Ok(number),
        number => Err(ApiError::field(name, format!("is {number}, expected a finite number"))),
    };
    let (presence, frequency) = (number("presence_penalty")?, number("frequency_penalty")?);
    let vocab = app.engines().base().module().vocab_size() as i64;
    let entry = |(id, bias): (String, f32)| match id.parse::<i64>() {
        Ok(id) if (0..vocab).contains(&id) && bias.is_finite() => Ok((id, bias)),
        _ => {
            let problem =
                format!("has `{}: {bias}`, expected an id below {vocab} and a number", ia3_guard::quote(&id));
            Err(ApiError::field("logit_bias", problem))
        }
    };
    let bias: BTreeMap<String, f32> = fields.take("logit_bias")?.unwrap_or_default();
    let bias = bias.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Penalties { presence, frequency, bias })
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    let stop = match fields.take("stop")? {
        None => vec![],
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Several(texts)) => texts,
    };
    match stop.len() <= MAX_STOP && stop.iter().all(|text| text.len() <= MAX_STOP_BYTES) {
        true => Ok(stop),
        false => Err(ApiError::field(
            "stop",
            format!("has more than {MAX_STOP} texts, or one of more than {MAX_STOP_BYTES} bytes"),
        )),
    }
}
