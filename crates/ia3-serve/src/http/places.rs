//! Places for connections, of which those that ask nothing give way to new ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The places of a server.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    open: Mutex<Open>,
    /// Says that a connection has ended.
    left: Notify,
}

#[derive(Debug, Default)]
struct Open {
    count: usize,
    /// A number that no connection that waits for a request has had yet.
    next: u64,
    /// What ends each connection that waits for a request, the one that has waited longest first.
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Mutex::default(), left: Notify::new() }
    }

    /// A place. If there is none, the connection that has waited longest for a request ends; if none waits, this waits for one that
    /// ends by itself.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        loop {
            let left = self.left.notified();
            if let Some(place) = self.try_enter() {
                return place;
            }
            left.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.lock();
        if open.count < self.limit {
            open.count += 1;
            let end = Arc::new(Notify::new());
            let waits = open.wait(end.clone());
            return Some(Place { places: self.clone(), end, waits: Mutex::new(Some(waits)) });
        }
        if let Some((_, end)) = open.waiting.pop_first() {
            end.notify_one();
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn wait(&mut self, end: Arc<Notify>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, end);
        number
    }
}

/// The place of a connection.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    end: Arc<Notify>,
    /// Its number among those that wait for a request.
    waits: Mutex<Option<u64>>,
}

impl Place {
    /// Waits until another connection needs the place.
    pub(super) async fn needed(&self) {
        self.end.notified().await;
    }

    /// Keeps the place until what is returned is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.stop_waiting(&mut self.places.lock());
        Answering(self.clone())
    }

    fn stop_waiting(&self, open: &mut Open) {
        if let Some(number) = self.number().take() {
            open.waiting.remove(&number);
        }
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.lock();
        self.stop_waiting(&mut open);
        open.count -= 1;
        drop(open);
        self.places.left.notify_one();
    }
}

/// A request of a connection that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Place>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut open = self.0.places.lock();
        *self.0.number() = Some(open.wait(self.0.end.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The place, or `None` if there is none for a moment.
    async fn soon(places: &Arc<Places>) -> Option<Place> {
        tokio::time::timeout(Duration::from_millis(50), places.enter()).await.ok()
    }

    #[tokio::test]
    async fn the_connection_that_waits_longest_gives_way_and_one_that_is_answered_does_not() {
        let places = Arc::new(Places::new(2));
        let [first, second] = [places.enter().await, places.enter().await].map(Arc::new);
        let answering = first.answering();
        let (third, ()) = tokio::join!(places.enter(), async {
            second.needed().await;
            drop(second);
        });
        let third = Arc::new(third);
        let of_third = third.answering();
        assert!(soon(&places).await.is_none(), "both are being answered");
        drop((of_third, answering));
        // The third has waited longer than the first, which was answered longer.
        let fourth = tokio::spawn({
            let places = places.clone();
            async move { places.enter().await }
        });
        third.needed().await;
        drop(third);
        fourth.await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), first.needed()).await.is_err());
    }
}
