/// The models that were in use most recently, so that switching back to one needs no work. They share the base's weights.
#[derive(Clone, Debug)]
pub(super) struct Recent<M> {
    /// In the order of their use; the latest is the last.
    models: Vec<(Active, M)>,
}

/// The names of the active adapters, and whether they are frozen regardless of their own settings.
pub(super) type Active = (Vec<String>, bool);

/// How many models are kept. Each costs the memory of its structure, without weights.
const KEPT: usize = 8;

impl<M> Default for Recent<M> {
    fn default() -> Self {
        Self { models: vec![] }
    }
}

impl<M> Recent<M> {
    pub(super) fn take(&mut self, active: &Active) -> Option<M> {
        let index = self.models.iter().position(|(found, _)| found == active)?;
        Some(self.models.remove(index).1)
    }

    pub(super) fn keep(&mut self, active: Active, model: M) {
        if self.models.len() == KEPT {
            self.models.remove(0);
        }
        self.models.push((active, model));
    }

    /// Forgets all models, because an adapter changed.
    pub(super) fn clear(&mut self) {
        self.models.clear();
    }
}
