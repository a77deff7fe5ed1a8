//! The second table, of this library alone: shares of the machine's limits, the cost of mixed rows, the padding.

use ia3::train::Quartiles;

use crate::figures::{BY_LENGTH, HALF, INT4_FAST, INT8, INT8_FAST, INT8_HEAD, Measured, Pairs, median};

/// The heading of the table.
pub(crate) const HEADING: &str = "| shape | what | reached | of | share |\n|---|---|---|---|---|";

/// The cells of the rows of a shape.
pub(crate) fn of(measured: &Measured) -> Vec<String> {
    let products = [("forward", "forward"), ("train", "train step")].into_iter();
    let products =
        products.flat_map(|(what, time)| ["", HALF].map(|of| [what, time].map(|x| format!("{x}{of}"))));
    let mut notes: Vec<String> =
        products.filter_map(|[what, time]| of_products(measured, &what, &format!("{time} wall"))).collect();
    notes.extend(of_rows(measured));
    let rows = [1, 4, 8].map(|rows| format!("decode 32, batch {rows}"));
    let decoding = rows
        .into_iter()
        .flat_map(|name| ["", HALF, INT8, INT8_HEAD, INT8_FAST, INT4_FAST].map(|of| format!("{name}{of}")));
    notes.extend(decoding.filter_map(|name| of_decoding(measured, &name)));
    notes.extend(of_padding(measured));
    notes
}

/// The median rates of reading memory and of a large matrix product, over all shapes.
pub(crate) fn of_machine<'a, I: Iterator<Item = &'a Measured>>(all: impl Fn() -> I) -> Option<String> {
    let rate = |name| {
        let values: Vec<f64> = all().filter_map(|m| m.get(name)).flat_map(Pairs::ours).copied().collect();
        (!values.is_empty()).then(|| median(&values))
    };
    let reads = rate("read GB/s, one thread").zip(rate("read GB/s")).map(|(one, all)| {
        format!("a buffer of 512 MB is read at {one:.1} GB/s by one thread, {all:.1} by all")
    });
    let multiplies = rate("GEMM GFLOP/s").map(|rate| format!("a large product runs at {rate:.0} GFLOP/s"));
    let parts: Vec<String> = [reads, multiplies].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("The machine: {}.", parts.join("; ")))
}

fn ours<const N: usize>(measured: &Measured, names: [&str; N]) -> Option<[f64; N]> {
    let values: Option<Vec<f64>> =
        names.iter().map(|name| measured.get(name).map(|pairs| pairs.medians()[0])).collect();
    values?.try_into().ok()
}

/// The share of the rate of a large matrix product that a part reaches.
fn of_products(measured: &Measured, what: &str, time: &str) -> Option<String> {
    let [work, wall, rate] = ours(measured, [&format!("{what} GFLOP"), time, "GEMM GFLOP/s"])?;
    let (reached, share) = (work / wall * 1e3, 1e5 * work / wall / rate);
    Some(format!(
        "{what}, {work:.0} GFLOP in products | {reached:.0} GFLOP/s | {rate:.0} GFLOP/s | {share:.0} %"
    ))
}

/// The cost of rows that have their own adapters.
fn of_rows(measured: &Measured) -> Option<String> {
    let q = Quartiles::of(measured.get("8 adapters / one")?.ours())?;
    let (low, middle, high) = (q.lower, q.median, q.upper);
    Some(format!("8 rows, 8 adapters | {middle:.3} ({low:.3} – {high:.3}) | the time under one adapter | "))
}

/// The share of the memory's rate that decoding reaches, without the prompt.
fn of_decoding(measured: &Measured, name: &str) -> Option<String> {
    let [ms, megabytes, rate] =
        ours(measured, [&format!("{name} ms per token"), &format!("{name} MB per token"), "read GB/s"])?;
    let (reached, share) = (megabytes / ms, 100.0 * megabytes / ms / rate);
    let token = format!("{megabytes:.0} MB of weights, {ms:.2} ms per token");
    Some(format!("{name}, {token} | {reached:.1} GB/s | {rate:.1} GB/s | {share:.0} %"))
}

/// The share of padding in batches of rows of many lengths.
fn of_padding(measured: &Measured) -> Option<String> {
    let [random, by_length] =
        ["padding".into(), format!("padding{BY_LENGTH}")].map(|name: String| measured.get(&name));
    let ([ours, peft], [_, by_length]) = (random?.medians(), by_length?.medians());
    let theirs = format!("PEFT's: {peft:.1} % in random order, {by_length:.1} % by length");
    Some(format!("train 1,000 rows, padding | {ours:.1} % | {theirs} | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::figures;

    fn measured(ours: &[(&str, f64)], peft: &[(&str, f64)]) -> Measured {
        let mut measured = Measured::default();
        measured.add(&[figures(ours), figures(peft)]);
        measured
    }

    #[test]
    fn shares_are_of_what_the_same_process_measured() {
        let products = [("train GFLOP", 50.0), ("GEMM GFLOP/s", 200.0), ("train step wall", 500.0)];
        let products = measured(&products, &[("train step wall", 750.0)]);
        assert_eq!(of(&products), ["train, 50 GFLOP in products | 100 GFLOP/s | 200 GFLOP/s | 50 %"]);
        let machine = |measured: &Measured| of_machine(|| std::iter::once(measured)).unwrap();
        assert_eq!(machine(&products), "The machine: a large product runs at 200 GFLOP/s.");
        let decoding = [
            ("decode 32, batch 1, int8 base ms per token", 12.5),
            ("decode 32, batch 1, int8 base MB per token", 250.0),
            ("read GB/s", 40.0),
            ("read GB/s, one thread", 30.0),
        ];
        let decoding = measured(&decoding, &[]);
        let expected = "decode 32, batch 1, int8 base, 250 MB of weights, 12.50 ms per token | 20.0 GB/s | 40.0 GB/s | 50 %";
        assert_eq!(of(&decoding), [expected]);
        let expected = "The machine: a buffer of 512 MB is read at 30.0 GB/s by one thread, 40.0 by all.";
        assert_eq!(machine(&decoding), expected);
    }

    #[test]
    fn the_cost_of_rows_and_the_padding_have_their_lines() {
        let ours = [("8 adapters / one", 1.0123), ("padding", 5.0), ("padding, PEFT by length", 5.0)];
        let peft = [("padding", 48.0), ("padding, PEFT by length", 10.0)];
        let expected = [
            "8 rows, 8 adapters | 1.012 (1.012 – 1.012) | the time under one adapter | ",
            "train 1,000 rows, padding | 5.0 % | PEFT's: 48.0 % in random order, 10.0 % by length | ",
        ];
        assert_eq!(of(&measured(&ours, &peft)), expected);
    }
}
