/// Models that were current a moment ago, so that switching back to one costs nothing. They share the base's weights.
#[derive(Clone, Debug)]
pub(super) struct Recent<M> {
    /// The latest last.
    models: Vec<(Active, M)>,
}

/// What is active, and whether it is frozen whatever its own setting is.
pub(super) type Active = (Vec<String>, bool);

/// Switching goes back and forth between a few; each model costs what its structure takes, without weights.
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

    /// Forgets all, since an adapter is not what it was.
    pub(super) fn clear(&mut self) {
        self.models.clear();
    }
}
