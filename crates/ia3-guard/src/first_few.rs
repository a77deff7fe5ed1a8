use std::fmt::Display;

use crate::escape::quote_error;

/// How many items of a list a message shows.
pub const SHOWN: usize = 3;

/// The first three of `items`, and how many more there are.
///
/// ```
/// assert_eq!(ia3_guard::first_few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
/// ```
pub fn first_few<T: Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().take(SHOWN).map(|item| quote_error(item)).collect();
    match items.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
