//! The table of products alone, beside those of torch.

use std::fmt::Write;

use crate::figures::{ByShape, Measured};

/// The beginning of the name of a figure.
const PRODUCT: &str = "product ";

/// The end of the name of a figure of a product with a transposed weight, as the gradient of a layer is one.
const TRANSPOSED: &str = ", of the gradient";

/// The name of the rate of a product of `[rows, inputs]` and `[inputs, outputs]`.
pub(crate) fn rate([rows, inputs, outputs]: [usize; 3]) -> String {
    format!("{PRODUCT}{rows} × {inputs} × {outputs}")
}

/// The name of the rate of a product whose weight is transposed.
pub(crate) fn transposed(dims: [usize; 3]) -> String {
    rate(dims) + TRANSPOSED
}

/// The table; empty if no product was measured.
pub(crate) fn table(shapes: &ByShape) -> String {
    let rows: Vec<String> = shapes.iter().flat_map(rows).collect();
    let mut text = String::new();
    if !rows.is_empty() {
        let _ = writeln!(text, "\n| shape | product | ours | torch | ours / torch |\n|---|---|---|---|---|");
        let _ = writeln!(text, "{}", rows.join("\n"));
    }
    text
}

fn rows((shape, measured): &(String, Measured)) -> Vec<String> {
    let products = measured.names().filter(|name| name.starts_with(PRODUCT));
    let row = |name: &str| {
        let pairs = measured.get(name).filter(|pairs| pairs.has_both())?;
        let [ours, torch] = pairs.medians();
        let what = name.trim_start_matches(PRODUCT);
        Some(format!("| {shape} | {what} | {ours:.0} GFLOP/s | {torch:.0} GFLOP/s | {:.2} |", ours / torch))
    };
    products.filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    #[test]
    fn products_of_both_sides_have_their_rows() {
        let mut shapes = ByShape::default();
        assert_eq!(table(&shapes), "");
        let (product, gradient) = (rate([512, 64, 128]), transposed([512, 128, 64]));
        let ours = figures(&[(&product, 150.0), (&gradient, 99.0), ("forward wall", 1.0)]);
        shapes.add("gpt2", &[ours, figures(&[(&product, 100.0)])]);
        let expected = "| gpt2 | 512 × 64 × 128 | 150 GFLOP/s | 100 GFLOP/s | 1.50 |";
        assert_eq!(table(&shapes).lines().skip(3).collect::<Vec<_>>(), [expected]);
    }
}
