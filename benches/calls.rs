//! The cost of a call, beside what it could cost: tarmem, bare tarpc, bare TCP.
//!
//! ```text
//! cargo bench --bench calls                  criterion, then the table: under three minutes
//! cargo bench --bench calls -- --quick       both, in about half a minute
//! cargo bench --bench calls -- table         the table alone
//! cargo bench --bench calls -- "512 tasks"   criterion alone, for the groups of that name
//! ```
//!
//! Each peer serves in its own process, over loopback TCP, on one thread; the callers are tasks on one thread of this
//! process. Both ends are single-threaded, so the benchmark compares the work per call and not who wakes more threads.
//! In the table the peers take turns (A B C D A B C D …), and a ratio is the median of the ratios within one turn: so a
//! disturbance of the machine affects all of them alike.

#[allow(dead_code, reason = "each benchmark uses its share")]
mod support;

use criterion::{Criterion, SamplingMode, Throughput};
use std::time::Duration;
use support::peer::{Peer, Peers, shapes};
use support::process;
use support::table;
use support::tarmem_peer::InProcess;
use tokio::runtime::Runtime;

fn main() {
    // The peers' processes run this executable, too.
    let runtime = support::current_thread();
    if let Some(name) = process::told_to_serve() {
        let peer = Peer::named(&name).expect("a peer of that name");
        return runtime.block_on(peer.serve(process::ready));
    }
    let peers = Peers::start();
    let in_process = runtime.block_on(InProcess::start());
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !args.iter().any(|arg| arg == "table") {
        let mut criterion = Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1200))
            .without_plots()
            .configure_from_args();
        over_tcp(&mut criterion, &runtime, &peers);
        within_process(&mut criterion, &runtime, &in_process);
        criterion.final_summary();
    }
    // Other arguments ask criterion for a part: a filter, a list, a test run.
    if args.iter().any(|arg| arg == "--bench") && args.iter().all(|arg| table::ARGUMENTS.contains(&arg.as_str())) {
        let effort = if args.iter().any(|arg| arg == "--quick") { table::QUICK } else { table::FULL };
        table::print(&runtime, &peers, &in_process, effort);
    }
}

fn over_tcp(criterion: &mut Criterion, runtime: &Runtime, peers: &Peers) {
    for shape in shapes() {
        let mut group = criterion.benchmark_group(shape.name);
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(shape.load.calls()));
        for peer in Peer::ALL {
            group.bench_function(peer.name(), |b| {
                b.iter_custom(|rounds| runtime.block_on(peers.measure(peer, shape, rounds)));
            });
        }
        group.finish();
    }
}

fn within_process(criterion: &mut Criterion, runtime: &Runtime, in_process: &InProcess) {
    let mut group = criterion.benchmark_group("in process");
    group.throughput(Throughput::Elements(1));
    group.bench_function("typed", |b| b.iter_custom(|rounds| runtime.block_on(in_process.typed(rounds))));
    group.bench_function("dynamic", |b| b.iter_custom(|rounds| runtime.block_on(in_process.dynamic(rounds))));
    group.finish();
}
