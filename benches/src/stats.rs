//! Median and quartiles.

use serde::{Deserialize, Serialize};

/// The values of several rounds: their median, and their quartiles if there are several values.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quartiles: Option<(f64, f64)>,
}

impl Spread {
    /// Summarizes values. There must be at least one.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let quartiles =
            (values.len() > 1).then(|| (rounded(quantile(&values, 0.25)), rounded(quantile(&values, 0.75))));
        Self { median: rounded(quantile(&values, 0.5)), quartiles }
    }
}

impl From<f64> for Spread {
    fn from(value: f64) -> Self {
        Self { median: rounded(value), quartiles: None }
    }
}

/// Rounds to the significant digits, so that saved results stay readable.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Returns the quantile of sorted values, interpolated between neighbours.
///
/// # Panics
///
/// If there are no values.
pub(crate) fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_quartiles_lie_between_neighbours() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Spread { median: 2.5, quartiles: Some((1.75, 3.25)) });
    }

    #[test]
    fn single_value_has_no_quartiles() {
        assert_eq!(Spread::of(vec![7.0]), Spread { median: 7.0, quartiles: None });
    }
}
