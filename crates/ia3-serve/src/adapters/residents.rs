//! The adapters in memory: each has a place of the table while requests use it, and as long as nobody else needs the place.

use std::sync::Arc;

use ia3::Model;
use ia3::core::AdapterTable;
use tokio::sync::oneshot;

use super::catalog::Catalog;
use super::claim::Claim;
use super::loader::{Loader, Wake};
use super::recipe::{Recipe, Refusal, refused};
use crate::error::ServeError;

/// Who waits for an adapter to be read.
type Answer = oneshot::Sender<Result<(), ServeError>>;

/// The adapters in memory, and those that are being read.
#[derive(Debug)]
pub(crate) struct Residents {
    catalog: Catalog,
    table: Arc<AdapterTable>,
    /// What each place of the table holds.
    places: Vec<Option<Resident>>,
    loader: Loader,
    preloads: Vec<(Claim, Answer)>,
    /// Counts the requests, to know which adapter nobody has used for longest.
    clock: u64,
    pub(crate) loads: u64,
    pub(crate) evictions: u64,
}

#[derive(Debug)]
struct Resident {
    recipe: Recipe,
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
    /// The adapter is being read.
    Loading,
    /// Running requests, and adapters that are being read, need all places.
    AllInUse,
}

impl Residents {
    pub(crate) fn new(catalog: Catalog, table: AdapterTable, base: &Model) -> Self {
        let table = Arc::new(table);
        let (base, of_loader, folders) = (base.clone(), table.clone(), catalog.clone());
        let loader = Loader::new(Arc::new(move |recipe: &Recipe| recipe.read(&base, &of_loader, &folders)));
        let places = (0..table.capacity()).map(|_| None).collect();
        Self { catalog, table, places, loader, preloads: vec![], clock: 0, loads: 0, evictions: 0 }
    }

    /// Lets something happen before each adapter is read.
    #[cfg(test)]
    pub(crate) fn before_reading(&mut self, base: &Model, happens: impl Fn() + Send + Sync + 'static) {
        let (base, table, catalog) = (base.clone(), self.table.clone(), self.catalog.clone());
        self.loader = Loader::new(Arc::new(move |recipe: &Recipe| {
            happens();
            recipe.read(&base, &table, &catalog)
        }));
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

    /// The name of the adapter at a place that a request uses.
    pub(crate) fn name(&self, place: Place) -> Option<&str> {
        self.places[place.index].as_ref().map(|resident| resident.recipe.name.as_str())
    }

    /// Whether an adapter is being read.
    pub(crate) fn is_loading(&self) -> bool {
        self.loader.count() > 0
    }

    /// Says what is called when an adapter is read.
    pub(crate) fn set_wake(&self, wake: Wake) {
        self.loader.set_wake(wake);
    }

    /// The place of an adapter in the version that its folder had when the request first asked. If it is not in memory, it is read on
    /// another thread, and the request has to ask again. It stays at its place until it is [released](Self::release), also if the
    /// folder changes.
    ///
    /// # Errors
    ///
    /// There is no such adapter, or it is broken. What is in memory is unchanged then.
    pub(crate) fn acquire(&mut self, claim: &mut Claim) -> Result<Acquired, ServeError> {
        self.clock += 1;
        let recipe = claim.recipe(&self.catalog)?;
        if let Some(index) = self.find(&recipe) {
            return Ok(self.seat(index));
        }
        match self.loader.take_refusal(&recipe) {
            Some(Refusal::Broken(error)) => return Err(error),
            Some(Refusal::Changed) if claim.renew() => return self.acquire(claim),
            Some(Refusal::Changed) => {
                let reason = "its files changed while they were read; try again";
                return Err(refused(&recipe.name, reason.into()));
            }
            None if self.loader.is_reading(&recipe) => return Ok(Acquired::Loading),
            None if self.needed() >= self.places.len() => return Ok(Acquired::AllInUse),
            None => self.loader.order(&recipe)?,
        }
        Ok(Acquired::Loading)
    }

    /// Reads an adapter before a request needs it, if a place is free.
    pub(crate) fn preload(&mut self, name: String, answer: Answer) {
        self.preloads.push((Claim::new(name), answer));
        self.answer_preloads();
    }

    /// Writes what was read into the table. With `wait`, it waits for an adapter that is being read.
    pub(crate) fn advance(&mut self, wait: bool) {
        let mut wait = wait;
        while let Some((recipe, adapter)) = self.loader.next(std::mem::take(&mut wait)) {
            let Some(index) = self.free_place(&recipe.name) else { continue };
            match self.table.write(index, &adapter) {
                Ok(()) => {
                    self.loads += 1;
                    let resident = Resident { recipe, id: self.loads, users: 0, used: self.clock };
                    self.places[index] = Some(resident);
                }
                Err(error) => {
                    let error = refused(&recipe.name, error.to_string());
                    self.loader.refuse(recipe, Refusal::Broken(error));
                }
            }
        }
        self.answer_preloads();
    }

    fn answer_preloads(&mut self) {
        for (mut claim, answer) in std::mem::take(&mut self.preloads) {
            let acquired = self.acquire(&mut claim);
            match acquired {
                Ok(Acquired::Loading) => {
                    self.preloads.push((claim, answer));
                    continue;
                }
                Ok(Acquired::Place(place)) => self.release(place),
                _ => (),
            }
            let _ = answer.send(acquired.map(|_| ())); // Nobody waits for it if this fails.
        }
    }

    /// Frees the places of an adapter that no request uses.
    pub(crate) fn forget(&mut self, name: &str) {
        let unused = |r: &Resident| r.recipe.name == name && r.users == 0;
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

    fn find(&self, recipe: &Recipe) -> Option<usize> {
        self.places.iter().position(|place| place.as_ref().is_some_and(|r| r.recipe == *recipe))
    }

    /// The number of places that running requests use, or adapters need that are being read.
    fn needed(&self) -> usize {
        self.places.iter().flatten().filter(|r| r.users > 0).count() + self.loader.count()
    }

    /// Lets a request use the adapter at a place, unless an adapter that is being read needs the place.
    fn seat(&mut self, index: usize) -> Acquired {
        let full = self.needed() >= self.places.len();
        match &mut self.places[index] {
            Some(resident) if resident.users > 0 || !full => {
                (resident.users, resident.used) = (resident.users + 1, self.clock);
                Acquired::Place(Place { index, id: resident.id })
            }
            _ => Acquired::AllInUse,
        }
    }

    /// A place that nobody uses: an empty one, that of an older version of `name`, or that of the adapter that nobody has used for
    /// longest.
    fn free_place(&mut self, name: &str) -> Option<usize> {
        let rank = |(place, resident): (usize, &Option<Resident>)| match resident {
            Some(resident) if resident.users > 0 => None,
            Some(resident) if resident.recipe.name == name => Some((0, 0, place)),
            None => Some((1, 0, place)),
            Some(resident) => Some((2, resident.used, place)),
        };
        let (kind, _, place) = self.places.iter().enumerate().filter_map(rank).min()?;
        self.evictions += u64::from(kind == 2);
        self.places[place] = None;
        Some(place)
    }
}
