//! The adapters in memory: each has a place of the table while requests use it, and as long as nobody else needs the place.

use ia3::Adapter;
use ia3::core::{AdapterTable, describe_non_finite};

use super::catalog::{Catalog, Version};
use super::mix_name::Named;
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
    /// Of each adapter that it was made of.
    versions: Vec<Version>,
    /// Another number for each adapter that was read.
    id: u64,
    /// The number of running requests.
    users: usize,
    used: u64,
}

/// The place of an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The place of the table.
    pub(crate) index: usize,
    /// What tells the adapter that is there from all others that were read, also from other versions of it.
    pub(crate) id: u64,
}

/// What came of the question for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    Place(Place),
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
        let named = Named::parse(name)?;
        let versions = self.versions(name, &named)?;
        let current = |r: &Resident| r.name == name && r.versions == versions;
        let known = self.places.iter().position(|place| place.as_ref().is_some_and(current));
        let index = match known {
            Some(index) => index,
            // Nothing is read in vain, because a request that finds no place asks again after each step.
            None if self.places.iter().flatten().filter(|r| r.users > 0).count() == self.places.len() => {
                return Ok(Acquired::AllInUse);
            }
            None => {
                let adapter = self.read(name, &named, &versions, base)?;
                let refused = |error: ia3::AdapterError| refused(name, error.to_string());
                self.table.check(&adapter).map_err(refused)?;
                let Some(index) = self.free_place(name) else { return Ok(Acquired::AllInUse) };
                self.table.write(index, &adapter).map_err(refused)?;
                self.loads += 1;
                let id = self.loads;
                self.places[index] = Some(Resident { name: name.into(), versions, id, users: 0, used: 0 });
                index
            }
        };
        let Some(resident) = &mut self.places[index] else { return Ok(Acquired::AllInUse) };
        (resident.users, resident.used) = (resident.users + 1, self.clock);
        Ok(Acquired::Place(Place { index, id: resident.id }))
    }

    /// The versions of the adapters that a name needs, as they are now.
    fn versions(&self, name: &str, named: &Named) -> Result<Vec<Version>, ServeError> {
        let version = |part: &str| {
            let missing = || ServeError::NoModel { name: part.into() };
            Ok(self.catalog.find(part).ok_or_else(missing)?.1)
        };
        match named {
            Named::One(_) => Ok(vec![version(name)?]),
            Named::Mix(parts, _) => parts.iter().map(|(part, _)| version(part)).collect(),
        }
    }

    /// Reads an adapter, or those of a mix.
    fn read(
        &self,
        name: &str,
        named: &Named,
        versions: &[Version],
        base: &ia3::Model,
    ) -> Result<Adapter, ServeError> {
        match named {
            Named::One(_) => self.read_one(name, &versions[0], base),
            Named::Mix(parts, method) => {
                let one = |((part, _), version): (&(&str, f32), &Version)| self.read_one(part, version, base);
                let adapters: Vec<Adapter> = parts.iter().zip(versions).map(one).collect::<Result<_, _>>()?;
                let weighted = adapters.iter().zip(parts).map(|(adapter, (_, weight))| (adapter, *weight));
                let weighted: Vec<(&Adapter, f32)> = weighted.collect();
                Adapter::mix(&weighted, *method).map_err(|error| refused(name, error.to_string()))
            }
        }
    }

    fn read_one(&self, name: &str, version: &Version, base: &ia3::Model) -> Result<Adapter, ServeError> {
        let missing = || ServeError::NoModel { name: name.into() };
        let (folder, _) = self.catalog.find(name).ok_or_else(missing)?;
        let adapter = Adapter::load(&folder, base).map_err(|error| refused(name, error.to_string()))?;
        let broken = adapter.non_finite();
        if !broken.is_empty() {
            return Err(refused(name, describe_non_finite(&broken)));
        }
        // A folder that changed while it was read may be half old and half new.
        match self.catalog.find(name) {
            Some((_, after)) if after == *version => Ok(adapter),
            _ => Err(refused(name, "its files changed while they were read; try again".into())),
        }
    }

    /// Frees the places of an adapter that no request uses.
    pub(crate) fn forget(&mut self, name: &str) {
        let unused = |r: &Resident| r.name == name && r.users == 0;
        self.places
            .iter_mut()
            .filter(|place| place.as_ref().is_some_and(unused))
            .for_each(|place| *place = None);
    }

    /// Says that a request no longer uses the adapter at a place.
    pub(crate) fn release(&mut self, place: Place) {
        if let Some(resident) = &mut self.places[place.index] {
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

fn refused(name: &str, reason: String) -> ServeError {
    ServeError::Adapter { name: name.into(), reason }
}
