//! Amounts of money, measures and decimals into words.

use rand::{Rng, RngExt};

use super::words::{cardinal, digits};
use super::{Example, example};

/// A currency: how it is written, then the names of one and of several of its units and of its hundredths.
struct Currency {
    code: &'static str,
    unit: [&'static str; 2],
    hundredth: [&'static str; 2],
}

const DOLLAR: Currency = Currency { code: "$", unit: ["dollar", "dollars"], hundredth: ["cent", "cents"] };

const OTHER_CURRENCIES: [Currency; 2] = [
    Currency { code: "gbp", unit: ["pound", "pounds"], hundredth: ["penny", "pence"] },
    Currency { code: "eur", unit: ["euro", "euros"], hundredth: ["cent", "cents"] },
];

/// How units are written, and the names of one and of several.
const UNITS: [(&str, [&str; 2]); 10] = [
    ("kg", ["kilogram", "kilograms"]),
    ("g", ["gram", "grams"]),
    ("km", ["kilometer", "kilometers"]),
    ("m", ["meter", "meters"]),
    ("cm", ["centimeter", "centimeters"]),
    ("l", ["liter", "liters"]),
    ("ml", ["milliliter", "milliliters"]),
    ("lb", ["pound", "pounds"]),
    ("mph", ["mile per hour", "miles per hour"]),
    ("%", ["percent", "percent"]),
];

impl Currency {
    fn written(&self, cents: u32) -> String {
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        if self.code == "$" { format!("${amount}") } else { format!("{amount} {}", self.code) }
    }

    /// `twelve dollars and fifty cents`; what is zero is left out.
    fn spoken(&self, cents: u32) -> String {
        let whole = counted(cents / 100, self.unit);
        let rest = counted(cents % 100, self.hundredth);
        match (cents / 100, cents % 100) {
            (_, 0) => whole,
            (0, _) => rest,
            _ => format!("{whole} and {rest}"),
        }
    }
}

/// An amount below a thousand, one in four without cents; half of them in dollars.
pub(super) fn money(rng: &mut impl Rng) -> (u64, Example) {
    let whole = up_to_three_digits(rng);
    let rest = if rng.random_bool(0.25) { 0 } else { rng.random_range(1..100) };
    let cents = (whole * 100 + rest).max(1);
    let other = &OTHER_CURRENCIES[rng.random_range(0..OTHER_CURRENCIES.len())];
    let currency = if rng.random_bool(0.5) { &DOLLAR } else { other };
    (u64::from(cents), example("money", &currency.written(cents), currency.spoken(cents)))
}

/// A measure below a thousand, one in three with a decimal.
pub(super) fn measure(rng: &mut impl Rng) -> (u64, Example) {
    let (written, names) = UNITS[rng.random_range(0..UNITS.len())];
    let whole = up_to_three_digits(rng);
    let tenths = rng.random_range(0..10);
    if rng.random_bool(2.0 / 3.0) {
        return (
            u64::from(whole * 10),
            example("measure", &format!("{whole} {written}"), counted(whole, names)),
        );
    }
    let number = format!("{whole}.{tenths}");
    let target = format!("{} {}", spoken_decimal(&number), names[1]);
    (u64::from(whole * 10 + tenths), example("measure", &format!("{number} {written}"), target))
}

/// A decimal below a thousand with one to three decimals.
pub(super) fn decimal(rng: &mut impl Rng) -> (u64, Example) {
    let whole = up_to_three_digits(rng);
    let width = rng.random_range(1..=3);
    let fraction = rng.random_range(0..10_u32.pow(width));
    let number = format!("{whole}.{fraction:0width$}", width = width as usize);
    let key = u64::from((whole * 1000 + fraction) * 4 + width);
    (key, example("decimal", &number, spoken_decimal(&number)))
}

/// `3.14` is `three point one four`.
fn spoken_decimal(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').expect("a decimal has a point");
    let whole = whole.parse().expect("the whole part is a number");
    format!("{} point {}", cardinal(whole), digits(fraction))
}

/// A count and its noun, of `[one, several]`.
fn counted(n: u32, [one, several]: [&str; 2]) -> String {
    format!("{} {}", cardinal(n), if n == 1 { one } else { several })
}

/// A number below 1000, every length equally likely.
fn up_to_three_digits(rng: &mut impl Rng) -> u32 {
    let most = [10, 100, 1000][rng.random_range(0..3)];
    rng.random_range(0..most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_and_cents() {
        let cases = [
            (1, "$0.01", "one cent"),
            (50, "$0.50", "fifty cents"),
            (100, "$1.00", "one dollar"),
            (101, "$1.01", "one dollar and one cent"),
            (1250, "$12.50", "twelve dollars and fifty cents"),
            (99_999, "$999.99", "nine hundred ninety-nine dollars and ninety-nine cents"),
        ];
        for (cents, written, words) in cases {
            assert_eq!(DOLLAR.written(cents), written);
            assert_eq!(DOLLAR.spoken(cents), words);
        }
    }

    #[test]
    fn other_currencies() {
        let [pound, euro] = &OTHER_CURRENCIES;
        assert_eq!(pound.written(1201), "12.01 gbp");
        assert_eq!(pound.spoken(1201), "twelve pounds and one penny");
        assert_eq!(pound.spoken(102), "one pound and two pence");
        assert_eq!(euro.spoken(2000), "twenty euros");
    }

    #[test]
    fn decimals_are_read_digit_by_digit() {
        assert_eq!(spoken_decimal("3.14"), "three point one four");
        assert_eq!(spoken_decimal("0.05"), "zero point zero five");
        assert_eq!(spoken_decimal("110.0"), "one hundred ten point zero");
    }

    #[test]
    fn counts_agree_with_their_noun() {
        let kilograms = UNITS[0].1;
        assert_eq!(counted(1, kilograms), "one kilogram");
        assert_eq!(counted(0, kilograms), "zero kilograms");
        assert_eq!(counted(21, kilograms), "twenty-one kilograms");
    }
}
