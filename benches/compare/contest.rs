//! A contest: tarmem and others do the same work in turn; the results and the goals.

use super::support::statistics::{median, rounds};
use std::time::Duration;

/// A participant of a contest.
pub(crate) struct Runner<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> f64 + 'a>,
    /// The results, turn by turn.
    turns: Vec<f64>,
}

impl<'a> Runner<'a> {
    /// A runner that returns one figure per turn.
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

    /// A runner whose rounds are timed, as many as fill a turn. The figure is the `amount` of one round, per second.
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
    /// How many times better `ours` is than `theirs`.
    fn times(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Unit::CallsPerSecond | Unit::BytesPerSecond => ours / theirs,
            Unit::Seconds | Unit::Bytes => theirs / ours,
        }
    }
}

/// The goal of a cell.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At least this many times as fast as the other.
    AtLeast(f64),
    /// At most this many times the other's time.
    AtMost(f64),
    /// At most this figure, whatever others do.
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

    /// Adds a peer, if there is one.
    pub(crate) fn against(mut self, runner: impl Into<Option<Runner<'a>>>) -> Self {
        self.runners.extend(runner.into());
        self
    }

    /// Adds a goal beside `peer`, which may have several.
    pub(crate) fn goal(mut self, peer: &'static str, goal: Goal) -> Self {
        self.goals.push((peer, goal));
        self
    }

    /// Notes that the result varies by chance by more than a factor of two, so a goal that is missed proves nothing.
    pub(crate) fn by_luck(self) -> Self {
        Contest { by_luck: true, ..self }
    }

    /// Gives each runner a turn.
    pub(crate) fn turn(&mut self) {
        for runner in &mut self.runners {
            let figure = runner.run();
            runner.turns.push(figure);
        }
    }

    /// Discards the results if they miss a goal by far, and returns whether they did.
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
            // The goal is a time, and the measurement a rate.
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

/// The result of a cell, beside one peer or alone.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Finding {
    pub(crate) cell: String,
    pub(crate) unit: Unit,
    /// The median of the turns.
    pub(crate) tarmem: f64,
    pub(crate) peer: Option<&'static str>,
    /// The median of the turns.
    pub(crate) theirs: Option<f64>,
    /// The number to compare with the goal: the median of the ratios within one turn, or tarmem's own figure.
    pub(crate) compared: f64,
    pub(crate) goal: Option<Goal>,
    #[serde(skip)]
    by_luck: bool,
    /// tarmem's figures, and the other's, turn by turn.
    turns: Vec<Vec<f64>>,
}

impl Finding {
    /// A figure of tarmem alone, which has to stay within a limit.
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

    /// Whether the goal is missed by so much that noise cannot be the reason.
    pub(crate) fn is_lost(&self) -> bool {
        !self.by_luck && self.goal.is_some_and(|goal| !self.reaches(goal, 2.0))
    }

    /// A figure that is not a number misses every goal.
    fn reaches(&self, goal: Goal, slack: f64) -> bool {
        match goal {
            Goal::AtLeast(least) => self.compared >= least / slack,
            Goal::AtMost(most) | Goal::Within(most) => self.compared <= most * slack,
        }
    }
}
