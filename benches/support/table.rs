//! The peers in turn, and the table of that.

use super::peer::{Load, Peer, Peers, SHAPES, Shape};
use super::tarmem_peer::InProcess;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The arguments with which the table is printed.
pub(crate) const ARGUMENTS: [&str; 3] = ["--bench", "--quick", "table"];

/// How much is measured.
pub(crate) struct Effort {
    /// How often each peer has its turn.
    turns: usize,
    /// How long a turn takes, about.
    turn: Duration,
}

pub(crate) const FULL: Effort = Effort { turns: 9, turn: Duration::from_millis(300) };
pub(crate) const QUICK: Effort = Effort { turns: 3, turn: Duration::from_millis(60) };

/// What 512 tasks on one session must reach, compared to bare tarpc.
const GOAL: f64 = 3.0;

const GOAL_SHAPE: &str = "512 tasks, one connection";

/// One peer's calls per second in one shape, turn by turn.
struct Cell {
    peer: Peer,
    rounds: u64,
    rates: Vec<f64>,
}

struct Row {
    shape: &'static Shape,
    cells: Vec<Cell>,
}

pub(crate) fn print(runtime: &Runtime, peers: &Peers, in_process: &InProcess, effort: Effort) {
    let measure = |peer, load, rounds| runtime.block_on(peers.measure(peer, load, rounds));
    let cell = |peer, load| Cell { peer, rounds: rounds(&effort, |n| measure(peer, load, n)), rates: Vec::new() };
    let row = |shape: &'static Shape| Row { shape, cells: Peer::ALL.map(|peer| cell(peer, shape.load)).into() };
    let mut rows: Vec<Row> = SHAPES.iter().map(row).collect();
    let alone = [
        ("in process, typed", turns(&effort, |calls| runtime.block_on(in_process.typed(calls)))),
        ("in process, dynamic", turns(&effort, |calls| runtime.block_on(in_process.dynamic(calls)))),
    ];
    for _ in 0..effort.turns {
        for Row { shape, cells } in &mut rows {
            for cell in cells {
                let elapsed = measure(cell.peer, shape.load, cell.rounds);
                cell.rates.push(rate(shape.load, cell.rounds, elapsed));
            }
        }
    }
    let Effort { turns, turn } = effort;
    println!(
        "\nCalls per second, and how many times the others' (above 1 tarmem is faster): medians of {turns} turns of"
    );
    println!("{turn:?} each, taken alternately; one thread at each end; load average {}.\n", load_average());
    println!("{:32}{}", "", Peer::ALL.map(|peer| format!("{:>15}", peer.name())).concat());
    for row in &rows {
        row.print();
    }
    for (name, rates) in alone {
        let rate = median(rates);
        println!("{name:32}{:>15}   {:.0} ns a call", thousands(rate), 1e9 / rate);
    }
    for row in rows.iter().filter(|row| row.shape.name == GOAL_SHAPE) {
        let ratio = row.ratio(Peer::TarpcInline).max(0.0);
        let verdict = if ratio >= GOAL { "reached" } else { "NOT reached" };
        println!("\n{GOAL_SHAPE}: {ratio:.1}× bare tarpc at its better; the goal of {GOAL}× is {verdict}.");
    }
}

impl Row {
    fn print(&self) {
        let rates: String =
            self.cells.iter().map(|cell| format!("{:>15}", thousands(median(cell.rates.clone())))).collect();
        println!("{:32}{rates}", self.shape.name);
        let others = self.cells.iter().filter(|cell| cell.peer != Peer::Tarmem);
        let ratios: String = others.map(|cell| format!("{:>15}", format!("{:.2}×", self.ratio(cell.peer)))).collect();
        println!("{:47}{ratios}", "");
    }

    /// How many times as fast as `other` tarmem was: within each turn, and of that the median.
    fn ratio(&self, other: Peer) -> f64 {
        let rates = |peer| self.cells.iter().find(|cell| cell.peer == peer).map(|cell| cell.rates.iter());
        let (Some(ours), Some(theirs)) = (rates(Peer::Tarmem), rates(other)) else { return f64::NAN };
        median(ours.zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
    }
}

/// How many rounds take one turn's time.
fn rounds(effort: &Effort, measure: impl Fn(u64) -> Duration) -> u64 {
    let mut rounds = 1;
    loop {
        let elapsed = measure(rounds);
        if elapsed * 8 >= effort.turn {
            let scaled = rounds as f64 * effort.turn.as_secs_f64() / elapsed.as_secs_f64();
            return (scaled as u64).max(1);
        }
        rounds *= 2;
    }
}

/// The rates of a load of one call at a time that has nobody to take turns with.
fn turns(effort: &Effort, measure: impl Fn(u64) -> Duration) -> Vec<f64> {
    let rounds = rounds(effort, &measure);
    let one = Load::Tasks { connections: 1, each: 1 };
    (0..effort.turns).map(|_| rate(one, rounds, measure(rounds))).collect()
}

fn rate(load: Load, rounds: u64, elapsed: Duration) -> f64 {
    (load.calls() * rounds) as f64 / elapsed.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

fn thousands(rate: f64) -> String {
    if rate >= 1e6 { format!("{:.2} M", rate / 1e6) } else { format!("{:.1} k", rate / 1e3) }
}

/// Over the last minute: what else was going on.
fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
