//! Plots of curves.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::fit::exponent;
use crate::measure::Series;

/// Draws the curves with logarithmic axes, on which a power law is a straight line.
pub(crate) fn draw(path: &Path, title: &str, axis: &str, series: &[Series]) -> Result<()> {
    // The errors of the library borrow its canvas.
    picture(path, title, axis, series).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn picture(
    path: &Path,
    title: &str,
    axis: &str,
    series: &[Series],
) -> Result<(), Box<dyn std::error::Error>> {
    let canvas = SVGBackend::new(path, (800, 500)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let all = || series.iter().flat_map(|series| series.points.iter().copied());
    let mut chart = ChartBuilder::on(&canvas)
        .caption(title, ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(
            around(all().map(|point| point.0)).log_scale(),
            around(all().map(|point| point.1)).log_scale(),
        )?;
    chart.configure_mesh().x_desc(axis).y_desc("seconds").draw()?;
    for (i, Series { name, points }) in series.iter().enumerate() {
        let colour = Palette99::pick(i).to_rgba();
        let power = exponent(points).map(|exponent| format!(", exponent {exponent:.2}")).unwrap_or_default();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), &colour))?
            .label(format!("{name}{power}"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    canvas.present()?;
    Ok(())
}

/// A range that is slightly larger than that of the values.
fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), v| (low.min(v), high.max(v)));
    0.8 * low..1.25 * high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_have_their_names_and_exponents() {
        let line =
            |name, e: f64| Series { name, points: [64.0, 256.0].map(|n: f64| (n, n.powf(e))).to_vec() };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("curves.svg");
        draw(&path, "gpt2-length", "tokens of the input", &[line("forward", 1.0), line("train step", 1.5)])
            .unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in [
            "gpt2-length",
            "tokens of the input",
            "seconds",
            "forward, exponent 1.00",
            "train step, exponent 1.50",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<circle").count(), 4);
        // A single length has no line, but it is drawn too.
        let one = Series { name: "generation", points: vec![(16.0, 0.5)] };
        draw(&path, "one", "new tokens", &[one]).unwrap();
        assert!(draw(&dir.path().join("none/x.svg"), "", "", &[line("forward", 1.0)]).is_err());
    }
}
