//! What is asked for.

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// tarmem beside what else there is.
#[derive(Parser)]
#[command(name = "cargo bench --bench compare --")]
pub(crate) struct Options {
    /// Measure less of everything: in under a minute, and rougher.
    #[arg(long)]
    quick: bool,
    /// Write what was found to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Measure cost as work grows, too, and draw it: SVG files in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plots: Option<PathBuf>,
    /// Fail if a cell reaches less than half of what it is to reach, and name it.
    #[arg(long)]
    pub(crate) check: bool,
    /// Measure only the cells whose names hold this.
    filter: Option<String>,
    /// What `cargo bench` says.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// Whether a cell is to be measured.
    pub(crate) fn wants(&self, cell: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| cell.contains(filter.as_str()))
    }

    pub(crate) fn effort(&self) -> Effort {
        if self.quick { QUICK } else { FULL }
    }
}

/// How much is measured.
pub(crate) struct Effort {
    /// How often each peer has its turn.
    pub(crate) turns: usize,
    /// How long a turn takes, about.
    pub(crate) turn: Duration,
    /// How many keys are many.
    pub(crate) keys: u64,
    /// How many sessions are many.
    pub(crate) sessions: usize,
}

const FULL: Effort = Effort { turns: 9, turn: Duration::from_millis(400), keys: 1_000_000, sessions: 10_000 };
const QUICK: Effort = Effort { turns: 3, turn: Duration::from_millis(60), keys: 100_000, sessions: 1_000 };
