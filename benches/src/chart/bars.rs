//! A chart of stacked bars, one below the other.

use super::svg::{Anchor, COLOURS, Svg};
use crate::table::number;

pub(super) struct Bar {
    pub(super) name: String,
    /// The lengths of its segments, in the order of the chart's segments.
    pub(super) segments: Vec<f64>,
}

pub(super) struct BarChart<'a> {
    pub(super) title: &'a str,
    pub(super) x_label: &'a str,
    pub(super) segments: Vec<&'a str>,
    pub(super) bars: Vec<Bar>,
}

const WIDTH: f64 = 820.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 100.0;
const BAR: f64 = 26.0;
const STEP: f64 = 40.0;
/// Narrower segments have no room for their number.
const NARROW: f64 = 38.0;
/// The approximate width of a letter in the legend.
const LETTER: f64 = 7.0;

impl BarChart<'_> {
    pub(super) fn draw(&self) -> String {
        let bottom = TOP + STEP * self.bars.len() as f64;
        let mut svg = Svg::new(WIDTH, bottom + 50.0, self.title);
        let longest = self.bars.iter().map(Bar::length).fold(1.0, f64::max);
        let scale = (RIGHT - LEFT) / longest;
        self.draw_legend(&mut svg);
        draw_axis(&mut svg, bottom, longest, scale);
        svg.text(((LEFT + RIGHT) / 2.0, bottom + 42.0), Anchor::Middle, "", self.x_label);
        for (place, bar) in self.bars.iter().enumerate() {
            bar.draw(&mut svg, TOP + STEP * place as f64, scale);
        }
        svg.finish()
    }

    fn draw_legend(&self, svg: &mut Svg) {
        let (mut x, y) = (20.0, 62.0);
        for (number, name) in self.segments.iter().enumerate() {
            svg.rect((x, y - 11.0), (13.0, 13.0), number % COLOURS);
            svg.text((x + 18.0, y), Anchor::Start, "", name);
            x += 18.0 + LETTER * name.chars().count() as f64 + 14.0;
        }
    }
}

impl Bar {
    fn length(&self) -> f64 {
        self.segments.iter().sum()
    }

    fn draw(&self, svg: &mut Svg, top: f64, scale: f64) {
        let class = if self.name.starts_with("ours") { "ours" } else { "" };
        let base = top + BAR / 2.0 + 5.0;
        svg.text((LEFT - 10.0, base), Anchor::End, class, &self.name);
        let mut x = LEFT;
        for (place, length) in self.segments.iter().enumerate() {
            let width = length * scale;
            svg.rect((x, top), (width, BAR), place % COLOURS);
            if width >= NARROW {
                svg.text((x + width / 2.0, base), Anchor::Middle, "inside", &number(*length));
            }
            x += width;
        }
        svg.text((x + 8.0, base), Anchor::Start, class, &number(self.length()));
    }
}

fn draw_axis(svg: &mut Svg, bottom: f64, longest: f64, scale: f64) {
    let step = tick_step(longest);
    for tick in 0..=(longest / step) as usize {
        let value = step * tick as f64;
        let x = LEFT + value * scale;
        svg.line((x, TOP - 8.0), (x, bottom), "grid");
        let text = if tick == 0 { "0".to_owned() } else { number(value) };
        svg.text((x, bottom + 18.0), Anchor::Middle, "", &text);
    }
    svg.line((LEFT, TOP - 8.0), (LEFT, bottom), "axis");
}

/// Returns a round step that results in three to eight ticks.
fn tick_step(longest: f64) -> f64 {
    let power = 10f64.powf(longest.log10().floor());
    match longest / power {
        share if share < 2.0 => power / 4.0,
        share if share < 5.0 => power,
        _ => power * 2.0,
    }
}
