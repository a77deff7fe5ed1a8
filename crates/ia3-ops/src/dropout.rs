use std::cell::RefCell;
use std::collections::VecDeque;

use burn::tensor::{Distribution, Tensor, TensorData};

/// `x` with each element set to 0 with probability `prob`, and the others divided by `1 − prob`, as burn's `Dropout` computes it in
/// training.
///
/// Inside of a [`checkpoint`](crate::checkpoint) the elements that are kept are noted, one bit each, and the second run of the
/// block keeps the same ones. It draws no random numbers.
pub fn dropout<const D: usize>(x: Tensor<D>, prob: f64) -> Tensor<D> {
    let keep = 1.0 - prob;
    let kept = kept(&x, keep);
    x * kept * (1.0 / keep)
}

/// 1 where an element is kept, and 0 elsewhere.
fn kept<const D: usize>(x: &Tensor<D>, keep: f64) -> Tensor<D> {
    let draw = || x.random_like(Distribution::Bernoulli(keep));
    NOTES.with_borrow_mut(|notes| match notes {
        None => draw(),
        Some(Notes::Writing(masks)) => {
            let mask = draw();
            masks.push_back(Mask::of(&mask));
            mask
        }
        Some(Notes::Reading(masks)) => {
            let mask =
                masks.pop_front().expect("a block draws as many masks in its second run as in its first");
            mask.into_like(x)
        }
    })
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

/// The masks of a block that runs twice.
enum Notes {
    Writing(Masks),
    Reading(Masks),
}

/// The masks that a block drew, in their order.
pub(crate) type Masks = VecDeque<Mask>;

/// Which elements are kept, 64 in a word.
#[derive(Clone)]
pub(crate) struct Mask(Vec<u64>);

impl Mask {
    fn of<const D: usize>(kept: &Tensor<D>) -> Self {
        let kept: Vec<f32> = kept.clone().inner().into_data().iter().collect();
        let word = |bits: &[f32]| bits.iter().rev().fold(0, |word, &bit| word << 1 | u64::from(bit != 0.0));
        Self(kept.chunks(64).map(word).collect())
    }

    fn into_like<const D: usize>(self, x: &Tensor<D>) -> Tensor<D> {
        let shape = x.shape();
        let bit = |i: usize| f32::from(u8::from(self.0[i / 64] >> (i % 64) & 1 == 1));
        let kept: Vec<f32> = (0..shape.num_elements()).map(bit).collect();
        Tensor::from_data(TensorData::new(kept, shape), (&x.device(), x.dtype()))
    }
}

/// Calls `f`, and returns the masks that [`dropout`] drew in it on this thread.
pub(crate) fn noting<T>(f: impl FnOnce() -> T) -> (T, Masks) {
    let _before = Before(NOTES.replace(Some(Notes::Writing(Masks::new()))));
    let result = f();
    match NOTES.take() {
        Some(Notes::Writing(masks)) => (result, masks),
        _ => (result, Masks::new()),
    }
}

/// Calls `f`, in which [`dropout`] takes these masks in their order.
pub(crate) fn with_masks<T>(masks: Masks, f: impl FnOnce() -> T) -> T {
    let _before = Before(NOTES.replace(Some(Notes::Reading(masks))));
    f()
}

/// The notes that are set again when it is dropped, also by a panic.
struct Before(Option<Notes>);

impl Drop for Before {
    fn drop(&mut self) {
        NOTES.replace(self.0.take());
    }
}
