//! A contest: the same work done by tarmem and by others, in turn; what came of it, and what should have.

use super::support::statistics::{median, rounds};
use std::time::Duration;

/// Who takes part in a contest.
pub(crate) struct Runner<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> f64 + 'a>,
    /// What was measured, turn by turn.
    turns: Vec<f64>,
}

impl<'a> Runner<'a> {
    /// Someone whose every turn gives a figure.
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> f64 + 'a) -> Self {
        Runner { name, run: Box::new(run), turns: Vec::new() }
    }

    pub(crate) fn called(self, name: &'static str) -> Self {
        Runner { name, ..self }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// One turn's figure.
    pub(crate) fn run(&mut self) -> f64 {
        (self.run)()
    }

    /// Someone whose rounds are timed, as many as fill a turn. The figure is the `amount` in one round, per second.
    pub(crate) fn timed(
        name: &'static str,
        turn: Duration,
        amount: u64,
        mut measure: impl FnMut(u64) -> Duration + 'a,
    ) -> Self {
        let mut known = None;
        Runner::new(name, move || {
            let rounds = *known.get_or_insert_with(|| rounds(turn, &mut measure));
            (amount * rounds) as f64 / measure(rounds).as_secs_f64()
        })
    }
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// More is better.
    CallsPerSecond,
    /// More is better.
    BytesPerSecond,
    /// Less is better.
    Seconds,
    /// Less is better.
    Bytes,
}

impl Unit {
    /// How many times as good as `theirs` `ours` is.
    fn times(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Unit::CallsPerSecond | Unit::BytesPerSecond => ours / theirs,
            Unit::Seconds | Unit::Bytes => theirs / ours,
        }
    }
}

/// What a cell is to reach.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// So many times as fast as the other.
    AtLeast(f64),
    /// So many times the other's time.
    AtMost(f64),
    /// No more than this, whatever others do.
    Within(f64),
}

/// The runners of one cell. The first is tarmem.
pub(crate) struct Contest<'a> {
    cell: String,
    unit: Unit,
    runners: Vec<Runner<'a>>,
    goals: Vec<(&'static str, Goal)>,
    by_luck: bool,
}

impl<'a> Contest<'a> {
    pub(crate) fn new(cell: impl Into<String>, unit: Unit, tarmem: Runner<'a>) -> Self {
        Contest { cell: cell.into(), unit, runners: vec![tarmem], goals: Vec::new(), by_luck: false }
    }

    /// Its name.
    pub(crate) fn cell(&self) -> &str {
        &self.cell
    }

    /// Against somebody, if they are there.
    pub(crate) fn against(mut self, runner: impl Into<Option<Runner<'a>>>) -> Self {
        self.runners.extend(runner.into());
        self
    }

    /// What is to be reached beside `peer`. There may be several of one peer.
    pub(crate) fn goal(mut self, peer: &'static str, goal: Goal) -> Self {
        self.goals.push((peer, goal));
        self
    }

    /// What comes of it is a matter of luck by more than a factor of two: it proves nothing if too little is reached.
    pub(crate) fn by_luck(self) -> Self {
        Contest { by_luck: true, ..self }
    }

    /// Each runner in turn.
    pub(crate) fn turn(&mut self) {
        for runner in &mut self.runners {
            let figure = runner.run();
            runner.turns.push(figure);
        }
    }

    /// Forgets what was measured, if it is too little by far, and says whether that was so.
    pub(crate) fn is_to_be_repeated(&mut self) -> bool {
        let lost = self.findings().iter().any(Finding::is_lost);
        if lost {
            self.runners.iter_mut().for_each(|runner| runner.turns.clear());
        }
        lost
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let Some((tarmem, others)) = self.runners.split_first() else { return Vec::new() };
        let mut findings = Vec::new();
        for (_, goal) in self.goals.iter().filter(|(peer, _)| *peer == tarmem.name) {
            let ours = median(&tarmem.turns);
            // A limit of time, for what is measured per second.
            let compared = if self.unit == Unit::CallsPerSecond { 1.0 / ours } else { ours };
            findings.push(Finding { goal: Some(*goal), compared, ..self.finding(tarmem, None) });
        }
        for other in others {
            let mut goals = self.goals.iter().filter(|(peer, _)| *peer == other.name).map(|(_, goal)| *goal).peekable();
            if goals.peek().is_none() {
                findings.push(self.finding(tarmem, Some(other)));
            }
            for goal in goals {
                let mut finding = self.finding(tarmem, Some(other));
                if let Goal::AtMost(_) = goal {
                    finding.compared = 1.0 / finding.compared;
                }
                findings.push(Finding { goal: Some(goal), ..finding });
            }
        }
        if findings.is_empty() {
            findings.push(self.finding(tarmem, None));
        }
        findings
    }

    fn finding(&self, tarmem: &Runner, other: Option<&Runner>) -> Finding {
        let ratios = other.map(|other| {
            let ratios = tarmem.turns.iter().zip(&other.turns).map(|(ours, theirs)| self.unit.times(*ours, *theirs));
            median(&ratios.collect::<Vec<_>>())
        });
        Finding {
            cell: self.cell.clone(),
            unit: self.unit,
            tarmem: median(&tarmem.turns),
            peer: other.map(|other| other.name),
            theirs: other.map(|other| median(&other.turns)),
            compared: ratios.unwrap_or(f64::NAN),
            goal: None,
            by_luck: self.by_luck,
            turns: [Some(tarmem), other].into_iter().flatten().map(|runner| runner.turns.clone()).collect(),
        }
    }
}

/// What came of a cell, beside one peer or alone.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Finding {
    pub(crate) cell: String,
    pub(crate) unit: Unit,
    /// The median of the turns.
    pub(crate) tarmem: f64,
    pub(crate) peer: Option<&'static str>,
    /// The median of the turns.
    pub(crate) theirs: Option<f64>,
    /// What is compared to the goal: the median of the ratios within one turn, or tarmem's own figure.
    pub(crate) compared: f64,
    pub(crate) goal: Option<Goal>,
    #[serde(skip)]
    by_luck: bool,
    /// tarmem's figures, turn by turn, and the other's.
    turns: Vec<Vec<f64>>,
}

impl Finding {
    /// A figure of tarmem's own, that is to be within a limit.
    pub(crate) fn alone(cell: impl Into<String>, unit: Unit, figure: f64, goal: Option<Goal>) -> Self {
        let turns = vec![vec![figure]];
        Finding {
            cell: cell.into(),
            unit,
            tarmem: figure,
            peer: None,
            theirs: None,
            compared: figure,
            goal,
            by_luck: false,
            turns,
        }
    }

    /// Whether the goal is reached, if there is one.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        self.goal.map(|goal| self.reaches(goal, 1.0))
    }

    /// Whether so much is missing that noise cannot be the reason.
    pub(crate) fn is_lost(&self) -> bool {
        !self.by_luck && self.goal.is_some_and(|goal| !self.reaches(goal, 2.0))
    }

    /// What is not a number reaches nothing.
    fn reaches(&self, goal: Goal, slack: f64) -> bool {
        match goal {
            Goal::AtLeast(least) => self.compared >= least / slack,
            Goal::AtMost(most) | Goal::Within(most) => self.compared <= most * slack,
        }
    }
}
