//! Times and numbers as people read them, and a histogram as text.

use hdrhistogram::Histogram;

/// The length of the longest bar.
const BAR: u64 = 40;

/// A row of a histogram: how many values were in this range, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bin {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) count: u64,
}

/// Splits a histogram at 1, 2 and 5 times the powers of ten, from its smallest to its largest value.
pub(crate) fn bins(histogram: &Histogram<u64>) -> Vec<Bin> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let bounds: Vec<_> = powers.flat_map(|power| [power, 2 * power, 5 * power]).collect();
    let mut bins: Vec<_> = bounds.windows(2).map(|pair| Bin { from: pair[0], to: pair[1], count: 0 }).collect();
    for value in histogram.iter_recorded() {
        let place = bounds.partition_point(|bound| *bound <= value.value_iterated_to()).clamp(1, bins.len()) - 1;
        bins[place].count += value.count_at_value();
    }
    let first = bins.iter().position(|bin| bin.count > 0).unwrap_or(0);
    let last = bins.iter().rposition(|bin| bin.count > 0).unwrap_or(0);
    bins[first..=last].to_vec()
}

/// Draws a line for each bin.
pub(crate) fn draw(bins: &[Bin]) -> Vec<String> {
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let rows: Vec<_> = bins.iter().map(|bin| (time(bin.from), time(bin.to), number(bin.count))).collect();
    let width = |text: fn(&(String, String, String)) -> &String| rows.iter().map(|row| text(row).len()).max();
    let [from, to, count] =
        [width(|row| &row.0), width(|row| &row.1), width(|row| &row.2)].map(Option::unwrap_or_default);
    let line = |((start, end, calls), bin): (&(String, String, String), &Bin)| {
        // The shortest bar still shows that there are values.
        let bar = "#".repeat((u128::from(bin.count) * u128::from(BAR)).div_ceil(u128::from(largest)) as usize);
        format!("  {start:>from$} to {end:>to$}  {calls:>count$}  {bar}").trim_end().to_owned()
    };
    rows.iter().zip(bins).map(line).collect()
}

/// Writes a time of nanoseconds with three digits or more: `0.085 ms`, `12.3 ms`, `1.20 s`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn time(nanos: u64) -> String {
    let millis = nanos as f64 / 1e6;
    match millis {
        ..0.9995 => format!("{millis:.3} ms"),
        ..9.995 => format!("{millis:.2} ms"),
        ..99.95 => format!("{millis:.1} ms"),
        ..999.5 => format!("{millis:.0} ms"),
        _ => format!("{:.2} s", millis / 1e3),
    }
}

/// Writes a number with separated thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::{Bin, bins, draw, number, time};

    #[test]
    fn times_and_numbers_have_the_digits_that_matter() {
        let times = [0, 85_400, 999_400, 999_600, 12_345_678, 250_000_000, 999_800_000, 61_000_000_000].map(time);
        let shown = ["0.000 ms", "0.085 ms", "0.999 ms", "1.00 ms", "12.3 ms", "250 ms", "1.00 s", "61.00 s"];
        assert_eq!(times, shown);
        assert_eq!([0, 999, 1_000, 12_345_678].map(number), ["0", "999", "1,000", "12,345,678"]);
    }

    #[test]
    fn bins_cover_all_values() {
        let mut histogram = Histogram::new(3).unwrap();
        for (value, count) in [(60_000, 3), (99_000, 1), (700_000, 80)] {
            histogram.record_n(value, count).unwrap();
        }
        let expected = [(50_000, 100_000, 4), (100_000, 200_000, 0), (200_000, 500_000, 0), (500_000, 1_000_000, 80)];
        assert_eq!(bins(&histogram), expected.map(|(from, to, count)| Bin { from, to, count }));
        let lines = draw(&bins(&histogram));
        assert_eq!(lines[0], "  0.050 ms to 0.100 ms   4  ##");
        assert_eq!(lines[1], "  0.100 ms to 0.200 ms   0");
        assert_eq!(lines[3], format!("  0.500 ms to  1.00 ms  80  {}", "#".repeat(40)));
        assert_eq!(bins(&Histogram::new(3).unwrap()), []);
    }
}
