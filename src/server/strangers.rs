//! Connections that have not introduced themselves. Each takes a place and a descriptor; when these run out, the oldest of
//! them goes first, and not whoever comes next.

use super::listener::Stream;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tokio::sync::Notify;

/// File descriptors that are kept back, for files that the service opens and for telling others that there are no more. Of few
/// descriptors an eighth.
const RESERVE: u64 = 16;

/// The connections of a service that have not opened a session yet, the oldest first.
#[derive(Default)]
pub(crate) struct Strangers {
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    next: u64,
    /// Those that have a place.
    placed: BTreeMap<u64, Arc<Notify>>,
    /// Those that are only to be told that there is none.
    crowded: BTreeMap<u64, Arc<Notify>>,
}

/// A connection's place among them, until it is dropped.
pub(crate) struct Stranger {
    strangers: Arc<Strangers>,
    number: u64,
    dismissed: Arc<Notify>,
}

impl Strangers {
    /// One more connection, which has a place or is to be told that there is none.
    pub(crate) fn arrive(self: &Arc<Self>, placed: bool) -> Stranger {
        let dismissed = Arc::new(Notify::new());
        let mut line = self.line.lock();
        let number = line.next;
        line.next += 1;
        let line = &mut *line;
        let those = if placed { &mut line.placed } else { &mut line.crowded };
        those.insert(number, Arc::clone(&dismissed));
        Stranger { strangers: Arc::clone(self), number, dismissed }
    }

    /// Sends the oldest that has a place away, so that another can have that; false if there is none.
    pub(crate) fn make_place(&self) -> bool {
        let oldest = self.line.lock().placed.pop_first();
        oldest.map(|(_, dismissed)| dismissed.notify_one()).is_some()
    }

    /// As [`make_place`](Self::make_place); if there is none, it sends away one that has no place, for its descriptor.
    pub(crate) fn give_back_descriptor(&self) -> bool {
        let placed = self.make_place();
        if !placed && let Some((_, dismissed)) = self.line.lock().crowded.pop_first() {
            dismissed.notify_one();
        }
        placed
    }
}

impl Stranger {
    /// Ready once it has to make room.
    pub(crate) fn dismissed(&self) -> impl Future<Output = ()> + Send + use<> {
        let dismissed = Arc::clone(&self.dismissed);
        async move { dismissed.notified().await }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut line = self.strangers.line.lock();
        if line.placed.remove(&self.number).is_none() {
            line.crowded.remove(&self.number);
        }
    }
}

/// Whether this connection has one of the last descriptors that the process may have. (The system gives out the lowest that
/// is free.)
pub(super) fn descriptors_are_scarce(stream: &Stream) -> bool {
    let descriptor = match stream {
        Stream::Tcp(stream) => stream.as_raw_fd(),
        Stream::Unix(stream) => stream.as_raw_fd(),
        Stream::Other(_) => return false,
    };
    let Ok(most) = rlimit::Resource::NOFILE.get_soft() else { return false };
    u64::try_from(descriptor).is_ok_and(|descriptor| descriptor >= most - RESERVE.min(most / 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_oldest_goes_first_and_who_has_introduced_itself_does_not() {
        let strangers = Arc::new(Strangers::default());
        let crowded = strangers.arrive(false);
        let [one, two, three] = [(); 3].map(|()| strangers.arrive(true));
        drop(one);
        assert!(strangers.make_place());
        assert!(two.dismissed().now_or_never().is_some(), "it is the oldest");
        assert!(three.dismissed().now_or_never().is_none());
        drop(two);
        assert!(strangers.make_place() && !strangers.make_place(), "there was one more");
        assert!(three.dismissed().now_or_never().is_some());
        assert!(crowded.dismissed().now_or_never().is_none(), "it has no place to give");
        assert!(!strangers.give_back_descriptor() && crowded.dismissed().now_or_never().is_some());
    }
}
