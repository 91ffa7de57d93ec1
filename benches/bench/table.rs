//! What is printed at the end.

use std::{fs, path::Path};

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::bars::{Bar, Findings, SideFigures};

/// Prints the tables, and the JSON if it has no file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn print(found: &Findings, file: Option<&Path>) -> anyhow::Result<()> {
    let host = &found.host;
    println!(
        "{} ({} cores, {} MB), {}, commit {}, {} build; {} plan: {} pairs of slices of {} ms",
        host.processor,
        host.cores,
        host.memory_mb,
        host.system,
        host.commit,
        host.profile,
        host.plan.name,
        host.plan.pairs,
        host.slice_ms
    );
    let settings = found.settings.iter();
    let settings: Vec<String> = settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    println!("Postgres: {}\n", settings.join(" "));
    println!("{}\n", sides(found));
    println!("{}\n", bars(found));
    for (what, reason) in &found.skipped {
        println!("skipped: {what}: {reason}");
    }
    let json = serde_json::to_string_pretty(found)?;
    match file {
        None => println!("{json}"),
        Some(file) => {
            fs::write(file, json).with_context(|| format!("writing {}", file.display()))?;
        }
    }
    Ok(())
}

/// Prints the bars alone.
pub(crate) fn print_bars(found: &Findings) {
    println!("{}", bars(found));
}

fn sides(found: &Findings) -> Table {
    let mut table = table(&[
        "compared",
        "side",
        "per second",
        "p50 ms",
        "p99 ms",
        "server us",
        "Postgres us",
        "load us",
    ]);
    for (what, compared) in &found.compared {
        for (what, side) in [(what.as_str(), &compared.ours), ("", &compared.theirs)] {
            table.add_row(side_cells(what, side));
        }
    }
    table
}

fn side_cells(what: &str, side: &SideFigures) -> Vec<String> {
    let mut cells = vec![what.to_owned(), side.side.clone()];
    let figures = [
        (side.per_second, 1),
        (side.p50_ms, 2),
        (side.p99_ms, 2),
        (side.server_us, 1),
        (side.postgres_us, 1),
        (side.load_us, 1),
    ];
    cells.extend(figures.map(|(figure, digits)| shown(figure, digits)));
    cells
}

fn bars(found: &Findings) -> Table {
    let mut table = table(&["measured", "against", "bar", "figure", "", "met"]);
    for row in &found.rows {
        let bar = match row.bar {
            Some(Bar::AtLeast(bar)) => format!(">= {bar}"),
            Some(Bar::AtMost(bar)) => format!("<= {bar}"),
            None => String::new(),
        };
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        table.add_row([
            row.what.clone(),
            row.side.to_owned(),
            bar,
            shown(row.measured, 2),
            row.unit.to_owned(),
            met.to_owned(),
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A figure, or a dash where it is not known.
pub(crate) fn shown(figure: f64, digits: usize) -> String {
    if figure.is_nan() {
        return "-".to_owned();
    }
    format!("{figure:.digits$}")
}
