//! The adapters in memory: each has a place of the table while requests use it, and as long as nobody else needs the place.

use ia3::core::{AdapterTable, describe_non_finite};

use super::catalog::{Catalog, Version};
use crate::error::ServeError;

/// The adapters in memory.
#[derive(Debug)]
pub(crate) struct Residents {
    catalog: Catalog,
    table: AdapterTable,
    /// What each place of the table holds.
    places: Vec<Option<Resident>>,
    /// Counts the requests, to know which adapter nobody has used for longest.
    clock: u64,
    pub(crate) loads: u64,
    pub(crate) evictions: u64,
}

#[derive(Debug)]
struct Resident {
    name: String,
    version: Version,
    /// The number of running requests.
    users: usize,
    used: u64,
}

/// The place of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    Place(usize),
    /// Running requests use all places.
    AllInUse,
}

impl Residents {
    pub(crate) fn new(catalog: Catalog, table: AdapterTable) -> Self {
        let places = (0..table.capacity()).map(|_| None).collect();
        Self { catalog, table, places, clock: 0, loads: 0, evictions: 0 }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(crate) fn table(&self) -> &AdapterTable {
        &self.table
    }

    /// The number of adapters in memory.
    pub(crate) fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// The place of the current version of an adapter, which is read from its folder if it is not in memory. It stays there until
    /// it is [released](Self::release), also if the folder changes.
    ///
    /// # Errors
    ///
    /// There is no such adapter, or it is broken. What is in memory is unchanged then.
    pub(crate) fn acquire(&mut self, name: &str, base: &ia3::Model) -> Result<Acquired, ServeError> {
        self.clock += 1;
        let missing = || ServeError::NoModel { name: name.into() };
        let (folder, version) = self.catalog.find(name).ok_or_else(missing)?;
        let current = |r: &Resident| r.name == name && r.version == version;
        let known = self.places.iter().position(|place| place.as_ref().is_some_and(current));
        let place = match known {
            Some(place) => place,
            // Nothing is read in vain, because a request that finds no place asks again after each step.
            None if self.places.iter().flatten().filter(|r| r.users > 0).count() == self.places.len() => {
                return Ok(Acquired::AllInUse);
            }
            None => {
                let refused = |reason: String| ServeError::Adapter { name: name.into(), reason };
                let adapter =
                    ia3::Adapter::load(&folder, base).map_err(|error| refused(error.to_string()))?;
                let broken = adapter.non_finite();
                if !broken.is_empty() {
                    return Err(refused(describe_non_finite(&broken)));
                }
                // A folder that changed while it was read may be half old and half new.
                if self.catalog.find(name).is_none_or(|(_, after)| after != version) {
                    return Err(refused("its files changed while they were read; try again".into()));
                }
                self.table.check(&adapter).map_err(|error| refused(error.to_string()))?;
                let Some(place) = self.free_place(name) else { return Ok(Acquired::AllInUse) };
                self.table.write(place, &adapter).map_err(|error| refused(error.to_string()))?;
                self.loads += 1;
                self.places[place] = Some(Resident { name: name.into(), version, users: 0, used: 0 });
                place
            }
        };
        if let Some(resident) = &mut self.places[place] {
            (resident.users, resident.used) = (resident.users + 1, self.clock);
        }
        Ok(Acquired::Place(place))
    }

    /// Says that a request no longer uses the adapter at a place.
    pub(crate) fn release(&mut self, place: usize) {
        if let Some(resident) = &mut self.places[place] {
            resident.users = resident.users.saturating_sub(1);
        }
    }

    /// A place that nobody uses: an empty one, that of an older version of `name`, or that of the adapter that nobody has used for
    /// longest.
    fn free_place(&mut self, name: &str) -> Option<usize> {
        let rank = |(place, resident): (usize, &Option<Resident>)| match resident {
            Some(resident) if resident.users > 0 => None,
            Some(resident) if resident.name == name => Some((0, 0, place)),
            None => Some((1, 0, place)),
            Some(resident) => Some((2, resident.used, place)),
        };
        let (kind, _, place) = self.places.iter().enumerate().filter_map(rank).min()?;
        self.evictions += u64::from(kind == 2);
        self.places[place] = None;
        Some(place)
    }
}
