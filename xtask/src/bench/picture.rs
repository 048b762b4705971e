//! The page that every picture of figures is drawn on.

/// As wide as a page of the docs.
pub(super) const WIDTH: f64 = 860.0;

/// An SVG of this height with that in it.
pub(super) fn page(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}
