//! Plots as SVG, written by hand: bars in groups, and lines over a logarithmic axis.

use std::fmt::Write as _;

use crate::summary::thousands;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
/// Colours that people with any colour vision tell apart (Okabe and Ito).
const COLOURS: [&str; 8] = ["#000000", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#d55e00", "#cc79a7", "#999999"];

/// A figure for each x of each series.
pub struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub x: Vec<String>,
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

impl Plot<'_> {
    fn highest(&self) -> f64 {
        let all = self.series.iter().flat_map(|(_, figures)| figures.iter().flatten());
        nice(all.fold(0.0_f64, |highest, &figure| highest.max(figure)))
    }

    fn y(&self, figure: f64) -> f64 {
        HEIGHT - BOTTOM - figure / self.highest() * (HEIGHT - TOP - BOTTOM)
    }

    fn frame(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{}</text>\n<text x=\"{LEFT}\" y=\"33\" fill=\"#666\">{}</text>\n",
            self.title, self.unit
        );
        for step in 0..=4 {
            let figure = self.highest() * f64::from(step) / 4.0;
            let y = self.y(figure);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                thousands(figure)
            );
        }
        for (at, (name, _)) in self.series.iter().enumerate() {
            let y = TOP + 18.0 * at as f64;
            let _ = writeln!(
                svg,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                WIDTH - RIGHT + 14.0,
                COLOURS[at % COLOURS.len()],
                WIDTH - RIGHT + 30.0,
                y + 10.0
            );
        }
        svg
    }

    /// Bars, in a group for each x.
    pub fn bars(&self) -> String {
        let mut svg = self.frame();
        let group = (WIDTH - LEFT - RIGHT) / self.x.len().max(1) as f64;
        let bar = group * 0.84 / self.series.len().max(1) as f64;
        for (at, x) in self.x.iter().enumerate() {
            let left = LEFT + group * at as f64 + group * 0.08;
            for (n, (_, figures)) in self.series.iter().enumerate() {
                let Some(figure) = figures[at] else { continue };
                let y = self.y(figure);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                    left + bar * n as f64,
                    bar * 0.92,
                    HEIGHT - BOTTOM - y,
                    COLOURS[n % COLOURS.len()]
                );
            }
            label(&mut svg, left + group * 0.42, x);
        }
        svg + "</svg>\n"
    }

    /// A line for each series, with the same distance from x to x.
    pub fn lines(&self) -> String {
        let mut svg = self.frame();
        let step = (WIDTH - LEFT - RIGHT) / self.x.len().max(1) as f64;
        let place = |at: usize| LEFT + step * (at as f64 + 0.5);
        for (n, (_, figures)) in self.series.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            let points: Vec<_> =
                figures.iter().enumerate().filter_map(|(at, figure)| Some((place(at), self.y((*figure)?)))).collect();
            let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                path.join(" ")
            );
            for (x, y) in points {
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
        }
        for (at, x) in self.x.iter().enumerate() {
            label(&mut svg, place(at), x);
        }
        svg + "</svg>\n"
    }
}

fn label(svg: &mut String, x: f64, text: &str) {
    let _ =
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>", HEIGHT - BOTTOM + 18.0);
}

/// The next number that divides well into four.
fn nice(highest: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for factor in [1.0, 2.0, 4.0, 6.0, 8.0] {
            if step * factor >= highest {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}
