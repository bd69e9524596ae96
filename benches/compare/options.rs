//! The options of the benchmark.

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// Compares tarmem with other systems.
#[derive(Parser)]
#[command(name = "cargo bench --bench compare --")]
pub(crate) struct Options {
    /// Measure less of everything: takes under a minute, and is less exact.
    #[arg(long)]
    quick: bool,
    /// Write the results to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Measure cost as work grows as well, and draw it into SVG files in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plots: Option<PathBuf>,
    /// Fail if a cell reaches less than half of its goal, and name the cell.
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure only the cells whose names contain this.
    filter: Option<String>,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// Whether the filter selects a cell.
    pub(crate) fn wants(&self, cell: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| cell.contains(filter.as_str()))
    }

    /// Whether the filter may select a cell whose name begins with this.
    pub(crate) fn may_want(&self, begin: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.starts_with(begin) || begin.contains(filter.as_str()))
    }

    pub(crate) fn effort(&self) -> Effort {
        if self.quick { QUICK } else { FULL }
    }
}

/// How much to measure.
pub(crate) struct Effort {
    /// The number of turns of each peer.
    pub(crate) turns: usize,
    /// The approximate length of a turn.
    pub(crate) turn: Duration,
    /// The number of keys where a cell needs many.
    pub(crate) keys: u64,
    /// The number of sessions where a cell needs many.
    pub(crate) sessions: usize,
}

const FULL: Effort = Effort { turns: 9, turn: Duration::from_millis(400), keys: 1_000_000, sessions: 10_000 };
const QUICK: Effort = Effort { turns: 3, turn: Duration::from_millis(60), keys: 100_000, sessions: 1_000 };
