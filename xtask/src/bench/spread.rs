//! Figures of several rounds: their middle and extremes, and tables of them that read well in a terminal too.

use serde_json::{Value, json};

use super::report::{median, short};

/// A middle and its extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of nothing, nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(values)?,
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// Of the ratios of what ran in the same round.
    pub(crate) fn of_ratios(pairs: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let ratios = pairs.map(|(ours, theirs)| ours / theirs);
        // To nothing there is no ratio.
        Self::of(&ratios.filter(|ratio| ratio.is_finite()).collect::<Vec<_>>())
    }

    /// The middle alone; nothing for nothing.
    pub(crate) fn middle(it: Option<Self>) -> String {
        it.map_or_else(String::new, |it| short(it.median))
    }

    /// As a ratio: `0.40 (0.38-0.43)`; nothing for nothing.
    pub(crate) fn ratio(it: Option<Self>) -> String {
        it.map_or_else(String::new, |it| {
            format!("{:.2} ({:.2}-{:.2})", it.median, it.least, it.most)
        })
    }

    pub(crate) fn json(self) -> Value {
        json!({"median": self.median, "least": self.least, "most": self.most})
    }
}

/// Rows, the first of which has the headings, as Markdown with padded columns.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            out += &format!("| {cell:<width$} ");
        }
        out += "|\n";
        if index == 0 {
            for width in &widths {
                out += &format!("| {} ", "-".repeat(*width));
            }
            out += "|\n";
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Spread, table};

    #[test]
    fn ratios_are_of_pairs() {
        let pairs = [(1.0, 2.0), (10.0, 40.0), (1.2, 2.0), (1.0, 0.0)];
        let ratio = Spread::of_ratios(pairs.into_iter());
        assert_eq!(Spread::ratio(ratio), "0.50 (0.25-0.60)");
        assert_eq!(Spread::of_ratios(std::iter::empty()), None);
        assert_eq!(Spread::middle(None), "");
    }

    #[test]
    fn columns_are_padded() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|row| row.map(ToOwned::to_owned).to_vec());
        assert_eq!(table(&rows), "| a   | bb |\n| --- | -- |\n| ccc | d  |\n");
    }
}
