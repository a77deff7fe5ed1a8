//! Drawing.

use std::error::Error;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::charts::{Bar, Chart};

/// The width for the names of the bars.
const NAMES: u32 = 190;
/// The height of a bar and its distance to the next.
const LINE: u32 = 19;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Bars<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws one group of bars for each part, one bar for each model.
pub(crate) fn draw(path: &Path, chart: &Chart) -> Result<()> {
    // The library's errors borrow its canvas.
    picture(path, chart).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn picture(path: &Path, chart: &Chart) -> Result<(), Box<dyn Error>> {
    let lines: usize = chart.groups.iter().map(|group| group.bars.len() + 1).sum();
    let canvas = SVGBackend::new(path, (760, 100 + LINE * lines as u32)).into_drawing_area();
    canvas.fill(&WHITE)?;
    let ends = chart.groups.iter().flat_map(|group| &group.bars).map(end);
    let widest = ends.chain(chart.mark).fold(f64::MIN_POSITIVE, f64::max);
    let mut bars: Bars = ChartBuilder::on(&canvas)
        .caption(chart.title, ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(0.0..1.22 * widest, 0.0..lines as f64)?;
    bars.configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_max_light_lines(1)
        .x_label_formatter(&|x| format!("{}", (x * 100.0).round() / 100.0))
        .x_desc(chart.axis)
        .draw()?;
    let mut top = lines as f64;
    for group in &chart.groups {
        beside(&canvas, &bars, top - 0.5, group.title, true)?;
        for bar in &group.bars {
            top -= 1.0;
            beside(&canvas, &bars, top - 0.5, &bar.name, false)?;
            rectangles(&mut bars, bar, top)?;
            // A number that would lie on the line comes after it.
            let near = |mark: &f64| (end(bar)..end(bar) + 0.07 * widest).contains(mark);
            let x = chart.mark.filter(near).unwrap_or(end(bar)) + 0.01 * widest;
            bars.draw_series([Text::new(bar.text.clone(), (x, top - 0.5), style(HPos::Left))])?;
        }
        top -= 1.0;
    }
    if let Some(mark) = chart.mark {
        bars.draw_series(LineSeries::new([(mark, 0.0), (mark, lines as f64)], &BLACK))?;
    }
    canvas.present()?;
    Ok(())
}

/// Draws a name left of the bars: the title of a group at the left edge, and the name of a bar beside it.
fn beside(canvas: &Canvas, bars: &Bars, y: f64, name: &str, is_title: bool) -> Result<(), Box<dyn Error>> {
    let (left, y) = bars.backend_coord(&(0.0, y));
    let (x, edge, weight) = match is_title {
        true => (left - NAMES as i32, HPos::Left, FontStyle::Bold),
        false => (left - 6, HPos::Right, FontStyle::Normal),
    };
    let font = ("sans-serif", 13).into_font().style(weight);
    canvas.draw(&Text::new(name.to_string(), (x, y), TextStyle { font, ..style(edge) }))?;
    Ok(())
}

/// Draws the bar of the other side and that of this library, below `top`.
fn rectangles(bars: &mut Bars, bar: &Bar, top: f64) -> Result<(), Box<dyn Error>> {
    let below = |value: f64, strength: f64| {
        Rectangle::new([(0.0, top - 0.9), (value, top - 0.1)], BLUE.mix(strength).filled())
    };
    bars.draw_series(bar.behind.map(|value| below(value, 0.15)))?;
    bars.draw_series([below(bar.value, 0.35)])?;
    Ok(())
}

/// Where the longer bar ends.
fn end(bar: &Bar) -> f64 {
    bar.behind.map_or(bar.value, |behind| behind.max(bar.value))
}

/// The style of a text whose given edge lies on its point, in the middle of its height.
fn style(edge: HPos) -> TextStyle<'static> {
    ("sans-serif", 13).into_text_style(&(0, 0)).pos(Pos::new(edge, VPos::Center))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::Group;

    #[test]
    fn every_model_has_a_bar_and_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("speed.svg");
        let bar = |name: &str, value, behind, text: &str| Bar {
            name: name.into(),
            value,
            behind,
            text: text.into(),
        };
        let bars = vec![bar("gpt2", 1.5, None, "1.50"), bar("minilm", 0.97, Some(3.0), "0.97, PEFT 3.00")];
        let groups = vec![Group { title: "forward", bars }];
        let chart = Chart { title: "How fast", axis: "times", mark: Some(1.0), groups };
        draw(&path, &chart).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["How fast", "times", "forward", "gpt2", "1.50", "minilm", "0.97, PEFT 3.00"] {
            assert!(svg.lines().any(|line| line == text), "{text}");
        }
        // The page, two bars, and the one behind the second.
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(draw(&dir.path().join("none/x.svg"), &chart).is_err());
    }
}
