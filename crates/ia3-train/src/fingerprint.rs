use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{CheckpointError, Difference};
use crate::loss_config::LossConfig;
use crate::train_config::TrainConfig;
use ia3_guard::sha256::{self, hex};

/// The identity of a training: named values that have to be the same for a checkpoint to be resumed.
///
/// [`of`](Self::of) has an entry per setting. A program adds what else its trainings depend on, such as the data and the
/// base. Large values enter as their SHA-256 hash, so the entries stay short, and an error can list each one that differs.
/// Values come from serde's JSON, so a fingerprint does not depend on the version of Rust.
///
/// ```
/// use ia3_train::{Dataset, Fingerprint, TrainConfig};
///
/// let data = Dataset::default();
/// let mut fingerprint = Fingerprint::of(&TrainConfig::t_few())?;
/// fingerprint.insert("base", "t5-small");
/// fingerprint.insert_hash("data", &data)?;
/// assert_eq!(fingerprint.get("learning_rate"), Some("0.003"));
/// # Ok::<(), ia3_train::CheckpointError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint {
    entries: BTreeMap<String, String>,
}

impl Fingerprint {
    /// The format of fingerprints that this version writes. Fingerprints of other formats are not compared.
    pub(crate) const FORMAT: u32 = 3;

    /// All settings of a training, under the names of their fields.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Fingerprint`] if serde cannot write a setting as JSON.
    pub fn of(config: &TrainConfig) -> Result<Self, CheckpointError> {
        // Without `..`: a new setting does not compile until it has an entry.
        let TrainConfig {
            steps,
            batch_size,
            gradient_accumulation_steps,
            // It changes no number, so a training that resumes may change it.
            gradient_checkpointing: _,
            learning_rate,
            schedule,
            optimizer,
            max_grad_norm,
            shuffle,
            bucket,
            seed,
            loss: LossConfig { mc_loss, unlikely_loss, unlikelihood, length_norm, causal },
        } = config;
        let mut fingerprint = Self::default();
        fingerprint.insert_json("steps", steps)?;
        fingerprint.insert_json("batch_size", batch_size)?;
        fingerprint.insert_json("gradient_accumulation_steps", gradient_accumulation_steps)?;
        fingerprint.insert_json("learning_rate", learning_rate)?;
        fingerprint.insert_json("schedule", schedule)?;
        fingerprint.insert_json("optimizer", optimizer)?;
        fingerprint.insert_json("max_grad_norm", max_grad_norm)?;
        fingerprint.insert_json("shuffle", shuffle)?;
        fingerprint.insert_json("bucket", bucket)?;
        fingerprint.insert_json("seed", seed)?;
        fingerprint.insert_json("mc_loss", mc_loss)?;
        fingerprint.insert_json("unlikely_loss", unlikely_loss)?;
        fingerprint.insert_json("unlikelihood", unlikelihood)?;
        fingerprint.insert_json("length_norm", length_norm)?;
        fingerprint.insert_json("causal", causal)?;
        Ok(fingerprint)
    }

    /// Adds a value as it is, or replaces the value of that name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl ToString) {
        self.entries.insert(name.into(), value.to_string());
    }

    /// Adds a short value as its JSON.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Fingerprint`] if serde cannot write the value as JSON.
    pub fn insert_json(
        &mut self,
        name: impl Into<String>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), CheckpointError> {
        let name = name.into();
        let json = serde_json::to_string(value);
        let json = json.map_err(|source| CheckpointError::Fingerprint { name: name.clone(), source })?;
        self.insert(name, json);
        Ok(())
    }

    /// Adds a large value as the SHA-256 hash of its JSON.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Fingerprint`] if serde cannot write the value as JSON.
    pub fn insert_hash(
        &mut self,
        name: impl Into<String>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), CheckpointError> {
        let (name, mut hash) = (name.into(), Sha256::new());
        let written = serde_json::to_writer(&mut hash, value);
        written.map_err(|source| CheckpointError::Fingerprint { name: name.clone(), source })?;
        self.insert(name, hex(&hash.finalize()));
        Ok(())
    }

    /// Adds bytes, such as the content of a file, as their SHA-256 hash.
    pub fn insert_hash_of_bytes(&mut self, name: impl Into<String>, bytes: &[u8]) {
        self.insert(name, sha256::of_bytes(bytes));
    }

    /// The value of an entry.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    /// The names and values, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Everything in which `found`, such as the fingerprint of a checkpoint, differs from this one. Empty if they are the
    /// same.
    pub fn differences(&self, found: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.entries.keys().chain(found.entries.keys()).collect();
        let value = |of: &Self, name: &str| of.get(name).unwrap_or("absent").to_string();
        let difference = |name: &String| Difference {
            name: name.clone(),
            found: value(found, name),
            expected: value(self, name),
        };
        names.into_iter().map(difference).filter(|d| d.found != d.expected).collect()
    }
}

impl<N: Into<String>, V: ToString> FromIterator<(N, V)> for Fingerprint {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(name, value)| (name.into(), value.to_string()));
        Self { entries: entries.collect() }
    }
}

impl<N: Into<String>, V: ToString> Extend<(N, V)> for Fingerprint {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CausalLoss, OptimizerConfig, Schedule, Unlikelihood};

    #[test]
    fn every_setting_changes_the_fingerprint_under_its_own_name() {
        let config = TrainConfig::t_few;
        let with_loss = |loss| config().with_loss(loss);
        let changed = [
            ("steps", config().with_steps(7)),
            ("batch_size", config().with_batch_size(7)),
            ("gradient_accumulation_steps", config().with_gradient_accumulation_steps(7)),
            ("learning_rate", config().with_learning_rate(0.5)),
            ("schedule", config().with_schedule(Schedule::LinearFromFirst { warmup: 60 })),
            ("optimizer", config().with_optimizer(OptimizerConfig::adamw())),
            ("max_grad_norm", config().with_max_grad_norm(None)),
            ("shuffle", config().with_shuffle(false)),
            ("bucket", config().with_bucket(7)),
            ("seed", config().with_seed(7)),
            ("mc_loss", with_loss(LossConfig::new().with_mc_loss(0.0))),
            ("unlikely_loss", with_loss(LossConfig::new().with_unlikely_loss(0.0))),
            ("unlikelihood", with_loss(LossConfig::new().with_unlikelihood(Unlikelihood::Paper))),
            ("length_norm", with_loss(LossConfig::new().with_length_norm(0.5))),
            ("causal", with_loss(LossConfig::new().with_causal(CausalLoss::All))),
        ];
        let base = Fingerprint::of(&config()).unwrap();
        assert_eq!(changed.len(), base.entries().count());
        for (name, changed) in changed {
            let differences = base.differences(&Fingerprint::of(&changed).unwrap());
            assert_eq!(differences.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn values_are_json_and_hashes_are_sha_256() {
        let mut fingerprint = Fingerprint::of(&TrainConfig::t_few()).unwrap();
        assert_eq!(fingerprint.get("schedule"), Some(r#"{"Linear":{"warmup":60}}"#));
        assert_eq!(fingerprint.get("max_grad_norm"), Some("1.0"));
        fingerprint.insert_hash_of_bytes("file", b"abc");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fingerprint.get("file"), Some(abc));
        fingerprint.insert_hash("json", &[1, 2]).unwrap();
        fingerprint.insert_hash_of_bytes("text", b"[1,2]");
        assert_eq!(fingerprint.get("json"), fingerprint.get("text"));
    }

    #[test]
    fn absent_entries_are_differences() {
        let (small, mut large) = (Fingerprint::default(), Fingerprint::default());
        large.insert("shuffle", true);
        let difference = |a: &Fingerprint, b| a.differences(b)[0].to_string();
        assert_eq!(difference(&large, &small), "another shuffle: absent, now true");
        assert_eq!(difference(&small, &large), "another shuffle: true, now absent");
    }
}
