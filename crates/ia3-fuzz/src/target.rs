/// A reader as a function over any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of the program in `fuzz/fuzz_targets` and of the folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Reads the bytes. It panics if the reader breaks a promise: a panic of its own, something accepted that the
    /// reference refuses, or values other than the reference's.
    pub run: fn(&[u8]),
    /// Valid inputs, made from the fixtures.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of the format, from which mutations are made.
    pub tokens: &'static [&'static str],
}
