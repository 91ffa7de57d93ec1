//! What was found, and the bars it is held against.

use serde::Serialize;

use super::{compare, host::Host, slice::Slice, table::shown};

/// Everything that was found, in the order measured.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    pub(crate) host: Host,
    /// Settings of the private Postgres that are not its defaults.
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) compared: Vec<(String, Compared)>,
    pub(crate) rows: Vec<Row>,
    /// What was not measured, and why.
    pub(crate) skipped: Vec<(String, String)>,
}

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: String,
    /// Against which side; nothing if a figure stands by itself.
    pub(crate) side: &'static str,
    /// Not a number is null: the machine does not tell.
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    pub(crate) bar: Option<Bar>,
    pub(crate) met: Option<bool>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

/// Two sides, and the medians of the ratios of neighbouring slices: ours by theirs.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) ours: SideFigures,
    pub(crate) theirs: SideFigures,
    pub(crate) rate: f64,
    /// Of the 99th percentiles.
    pub(crate) tail: f64,
    /// Of the CPU an event, without the load's.
    pub(crate) cpu: f64,
    /// The ratio of each pair, in the order measured.
    pub(crate) rates: Vec<f64>,
}

/// A side, over all its slices.
#[derive(Debug, Serialize)]
pub(crate) struct SideFigures {
    pub(crate) side: String,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU microseconds an event, of each group of processes.
    pub(crate) server_us: f64,
    pub(crate) postgres_us: f64,
    pub(crate) load_us: f64,
    /// Of server and Postgres together.
    pub(crate) pipeline_us: f64,
}

impl Findings {
    pub(crate) fn new(host: Host) -> Self {
        Self {
            host,
            settings: Vec::new(),
            compared: Vec::new(),
            rows: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// A figure, with its bar if it has one.
    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        side: &'static str,
        (measured, unit): (f64, &'static str),
        bar: Option<Bar>,
    ) {
        let known = !measured.is_nan();
        let met = bar.filter(|_| known).map(|bar| bar.is_met_by(measured));
        self.rows.push(Row {
            what: what.into(),
            side,
            measured,
            unit,
            bar,
            met,
        });
    }

    /// A comparison, whose ratio of rates is a row.
    pub(crate) fn ratio(
        &mut self,
        what: &str,
        side: &'static str,
        compared: Compared,
        bar: Option<Bar>,
    ) {
        self.row(what, side, (compared.rate, "x"), bar);
        self.compared.push((what.to_owned(), compared));
    }

    pub(crate) fn skip(&mut self, what: &str, reason: &str) {
        println!("skipped: {what}: {reason}");
        self.skipped.push((what.to_owned(), reason.to_owned()));
    }
}

impl Bar {
    pub(crate) fn is_met_by(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bar) => measured >= bar,
            Self::AtMost(bar) => measured <= bar,
        }
    }
}

impl Compared {
    /// For who waits.
    pub(crate) fn tell(&self) {
        self.ours.tell();
        self.theirs.tell();
        let each: Vec<String> = self.rates.iter().map(|rate| format!("{rate:.2}")).collect();
        println!(
            "  ratio {:.2}, of pairs {}; of CPU an event {}\n",
            self.rate,
            each.join(" "),
            shown(self.cpu, 2)
        );
    }
}

impl SideFigures {
    pub(crate) fn new(side: &str, slice: &Slice) -> Self {
        Self {
            side: side.to_owned(),
            per_second: slice.rate(),
            p50_ms: slice.percentile(50.0),
            p99_ms: slice.percentile(99.0),
            server_us: slice.micros(slice.cpu.server),
            postgres_us: slice.micros(slice.cpu.postgres),
            load_us: slice.micros(slice.cpu.load),
            pipeline_us: compare::pipeline(slice),
        }
    }

    fn tell(&self) {
        println!(
            "  {:<9} {:>9}/s  p50 {:>7} ms  p99 {:>7} ms  CPU us: server {:>6}  Postgres {:>6}  load {:>5}",
            self.side,
            shown(self.per_second, 1),
            shown(self.p50_ms, 2),
            shown(self.p99_ms, 2),
            shown(self.server_us, 1),
            shown(self.postgres_us, 1),
            shown(self.load_us, 1)
        );
    }
}
