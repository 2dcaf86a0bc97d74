//! The drawing primitives of the charts.

use std::fmt::Write as _;

/// The anchor of a text.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing. Colours are CSS classes, so that they can differ in dark mode.
pub(super) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

/// The number of colours for lines and segments.
pub(super) const COLOURS: usize = 6;

/// All colours follow the reader's colour scheme, the background included: a page can be dark where the system is not.
const STYLE: &str = "
.paper { fill: #ffffff }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.ours { font-weight: 700 }
.inside { fill: #fff; font-size: 12px }
.axis { stroke: #59636e }
.grid { stroke: #d1d9e0 }
.f0 { fill: #57606a } .f1 { fill: #1a6fd1 } .f2 { fill: #8250df } .f3 { fill: #bc4c00 } .f4 { fill: #1a7f5a } .f5 { fill: #a0527c }
.s0 { stroke: #57606a } .s1 { stroke: #1a6fd1 } .s2 { stroke: #8250df } .s3 { stroke: #bc4c00 } .s4 { stroke: #1a7f5a } .s5 { stroke: #a0527c }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 }
text { fill: #e6edf3 }
.axis { stroke: #9198a1 }
.grid { stroke: #3d444d }
.f0 { fill: #8b949e } .f1 { fill: #4493f8 } .f2 { fill: #ab7df8 } .f3 { fill: #e0813f } .f4 { fill: #2ea87a } .f5 { fill: #d07aa8 }
.s0 { stroke: #8b949e } .s1 { stroke: #4493f8 } .s2 { stroke: #ab7df8 } .s3 { stroke: #e0813f } .s4 { stroke: #2ea87a } .s5 { stroke: #d07aa8 }
.inside { fill: #0d1117 }
}";

impl Svg {
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self { width, height, title: escape(title), body: String::new() };
        svg.text((20.0, 28.0), Anchor::Start, "title", title);
        svg
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        let _ =
            writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#);
    }

    /// Writes a text from bottom to top, as the label of a vertical axis.
    pub(super) fn upright_text(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle" transform="rotate(-90 {x:.1} {y:.1})">{text}</text>"#
        );
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = writeln!(self.body, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#);
    }

    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: usize, width: f64) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.body,
            r#"<polyline points="{points}" fill="none" stroke-width="{width}" class="s{colour}"/>"#
        );
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), colour: usize) {
        let _ = writeln!(self.body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" class="f{colour}"/>"#);
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: usize) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="f{colour}"/>"#
        );
    }

    pub(super) fn finish(self) -> String {
        let Self { width, height, title, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}\n</style>\n\
             <rect width=\"{width}\" height=\"{height}\" class=\"paper\"/>\n{body}</svg>\n"
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
