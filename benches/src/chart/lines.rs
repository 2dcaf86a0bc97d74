//! A chart of lines over two logarithmic axes.

use super::svg::{Anchor, COLOURS, Svg};
use crate::table::number;

pub(super) struct Line {
    pub(super) name: String,
    /// Positive values, from left to right.
    pub(super) points: Vec<(f64, f64)>,
}

pub(super) struct LineChart<'a> {
    pub(super) title: &'a str,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    pub(super) lines: Vec<Line>,
}

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 110.0;
const RIGHT: f64 = 570.0;
const TOP: f64 = 55.0;
const BOTTOM: f64 = 395.0;
/// The minimum distance between the names at the lines' ends.
const NAME_HEIGHT: f64 = 18.0;

/// A logarithmic axis in pixels.
struct Axis {
    /// Round values. The first and the last are the ends of the axis.
    ticks: Vec<f64>,
    pixels: (f64, f64),
}

impl Axis {
    /// Builds the axis that covers all values and has ticks at these multiples of each power of ten.
    fn of(values: impl Iterator<Item = f64> + Clone, multiples: &[f64], pixels: (f64, f64)) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        let round = (-3..12).flat_map(|power| multiples.iter().map(move |multiple| multiple * 10f64.powi(power)));
        let first = round.clone().filter(|tick| *tick <= low).fold(0.0, f64::max);
        let last = round.clone().find(|tick| *tick >= high).unwrap_or(high);
        Self { ticks: round.filter(|tick| (first..=last).contains(tick)).collect(), pixels }
    }

    fn place(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        self.pixels.0 + (value / first).log10() / (last / first).log10() * (self.pixels.1 - self.pixels.0)
    }
}

impl LineChart<'_> {
    pub(super) fn draw(&self) -> String {
        let mut svg = Svg::new(WIDTH, HEIGHT, self.title);
        let points = self.lines.iter().flat_map(|line| &line.points);
        let x = Axis::of(points.clone().map(|(x, _)| *x), &[1.0], (LEFT, RIGHT));
        let y = Axis::of(points.map(|(_, y)| *y), &[1.0, 2.0, 5.0], (BOTTOM, TOP));
        self.draw_axes(&mut svg, &x, &y);
        for (colour, line) in self.lines.iter().enumerate() {
            let points: Vec<_> = line.points.iter().map(|(across, up)| (x.place(*across), y.place(*up))).collect();
            svg.path(&points, colour % COLOURS, if is_ours(&line.name) { 3.5 } else { 1.8 });
            for point in points {
                svg.dot(point, colour % COLOURS);
            }
        }
        self.draw_names(&mut svg, &y);
        svg.finish()
    }

    fn draw_axes(&self, svg: &mut Svg, x: &Axis, y: &Axis) {
        for &tick in &y.ticks {
            let at = y.place(tick);
            svg.line((LEFT, at), (RIGHT, at), "grid");
            svg.text((LEFT - 10.0, at + 4.0), Anchor::End, "", &whole(tick));
        }
        for &tick in &x.ticks {
            let at = x.place(tick);
            svg.line((at, BOTTOM), (at, BOTTOM + 5.0), "axis");
            svg.text((at, BOTTOM + 22.0), Anchor::Middle, "", &whole(tick));
        }
        svg.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis");
        svg.line((LEFT, TOP), (LEFT, BOTTOM), "axis");
        svg.text(((LEFT + RIGHT) / 2.0, BOTTOM + 48.0), Anchor::Middle, "", self.x_label);
        svg.upright_text((24.0, (TOP + BOTTOM) / 2.0), self.y_label);
    }

    /// Writes each line's name and last value next to its end, moved down where two would overlap.
    fn draw_names(&self, svg: &mut Svg, y: &Axis) {
        let ends =
            self.lines.iter().enumerate().filter_map(|(colour, line)| Some((colour, line, line.points.last()?.1)));
        let mut names: Vec<_> = ends.collect();
        names.sort_by(|(_, _, one), (_, _, other)| other.total_cmp(one));
        let mut free = TOP;
        for (colour, line, value) in names {
            let end = y.place(value);
            let at = end.max(free);
            free = at + NAME_HEIGHT;
            svg.path(&[(RIGHT + 4.0, end), (RIGHT + 22.0, at)], colour % COLOURS, 1.0);
            let class = if is_ours(&line.name) { "ours" } else { "" };
            let text = format!("{} · {} million", line.name, number(value / 1e6));
            svg.text((RIGHT + 27.0, at + 4.0), Anchor::Start, class, &text);
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("ours")
}

/// Formats a round number.
fn whole(value: f64) -> String {
    if value < 100.0 { format!("{value}") } else { number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_goes_from_round_value_to_round_value() {
        let axis = Axis::of([150.0, 900.0].into_iter(), &[1.0, 5.0], (0.0, 200.0));
        assert_eq!(axis.ticks, [100.0, 500.0, 1_000.0]);
        assert!((axis.place(1_000.0) - 200.0).abs() < 1e-9);
    }
}
