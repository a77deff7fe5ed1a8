//! `loss.svg`: the losses over the steps, and below them exact match and accuracy where there are evaluations.

use std::error::Error;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::axis::Axis;
use super::history::History;

const WIDTH: u32 = 900;
/// The height of one panel.
const HEIGHT: u32 = 320;
/// The colours of the curves: two for the means, and one for each of up to eight tasks. With more tasks, only the means
/// are drawn.
const COLOURS: [RGBColor; 10] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0xbc, 0xbd, 0x22),
    RGBColor(0x17, 0xbe, 0xcf),
];
/// The most points of a curve that get a marker.
const MARKERS: usize = 60;

/// A name and its points `(step, value)`.
type Curve<'a> = (&'a str, &'a [(f64, f64)]);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws the plot as SVG.
pub(super) fn svg(history: &History) -> anyhow::Result<String> {
    let mut svg = String::new();
    // The errors of the library borrow its canvas.
    draw(history, &mut svg).map_err(|error| anyhow!("cannot draw the losses: {error}"))?;
    Ok(svg)
}

fn draw(history: &History, svg: &mut String) -> Result<(), Box<dyn Error>> {
    let (losses, shares) = (losses(history), shares(history));
    let steps = history.last_step.max(1.0);
    let panels = if shares.is_empty() { 1 } else { 2 };
    let canvas = SVGBackend::with_string(svg, (WIDTH, HEIGHT * panels as u32)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let areas = canvas.split_evenly((panels, 1));
    let highest = losses.iter().flat_map(|curve| curve.1).map(|point| point.1).fold(0.0, f64::max);
    let top = if highest > 0.0 { 1.05 * highest } else { 1.0 };
    panel(&areas[0], ("loss", top), steps, &losses)?;
    if let Some(area) = areas.get(1) {
        panel(area, ("correct answers (%)", 100.0), steps, &shares)?;
    }
    canvas.present()?;
    Ok(())
}

/// The mean losses, and the losses of the tasks unless there are too many.
fn losses(history: &History) -> Vec<Curve<'_>> {
    let mut curves: Vec<Curve> =
        vec![("training loss", &history.training), ("held-out loss", &history.held_out)];
    if history.tasks.len() <= COLOURS.len() - 2 {
        curves.extend(history.tasks.iter().map(|(name, points)| (name.as_str(), points.as_slice())));
    }
    with_points(curves)
}

fn shares(history: &History) -> Vec<Curve<'_>> {
    with_points(vec![("exact match", &history.exact_match), ("accuracy", &history.accuracy)])
}

fn with_points(mut curves: Vec<Curve<'_>>) -> Vec<Curve<'_>> {
    curves.retain(|curve| !curve.1.is_empty());
    curves
}

/// One panel with axes up to `steps` and `values`, curves and a legend.
fn panel(
    area: &Panel,
    (title, values): (&str, f64),
    steps: f64,
    curves: &[Curve],
) -> Result<(), Box<dyn Error>> {
    let percent = title.ends_with("(%)");
    // There are no steps between two steps.
    let (along, up) = (Axis::new(steps, 1.0), Axis::new(values, 0.0));
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(along, up)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("optimiser step")
        .x_label_formatter(&|step| along.label(*step))
        .y_desc(title)
        .y_label_formatter(&|value| up.label(*value))
        .draw()?;
    for (i, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let scale = if percent { 100.0 } else { 1.0 };
        let points: Vec<(f64, f64)> = points.iter().map(|(step, value)| (*step, scale * value)).collect();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        if points.len() <= MARKERS {
            chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
        }
    }
    if !curves.is_empty() {
        let position =
            if percent { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperRight };
        chart
            .configure_series_labels()
            .position(position)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_with_points_is_drawn_with_its_name() {
        let history = History {
            training: vec![(0.0, 4.0), (50.0, 2.0)],
            held_out: vec![(50.0, 1.0)],
            exact_match: vec![(50.0, 1.0)],
            last_step: 50.0,
            ..History::default()
        };
        let all = svg(&history).unwrap();
        for text in
            ["training loss", "held-out loss", "exact match", "correct answers (%)", "optimiser step", "loss"]
        {
            assert!(all.contains(&format!("\n{text}\n")), "{text}: {all}");
        }
        assert!(!all.contains("accuracy"));
        let tasks = |count: usize| History {
            tasks: (0..count).map(|n| (format!("a<{n}&b"), vec![(50.0, 1.0)])).collect(),
            ..history.clone()
        };
        let two = svg(&tasks(2)).unwrap();
        assert_eq!(two.matches("<circle").count(), all.matches("<circle").count() + 2);
        assert!(two.contains("a&lt;1&amp;b"), "{two}");
        assert_eq!(svg(&tasks(9)).unwrap(), all, "with nine tasks only the mean is drawn");
        let alone = svg(&History { held_out: vec![], exact_match: vec![], ..history }).unwrap();
        assert!(!alone.contains("held-out loss") && !alone.contains("correct answers"), "{alone}");
        assert!(svg(&History::default()).unwrap().trim_end().ends_with("</svg>"));
    }
}
