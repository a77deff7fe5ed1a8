//! Tiles of 32 columns, which are read line by line.

use std::arch::x86_64::*;

use super::super::fetch::{fetch, soon};

/// Columns of a tile.
pub(super) const TILE: usize = 32;

/// Lines that are read together, so that their sums are in memory only once for all of them.
pub(super) const LINES: usize = 8;

/// The sums of a tile.
pub(super) type Sums = [__m256i; 4];

/// The lines of a block in groups of up to [`LINES`]. The lines of a group lie far apart, and each is followed by one of the
/// next group: so the machine reads several streams at once, which is faster than one.
#[derive(Clone, Copy)]
pub(super) struct Groups {
    /// Lines of the block.
    count: usize,
    /// Number of groups, and distance of the lines of one group.
    groups: usize,
}

impl Groups {
    #[inline(always)]
    fn of(count: usize) -> Self {
        Self { count, groups: count.div_ceil(LINES) }
    }

    /// The place in the block of line `i` of a group, if there is such a line.
    #[inline(always)]
    fn line(self, group: usize, i: usize) -> Option<usize> {
        Some(group + i * self.groups).filter(|line| *line < self.count)
    }

    /// The lines of a group that are there; they are the first ones.
    #[inline(always)]
    fn real(self, group: usize) -> usize {
        (self.count - group).div_ceil(self.groups)
    }
}

/// What the lines of a group are multiplied by.
pub(super) struct Factors<'a> {
    x: &'a [i8],
    per_line: usize,
    groups: Groups,
    group: usize,
}

impl Factors<'_> {
    /// The factors of line `i`; zeros stand for those that are not there.
    #[inline(always)]
    pub(super) fn of_line<const N: usize>(&self, i: usize) -> [u8; N] {
        let line = self.groups.line(self.group, i);
        std::array::from_fn(
            #[inline(always)]
            |j| line.and_then(|line| self.x.get(line * self.per_line + j)).map_or(0, |x| x.cast_unsigned()),
        )
    }
}

/// The lines of a group.
pub(super) struct Group {
    lines: [*const u8; LINES],
    pub(super) real: usize,
}

impl Group {
    /// A group of lines that begin `stride` bytes apart from `first` on.
    #[inline(always)]
    fn new(first: *const u8, stride: usize, groups: Groups, group: usize) -> Self {
        // A line that is not there is read from the place of the first one.
        let line = |i| first.wrapping_add(groups.line(group, i).unwrap_or(group) * stride);
        Self { lines: std::array::from_fn(line), real: groups.real(group) }
    }

    /// The bytes of line `i` in the tile that begins at `column`.
    ///
    /// # Safety
    ///
    /// The lines must have so many bytes, and the machine AVX2.
    #[inline(always)]
    pub(super) unsafe fn load(&self, i: usize, column: usize) -> __m256i {
        // SAFETY: the caller promises that the bytes are there.
        unsafe { _mm256_loadu_si256(self.lines[i].wrapping_add(column).cast()) }
    }

    /// Asks the machine for what lies `at` bytes behind the beginning of each line.
    #[inline(always)]
    fn fetch(&self, at: usize) {
        self.lines.iter().for_each(|line| fetch(line.wrapping_add(at)));
    }
}

/// The factors of a group by fours of its lines.
///
/// # Safety
///
/// The machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn fours(x: &Factors) -> [__m256i; LINES / 4] {
    std::array::from_fn(
        #[inline(always)]
        |half| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| x.of_line::<1>(4 * half + i)[0]);
            // SAFETY: the caller promises AVX2.
            unsafe { _mm256_set1_epi32(i32::from_le_bytes([a, b, c, d])) }
        },
    )
}

/// The factors of a group of lines of two inputs by pairs of its lines.
///
/// # Safety
///
/// The machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn pairs(x: &Factors) -> [__m256i; LINES / 2] {
    std::array::from_fn(
        #[inline(always)]
        |pair| {
            let ([a, b], [c, d]) = (x.of_line(2 * pair), x.of_line(2 * pair + 1));
            // SAFETY: the caller promises AVX2.
            unsafe { _mm256_set1_epi32(i32::from_le_bytes([a, b, c, d])) }
        },
    )
}

/// Four lines of a tile by column: vector `v` holds in its lower half the four bytes each of columns `4·v..4·v + 4`, in
/// its upper half those of the columns that are 16 further.
///
/// # Safety
///
/// The machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn interleave([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: the caller promises AVX2.
    unsafe {
        let [low, low_2] = [_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d)];
        let [high, high_2] = [_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d)];
        [
            _mm256_unpacklo_epi16(low, low_2),
            _mm256_unpackhi_epi16(low, low_2),
            _mm256_unpacklo_epi16(high, high_2),
            _mm256_unpackhi_epi16(high, high_2),
        ]
    }
}

/// Sums in the order that [`interleave`] makes, in the order of the columns.
///
/// # Safety
///
/// The machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn in_order([a, b, c, d]: Sums) -> Sums {
    // SAFETY: the caller promises AVX2.
    unsafe {
        [
            _mm256_permute2x128_si256::<0x20>(a, b),
            _mm256_permute2x128_si256::<0x20>(c, d),
            _mm256_permute2x128_si256::<0x31>(a, b),
            _mm256_permute2x128_si256::<0x31>(c, d),
        ]
    }
}

/// # Safety
///
/// `sums` must hold a tile from `column` on, and the machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn read(sums: &[i32], column: usize) -> Sums {
    debug_assert!(column + TILE <= sums.len());
    // SAFETY: the caller promises `TILE` elements.
    std::array::from_fn(|v| unsafe { _mm256_loadu_si256(sums.as_ptr().add(column + 8 * v).cast()) })
}

/// # Safety
///
/// As [`read`].
#[inline(always)]
pub(super) unsafe fn write(sums: &mut [i32], column: usize, values: Sums) {
    debug_assert!(column + TILE <= sums.len());
    for (v, value) in values.into_iter().enumerate() {
        // SAFETY: the caller promises `TILE` elements.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().add(column + 8 * v).cast(), value) };
    }
}

/// Sums up all groups of lines of a block, tile by tile: each line takes `per_line`
/// elements of `x`. `prepare` makes of them what `add` multiplies a tile of a group by. All sums begin with `start`, and `end` finishes a tile. Returns the
/// number of columns that were summed up.
///
/// # Safety
///
/// There must be one line of `sums.len()` bytes for each `per_line` elements of `x`, or part of them, `stride` bytes apart
/// from `lines` on. The machine must have AVX2.
#[inline(always)]
pub(super) unsafe fn sweep<T: Copy>(
    (lines, stride): (*const u8, usize),
    (x, per_line): (&[i8], usize),
    start: i32,
    sums: &mut [i32],
    prepare: impl Fn(Factors) -> T,
    add: impl Fn(&Group, usize, T, Sums) -> Sums,
    end: impl Fn(Sums) -> Sums,
) -> usize {
    let whole = sums.len() - sums.len() % TILE;
    let groups = Groups::of(x.len().div_ceil(per_line));
    for index in 0..groups.groups {
        let group = Group::new(lines, stride, groups, index);
        let factors = prepare(Factors { x, per_line, groups, group: index });
        let last = index + 1 == groups.groups;
        // The lines of the next group, or of the first group of the next block.
        let ahead = stride * if last { groups.count - index } else { 1 };
        for column in (0..whole).step_by(TILE) {
            group.fetch(soon(column, whole, ahead));
            // SAFETY: `column` begins a whole tile, and the caller promises AVX2.
            unsafe {
                let so_far = if index == 0 { [_mm256_set1_epi32(start); 4] } else { read(sums, column) };
                let total = add(&group, column, factors, so_far);
                write(sums, column, if last { end(total) } else { total });
            }
        }
    }
    whole
}
