//! Sizes of memory.

/// Units and their bytes, the longest names first.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("", 1),
];

/// Reads a number of bytes, such as `8GiB`, `1.5 GB` or `1073741824`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a number of bytes, such as 8GiB, 500MB or 1073741824".to_string();
    let of_unit = |(name, bytes): &(&str, u64)| {
        let at = text.len().checked_sub(name.len())?;
        let (number, unit) = (text.get(..at)?, text.get(at..)?);
        unit.eq_ignore_ascii_case(name).then_some((number, *bytes))
    };
    let (number, unit) = UNITS.iter().find_map(of_unit).ok_or_else(wrong)?;
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    match bytes >= 1.0 && bytes < u64::MAX as f64 {
        true => Ok(bytes as u64),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units_or_none() {
        for (text, bytes) in [("7", 7), ("8GiB", 8 << 30), ("1.5 GB", 1_500_000_000), ("2kib", 2048)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "8G", "-1", "0", "1e40", "nan", "inf GiB", "8 apples", "ä"] {
            assert!(size(text).unwrap_err().contains("8GiB"), "{text}");
        }
    }
}
