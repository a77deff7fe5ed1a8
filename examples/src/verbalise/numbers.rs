//! Random whole numbers and their readings.

use rand::{Rng, RngExt};

use super::words::{british_cardinal, cardinal, digits, ordinal, year};
use super::{Example, Task, example};

/// A number of up to five digits in the style of `task`.
pub(super) fn number(task: Task, rng: &mut impl Rng) -> (u64, Example) {
    let n = match task {
        Task::Cardinal => with_digits(1, rng),
        _ => distinctive(rng),
    };
    let target = match task {
        Task::HouseSerial => digits(&n.to_string()),
        Task::HouseCardinal => british_cardinal(n),
        _ => cardinal(n),
    };
    (u64::from(n), example("number", &n.to_string(), target))
}

/// An ordinal from 1 to 999, half of them below 100.
pub(super) fn ordinal_number(rng: &mut impl Rng) -> (u64, Example) {
    let most = if rng.random_bool(0.5) { 99 } else { 999 };
    let n = rng.random_range(1..=most);
    (u64::from(n), example("ordinal", &n.to_string(), ordinal(n)))
}

/// A year from 1100 to 2099.
pub(super) fn year_number(rng: &mut impl Rng) -> (u64, Example) {
    let n = rng.random_range(1100..2100);
    (u64::from(n), example("year", &n.to_string(), year(n)))
}

/// Three to eight digits, which may start with zeros.
pub(super) fn digit_string(rng: &mut impl Rng) -> (u64, Example) {
    let length = rng.random_range(3..=8);
    let text: String = (0..length).map(|_| char::from(rng.random_range(b'0'..=b'9'))).collect();
    let key = format!("1{text}").parse().expect("nine digits are a number");
    (key, example("digits", &text, digits(&text)))
}

/// A number that every style reads differently: three to five digits, and no whole hundred.
fn distinctive(rng: &mut impl Rng) -> u32 {
    loop {
        let n = with_digits(3, rng);
        if !n.is_multiple_of(100) {
            return n;
        }
    }
}

/// A number of `least` to five digits, every length equally likely.
fn with_digits(least: u32, rng: &mut impl Rng) -> u32 {
    let length = rng.random_range(least..=5);
    let smallest = if length == 1 { 0 } else { 10_u32.pow(length - 1) };
    rng.random_range(smallest..10_u32.pow(length))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn numbers_have_every_length() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let numbers: Vec<_> = (0..200).map(|_| with_digits(1, &mut rng)).collect();
        for length in 1..=5 {
            assert!(numbers.iter().any(|n| n.to_string().len() == length));
        }
        assert!(numbers.iter().all(|&n| n < 100_000));
    }

    #[test]
    fn distinctive_numbers_have_three_different_readings() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..500 {
            let n = distinctive(&mut rng);
            let serial = digits(&n.to_string());
            assert!(cardinal(n) != british_cardinal(n) && cardinal(n) != serial, "{n}");
        }
    }

    #[test]
    fn digit_strings_keep_their_zeros() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            let (key, Example { input, target }) = digit_string(&mut rng);
            let written = input.strip_prefix("digits: ").unwrap();
            assert_eq!(target.split(' ').count(), written.len());
            assert_eq!(key.to_string(), format!("1{written}"));
        }
    }
}
