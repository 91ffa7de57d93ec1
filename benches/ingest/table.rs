//! What is printed.

use super::slice::Slice;

pub(crate) fn print_head() {
    println!(
        "\n{:>11} {:>9} {:>9} {:>8} {:>8}",
        "connections", "server", "events/s", "p50 ms", "p99 ms"
    );
}

pub(crate) fn print_server(connections: u32, name: &str, slice: &mut Slice) {
    let (p50, p99) = slice.percentiles();
    let rate = slice.rate();
    println!("{connections:>11} {name:>9} {rate:>9.0} {p50:>8.2} {p99:>8.2}");
}

/// The median and all of them, in the order measured.
pub(crate) fn print_ratios(connections: u32, ratios: &[f64]) {
    let median = median(ratios);
    println!("{connections:>11} {:>9} {median:>9.2}", "ratio");
    let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    println!("{:>11} {:>9} {}\n", "", "of pairs", each.join(" "));
}

/// Between the two middle ones if their number is even; not a number if there are none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.len() / 2;
    let lower = sorted.len().saturating_sub(1) / 2;
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}
