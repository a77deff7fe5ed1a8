//! Text normalisation for speech: what is written (`2021-03-05`, `$12.50`, `14:05`) into the words that are spoken.
//!
//! A small model learns every [`Task::ALL_MIXTURE`] task; the [`Task::HELD_OUT`] tasks ask for a different house style
//! on inputs that look exactly the same, so a model without an adapter answers them in the style it has learned.
//! Every value (a calendar date, an amount, …) belongs to one [`Split`], whichever way it is written.

mod dates;
mod numbers;
mod quantities;
mod split;
mod words;

use std::collections::HashSet;

use ia3::data::{Answer, TextExample};
use ia3::{ExampleInput, Examples};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use split::Split;

/// Every character that inputs and targets use, in the order of the model's token ids (the first has id 3).
pub const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789 :-/.,$%";

/// A written input and its spoken form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Example {
    /// The prefix of the task and the written form, such as `date: 2021-03-05`.
    pub input: String,
    /// The words, such as `march fifth twenty twenty-one`.
    pub target: String,
}

impl From<Example> for TextExample {
    fn from(example: Example) -> Self {
        Self::new(example.input, Answer::Text(example.target))
    }
}

/// Lists of examples can be passed to `train`, `evaluate` and `encode` of a model.
impl ExampleInput for Example {
    fn examples(list: impl IntoIterator<Item = Self>) -> Examples {
        TextExample::examples(list.into_iter().map(TextExample::from))
    }
}

/// A way to read out a kind of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// `number: 1234` → `one thousand two hundred thirty-four`.
    Cardinal,
    /// `ordinal: 21` → `twenty-first`.
    Ordinal,
    /// `year: 1905` → `nineteen oh five`.
    Year,
    /// `date: 2021-03-05` → `march fifth twenty twenty-one`.
    IsoDate,
    /// `date: mar 5, 2021` → `march fifth twenty twenty-one`.
    MonthFirstDate,
    /// `date: 05/03/2021` → `the fifth of march twenty twenty-one`.
    SlashDate,
    /// `date: 5 mar 2021` → `the fifth of march twenty twenty-one`.
    DayFirstDate,
    /// `time: 14:05` → `two oh five pm`.
    Time,
    /// `money: $12.50` → `twelve dollars and fifty cents`.
    Money,
    /// `measure: 12.5 kg` → `twelve point five kilograms`.
    Measure,
    /// `decimal: 3.14` → `three point one four`.
    Decimal,
    /// `digits: 5550` → `five five five zero`.
    Digits,
    /// Held out: `date: 2021-03-05` → `the fifth of march twenty twenty-one`.
    HouseDate,
    /// Held out: `time: 14:05` → `fourteen oh five`.
    HouseTime,
    /// Held out: `number: 1234` → `one two three four`.
    HouseSerial,
    /// Held out: `number: 1234` → `one thousand two hundred and thirty-four`.
    HouseCardinal,
}

impl Task {
    /// What the base model learns.
    pub const ALL_MIXTURE: [Self; 12] = [
        Self::Cardinal,
        Self::Ordinal,
        Self::Year,
        Self::IsoDate,
        Self::MonthFirstDate,
        Self::SlashDate,
        Self::DayFirstDate,
        Self::Time,
        Self::Money,
        Self::Measure,
        Self::Decimal,
        Self::Digits,
    ];

    /// What only adapters learn.
    pub const HELD_OUT: [Self; 4] =
        [Self::HouseDate, Self::HouseTime, Self::HouseSerial, Self::HouseCardinal];

    /// A random example of this task whose value is in `split`.
    pub fn sample(self, split: Split, rng: &mut impl Rng) -> Example {
        loop {
            let (key, example) = self.draw(rng);
            if Split::of(key) == split {
                return example;
            }
        }
    }

    /// `count` examples of this task with distinct inputs; equal arguments give equal examples.
    ///
    /// # Panics
    ///
    /// If `split` seems to have fewer distinct inputs than `count`.
    pub fn examples(self, split: Split, count: usize, seed: u64) -> Vec<Example> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut seen = HashSet::new();
        let draws = (0..1000 * (count + 1)).map(|_| self.sample(split, &mut rng));
        let examples: Vec<_> = draws.filter(|e| seen.insert(e.input.clone())).take(count).collect();
        assert_eq!(examples.len(), count, "{self:?} has too few inputs");
        examples
    }

    /// A random value's key and its example.
    fn draw(self, rng: &mut impl Rng) -> (u64, Example) {
        match self {
            Self::Cardinal | Self::HouseSerial | Self::HouseCardinal => numbers::number(self, rng),
            Self::Ordinal => numbers::ordinal_number(rng),
            Self::Year => numbers::year_number(rng),
            Self::Digits => numbers::digit_string(rng),
            Self::Time | Self::HouseTime => dates::time(self, rng),
            Self::Money => quantities::money(rng),
            Self::Measure => quantities::measure(rng),
            Self::Decimal => quantities::decimal(rng),
            _ => dates::date(self, rng),
        }
    }
}

/// An example of a random task of the mixture, as the base model is trained on.
pub fn sample_mixture(split: Split, rng: &mut impl Rng) -> Example {
    Task::ALL_MIXTURE[rng.random_range(0..Task::ALL_MIXTURE.len())].sample(split, rng)
}

/// An example from its prefix, written form and spoken form.
fn example(prefix: &str, written: &str, target: String) -> Example {
    let input = format!("{prefix}: {written}");
    Example { input, target }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_tasks() -> impl Iterator<Item = Task> {
        Task::ALL_MIXTURE.into_iter().chain(Task::HELD_OUT)
    }

    #[test]
    fn alphabet_has_distinct_characters_and_covers_every_example() {
        let alphabet: HashSet<char> = ALPHABET.chars().collect();
        assert_eq!(alphabet.len(), ALPHABET.len());
        for task in all_tasks() {
            for Example { input, target } in task.examples(Split::Test, 50, 1) {
                assert!(input.chars().chain(target.chars()).all(|c| alphabet.contains(&c)));
                assert!(input.len() <= 24 && target.len() <= 63, "{input} {target}");
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_examples() {
        for task in all_tasks() {
            let first = task.examples(Split::Train, 20, 7);
            assert_eq!(first, task.examples(Split::Train, 20, 7));
            assert_ne!(first, task.examples(Split::Train, 20, 8));
        }
    }

    #[test]
    fn splits_share_no_target() {
        let targets = |split| -> HashSet<String> {
            let examples = Task::HouseDate.examples(split, 2000, 3);
            examples.into_iter().map(|e| e.target).collect()
        };
        let base = Task::SlashDate.examples(Split::Base, 20_000, 3);
        let (train, test) = (targets(Split::Train), targets(Split::Test));
        assert!(train.is_disjoint(&test));
        assert!(base.iter().all(|e| !train.contains(&e.target) && !test.contains(&e.target)));
    }

    #[test]
    fn mixture_visits_every_prefix() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let prefix = |e: Example| e.input.split(':').next().map(str::to_owned);
        let prefixes: HashSet<_> = (0..500).map(|_| prefix(sample_mixture(Split::Base, &mut rng))).collect();
        assert_eq!(prefixes.len(), 9);
    }
}
