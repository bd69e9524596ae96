//! The table, and the same as JSON.

use super::contest::{Finding, Goal, Unit};
use super::growth::Growth;
use super::options::Effort;
use super::peers::Peers;
use super::support::statistics::{load, load_average, thousands};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// All findings, and the machine they were made on.
#[derive(serde::Serialize)]
pub(crate) struct Report {
    cores: usize,
    processor: String,
    system: String,
    load_average: Option<f64>,
    turns: usize,
    turn_seconds: f64,
    peers: Vec<String>,
    skipped: Vec<String>,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    growth: Vec<Growth>,
}

/// The widths of the columns.
const CELL: usize = 48;
const PEER: usize = 24;
const FIGURE: usize = 13;

impl Report {
    pub(crate) fn new(effort: &Effort, peers: &Peers, findings: Vec<Finding>, growth: Vec<Growth>) -> Self {
        Report {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: processor().unwrap_or_else(|| "unknown".to_owned()),
            system: std::env::consts::OS.to_owned(),
            load_average: load(),
            turns: effort.turns,
            turn_seconds: effort.turn.as_secs_f64(),
            peers: peers.versions(),
            skipped: peers.skipped().to_vec(),
            findings,
            growth,
        }
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn print(&self) {
        println!(
            "\n{} turns of {:.2} s each, taken alternately; medians, and medians of the ratios within one turn.\n\
             {} cores ({}), {}, {}.\nPeers: {}.",
            self.turns,
            self.turn_seconds,
            self.cores,
            self.processor,
            self.system,
            load_average(),
            self.peers.join(", ")
        );
        for skipped in &self.skipped {
            println!("Left out: {skipped}.");
        }
        println!(
            "\n{:CELL$}{:>FIGURE$}  {:PEER$}{:>FIGURE$}{:>FIGURE$}{:>FIGURE$}",
            "cell", "tarmem", "peer", "peer's", "ratio", "wanted"
        );
        let mut last = "";
        for finding in &self.findings {
            // A cell's name is printed once.
            let again = finding.cell == last;
            last = &finding.cell;
            let (cell, tarmem) = if again { ("", String::new()) } else { (last, figure(finding.unit, finding.tarmem)) };
            let theirs = finding.theirs.map(|theirs| figure(finding.unit, theirs)).unwrap_or_default();
            println!(
                "{cell:CELL$}{tarmem:>FIGURE$}  {:PEER$}{theirs:>FIGURE$}{:>FIGURE$}{:>FIGURE$}  {}",
                finding.peer.unwrap_or_default(),
                finding.compared(),
                finding.wanted(),
                finding.verdict()
            );
        }
        let judged: Vec<bool> = self.findings.iter().filter_map(Finding::is_reached).collect();
        let reached = judged.iter().filter(|reached| **reached).count();
        println!("\n{reached} of {} goals are reached.", judged.len());
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(file)?);
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.flush()
    }
}

impl Finding {
    /// One line, for those who have to look into it.
    pub(crate) fn describe(&self) -> String {
        let peer = self.peer.map(|peer| format!(" beside {peer}")).unwrap_or_default();
        format!("{}{peer}: {}, wanted {}", self.cell, self.compared(), self.wanted())
    }

    fn compared(&self) -> String {
        match self.goal {
            Some(Goal::Within(_)) => figure(self.limit_unit(), self.compared),
            _ if self.compared.is_nan() => String::new(),
            Some(Goal::AtMost(_)) => format!("{:.2}× time", self.compared),
            _ if self.compared >= 100.0 => format!("{:.0}×", self.compared),
            _ => format!("{:.2}×", self.compared),
        }
    }

    fn wanted(&self) -> String {
        match self.goal {
            Some(Goal::AtLeast(least)) => format!("≥ {least}×"),
            Some(Goal::AtMost(most)) => format!("≤ {most}×"),
            Some(Goal::Within(most)) => format!("≤ {}", figure(self.limit_unit(), most)),
            None => String::new(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.is_reached() {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "",
        }
    }

    /// For a rate, the limit is a time.
    fn limit_unit(&self) -> Unit {
        if self.unit == Unit::CallsPerSecond { Unit::Seconds } else { self.unit }
    }
}

/// A figure, formatted for people.
fn figure(unit: Unit, value: f64) -> String {
    match unit {
        _ if value.is_nan() => "unknown".to_owned(),
        Unit::CallsPerSecond => format!("{}/s", thousands(value)),
        Unit::BytesPerSecond => format!("{:.0} MiB/s", value / (1 << 20) as f64),
        Unit::Seconds if value < 1e-6 => format!("{:.0} ns", value * 1e9),
        Unit::Seconds => format!("{:.1} µs", value * 1e6),
        Unit::Bytes if value < 1024.0 => format!("{value:.0} B"),
        Unit::Bytes => format!("{:.1} KiB", value / 1024.0),
    }
}

/// Linux's name for the processor.
fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
