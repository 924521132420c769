//! Line charts as SVG, made by the server: title, axes with units, a band of confidence where there is one. The same
//! data stands beside each chart as a table, and lines differ by their dashes as well as by their colour.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::csv_text::{csv_address, csv_name};
use super::format;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
/// Room for the widest label of the vertical axis, such as `0.000500`.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 36.0;
/// Half of the width of the widest label below the axis.
const HALF_LABEL: f64 = 48.0;
/// Largest number of places at which each value has a mark.
const MARKED_PLACES: usize = 40;
/// Most decimals of a number.
const MAX_DECIMALS: usize = 6;

/// Value at one place of the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartPoint {
    /// Label of the place, such as a day.
    pub label: String,
    /// Begin of the place, which its CSV has (RFC 3339).
    pub at: Timestamp,
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
        let decimals = self.decimals();
        let value = |line: &ChartLine, place: usize| {
            let value = line.points.get(place).and_then(|point| point.value);
            value.map_or_else(|| "–".to_owned(), |value| number(value, decimals))
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
        let row = |(place, point): (usize, &ChartPoint)| {
            std::iter::once(point.at.to_string()).chain(self.lines.iter().map(|line| value(line, place))).collect()
        };
        let places = self.lines.first().into_iter().flat_map(|line| &line.points).enumerate();
        csv_address(&header, &places.map(row).collect::<Vec<_>>())
    }

    /// Returns the name of the file of the CSV.
    #[must_use]
    pub fn file(&self) -> String {
        csv_name(&self.title)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.value))
    }

    /// Returns the number of decimals that the values of the table have in common: two digits of the smallest one.
    fn decimals(&self) -> usize {
        if self.values().all(|value| value.fract() == 0.0) {
            return 0;
        }
        let smallest = self.values().map(f64::abs).filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        (1..MAX_DECIMALS).find(|places| smallest * power_of_ten(*places) >= 10.0).unwrap_or(MAX_DECIMALS).max(2)
    }

    /// Returns the mark of a line for the legend.
    #[must_use]
    pub fn swatch(&self, line: &usize) -> String {
        mark(*line, 20.0, 4.0)
    }

    /// Returns `true` if no line has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.points.iter().all(|point| point.value.is_none()))
    }

    /// Returns the SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let top = rounded_up(self.values().fold(0.0, f64::max));
        let decimals = decimals_of_step(top / 4.0);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}, {}; the table below has the \
             numbers\">",
            escaped(&self.title),
            escaped(&self.unit)
        );
        let _ = write!(svg, "<text class=\"tick unit\" x=\"4\" y=\"14\">{}</text>", escaped(&self.unit));
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
                escaped(&number(top * share, decimals))
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
            let at = place_of(place, labels.len());
            // A label at the edge would be cut.
            let (x, anchor) = if at + HALF_LABEL > WIDTH { (WIDTH - 2.0, "end") } else { (at, "middle") };
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT - 12.0,
                escaped(label)
            );
        }
    }
}

/// Returns the mark of a line's values. Each line has its own shape, so that the lines differ not only in colour.
fn mark(line: usize, x: f64, y: f64) -> String {
    let shape = match line {
        0 => format!("circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\""),
        1 => format!("rect x=\"{:.1}\" y=\"{:.1}\" width=\"6.5\" height=\"6.5\"", x - 3.25, y - 3.25),
        2 => {
            let (left, right, up, down) = (x - 4.0, x + 4.0, y - 4.0, y + 3.0);
            format!("polygon points=\"{left:.1},{down:.1} {right:.1},{down:.1} {x:.1},{up:.1}\"")
        }
        _ => {
            let (left, right, up, down) = (x - 4.5, x + 4.5, y - 4.5, y + 4.5);
            format!("polygon points=\"{left:.1},{y:.1} {x:.1},{up:.1} {right:.1},{y:.1} {x:.1},{down:.1}\"")
        }
    };
    format!("<{shape} class=\"mark-{line}\"/>")
}

/// Appends one line. Places without data interrupt it. Values have marks if there are few of them; one between two
/// places without data always has.
fn append_line(svg: &mut String, line: &ChartLine, place: usize, top: f64) {
    let (mut path, mut marks, mut is_open) = (String::new(), String::new(), false);
    let is_marked = line.points.len() <= MARKED_PLACES;
    for (at, point) in line.points.iter().enumerate() {
        let Some(value) = point.value else {
            is_open = false;
            continue;
        };
        let (x, y) = (place_of(at, line.points.len()), height_of(if top > 0.0 { value / top } else { 0.0 }));
        let _ = write!(path, "{}{x:.1} {y:.1} ", if is_open { 'L' } else { 'M' });
        let has_neighbour = is_open || line.points.get(at + 1).is_some_and(|next| next.value.is_some());
        if is_marked || !has_neighbour {
            marks.push_str(&mark(place, x, y));
        }
        is_open = true;
    }
    let _ = write!(svg, "<path class=\"line line-{place}\" d=\"{}\"/>{marks}", path.trim_end());
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

fn number(value: f64, decimals: usize) -> String {
    if decimals == 0 && value.abs() < 1e15 {
        #[allow(clippy::cast_possible_truncation)] // within the range
        return format::count(value.round() as i64);
    }
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    whole.parse().map_or_else(|_| text.clone(), |whole| format!("{}.{rest}", format::count(whole)))
}

/// Returns the number of decimals with which every multiple of a step is exact.
fn decimals_of_step(step: f64) -> usize {
    let is_whole = |places: &usize| {
        let scaled = step * power_of_ten(*places);
        (scaled - scaled.round()).abs() < 1e-6
    };
    (0..=MAX_DECIMALS + 2).find(|places| step > 0.0 && is_whole(places)).unwrap_or(MAX_DECIMALS)
}

fn power_of_ten(places: usize) -> f64 {
    10_f64.powi(i32::try_from(places).unwrap_or(i32::MAX))
}

/// Escapes a text for SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chart(values: &[Option<f64>]) -> LineChart {
        let points = values
            .iter()
            .enumerate()
            .map(|(place, value)| ChartPoint {
                label: format!("day {place}"),
                at: Timestamp::from_second(86_400 * i64::try_from(place).unwrap()).unwrap(),
                value: *value,
            })
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
        assert!(chart.csv().contains("1970-01-02T00%3A00%3A00Z%2C1500"), "{}", chart.csv());
        assert_eq!(chart.rows()[1], ("day 1".to_owned(), vec!["1,500.00".to_owned()]));
        assert_eq!((chart.rows()[2].1[0].as_str(), chart.rows()[3].1[0].as_str()), ("–", "12.25"));
        assert!(svg.contains(">a day</text>"), "{svg}");
        let month = self::chart(&[Some(1.0); 31]).svg();
        assert!(month.contains("x=\"718.0\" y=\"228.0\" text-anchor=\"end\">day 30<"), "it is not cut: {month}");
    }

    #[test]
    fn small_amounts_have_the_decimals_of_the_axis_and_of_the_table() {
        let chart = chart(&[Some(0.000_092), Some(0.001)]);
        let svg = chart.svg();
        for tick in ["0.00000", "0.00025", "0.00050", "0.00075", "0.00100"] {
            assert!(svg.contains(&format!(">{tick}<")), "{tick}: {svg}");
        }
        let values: Vec<_> = chart.rows().into_iter().map(|(_, values)| values[0].clone()).collect();
        assert_eq!(values, ["0.000092", "0.001000"]);
    }

    #[test]
    fn each_line_has_its_own_shape() {
        let marks: Vec<_> = (0..4).map(|line| mark(line, 20.0, 4.0)).collect();
        for (line, own) in marks.iter().enumerate() {
            let shape = |mark: &str| mark.split(" class").next().map(str::to_owned);
            assert!(own.contains(&format!("mark-{line}")));
            assert_eq!(marks.iter().filter(|other| shape(other) == shape(own)).count(), 1, "{own}");
        }
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
