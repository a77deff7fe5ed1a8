//! What was measured: figures by name, of both sides, over all rounds.

use std::collections::BTreeMap;

use ia3::train::Quartiles;

/// The figures that one process measured, by name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// The end of the name of a figure on a base in 8 bits.
pub(crate) const INT8: &str = ", int8 base";
/// The end of the name of a figure on a base in 8 bits whose head is in 8 bits too.
pub(crate) const INT8_HEAD: &str = ", int8 base and head";
/// The same, with integers multiplied.
pub(crate) const INT8_FAST: &str = ", int8 base and head, fast integers";
/// The same in 4 bits.
pub(crate) const INT4_FAST: &str = ", int4 base and head, fast integers";
/// The end of the name of a figure on a base in bfloat16: this library computes in float32, PEFT in bfloat16.
pub(crate) const HALF: &str = ", bfloat16 base";
/// The end of the name of a figure for which both sides have one thread.
pub(crate) const ONE_THREAD: &str = ", one thread";
/// The end of the name of a figure for which PEFT's side uses batches of similar length.
pub(crate) const BY_LENGTH: &str = ", PEFT by length";

/// The figures of all rounds of one shape, by name.
#[derive(Default)]
pub(crate) struct Measured(BTreeMap<String, Pairs>);

/// The figures of every round. Those of the other side are absent where only this library is measured.
#[derive(Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// What was measured, by shape, in the order of the table.
#[derive(Default)]
pub(crate) struct ByShape(Vec<(String, Measured)>);

impl ByShape {
    /// Adds a round of a part: the figures of this library and those of the other side.
    pub(crate) fn add(&mut self, shape: &str, figures: &[Figures; 2]) {
        if self.0.last().is_none_or(|(name, _)| name != shape) {
            self.0.push((shape.into(), Measured::default()));
        }
        if let Some((_, measured)) = self.0.last_mut() {
            measured.add(figures);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Measured)> {
        self.0.iter()
    }
}

impl Measured {
    /// Adds a round.
    pub(crate) fn add(&mut self, [ours, theirs]: &[Figures; 2]) {
        for (name, value) in ours {
            let pairs = self.0.entry(name.clone()).or_default();
            pairs.ours.push(*value);
            // PEFT has no 8-bit (IA)³ here, so its float model is compared with the 8-bit ones too.
            pairs.theirs.extend(theirs.get(name).or_else(|| theirs.get(&without_integers(name))));
        }
    }

    /// The names of all figures.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Pairs> {
        self.0.get(name)
    }
}

/// The name of the figure on a base of floats.
pub(crate) fn without_integers(name: &str) -> String {
    // The longest ones first: they contain others.
    [INT8_FAST, INT4_FAST, INT8_HEAD, INT8].iter().fold(name.to_string(), |name, of| name.replace(of, ""))
}

impl Pairs {
    /// The median of this library and that of the other side; NaN where there is no figure.
    pub(crate) fn medians(&self) -> [f64; 2] {
        [median(&self.ours), median(&self.theirs)]
    }

    /// Whether both sides have figures.
    pub(crate) fn has_both(&self) -> bool {
        !self.ours.is_empty() && !self.theirs.is_empty()
    }

    /// The figures of this library.
    pub(crate) fn ours(&self) -> &[f64] {
        &self.ours
    }

    /// The median over the rounds of the other side's figure divided by this library's, with quartiles.
    pub(crate) fn ratio(&self) -> String {
        let ratios: Vec<f64> =
            self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| theirs / ours).collect();
        let q = Quartiles::of(&ratios);
        let [low, middle, high] = q.map_or([f64::NAN; 3], |q| [q.lower, q.median, q.upper]);
        format!("{} ({} – {})", number(middle), number(low), number(high))
    }
}

fn number(x: f64) -> String {
    if x < 10.0 { format!("{x:.2}") } else { format!("{x:.0}") }
}

/// The median; NaN where there is no value.
pub(crate) fn median(values: &[f64]) -> f64 {
    Quartiles::of(values).map_or(f64::NAN, |q| q.median)
}

#[cfg(test)]
pub(crate) fn figures(of: &[(&str, f64)]) -> Figures {
    of.iter().map(|(name, value)| (name.to_string(), *value)).collect()
}
