//! Line charts as SVG, made by the server: title, axes with units, a band of confidence where there is one. The same
//! data stands beside each chart as a table, and lines differ by their dashes as well as by their colour.

use std::fmt::Write as _;

use super::csv_text::csv_address;
use super::format;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 36.0;

/// Value at one place of the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartPoint {
    /// Label of the place, such as a day.
    pub label: String,
    /// Value; `None` without data.
    pub value: Option<f64>,
}

/// Line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartLine {
    /// Name.
    pub name: String,
    /// Values, one for each place.
    pub points: Vec<ChartPoint>,
}

/// Chart of one or more lines over the same places.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// Title.
    pub title: String,
    /// Unit of the vertical axis.
    pub unit: String,
    /// Lines.
    pub lines: Vec<ChartLine>,
}

impl LineChart {
    /// Returns the labels of the places.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.lines
            .first()
            .map(|line| line.points.iter().map(|point| point.label.as_str()).collect())
            .unwrap_or_default()
    }

    /// Returns the rows of the table beside the chart: label, and the value of each line.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, Vec<String>)> {
        let value = |line: &ChartLine, place: usize| {
            line.points.get(place).and_then(|point| point.value).map_or_else(|| "–".to_owned(), number)
        };
        let row = |(place, label): (usize, &str)| {
            (label.to_owned(), self.lines.iter().map(|line| value(line, place)).collect())
        };
        self.labels().into_iter().enumerate().map(row).collect()
    }

    /// Returns the address of the CSV: the numbers as the API has them.
    #[must_use]
    pub fn csv(&self) -> String {
        let header: Vec<_> = std::iter::once("time").chain(self.lines.iter().map(|line| line.name.as_str())).collect();
        let value = |line: &ChartLine, place: usize| {
            line.points.get(place).and_then(|point| point.value).map_or_else(String::new, |value| value.to_string())
        };
        let row = |(place, label): (usize, &str)| {
            std::iter::once(label.to_owned()).chain(self.lines.iter().map(|line| value(line, place))).collect()
        };
        csv_address(&header, &self.labels().into_iter().enumerate().map(row).collect::<Vec<_>>())
    }

    /// Returns `true` if no line has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.points.iter().all(|point| point.value.is_none()))
    }

    /// Returns the SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let values = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.value));
        let top = rounded_up(values.fold(0.0, f64::max));
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}, {}; the table below has the \
             numbers\">",
            escaped(&self.title),
            escaped(&self.unit)
        );
        for step in 0..=4_u8 {
            let share = f64::from(step) / 4.0;
            let y = height_of(share);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                escaped(&number(top * share))
            );
        }
        self.append_labels(&mut svg);
        for (place, line) in self.lines.iter().enumerate() {
            append_line(&mut svg, line, place, top);
        }
        svg.push_str("</svg>");
        svg
    }

    /// Appends at most seven labels below the horizontal axis.
    fn append_labels(&self, svg: &mut String) {
        let labels = self.labels();
        let step = labels.len().div_ceil(7).max(1);
        for (place, label) in labels.iter().enumerate().step_by(step) {
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                place_of(place, labels.len()),
                HEIGHT - 12.0,
                escaped(label)
            );
        }
    }
}

/// Appends one line. Places without data interrupt it; a value between two of them is a dot.
fn append_line(svg: &mut String, line: &ChartLine, place: usize, top: f64) {
    let (mut path, mut is_open) = (String::new(), false);
    for (at, point) in line.points.iter().enumerate() {
        let Some(value) = point.value else {
            is_open = false;
            continue;
        };
        let (x, y) = (place_of(at, line.points.len()), height_of(if top > 0.0 { value / top } else { 0.0 }));
        let _ = write!(path, "{}{x:.1} {y:.1} ", if is_open { 'L' } else { 'M' });
        let has_neighbour = is_open || line.points.get(at + 1).is_some_and(|next| next.value.is_some());
        if !has_neighbour {
            let _ = write!(svg, "<circle class=\"dot line-{place}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        is_open = true;
    }
    let _ = write!(svg, "<path class=\"line line-{place}\" d=\"{}\"/>", path.trim_end());
}

#[allow(clippy::cast_precision_loss)] // at most some hundred places
fn place_of(place: usize, places: usize) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * (place as f64 + 0.5) / places.max(1) as f64
}

fn height_of(share: f64) -> f64 {
    TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share)
}

/// Returns the next larger of 1, 2, 4, 5, 8 and 10 times a power of ten, so that the axis has readable steps.
pub(super) fn rounded_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 4.0, 5.0, 8.0].into_iter().find(|step| step * power >= value * 0.999_999);
    step.unwrap_or(10.0) * power
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        #[allow(clippy::cast_possible_truncation)] // a whole number within the range
        return format::count(value as i64);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Escapes a text for SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[Option<f64>]) -> LineChart {
        let points = values
            .iter()
            .enumerate()
            .map(|(place, value)| ChartPoint { label: format!("day {place}"), value: *value })
            .collect();
        LineChart {
            title: "Sent <b>".into(),
            unit: "a day".into(),
            lines: vec![ChartLine { name: "sent".into(), points }],
        }
    }

    #[test]
    fn a_chart_has_axis_line_and_table() {
        let chart = chart(&[Some(0.0), Some(1_500.0), None, Some(12.25)]);
        let svg = chart.svg();
        assert!(svg.contains("Sent &lt;b&gt;, a day") && svg.contains(">2,000<") && svg.contains(">day 3<"), "{svg}");
        assert_eq!(svg.matches('M').count(), 2, "a gap interrupts the line");
        assert!(svg.contains("<circle"), "a single value is a dot");
        assert_eq!(chart.rows()[1], ("day 1".to_owned(), vec!["1,500".to_owned()]));
        assert_eq!((chart.rows()[2].1[0].as_str(), chart.rows()[3].1[0].as_str()), ("–", "12.25"));
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (value, end) in [(0.0, 1.0), (0.03, 0.04), (1.0, 1.0), (7.0, 8.0), (9.1, 10.0), (1_001.0, 2_000.0)] {
            assert!((rounded_up(value) - end).abs() < 1e-9 * end, "{value}: {}", rounded_up(value));
        }
    }

    #[test]
    fn no_data_is_no_line() {
        assert!(chart(&[None, None]).is_empty() && !chart(&[Some(0.0)]).is_empty());
        assert!(chart(&[]).svg().ends_with("</svg>"));
    }
}
