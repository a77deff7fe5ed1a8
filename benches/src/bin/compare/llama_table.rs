//! The table of this library beside llama.cpp.

use std::fmt;

use crate::figures::{ByShape, Figures, HALF, INT4_FAST, INT8_FAST, Measured};
use crate::report::time;

/// What was measured of this library and llama.cpp.
#[derive(Default)]
pub(crate) struct LlamaTable {
    shapes: ByShape,
    system: String,
}

/// What is measured: the name of the figure, its kind, and the end of its name in the table.
const ROWS: [(&str, &str, &str); 3] = [
    ("decode 32, batch 1", "wall", ""),
    ("decode 32, batch 1", "ms per token", ", per token after the first"),
    ("prompt 512", "wall", ""),
];

/// This library's bases, and the files of llama.cpp that they are compared with.
const FILES: [(&str, &str); 4] = [("", "F32"), (HALF, "BF16"), (INT8_FAST, "Q8_0"), (INT4_FAST, "Q4_0")];

impl LlamaTable {
    /// Adds a round of a part, and says which llama.cpp was measured.
    pub(crate) fn add(&mut self, shape: &str, figures: &[Figures; 2], system: &str) {
        self.shapes.add(shape, figures);
        self.system = system.into();
    }
}

impl fmt::Display for LlamaTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.shapes.iter().flat_map(rows).collect();
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(f, "| shape | what | ours | llama.cpp | file | llama.cpp / ours, wall time (quartiles) |")?;
        writeln!(f, "|---|---|---|---|---|---|\n{}", rows.join("\n"))?;
        writeln!(f, "\nllama.cpp is that of {}.", self.system)
    }
}

fn rows((shape, measured): &(String, Measured)) -> Vec<String> {
    let all = ROWS.iter().flat_map(|row| FILES.map(|file| (row, file)));
    all.filter_map(|((what, kind, end), (variant, file))| {
        let pairs = measured.get(&format!("{what}{variant} {kind}")).filter(|pairs| pairs.has_both())?;
        let [ours, theirs] = pairs.medians().map(time);
        Some(format!("| {shape} | {what}{variant}{end} | {ours} | {theirs} | {file} | {} |", pairs.ratio()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    #[test]
    fn a_base_is_compared_with_the_file_of_its_bits() {
        let mut table = LlamaTable::default();
        assert_eq!(table.to_string(), "");
        let ours = [
            ("decode 32, batch 1 wall", 100.0),
            ("decode 32, batch 1, int8 base wall", 90.0),
            ("decode 32, batch 1, int4 base and head, fast integers wall", 50.0),
            ("decode 32, batch 1, int4 base and head, fast integers ms per token", 1.0),
        ];
        let theirs = [
            ("decode 32, batch 1 wall", 200.0),
            ("decode 32, batch 1, int4 base and head, fast integers wall", 40.0),
            ("decode 32, batch 1, int4 base and head, fast integers ms per token", 1.5),
        ];
        table.add("smollm2-135m", &[figures(&ours), figures(&theirs)], "xllamacpp 1: AVX2 = 1");
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let four = "decode 32, batch 1, int4 base and head, fast integers";
        let expected = [
            "| smollm2-135m | decode 32, batch 1 | 100 ms | 200 ms | F32 | 2.00 (2.00 – 2.00) |".to_string(),
            format!("| smollm2-135m | {four} | 50.0 ms | 40.0 ms | Q4_0 | 0.80 (0.80 – 0.80) |"),
            format!(
                "| smollm2-135m | {four}, per token after the first | 1.0 ms | 1.5 ms | Q4_0 | 1.50 (1.50 – 1.50) |"
            ),
            String::new(),
            "llama.cpp is that of xllamacpp 1: AVX2 = 1.".to_string(),
        ];
        assert_eq!(lines, expected);
    }
}
