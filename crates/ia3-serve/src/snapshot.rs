//! What an engine counts.

/// The upper bounds of the buckets of a [`Histogram`], in seconds.
const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What an engine has counted since it started, and what it holds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Requests that wait for a row.
    pub waiting: usize,
    /// Requests that run.
    pub running: usize,
    /// The adapters of the requests that run, in order. An engine for answers of one pass leaves this and the next one empty.
    pub running_adapters: Vec<String>,
    /// The adapters of the requests that wait, in order.
    pub waiting_adapters: Vec<String>,
    /// The number of rows.
    pub rows: usize,
    /// Tokens of running requests whose keys and values are in the memory.
    pub cached_tokens: usize,
    /// The number of tokens whose keys and values there is room for.
    pub cache_tokens: usize,
    /// Adapters in memory.
    pub resident_adapters: usize,
    /// The number of adapters that memory has places for.
    pub adapter_places: usize,
    /// Adapters that were read from their folders.
    pub adapter_loads: u64,
    /// Adapters that gave their place to another.
    pub adapter_evictions: u64,
    /// Passes of the model.
    pub passes: u64,
    /// Tokens of prompts that were read.
    pub prompt_tokens: u64,
    /// Tokens of prompts whose keys and values were in the memory already.
    pub reused_tokens: u64,
    /// Tokens that were chosen.
    pub completion_tokens: u64,
    /// Answers that ended by themselves.
    pub stopped: u64,
    /// Answers that ended at their largest number of tokens.
    pub too_long: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that ran when nobody waited for their answer any more.
    pub abandoned: u64,
    /// Requests that were answered by one pass: embeddings, classes and likelihoods.
    pub forwards: u64,
    /// From such a request to its answer.
    pub forward: Histogram,
    /// From a request to its first token.
    pub first_token: Histogram,
    /// From one token of an answer to the next.
    pub next_token: Histogram,
}

/// Durations, counted by size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    pub(crate) fn add(&mut self, seconds: f64) {
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.counts[bucket] += 1;
        }
        (self.count, self.sum) = (self.count + 1, self.sum + seconds);
    }

    /// The upper bounds of the buckets in seconds, each with the number of durations up to it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let up_to = self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        });
        BOUNDS.into_iter().zip(up_to)
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum in seconds.
    pub fn sum(&self) -> f64 {
        self.sum
    }
}
