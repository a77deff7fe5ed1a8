//! Dates and times of day into words.

use rand::{Rng, RngExt};

use super::words::{cardinal, ordinal, two_digits, year};
use super::{Example, Task, example};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug)]
struct Date {
    year: u32,
    month: u32,
    day: u32,
}

impl Date {
    /// A date from 1900 to 2099.
    fn random(rng: &mut impl Rng) -> Self {
        let year = rng.random_range(1900..2100);
        let month = rng.random_range(1..=12);
        let day = rng.random_range(1..=days_in(year, month));
        Self { year, month, day }
    }

    fn key(self) -> u64 {
        u64::from((self.year * 100 + self.month) * 100 + self.day)
    }

    fn month_name(self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }

    /// How the inputs of `task` write this date.
    fn written(self, task: Task) -> String {
        let Self { year, month, day } = self;
        let short = &self.month_name()[..3];
        match task {
            Task::MonthFirstDate => format!("{short} {day}, {year}"),
            Task::DayFirstDate => format!("{day} {short} {year}"),
            Task::SlashDate => format!("{day:02}/{month:02}/{year}"),
            _ => format!("{year}-{month:02}-{day:02}"),
        }
    }

    /// `march fifth twenty twenty-one`.
    fn american(self) -> String {
        format!("{} {} {}", self.month_name(), ordinal(self.day), year(self.year))
    }

    /// `the fifth of march twenty twenty-one`.
    fn british(self) -> String {
        format!("the {} of {} {}", ordinal(self.day), self.month_name(), year(self.year))
    }
}

/// A date in the format and the style of `task`.
pub(super) fn date(task: Task, rng: &mut impl Rng) -> (u64, Example) {
    let date = Date::random(rng);
    let target = match task {
        Task::IsoDate | Task::MonthFirstDate => date.american(),
        _ => date.british(),
    };
    (date.key(), example("date", &date.written(task), target))
}

/// A time of day in the style of `task`.
pub(super) fn time(task: Task, rng: &mut impl Rng) -> (u64, Example) {
    let (hour, minute) = (rng.random_range(0..24), rng.random_range(0..60));
    let target = match task {
        Task::HouseTime => clock_24(hour, minute),
        _ => clock_12(hour, minute),
    };
    let written = format!("{hour:02}:{minute:02}");
    (u64::from(hour * 60 + minute), example("time", &written, target))
}

/// A time on the twelve-hour clock: 14:05 is `two oh five pm`.
fn clock_12(hour: u32, minute: u32) -> String {
    let half = if hour < 12 { "am" } else { "pm" };
    let spoken = cardinal((hour + 11) % 12 + 1);
    match (hour, minute) {
        (0, 0) => "midnight".to_owned(),
        (12, 0) => "noon".to_owned(),
        (_, 0) => format!("{spoken} {half}"),
        _ => format!("{spoken} {} {half}", two_digits(minute)),
    }
}

/// A time on the 24-hour clock: 14:05 is `fourteen oh five`.
fn clock_24(hour: u32, minute: u32) -> String {
    match minute {
        0 => format!("{} hundred", cardinal(hour)),
        _ => format!("{} {}", cardinal(hour), two_digits(minute)),
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIFTH: Date = Date { year: 2021, month: 3, day: 5 };

    #[test]
    fn every_task_writes_a_date_its_way() {
        assert_eq!(FIFTH.written(Task::IsoDate), "2021-03-05");
        assert_eq!(FIFTH.written(Task::HouseDate), "2021-03-05");
        assert_eq!(FIFTH.written(Task::SlashDate), "05/03/2021");
        assert_eq!(FIFTH.written(Task::MonthFirstDate), "mar 5, 2021");
        assert_eq!(FIFTH.written(Task::DayFirstDate), "5 mar 2021");
    }

    #[test]
    fn dates_have_two_styles() {
        assert_eq!(FIFTH.american(), "march fifth twenty twenty-one");
        assert_eq!(FIFTH.british(), "the fifth of march twenty twenty-one");
        let last = Date { year: 1999, month: 12, day: 31 };
        assert_eq!(last.american(), "december thirty-first nineteen ninety-nine");
        assert_eq!(last.british(), "the thirty-first of december nineteen ninety-nine");
    }

    #[test]
    fn months_have_their_days() {
        let lengths = |year| -> Vec<u32> { (1..=12).map(|month| days_in(year, month)).collect() };
        assert_eq!(lengths(2021), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
        assert_eq!((days_in(1900, 2), days_in(2000, 2), days_in(2024, 2)), (28, 29, 29));
    }

    #[test]
    fn times_on_the_twelve_hour_clock() {
        let cases = [
            (0, 0, "midnight"),
            (0, 5, "twelve oh five am"),
            (1, 0, "one am"),
            (11, 59, "eleven fifty-nine am"),
            (12, 0, "noon"),
            (12, 5, "twelve oh five pm"),
            (14, 30, "two thirty pm"),
            (23, 10, "eleven ten pm"),
        ];
        for (hour, minute, words) in cases {
            assert_eq!(clock_12(hour, minute), words);
        }
    }

    #[test]
    fn times_on_the_24_hour_clock() {
        let cases = [
            (0, 0, "zero hundred"),
            (0, 5, "zero oh five"),
            (12, 0, "twelve hundred"),
            (12, 5, "twelve oh five"),
            (14, 30, "fourteen thirty"),
            (23, 59, "twenty-three fifty-nine"),
        ];
        for (hour, minute, words) in cases {
            assert_eq!(clock_24(hour, minute), words);
        }
    }
}
