//! `loss.svg`: the losses, and below them the share of right answers.

use std::fmt::Write;

use super::history::History;

const WIDTH: f64 = 900.0;
/// Of a panel.
const HEIGHT: f64 = 300.0;
/// Around the axes: left, top, right, bottom.
const MARGIN: [f64; 4] = [64.0, 36.0, 150.0, 40.0];
const BLUE: &str = "#1f77b4";
const RED: &str = "#d62728";
/// Of single tasks; of more tasks the mean alone is drawn.
const OTHERS: [&str; 8] =
    ["#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
/// Parts that an axis is divided into.
const PARTS: usize = 5;

/// A line: its name, its colour, its points.
type Line<'a> = (&'a str, &'a str, &'a [(f64, f64)]);

/// The picture.
pub(super) fn svg(history: &History) -> String {
    let mut losses: Vec<Line> =
        vec![("training loss", BLUE, &history.training), ("held-out loss", RED, &history.held_out)];
    if history.tasks.len() <= OTHERS.len() {
        let tasks = history.tasks.iter().zip(OTHERS);
        losses.extend(tasks.map(|((name, points), colour)| (name.as_str(), colour, points.as_slice())));
    }
    let shares = [("exact match", BLUE, &history.exact_match[..]), ("accuracy", RED, &history.accuracy)];
    let highest = losses.iter().flat_map(|line| line.2).map(|point| point.1).fold(0.0, f64::max);
    let top = if highest > 0.0 { 1.05 * highest } else { 1.0 };
    let mut panels = panel(0.0, "loss", &losses, history.last_step, top);
    let two = shares.iter().any(|line| !line.2.is_empty());
    if two {
        panels += &panel(HEIGHT, "share of right answers", &shares, history.last_step, 1.0);
    }
    let height = if two { 2.0 * HEIGHT } else { HEIGHT };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{panels}</svg>\n"
    )
}

/// Lines over the steps, from 0 to `top`, at `y` of the picture.
fn panel(y: f64, title: &str, lines: &[Line], last_step: f64, top: f64) -> String {
    let [left, above, right, below] = MARGIN;
    let (width, height, last_step) = (WIDTH - left - right, HEIGHT - above - below, last_step.max(1.0));
    let place = |(step, value): (f64, f64)| {
        (left + width * step / last_step, y + above + height * (1.0 - value / top))
    };
    let mut svg = format!("<text x=\"{left}\" y=\"{}\" font-size=\"15\">{title}</text>\n", y + 22.0);
    for part in 0..=PARTS {
        let share = part as f64 / PARTS as f64;
        let (x, baseline) = place((share * last_step, 0.0));
        let (_, line) = place((0.0, share * top));
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {line:.1}h{width}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{:.3}</text>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            left - 6.0,
            line + 4.0,
            share * top,
            baseline + 16.0,
            share * last_step
        );
    }
    let _ =
        writeln!(svg, "<text x=\"{}\" y=\"{}\">step</text>", WIDTH - right + 8.0, y + HEIGHT - below + 16.0);
    for (i, (name, colour, points)) in lines.iter().filter(|line| !line.2.is_empty()).enumerate() {
        let at = |point: &(f64, f64)| {
            let (x, y) = place(*point);
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<String> = points.iter().map(at).collect();
        let label = y + above + 18.0 * (i as f64 + 1.0);
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\n\
             <text x=\"{}\" y=\"{label}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - right + 8.0,
            escaped(name)
        );
    }
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_there_are_drawn_at_their_places() {
        let history = History {
            training: vec![(0.0, 4.0), (50.0, 2.0)],
            held_out: vec![(50.0, 1.0)],
            exact_match: vec![(50.0, 1.0)],
            last_step: 50.0,
            ..History::default()
        };
        let all = svg(&history);
        for text in [">training loss<", ">held-out loss<", ">exact match<", ">share of right answers<"] {
            assert!(all.contains(text), "{text}");
        }
        assert!(!all.contains("accuracy"));
        // The axis goes from 64 to 750; 4 of 4.2 is near the top, at 36 + 224 / 21.
        assert!(all.contains("points=\"64.0,46.7 750.0,153.3\""), "{all}");
        assert!(all.contains("points=\"750.0,336.0\""), "1 is the top of the panel below: {all}");
        let tasks = |count: usize| History {
            tasks: (0..count).map(|n| (format!("a<{n}&b"), vec![(50.0, 1.0)])).collect(),
            ..history.clone()
        };
        let two = svg(&tasks(2));
        assert_eq!(two.matches("<polyline").count(), all.matches("<polyline").count() + 2);
        assert!(two.contains(">a&lt;1&amp;b</text>"), "{two}");
        assert_eq!(svg(&tasks(9)), all);
        let alone = svg(&History { held_out: vec![], exact_match: vec![], ..history });
        assert_eq!(alone.matches("<polyline").count(), 1);
        assert!(svg(&History::default()).ends_with("</svg>\n"));
    }
}
