//! Ranks that are threads.

use std::sync::{Arc, Barrier, Mutex};

use ia3_train::Communicator;

/// A rank that is a thread.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    rank: usize,
    size: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    /// What each rank adds to a sum.
    sent: Mutex<Vec<Vec<f32>>>,
    /// What rank 0 said.
    said: Mutex<Vec<u8>>,
}

pub(crate) fn threads(size: usize) -> Vec<Thread> {
    let barrier = Barrier::new(size);
    let shared = Arc::new(Shared { barrier, sent: Mutex::new(vec![vec![]; size]), said: Mutex::default() });
    (0..size).map(|rank| Thread { rank, size, shared: shared.clone() }).collect()
}

impl Communicator for Thread {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_reduce_sum(&self, values: &mut [f32]) {
        let Shared { barrier, sent, .. } = &*self.shared;
        sent.lock().unwrap()[self.rank] = values.to_vec();
        barrier.wait();
        let all = sent.lock().unwrap().clone();
        assert!(all.iter().all(|own| own.len() == values.len()));
        for (i, value) in values.iter_mut().enumerate() {
            *value = all.iter().map(|own| own[i]).sum();
        }
        barrier.wait();
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Shared { barrier, said, .. } = &*self.shared;
        if self.rank == 0 {
            *said.lock().unwrap() = bytes;
        }
        barrier.wait();
        let heard = said.lock().unwrap().clone();
        barrier.wait();
        heard
    }
}
