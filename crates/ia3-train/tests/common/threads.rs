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
    /// The values that each rank adds to a sum.
    sums: Mutex<Vec<Vec<f32>>>,
    /// The bytes that each rank passes to a gather or a broadcast.
    bytes: Mutex<Vec<Vec<u8>>>,
}

/// Ranks for `size` threads.
pub(crate) fn threads(size: usize) -> Vec<Thread> {
    let (sums, bytes) = (Mutex::new(vec![vec![]; size]), Mutex::new(vec![vec![]; size]));
    let shared = Arc::new(Shared { barrier: Barrier::new(size), sums, bytes });
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
        let Shared { barrier, sums, .. } = &*self.shared;
        sums.lock().unwrap()[self.rank] = values.to_vec();
        barrier.wait();
        let all = sums.lock().unwrap().clone();
        assert!(all.iter().all(|own| own.len() == values.len()));
        for (i, value) in values.iter_mut().enumerate() {
            *value = all.iter().map(|own| own[i]).sum();
        }
        barrier.wait();
    }

    fn all_gather(&self, own: &[u8]) -> Vec<Vec<u8>> {
        let Shared { barrier, bytes, .. } = &*self.shared;
        bytes.lock().unwrap()[self.rank] = own.to_vec();
        barrier.wait();
        let all = bytes.lock().unwrap().clone();
        barrier.wait();
        all
    }

    fn broadcast(&self, own: Vec<u8>) -> Vec<u8> {
        self.all_gather(&own).swap_remove(0)
    }
}
