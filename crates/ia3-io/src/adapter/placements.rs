//! What each vector of an adapter file multiplies.

use std::collections::BTreeMap;

use ia3_config::{ConfigError, ModelInfo, Placement, Plan, PlanOptions};

use crate::adapter::AdapterFileError;
use crate::adapter::file::{AdapterFile, CONFIG};
use crate::adapter::infer_model::infer_model;
use crate::adapter::load::{check_shape, mismatch, plan_error};

const ALLOW: PlanOptions = PlanOptions::new().with_allow_unmatched(true);

impl AdapterFile {
    /// What each vector multiplies, by module path.
    ///
    /// The configuration decides it, and the shape of the vector must agree. Without `base` the configuration is applied to
    /// a model that has the layers of the file and no others.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::NoVectors`]; [`AdapterFileError::Config`] or, with a base, [`AdapterFileError::Plan`] for a configuration that selects nothing;
    /// [`AdapterFileError::VectorShape`] for a vector on the other side or of another length; [`AdapterFileError::NotSelected`] or,
    /// with a base, [`AdapterFileError::Mismatch`] if the vectors and the selected layers are not the same.
    pub fn placements(
        &self,
        base: Option<&ModelInfo>,
    ) -> Result<BTreeMap<String, Placement>, AdapterFileError> {
        if self.vectors.is_empty() {
            let (path, found) = (self.path.clone(), self.saved.keys().cloned().collect());
            return Err(AdapterFileError::NoVectors { path, found });
        }
        let plan = match base {
            Some(base) => {
                self.config.plan_with(base, ALLOW).map_err(|source| plan_error(&self.path, source))?
            }
            None => self.own_plan()?,
        };
        let mut placements = BTreeMap::new();
        let mut missing = vec![];
        for site in &plan.sites {
            match self.vectors.get(&site.path) {
                None => missing.push(site.path.clone()),
                Some(vector) => {
                    check_shape(vector, site, &self.path)?;
                    placements.insert(site.path.clone(), site.placement);
                }
            }
        }
        let unexpected: Vec<String> =
            self.vectors.keys().filter(|module| !placements.contains_key(*module)).cloned().collect();
        match base {
            _ if missing.is_empty() && unexpected.is_empty() => Ok(placements),
            Some(base) => Err(mismatch(self.path.clone(), &missing, &unexpected, base)),
            None => Err(AdapterFileError::NotSelected { path: self.path.clone(), modules: unexpected }),
        }
    }

    /// The plan on a model that has the layers of the vectors and no others.
    fn own_plan(&self) -> Result<Plan, AdapterFileError> {
        let plan = self.config.plan_with(&infer_model(&self.vectors, false), ALLOW);
        plan.map_err(|source| match source {
            ConfigError::NothingMatched { .. } | ConfigError::AllExcluded { .. } => {
                AdapterFileError::NotSelected {
                    path: self.path.clone(),
                    modules: self.vectors.keys().cloned().collect(),
                }
            }
            source => AdapterFileError::Config { path: self.path.with_file_name(CONFIG), source },
        })
    }
}
