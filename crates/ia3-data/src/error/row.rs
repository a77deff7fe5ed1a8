use ia3_guard::{quote, quote_error};

/// What can be wrong with the text of a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A row is longer than any good one.
    #[error("the row has more than {} MiB, the limit for one row; split it", limit >> 20)]
    RowTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A line is not UTF-8.
    #[error("byte {byte} is not UTF-8")]
    Utf8 {
        /// The first bad byte of the line, from 1.
        byte: usize,
    },
    /// A table cannot be read.
    #[error("{reason}", reason = quote_error(reason))]
    Table {
        /// The message of the parser.
        reason: String,
    },
    /// A row of a table has another number of fields than its first line.
    #[error("the row has {found} field{}, but the first line names {expected}", if *found == 1 { "" } else { "s" })]
    Columns {
        /// Number of fields of the row.
        found: usize,
        /// Number of fields that the first line names.
        expected: usize,
    },
    /// A line is not JSON.
    #[error("{reason} at column {column}", reason = quote_error(reason))]
    Json {
        /// The message of the parser.
        reason: String,
        /// The column, from 1.
        column: usize,
    },
    /// A line is JSON, but not an object.
    #[error("expected an object of named fields, found {found}", found = quote(found))]
    NotAnObject {
        /// What the line is.
        found: String,
    },
}
