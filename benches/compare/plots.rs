//! Draws how the cost grows.

use super::growth::Growth;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

const SIZE: (u32, u32) = (720, 440);

const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(214, 39, 40), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];

/// Writes one file per chart, named after it.
pub(crate) fn draw(folder: &Path, all: &[Growth]) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    all.iter().try_for_each(|growth| draw_one(&folder.join(format!("{}.svg", growth.name)), growth))
}

fn draw_one(file: &Path, growth: &Growth) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || growth.curves.iter().flat_map(|curve| curve.points.iter().copied());
    let mut chart = ChartBuilder::on(&area)
        .caption(growth.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            around(points().map(|(x, _)| x), 1.0).log_scale(),
            around(points().map(|(_, y)| y), 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(growth.x)
        .y_desc(growth.y)
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .light_line_style(WHITE)
        .draw()?;
    for (curve, colour) in growth.curves.iter().zip(COLOURS) {
        let points = &curve.points;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(curve.peer)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

/// From the smallest to the largest value, with a margin.
fn around(values: impl Iterator<Item = f64> + Clone, room: f64) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(1.0, f64::max);
    least.min(most) / room..most * room
}

/// The axes have a mark at each power of ten.
fn short(value: f64) -> String {
    let (mut value, mut unit) = (value, 0);
    const UNITS: [&str; 4] = ["", " k", " M", " G"];
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.0}{}", UNITS[unit])
}
