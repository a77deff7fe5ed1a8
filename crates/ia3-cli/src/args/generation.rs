//! How texts are generated. The defaults are those of the base's generation_config.json.

use ia3::models::EarlyStopping;

#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Generation")]
pub(crate) struct GenerationArgs {
    /// Largest number of tokens to generate [default: 64; from sound, as many as the decoder has positions]
    #[arg(long, value_name = "N")]
    pub(crate) max_new_tokens: Option<usize>,
    /// Smallest number of tokens to generate before a row may end.
    #[arg(long, value_name = "N")]
    pub(crate) min_new_tokens: Option<usize>,
    /// Sample tokens instead of taking the most probable one.
    #[arg(long)]
    pub(crate) sample: bool,
    /// Number that the logits are divided by. Values below 1 make probable tokens more probable.
    #[arg(long, value_name = "T", requires = "sample", allow_negative_numbers = true)]
    pub(crate) temperature: Option<f64>,
    /// Sample among the K most probable tokens.
    #[arg(long, value_name = "K", requires = "sample")]
    pub(crate) top_k: Option<usize>,
    /// Sample among the smallest set of most probable tokens whose probabilities sum to P.
    #[arg(long, value_name = "P", requires = "sample", allow_negative_numbers = true)]
    pub(crate) top_p: Option<f64>,
    /// Sample among the tokens with at least this share of the probability of the most probable one.
    #[arg(long, value_name = "P", requires = "sample", allow_negative_numbers = true)]
    pub(crate) min_p: Option<f64>,
    /// Divide the logits of tokens that a row has already by this number, or multiply negative ones with it.
    #[arg(long, value_name = "PENALTY", allow_negative_numbers = true)]
    pub(crate) repetition_penalty: Option<f64>,
    /// Never write the same N tokens in a row twice; 0 allows it.
    #[arg(long, value_name = "N")]
    pub(crate) no_repeat_ngram_size: Option<usize>,
    /// Search with N beams instead of taking the most probable token at each step.
    #[arg(long, value_name = "N")]
    pub(crate) num_beams: Option<usize>,
    /// Divide the log-probability of a sequence by its number of new tokens to the power of P, in a beam search. Values above 0
    /// favour longer sequences.
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(crate) length_penalty: Option<f64>,
    /// When a beam search ends: `false` when no beam would be better than what has ended if it ended now, `true` when every beam
    /// has ended once, `never` when no beam can become better.
    #[arg(long, value_name = "WHEN")]
    pub(crate) early_stopping: Option<Stopping>,
    /// Write the N best sequences of a beam search for each prompt, the best first.
    #[arg(long, value_name = "N")]
    pub(crate) num_return_sequences: Option<usize>,
    /// Propose up to N tokens at a time from the text so far, where its last tokens occurred before, and check them in one pass. The
    /// text stays the same, and comes faster where it repeats parts of the prompt. For one prompt at a time of a decoder.
    #[arg(long, value_name = "N")]
    pub(crate) prompt_lookup_num_tokens: Option<usize>,
    /// Token that the text of an encoder-decoder begins with: the language to translate to, such as fra_Latn (NLLB), fr_XX (mBART)
    /// or __fr__ (M2M-100).
    #[arg(long, value_name = "TOKEN")]
    pub(crate) forced_bos_token: Option<String>,
    /// End a text where TEXT comes up in it; repeatable.
    #[arg(long = "stop", value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// Seed of the sampling. Every row of a batch has its own stream of random numbers.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample")]
    pub(crate) seed: u64,
}

/// When a beam search ends, by the names of transformers.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Stopping {
    False,
    True,
    Never,
}

impl From<Stopping> for EarlyStopping {
    fn from(stopping: Stopping) -> Self {
        match stopping {
            Stopping::False => Self::Heuristic,
            Stopping::True => Self::Full,
            Stopping::Never => Self::Never,
        }
    }
}
