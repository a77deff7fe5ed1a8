//! `loss.svg`: the losses, and below them the share of right answers.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::history::History;

const SIZE: (u32, u32) = (900, 600);
const TRAINING: RGBColor = RGBColor(31, 119, 180);
const HELD_OUT: RGBColor = RGBColor(214, 39, 40);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Points = [(f64, f64)];

/// The picture as SVG.
pub(super) fn svg(history: &History) -> anyhow::Result<String> {
    let mut text = String::new();
    draw(history, &mut text).map_err(|problem| anyhow::anyhow!("cannot draw loss.svg: {problem}"))?;
    Ok(text)
}

fn draw(history: &History, text: &mut String) -> Result<(), String> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(said)?;
    let losses =
        [("training loss", TRAINING, &history.training[..]), ("held-out loss", HELD_OUT, &history.held_out)];
    let shares =
        [("accuracy", HELD_OUT, &history.accuracy[..]), ("exact match", TRAINING, &history.exact_match)];
    let shown = |lines: &[(&'static str, RGBColor, &Points)]| lines.iter().any(|line| !line.2.is_empty());
    if shown(&shares) {
        let (above, below) = root.split_vertically(SIZE.1 * 3 / 5);
        panel(&above, "loss", &losses, history.last_step, None)?;
        panel(&below, "share of right answers", &shares, history.last_step, Some(1.0))?;
    } else {
        panel(&root, "loss", &losses, history.last_step, None)?;
    }
    root.present().map_err(said)
}

/// Lines over the steps, from 0 to the highest value or to `top`.
fn panel(
    area: &Area,
    title: &str,
    lines: &[(&str, RGBColor, &Points)],
    last_step: f64,
    top: Option<f64>,
) -> Result<(), String> {
    let highest = lines.iter().flat_map(|line| line.2).map(|point| point.1).fold(0.0, f64::max);
    let top = top.unwrap_or(if highest > 0.0 { 1.05 * highest } else { 1.0 });
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..last_step.max(1.0), 0.0..top)
        .map_err(said)?;
    chart.configure_mesh().x_desc("step").light_line_style(TRANSPARENT).draw().map_err(said)?;
    for (name, color, points) in lines.iter().filter(|line| !line.2.is_empty()) {
        let color = *color;
        let dots =
            points.iter().filter(|_| points.len() < 40).map(|&point| Circle::new(point, 3, color.filled()));
        chart.draw_series(dots).map_err(said)?;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))
            .map_err(said)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE).draw().map_err(said)
}

fn said(problem: impl Display) -> String {
    problem.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_there_are_drawn_and_named() {
        let history = History {
            training: (1..=50).map(|step| (f64::from(step), 3.0 / f64::from(step))).collect(),
            held_out: vec![(25.0, 0.5), (50.0, 0.25)],
            exact_match: vec![(25.0, 0.0), (50.0, 1.0)],
            last_step: 50.0,
            ..History::default()
        };
        let all = svg(&history).unwrap();
        for text in ["training loss", "held-out loss", "exact match", "share of right answers", "step"] {
            assert!(all.contains(text), "{text}");
        }
        assert!(!all.contains("accuracy"));
        assert!(all.matches("<polyline").count() > 3);
        let alone = svg(&History { held_out: vec![], exact_match: vec![], ..history }).unwrap();
        assert!(alone.contains("training loss") && !alone.contains("held-out loss"), "{alone}");
        svg(&History::default()).unwrap();
    }
}
