//! Idle sessions: how much memory each takes at the service.

use super::contest::{Finding, Goal, Unit};
use super::options::Effort;
use super::peers::Served;
use super::work::session;
use futures::future::join_all;
use futures::{StreamExt, stream};
use tarmem::{Limits, Service, Session};
use tokio::runtime::Runtime;

/// The name of the cell, without the count.
pub(crate) const CELL: &str = "idle sessions, each";

/// How many sessions are opened at one time.
const AT_ONCE: usize = 64;

/// How many other files a process has open.
const OTHER_FILES: u64 = 500;

pub(crate) async fn serve(ready: impl FnOnce(u16)) {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut limits = Limits::default();
    // The only limit that is changed: by default it is the number to be measured.
    limits.connections = 20_000;
    let service = Service::new("127.0.0.1", 0).workers(1).limits(limits).bind().await.expect("a free port");
    ready(service.local_addr().expect("a TCP listener").port());
    let _ = service.run_until(std::future::pending()).await;
}

/// As many sessions as asked for, or as there may be open files.
pub(crate) fn idle(runtime: &Runtime, effort: &Effort) -> Finding {
    let files = rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(1024, |(soft, _)| soft);
    let count = effort.sessions.min(usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX));
    let service = Served::ManySessions.start();
    let each = runtime.block_on(async {
        // After the first session, the service has allocated everything that does not depend on their number.
        let first = open(service.port(), AT_ONCE).await;
        let before = service.resident_bytes();
        let sessions = open(service.port(), count).await;
        let taken = service.resident_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
        join_all(first.iter().chain(&sessions).map(Session::close)).await;
        taken.map_or(f64::NAN, |taken| taken as f64 / count as f64)
    });
    Finding::alone(format!("{count} {CELL}"), Unit::Bytes, each, Some(Goal::Within(12.0 * 1024.0)))
}

async fn open(port: u16, count: usize) -> Vec<Session> {
    stream::iter(0..count).map(|_| session(port)).buffer_unordered(AT_ONCE).collect().await
}
