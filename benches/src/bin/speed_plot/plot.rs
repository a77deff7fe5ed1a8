use std::error::Error;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::ratios::Part;

/// Draws one group of bars for each part, one bar for each model; a line marks PEFT's speed.
pub(crate) fn draw(path: &Path, parts: &[Part]) -> Result<()> {
    // The library's errors borrow its canvas.
    picture(path, parts).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn picture(path: &Path, parts: &[Part]) -> Result<(), Box<dyn Error>> {
    let canvas = SVGBackend::new(path, (760, 460)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let height: usize = parts.iter().map(|part| part.models.len() + 1).sum();
    let widest =
        parts.iter().flat_map(|part| &part.models).fold(1.0, |widest: f64, model| widest.max(model.1));
    let mut chart = ChartBuilder::on(&canvas)
        .caption("How many times faster than PEFT on the CPU", ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(44)
        .build_cartesian_2d(0.0..1.15 * widest, 0.0..height as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc("time of PEFT / time of ia3 (the line at 1 is PEFT)")
        .draw()?;
    let mut top = height as f64;
    for part in parts {
        chart.draw_series([Text::new(part.title, (0.02, top - 0.1), ("sans-serif", 14).into_font())])?;
        for (i, (model, ratio)) in part.models.iter().enumerate() {
            let y = top - 1.0 - i as f64;
            let bar = [(0.0, y - 0.9), (*ratio, y - 0.1)];
            chart.draw_series([Rectangle::new(bar, BLUE.mix(0.35).filled())])?;
            let label = format!("{model} {ratio:.2}");
            chart.draw_series([Text::new(label, (0.05, y - 0.2), ("sans-serif", 12).into_font())])?;
        }
        top -= part.models.len() as f64 + 1.0;
    }
    chart.draw_series(LineSeries::new([(1.0, 0.0), (1.0, height as f64)], &BLACK))?;
    canvas.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_has_a_bar_and_its_ratio() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("speed.svg");
        let models = vec![("gpt2".to_string(), 1.5), ("minilm".to_string(), 1.31)];
        draw(&path, &[Part { title: "forward", models }]).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["forward", "gpt2 1.50", "minilm 1.31", "time of PEFT"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
