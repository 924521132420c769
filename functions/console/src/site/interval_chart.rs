//! Charts of figures with their intervals as SVG, made by the server: each figure is a dot within the band of its
//! interval. The same numbers stand in the chart, in its table and in its CSV.

use std::fmt::Write as _;

use super::chart::escaped;
use super::csv_text::{csv_address, csv_name};
use super::format;

const WIDTH: f64 = 560.0;
const LEFT: f64 = 12.0;
const RIGHT: f64 = 12.0;
const ROW: f64 = 46.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 26.0;
/// Maximum number of letters of a label in the picture. The table has the whole label.
const MAX_LABEL: usize = 48;
/// Header of the table and of the CSV.
const HEADER: [&str; 4] = ["figure", "value", "low", "high"];

/// Unit of the figures of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalUnit {
    /// Shares from 0 to 1, shown as percentages.
    Percent,
    /// Differences of shares, shown in percentage points, on both sides of 0.
    Points,
    /// Numbers of people.
    People,
}

/// Figure with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    /// Name.
    pub label: String,
    /// Figure.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Chart of figures that have the same unit.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalChart {
    /// Title.
    pub title: String,
    /// Unit.
    pub unit: IntervalUnit,
    /// Share of intervals that contain the true value, as text, such as `95 %`.
    pub confidence: &'static str,
    /// Figures.
    pub rows: Vec<IntervalRow>,
}

impl IntervalChart {
    /// Returns the caption: title, unit, and the meaning of the band.
    #[must_use]
    pub fn caption(&self) -> String {
        let unit = match self.unit {
            IntervalUnit::Percent => "in percent",
            IntervalUnit::Points => "in percentage points",
            IntervalUnit::People => "people",
        };
        format!("{}, {unit}; the band is the {} interval", self.title, self.confidence)
    }

    /// Returns the rows of the table: label, figure, both ends.
    #[must_use]
    pub fn table(&self) -> Vec<[String; 4]> {
        let row =
            |row: &IntervalRow| [row.label.clone(), self.shown(row.value), self.shown(row.low), self.shown(row.high)];
        self.rows.iter().map(row).collect()
    }

    /// Returns the address of the CSV: the numbers as the API has them.
    #[must_use]
    pub fn csv(&self) -> String {
        let row = |row: &IntervalRow| {
            vec![row.label.clone(), row.value.to_string(), row.low.to_string(), row.high.to_string()]
        };
        csv_address(&HEADER, &self.rows.iter().map(row).collect::<Vec<_>>())
    }

    /// Returns the name of the file of the CSV.
    #[must_use]
    pub fn file(&self) -> String {
        csv_name(&self.title)
    }

    /// Returns the SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        #[allow(clippy::cast_precision_loss)] // a few rows
        let height = TOP + ROW * self.rows.len() as f64 + BOTTOM;
        let (from, to) = self.axis();
        let place = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * ((value - from) / (to - from)).clamp(0.0, 1.0);
        let mut svg = format!(
            "<svg class=\"chart intervals\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}; the table below \
             has the numbers\">",
            escaped(&self.caption())
        );
        for step in 0..=4_u8 {
            let value = from + (to - from) * f64::from(step) / 4.0;
            let anchor = match step {
                0 => "start",
                4 => "end",
                _ => "middle",
            };
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/><text class=\"tick\" \
                 x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                height - BOTTOM,
                height - 8.0,
                escaped(&self.shown(value)),
                x = place(value),
            );
        }
        if from < 0.0 && to > 0.0 {
            let (x, end) = (place(0.0), height - BOTTOM);
            let _ = write!(svg, "<line class=\"zero\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{end:.1}\"/>");
        }
        let mut top = TOP;
        for row in &self.rows {
            self.append_row(&mut svg, row, top, &place);
            top += ROW;
        }
        svg.push_str("</svg>");
        svg
    }

    fn append_row(&self, svg: &mut String, row: &IntervalRow, top: f64, place: &dyn Fn(f64) -> f64) {
        let (low, high, dot) = (place(row.low), place(row.high), place(row.value));
        let y = top + 30.0;
        let _ = write!(
            svg,
            "<text class=\"label\" x=\"{LEFT}\" y=\"{:.1}\">{}: {} ({} to {})</text>\
             <rect class=\"band\" x=\"{low:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\"/>\
             <path class=\"whisker\" d=\"M{low:.1} {:.1}v16M{high:.1} {:.1}v16\"/>\
             <circle class=\"dot\" cx=\"{dot:.1}\" cy=\"{y:.1}\" r=\"5\"/>",
            top + 15.0,
            escaped(&shortened(&row.label)),
            escaped(&self.shown(row.value)),
            escaped(&self.shown(row.low)),
            escaped(&self.shown(row.high)),
            y - 6.0,
            (high - low).max(1.0),
            y - 8.0,
            y - 8.0,
        );
    }

    /// Returns both ends of the axis. Numbers and shares begin at 0; differences have 0 in the middle.
    fn axis(&self) -> (f64, f64) {
        let ends = self.rows.iter().flat_map(|row| [row.low, row.value, row.high]);
        let most = ends.map(f64::abs).fold(0.0, f64::max);
        let most = super::chart::rounded_up(most);
        match self.unit {
            IntervalUnit::Percent => (0.0, most.min(1.0)),
            IntervalUnit::Points => (-most, most),
            IntervalUnit::People => (0.0, most),
        }
    }

    fn shown(&self, value: f64) -> String {
        #[allow(clippy::cast_possible_truncation)] // numbers of people
        match self.unit {
            IntervalUnit::Percent => format::percent(Some(value)),
            IntervalUnit::Points => format!("{:+.1}", value * 100.0).replace("+0.0", "0.0").replace("-0.0", "0.0"),
            IntervalUnit::People => format::count(value.round() as i64),
        }
    }
}

fn shortened(label: &str) -> String {
    let text: String = label.chars().take(MAX_LABEL).collect();
    if text.len() < label.len() { format!("{text}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(unit: IntervalUnit, value: f64, low: f64, high: f64) -> IntervalChart {
        let row = IntervalRow { label: "a <b>".to_owned(), value, low, high };
        IntervalChart { title: "Click rate, by variant".to_owned(), unit, confidence: "95 %", rows: vec![row] }
    }

    #[test]
    fn a_band_stands_in_the_picture_the_table_and_the_file() {
        let chart = chart(IntervalUnit::Percent, 0.25, 0.2, 0.31);
        let svg = chart.svg();
        assert!(svg.contains("a &lt;b&gt;: 25.0 % (20.0 % to 31.0 %)"), "{svg}");
        // The axis ends at 40 %: the band takes 11 of 40 parts of 536 places.
        assert!(svg.contains("width=\"147.4\"") && svg.contains(">40.0 %<"), "{svg}");
        assert_eq!(chart.table(), [["a <b>", "25.0 %", "20.0 %", "31.0 %"].map(str::to_owned)]);
        assert!(chart.csv().contains("figure%2Cvalue%2Clow%2Chigh%0D%0Aa%20%3Cb%3E%2C0.25%2C0.2%2C0.31%0D%0A"));
        assert_eq!(chart.file(), "click-rate-by-variant.csv");
    }

    #[test]
    fn a_difference_has_zero_in_the_middle() {
        let svg = chart(IntervalUnit::Points, -0.01, -0.04, 0.02).svg();
        assert!(
            svg.contains("class=\"zero\" x1=\"280.0\"") && svg.contains(">-4.0<") && svg.contains(">0.0<"),
            "{svg}"
        );
        let none = chart(IntervalUnit::People, 0.0, 0.0, 0.0).svg();
        assert!(!none.contains("NaN") && none.contains("width=\"1.0\""), "{none}");
    }
}
