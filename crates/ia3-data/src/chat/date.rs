//! The function `strftime_now`, with which some chat templates write today's date.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The time now, in UTC, in a format of C's `strftime`.
pub(super) fn strftime_now(format: &str) -> Result<String, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    strftime(format, now)
}

fn strftime(format: &str, seconds: u64) -> Result<String, Error> {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (mut out, mut chars) = (String::new(), format.chars());
    while let Some(c) = chars.next() {
        let part = match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('Y')) => year.to_string(),
            ('%', Some('y')) => format!("{:02}", year % 100),
            ('%', Some('m')) => format!("{month:02}"),
            ('%', Some('B')) => MONTHS[month - 1].into(),
            ('%', Some('b')) => MONTHS[month - 1][..3].into(),
            ('%', Some('d')) => format!("{day:02}"),
            // The first day of the epoch was a Thursday.
            ('%', Some('A')) => DAYS[(days as usize + 3) % 7].into(),
            ('%', Some('a')) => DAYS[(days as usize + 3) % 7][..3].into(),
            ('%', Some('H')) => format!("{:02}", time / 3600),
            ('%', Some('M')) => format!("{:02}", time / 60 % 60),
            ('%', Some('S')) => format!("{:02}", time % 60),
            ('%', Some('%')) => "%".into(),
            ('%', other) => {
                let problem =
                    format!("strftime_now knows no `%{}`", other.map(String::from).unwrap_or_default());
                return Err(Error::new(ErrorKind::InvalidOperation, problem));
            }
            (plain, _) => plain.into(),
        };
        out += &part;
    }
    Ok(out)
}

/// Year, month and day of a number of days after 1 January 1970.
fn civil(days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut rest) = (1970, days);
    while rest >= 365 + u64::from(leap(year)) {
        rest -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while rest >= lengths[month] {
        rest -= lengths[month];
        month += 1;
    }
    (year, month + 1, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_strftime_writes_them() {
        let at = |seconds| strftime("%d %b %Y, %A %H:%M:%S", seconds).unwrap();
        assert_eq!(at(0), "01 Jan 1970, Thursday 00:00:00");
        assert_eq!(at(1_709_210_096), "29 Feb 2024, Thursday 12:34:56");
        assert_eq!(at(1_735_689_599), "31 Dec 2024, Tuesday 23:59:59");
        assert!(strftime("%Q", 0).unwrap_err().to_string().contains("knows no `%Q`"));
    }
}
