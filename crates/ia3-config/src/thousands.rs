/// Writes a number with commas between groups of three digits, such as `60,549,632`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 43_008, 1_376_256].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "43,008", "1,376,256"]);
    }
}
