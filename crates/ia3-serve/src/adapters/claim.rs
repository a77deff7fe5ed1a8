use super::catalog::Catalog;
use super::recipe::Recipe;
use crate::error::ServeError;

/// What a request that waits knows of the adapter that it needs.
#[derive(Debug)]
pub(crate) struct Claim {
    name: String,
    recipe: Option<Recipe>,
    /// Whether its folders changed while they were read, and it has looked at them again.
    renewed: bool,
}

impl Claim {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), recipe: None, renewed: false }
    }

    /// The recipe of the adapter, from the first look at its folders.
    pub(super) fn recipe(&mut self, catalog: &Catalog) -> Result<Recipe, ServeError> {
        let recipe = match self.recipe.take() {
            Some(recipe) => recipe,
            None => Recipe::of(&self.name, catalog)?,
        };
        self.recipe = Some(recipe.clone());
        Ok(recipe)
    }

    /// Lets the folders be looked at again. It returns `false` the second time.
    pub(super) fn renew(&mut self) -> bool {
        self.recipe = None;
        !std::mem::replace(&mut self.renewed, true)
    }
}
