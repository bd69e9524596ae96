//! Gives the peers their turns, and prints the table.

use super::peer::{Peer, Peers, Shape, shapes};
use super::process::own_processor_time;
use super::statistics::{load_average, median, rounds, thousands};
use super::tarmem_peer::InProcess;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The arguments with which the table is printed.
pub(crate) const ARGUMENTS: [&str; 3] = ["--bench", "--quick", "table"];

/// How much to measure.
pub(crate) struct Effort {
    /// How many turns each peer has.
    turns: usize,
    /// About how long a turn takes.
    turn: Duration,
}

pub(crate) const FULL: Effort = Effort { turns: 9, turn: Duration::from_millis(300) };
pub(crate) const QUICK: Effort = Effort { turns: 3, turn: Duration::from_millis(60) };

/// What 512 tasks on one session must reach, compared to bare tarpc.
const GOAL: f64 = 3.0;

const GOAL_SHAPE: &str = "512 tasks, one connection";

/// One peer in one shape, turn by turn.
struct Cell {
    peer: Peer,
    rounds: u64,
    /// Calls per second.
    rates: Vec<f64>,
    /// Nanoseconds of processor time per call, of the callers' process and of the peer's, including the time to
    /// connect.
    callers: Vec<f64>,
    service: Vec<f64>,
}

struct Row {
    shape: &'static Shape,
    cells: Vec<Cell>,
}

pub(crate) fn print(runtime: &Runtime, peers: &Peers, in_process: &InProcess, effort: Effort) {
    let mut rows: Vec<Row> = shapes().map(|shape| Row::new(shape, runtime, peers, &effort)).collect();
    let alone = [
        ("in process, typed", turns(&effort, |calls| runtime.block_on(in_process.typed(calls)))),
        ("in process, dynamic", turns(&effort, |calls| runtime.block_on(in_process.dynamic(calls)))),
    ];
    for _ in 0..effort.turns {
        for row in &mut rows {
            row.turn(runtime, peers);
        }
    }
    let Effort { turns, turn } = effort;
    println!(
        "\nMedians of {turns} turns of {turn:?} each, taken alternately; one thread at each end; {}.\n",
        load_average()
    );
    head("calls per second (× as tarmem)");
    rows.iter().for_each(Row::print_rates);
    for (name, rates) in alone {
        let rate = median(&rates);
        println!("{name:NAMES$}{:>CELL$}{:>CELL$}", thousands(rate), format!("{:.0} ns a call", 1e9 / rate));
    }
    println!();
    head("processor ns a call: callers + service");
    rows.iter().for_each(Row::print_costs);
    for row in rows.iter().filter(|row| row.shape.name == GOAL_SHAPE) {
        let ratio = row.ratio(Peer::TarpcInline).min(row.ratio(Peer::TarpcSpawned));
        let verdict = if ratio >= GOAL { "reached" } else { "NOT reached" };
        println!("\n{GOAL_SHAPE}: {ratio:.2}× bare tarpc at its better; the goal of {GOAL}× is {verdict}.");
    }
}

/// The widths of the columns.
const NAMES: usize = 40;
const CELL: usize = 18;

fn head(title: &str) {
    println!("{title:NAMES$}{}", Peer::ALL.map(|peer| format!("{:>CELL$}", peer.name())).concat());
}

impl Row {
    fn new(shape: &'static Shape, runtime: &Runtime, peers: &Peers, effort: &Effort) -> Self {
        let cell = |peer| Cell {
            peer,
            rounds: rounds(effort.turn, |rounds| runtime.block_on(peers.measure(peer, shape, rounds))),
            rates: Vec::new(),
            callers: Vec::new(),
            service: Vec::new(),
        };
        Row { shape, cells: Peer::ALL.map(cell).into() }
    }

    /// Gives each peer its turns.
    fn turn(&mut self, runtime: &Runtime, peers: &Peers) {
        for cell in &mut self.cells {
            let process = peers.process(cell.peer);
            let (callers, service) = (own_processor_time(), process.processor_time());
            let elapsed = runtime.block_on(peers.measure(cell.peer, self.shape, cell.rounds));
            let calls = (self.shape.load.calls() * cell.rounds) as f64;
            cell.rates.push(calls / elapsed.as_secs_f64());
            cell.callers.push((own_processor_time() - callers).as_nanos() as f64 / calls);
            cell.service.push((process.processor_time() - service).as_nanos() as f64 / calls);
        }
    }

    fn print_rates(&self) {
        print!("{:NAMES$}", self.shape.name);
        for cell in &self.cells {
            let rate = thousands(median(&cell.rates));
            match cell.peer {
                Peer::Tarmem => print!("{rate:>CELL$}"),
                other => print!("{:>CELL$}", format!("{rate} ({:.2}×)", 1.0 / self.ratio(other))),
            }
        }
        println!();
    }

    fn print_costs(&self) {
        print!("{:NAMES$}", self.shape.name);
        for cell in &self.cells {
            print!("{:>CELL$}", format!("{:.0} + {:.0}", median(&cell.callers), median(&cell.service)));
        }
        println!();
    }

    /// How many times as fast as `other` tarmem was: the median of the ratios within each turn.
    fn ratio(&self, other: Peer) -> f64 {
        let rates = |peer| self.cells.iter().find(|cell| cell.peer == peer).map(|cell| cell.rates.iter());
        let (Some(ours), Some(theirs)) = (rates(Peer::Tarmem), rates(other)) else { return f64::NAN };
        median(&ours.zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

/// The calls per second of one caller, without another peer to take turns with.
fn turns(effort: &Effort, measure: impl Fn(u64) -> Duration) -> Vec<f64> {
    let rounds = rounds(effort.turn, &measure);
    (0..effort.turns).map(|_| rounds as f64 / measure(rounds).as_secs_f64()).collect()
}
