//! Numbers into words.

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number below a million in American words: 1234 is `one thousand two hundred thirty-four`.
pub(super) fn cardinal(n: u32) -> String {
    match n {
        0..100 => below_hundred(n),
        100..1000 => joined(n / 100, " hundred", n % 100, " "),
        _ => joined(n / 1000, " thousand", n % 1000, " "),
    }
}

/// A number below a million in British words: 1234 is `one thousand two hundred and thirty-four`.
pub(super) fn british_cardinal(n: u32) -> String {
    let (thousands, rest) = (n / 1000 * 1000, n % 1000);
    let (hundreds, last) = (rest / 100 * 100, rest % 100);
    match (n - last, last) {
        (0, _) | (_, 0) => cardinal(n),
        _ if hundreds == 0 => format!("{} and {}", cardinal(thousands), cardinal(last)),
        (higher, _) => format!("{} and {}", cardinal(higher), cardinal(last)),
    }
}

/// The ordinal of a number below a million: 21 is `twenty-first`.
pub(super) fn ordinal(n: u32) -> String {
    let words = cardinal(n);
    let start = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (head, last) = words.split_at(start);
    format!("{head}{}", ordinal_word(last))
}

/// A year from 1100 to 2099: 1905 is `nineteen oh five`, 2005 `two thousand five`.
pub(super) fn year(n: u32) -> String {
    match n {
        2000..2010 => cardinal(n),
        _ if n.is_multiple_of(100) => format!("{} hundred", cardinal(n / 100)),
        _ => format!("{} {}", cardinal(n / 100), two_digits(n % 100)),
    }
}

/// Two digits after an hour or a century: 5 is `oh five`.
pub(super) fn two_digits(n: u32) -> String {
    let oh = if n < 10 { "oh " } else { "" };
    format!("{oh}{}", cardinal(n))
}

/// The digits of a text, one by one.
pub(super) fn digits(text: &str) -> String {
    let words: Vec<_> = text.chars().filter_map(|c| c.to_digit(10)).map(cardinal).collect();
    words.join(" ")
}

fn below_hundred(n: u32) -> String {
    let (tens, ones) = (n as usize / 10, n as usize % 10);
    match (tens, ones) {
        (0 | 1, _) => SMALL[n as usize].to_owned(),
        (_, 0) => TENS[tens].to_owned(),
        _ => format!("{}-{}", TENS[tens], SMALL[ones]),
    }
}

/// `count` times a `unit`, and the rest unless it is zero.
fn joined(count: u32, unit: &str, rest: u32, by: &str) -> String {
    let head = cardinal(count) + unit;
    if rest == 0 { head } else { head + by + &cardinal(rest) }
}

fn ordinal_word(word: &str) -> String {
    match word {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        _ => match word.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{word}th"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cardinals_are_american() {
        let cases = [
            (0, "zero"),
            (10, "ten"),
            (11, "eleven"),
            (20, "twenty"),
            (21, "twenty-one"),
            (100, "one hundred"),
            (101, "one hundred one"),
            (110, "one hundred ten"),
            (999, "nine hundred ninety-nine"),
            (1000, "one thousand"),
            (1001, "one thousand one"),
            (2000, "two thousand"),
            (2005, "two thousand five"),
            (1900, "one thousand nine hundred"),
            (40_015, "forty thousand fifteen"),
            (99_999, "ninety-nine thousand nine hundred ninety-nine"),
            (345_678, "three hundred forty-five thousand six hundred seventy-eight"),
        ];
        for (n, words) in cases {
            assert_eq!(cardinal(n), words);
        }
    }

    #[test]
    fn british_cardinals_say_and() {
        let cases = [
            (0, "zero"),
            (21, "twenty-one"),
            (100, "one hundred"),
            (101, "one hundred and one"),
            (999, "nine hundred and ninety-nine"),
            (1000, "one thousand"),
            (1001, "one thousand and one"),
            (1100, "one thousand one hundred"),
            (1234, "one thousand two hundred and thirty-four"),
            (20_000, "twenty thousand"),
        ];
        for (n, words) in cases {
            assert_eq!(british_cardinal(n), words);
        }
    }

    #[test]
    fn ordinals_of_every_day_of_a_month() {
        let words = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth \
                     fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first \
                     twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth \
                     twenty-ninth thirtieth thirty-first";
        for (n, word) in (1..).zip(words.split_whitespace()) {
            assert_eq!(ordinal(n), word);
        }
    }

    #[test]
    fn ordinals_of_larger_numbers() {
        assert_eq!(ordinal(40), "fortieth");
        assert_eq!(ordinal(99), "ninety-ninth");
        assert_eq!(ordinal(100), "one hundredth");
        assert_eq!(ordinal(101), "one hundred first");
        assert_eq!(ordinal(112), "one hundred twelfth");
        assert_eq!(ordinal(1000), "one thousandth");
    }

    #[test]
    fn years_are_read_in_pairs() {
        let cases = [
            (1100, "eleven hundred"),
            (1101, "eleven oh one"),
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (1910, "nineteen ten"),
            (1999, "nineteen ninety-nine"),
            (2000, "two thousand"),
            (2005, "two thousand five"),
            (2010, "twenty ten"),
            (2021, "twenty twenty-one"),
        ];
        for (n, words) in cases {
            assert_eq!(year(n), words);
        }
    }

    #[test]
    fn digits_are_read_one_by_one() {
        assert_eq!(digits("0407"), "zero four zero seven");
        assert_eq!(digits("12"), "one two");
    }
}
