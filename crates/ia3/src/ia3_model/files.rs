//! Adapters from and to PEFT's folders.

use std::path::Path;

use burn::module::Module;
use ia3_io::{AdapterOptions, WrittenFiles, check_finite, load_adapter, save_adapters_with};

use super::Ia3Model;
use crate::Error;
use crate::folder_of;

/// Which adapters [`Ia3Model::save_pretrained`] saves. The default saves all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveOptions {
    /// The adapters to save.
    pub selected_adapters: Option<Vec<String>>,
    /// Name or path of the base for `adapter_config.json`, instead of the one in the configuration.
    pub base_name: Option<String>,
}

impl SaveOptions {
    /// Saves every adapter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the adapters to save.
    pub fn with_selected_adapters<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.selected_adapters = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the name or path of the base model.
    pub fn with_base_name(mut self, name: impl Into<String>) -> Self {
        self.base_name = Some(name.into());
        self
    }
}

impl<M: Module> Ia3Model<M> {
    /// Adds the adapter in a folder. It is frozen and not active. To train it further, as with PEFT's `is_trainable=True`,
    /// call [`set_requires_grad`](Self::set_requires_grad) afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateAdapter`]; [`Error::AdapterFile`] for a name that is empty or has a `.` or a path separator, for a
    /// damaged file, and for vectors and layers that are not one to one.
    pub fn load_adapter(&mut self, dir: impl AsRef<Path>, name: &str) -> Result<(), Error> {
        self.check_new(name)?;
        let device = self.base.devices().first().cloned().unwrap_or_default();
        let mut adapter = load_adapter(folder_of::adapter(dir.as_ref())?, &self.info, &device)?;
        adapter.config.inference_mode = true;
        self.insert_adapter(name, adapter)
    }

    /// Writes the adapters as PEFT's `save_pretrained` does: `default` into `dir`, and any other into the sub-folder of its
    /// name. Merged adapters are written like all others.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAdapter`] and [`Error::AdapterTwice`], before anything is written; [`Error::AdapterFile`] where the folder
    /// cannot be written.
    pub fn save_pretrained(
        &self,
        dir: impl AsRef<Path>,
        options: &SaveOptions,
    ) -> Result<Vec<WrittenFiles>, Error> {
        let all = || self.adapters.keys().cloned().collect();
        let names: Vec<String> = options.selected_adapters.clone().unwrap_or_else(all);
        self.check_names(&names)?;
        let named = |name: &'_ String| Some((name.clone(), self.adapter(name)?));
        let named: Vec<_> = names.iter().filter_map(named).collect();
        let pairs: Vec<_> = named.iter().map(|(name, adapter)| (name.as_str(), *adapter)).collect();
        pairs.iter().try_for_each(|(_, adapter)| check_finite(adapter))?;
        let base_name = options.base_name.clone();
        let mut options = AdapterOptions::new().with_base(self.info.clone());
        options.base_name = base_name;
        Ok(save_adapters_with(&pairs, dir, &options)?)
    }
}
