//! Plots as SVG, written by hand: bars in groups, and lines over sizes. A library has a colour, a way to use it a
//! texture.

use std::fmt::Write as _;

use crate::summary::thousands;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 250.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 56.0;

/// Libraries by the beginnings of their names, with colours that people with any colour vision tell apart (Okabe and
/// Ito).
const COLOURS: [(&str, &str); 5] = [
    ("bare", "#999999"),
    ("by-hand", "#000000"),
    ("jam-session", "#0072b2"),
    ("tower-sessions", "#e69f00"),
    ("axum_session", "#009e73"),
];

/// A figure for each x of each series.
pub struct Plot<'a> {
    pub title: &'a str,
    /// What the vertical axis shows, with its unit.
    pub unit: &'a str,
    /// What the horizontal axis shows.
    pub over: &'a str,
    pub x: Vec<String>,
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Texture {
    Solid,
    Stripes,
    Dots,
}

fn texture(name: &str) -> Texture {
    if name.contains("Redis") {
        return Texture::Dots;
    }
    let striped = ["local", "moka", "(cache)", "pass-through", "signed"].iter().any(|word| name.contains(word));
    if striped { Texture::Stripes } else { Texture::Solid }
}

fn colour(name: &str) -> &'static str {
    COLOURS.iter().find(|(library, _)| name.starts_with(library)).map_or("#d55e00", |(_, colour)| colour)
}

fn fill(name: &str) -> String {
    let colour = colour(name);
    match texture(name) {
        Texture::Solid => colour.to_owned(),
        Texture::Stripes => format!("url(#stripes-{})", &colour[1..]),
        Texture::Dots => format!("url(#dots-{})", &colour[1..]),
    }
}

fn patterns() -> String {
    let mut defs = "<defs>\n".to_owned();
    for (_, colour) in COLOURS {
        let id = &colour[1..];
        let _ = writeln!(
            defs,
            "<pattern id=\"stripes-{id}\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"white\"/><rect width=\"2.5\" \
             height=\"5\" fill=\"{colour}\"/></pattern>\n<pattern id=\"dots-{id}\" width=\"5\" height=\"5\" \
             patternUnits=\"userSpaceOnUse\"><rect width=\"5\" height=\"5\" fill=\"white\"/><circle cx=\"2.5\" cy=\"2.5\" \
             r=\"1.6\" fill=\"{colour}\"/></pattern>"
        );
    }
    defs + "</defs>\n"
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
        let (middle, under) = ((TOP + HEIGHT - BOTTOM) / 2.0, (LEFT + WIDTH - RIGHT) / 2.0);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n{}<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n\
             <text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">{}</text>\n\
             <text x=\"{under}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            patterns(),
            self.title,
            self.unit,
            HEIGHT - 14.0,
            self.over,
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
        svg
    }

    fn legend(&self, svg: &mut String, mark: impl Fn(f64, f64, &str) -> String) {
        for (at, (name, _)) in self.series.iter().enumerate() {
            let (x, y) = (WIDTH - RIGHT + 14.0, TOP + 20.0 * at as f64);
            let _ =
                writeln!(svg, "{}<text x=\"{:.1}\" y=\"{:.1}\">{name}</text>", mark(x, y, name), x + 30.0, y + 11.0);
        }
    }

    /// Bars, in a group for each x.
    pub fn bars(&self) -> String {
        let mut svg = self.frame();
        self.legend(&mut svg, |x, y, name| bar(x, y, 22.0, 13.0, name));
        let group = (WIDTH - LEFT - RIGHT) / self.x.len().max(1) as f64;
        let width = group * 0.84 / self.series.len().max(1) as f64;
        for (at, x) in self.x.iter().enumerate() {
            let left = LEFT + group * at as f64 + group * 0.08;
            for (n, (name, figures)) in self.series.iter().enumerate() {
                let Some(figure) = figures[at] else { continue };
                let y = self.y(figure);
                svg += &bar(left + width * n as f64, y, width * 0.88, HEIGHT - BOTTOM - y, name);
                svg.push('\n');
            }
            label(&mut svg, left + group * 0.42, x);
        }
        svg + "</svg>\n"
    }

    /// A line for each series, with the same distance from x to x.
    pub fn lines(&self) -> String {
        let mut svg = self.frame();
        self.legend(&mut svg, |x, y, name| line(&[(x, y + 7.0), (x + 22.0, y + 7.0)], name));
        let step = (WIDTH - LEFT - RIGHT) / self.x.len().max(1) as f64;
        let place = |at: usize| LEFT + step * (at as f64 + 0.5);
        for (name, figures) in &self.series {
            let points = figures.iter().enumerate().filter_map(|(at, figure)| Some((place(at), self.y((*figure)?))));
            svg += &line(&points.collect::<Vec<_>>(), name);
            svg.push('\n');
        }
        for (at, x) in self.x.iter().enumerate() {
            label(&mut svg, place(at), x);
        }
        svg + "</svg>\n"
    }
}

fn bar(x: f64, y: f64, width: f64, height: f64, name: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\" stroke=\"{}\" \
         stroke-width=\"0.8\"/>",
        fill(name),
        colour(name)
    )
}

fn line(points: &[(f64, f64)], name: &str) -> String {
    let (colour, texture) = (colour(name), texture(name));
    let dashes = match texture {
        Texture::Solid => "",
        Texture::Stripes => " stroke-dasharray=\"7 3\"",
        Texture::Dots => " stroke-dasharray=\"2 3\"",
    };
    let inside = if texture == Texture::Solid { colour } else { "white" };
    let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    let mut svg = format!("<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>");
    for (x, y) in points {
        let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{inside}\" stroke=\"{colour}\"/>");
    }
    svg
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
