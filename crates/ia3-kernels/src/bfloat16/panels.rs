//! The packed columns of a task, and the blocks of the result that they are multiplied for.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::operands::Operands;
use super::pack::Packer;
use super::split::Split;
use super::tiles::Tiles;
use super::{BLOCK, SIZE};
use crate::matrix::MatMut;
use crate::simd::vectorised;

thread_local! {
    static MEMORY: RefCell<Vec<u32>> = const { RefCell::new(vec![]) };
}

/// Some inputs and columns of a weight, `[columns / 32, steps, 2 tiles, 16 pairs, 16 columns]`.
pub(super) struct Panels<'a> {
    blocks: &'a [u32],
    steps: usize,
}

/// Packs inputs and columns into memory of the thread and calls `f` with them.
pub(super) fn with(weight: &Packer, steps: Range<usize>, columns: Range<usize>, f: impl FnOnce(&Panels)) {
    let size = steps.len() * SIZE / 2;
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(columns.len().div_ceil(BLOCK) * size, 0);
        vectorised(
            #[inline(always)]
            || {
                // Neighbours in a row of the weight follow each other, so that the machine sees what comes next.
                for (at, step) in steps.clone().enumerate() {
                    for (i, blocks) in memory.chunks_exact_mut(size).enumerate() {
                        let block = &mut blocks[at * SIZE / 2..][..SIZE / 2];
                        weight.pack(step, columns.start + i * BLOCK, block);
                    }
                }
            },
        );
        f(&Panels { blocks: memory, steps: steps.len() });
    });
}

/// The product of 32 rows and 32 columns over some blocks of inputs.
pub(super) struct Block<'a> {
    pub(super) x: &'a Split<'a>,
    pub(super) panels: &'a Panels<'a>,
    pub(super) row: usize,
    /// The first column, of those that are packed.
    pub(super) column: usize,
    pub(super) steps: Range<usize>,
}

impl Block<'_> {
    /// Writes the product to `y`, or adds it if the steps are not the first ones.
    ///
    /// # Safety
    ///
    /// If the steps are not the first ones, the elements of the block in `y` must be initialised.
    pub(super) unsafe fn run(&self, tiles: Tiles, y: &mut MatMut<MaybeUninit<f32>>) {
        let [rows, columns] = y.dims();
        let size = [rows - self.row, columns - self.column].map(|left| left.min(BLOCK));
        let add = self.steps.start > 0;
        let mut y = y.from(self.row, self.column);
        let (out, stride) = (y.as_mut_ptr().cast::<f32>(), y.stride());
        let operands = self.operands();
        if size == [BLOCK, BLOCK] {
            // SAFETY: `y` has 32 rows and columns from here on, which are initialised if `add`, for which the caller answers.
            return unsafe { tiles.multiply(&operands, out, stride, add) };
        }
        let mut whole = [0.0; BLOCK * BLOCK];
        if add {
            for row in 0..size[0] {
                for column in 0..size[1] {
                    // SAFETY: the element is one of the block in `y`, which is initialised.
                    whole[row * BLOCK + column] = unsafe { *out.add(row * stride + column) };
                }
            }
        }
        // SAFETY: `whole` has 32 rows and columns, all initialised.
        unsafe { tiles.multiply(&operands, whole.as_mut_ptr(), BLOCK, add) };
        for row in 0..size[0] {
            for column in 0..size[1] {
                // SAFETY: the element is one of the block in `y`, which is borrowed mutably.
                unsafe { out.add(row * stride + column).write(whole[row * BLOCK + column]) };
            }
        }
    }

    /// What is multiplied.
    fn operands(&self) -> Operands<'_> {
        let (&Split { blocks, steps, parts }, count) = (self.x, self.panels.steps);
        assert_eq!(self.steps.len(), count, "blocks along the inputs");
        let x =
            &blocks[(self.row / BLOCK * steps + self.steps.start) * parts * SIZE..][..count * parts * SIZE];
        let w = &self.panels.blocks[self.column / BLOCK * count * SIZE / 2..][..count * SIZE / 2];
        Operands { x, w, parts }
    }
}
