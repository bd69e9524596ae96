//! Connections that have not opened a session yet. Each takes a place and a file descriptor. When these run out, the
//! oldest of these connections is closed, rather than the newest.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio_util::sync::CancellationToken;

/// How many file descriptors are reserved for files that the service opens. As many more are reserved for connections
/// that are told that there is no room, or are being closed. Where few descriptors are permitted, each reserve is an
/// eighth of them.
const RESERVE: u64 = 16;

/// The connections of a service that have not opened a session yet, the oldest first.
#[derive(Default)]
pub(crate) struct PendingConnections {
    queue: Mutex<Queue>,
    /// Notified when a descriptor is free again.
    gone: Notify,
}

#[derive(Default)]
struct Queue {
    next: u64,
    /// Connections that have a place.
    placed: BTreeMap<u64, CancellationToken>,
    /// Connections that will only be told that there is no place.
    unplaced: BTreeMap<u64, CancellationToken>,
    /// How many were dismissed and still have their descriptors.
    leaving: usize,
}

/// A connection's entry among the pending ones, until this is dropped.
pub(crate) struct PendingConnection {
    pending: Arc<PendingConnections>,
    number: u64,
    dismissed: CancellationToken,
}

impl PendingConnections {
    /// Adds a connection, which has a place or will be told that there is none.
    pub(crate) fn arrive(self: &Arc<Self>, placed: bool) -> PendingConnection {
        let dismissed = CancellationToken::new();
        let mut queue = self.queue.lock();
        let number = queue.next;
        queue.next += 1;
        let queue = &mut *queue;
        let those = if placed { &mut queue.placed } else { &mut queue.unplaced };
        those.insert(number, dismissed.clone());
        PendingConnection { pending: Arc::clone(self), number, dismissed }
    }

    /// Dismisses the oldest connection that has a place, so that another can have the place. Returns false if there is
    /// none.
    pub(crate) fn make_place(&self) -> bool {
        let mut queue = self.queue.lock();
        let oldest = queue.placed.pop_first();
        queue.send_away(oldest)
    }

    /// Dismisses connections until this many are being closed: first those that have a place, the oldest first, and
    /// then those that have none and were told so. If there are too few, dismisses none and returns false.
    pub(crate) fn give_back(&self, descriptors: usize) -> bool {
        let mut queue = self.queue.lock();
        if queue.leaving + queue.placed.len() + queue.unplaced.len() < descriptors {
            return false;
        }
        while queue.leaving < descriptors {
            let oldest = queue.placed.pop_first().or_else(|| queue.unplaced.pop_first());
            queue.send_away(oldest);
        }
        true
    }

    /// If no connection is being closed, dismisses one: the oldest that has no place, and has had a moment to read
    /// that; otherwise the oldest that has one.
    pub(crate) fn cut_short(&self) {
        let mut queue = self.queue.lock();
        if queue.leaving == 0 {
            let oldest = queue.unplaced.pop_first().or_else(|| queue.placed.pop_first());
            queue.send_away(oldest);
        }
    }

    /// Completes when a descriptor is freed after this call.
    pub(crate) fn gone(&self) -> Notified<'_> {
        self.gone.notified()
    }

    /// Notes that a connection has ended, with or without a session, so that its descriptor is free.
    pub(crate) fn has_gone(&self) {
        self.gone.notify_waiters();
    }
}

impl Queue {
    fn send_away(&mut self, connection: Option<(u64, CancellationToken)>) -> bool {
        let Some((_, dismissed)) = connection else { return false };
        dismissed.cancel();
        self.leaving += 1;
        true
    }
}

impl PendingConnection {
    /// Completes when the connection has to make room.
    pub(crate) fn dismissed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.dismissed.clone().cancelled_owned()
    }
}

impl Drop for PendingConnection {
    fn drop(&mut self) {
        let mut queue = self.pending.queue.lock();
        if queue.placed.remove(&self.number).is_none() && queue.unplaced.remove(&self.number).is_none() {
            // It was dismissed and has ended, or it has opened a session after all.
            queue.leaving -= 1;
        }
    }
}

/// How short of file descriptors the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// How many have to be freed before a connection can have a place.
    pub(crate) missing: usize,
    /// Only the reserved descriptors are left.
    pub(crate) at_reserve: bool,
}

impl Shortage {
    /// Returns `None` if there are enough. Opens a descriptor and closes it again to find out: the system gives out the
    /// lowest free one, so all below it are in use. (The number of a connection's descriptor says less: it may have
    /// filled a gap.)
    pub(crate) fn now() -> Option<Self> {
        match UnixDatagram::unbound() {
            Ok(next) => {
                let most = rlimit::Resource::NOFILE.get_soft().ok()?;
                Shortage::at(u64::try_from(next.as_raw_fd()).ok()?, most)
            }
            Err(error) => has_no_descriptor(&error).then(Shortage::complete),
        }
    }

    fn at(next: u64, most: u64) -> Option<Self> {
        let reserve = RESERVE.min(most / 8);
        let missing = next.checked_sub(most - 2 * reserve).filter(|missing| *missing > 0)?;
        Some(Shortage { missing: usize::try_from(missing).ok()?, at_reserve: next + 1 >= most - reserve })
    }

    /// Not a single descriptor is left.
    pub(crate) fn complete() -> Self {
        Shortage { missing: 2 * RESERVE as usize, at_reserve: true }
    }
}

/// Whether the process, or the system, has no file descriptor left, or no memory for one.
pub(crate) fn has_no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_oldest_connection_without_a_session_makes_room_first() {
        let pending = Arc::new(PendingConnections::default());
        let unplaced = pending.arrive(false);
        let [one, two, three] = [(); 3].map(|()| pending.arrive(true));
        drop(one);
        assert!(pending.make_place());
        assert!(two.dismissed().now_or_never().is_some(), "it is the oldest");
        assert!(three.dismissed().now_or_never().is_none());
        drop(two);
        assert!(pending.make_place() && !pending.make_place(), "there was one more");
        assert!(three.dismissed().now_or_never().is_some());
        assert!(unplaced.dismissed().now_or_never().is_none(), "it has no place to give");
        pending.cut_short();
        assert!(unplaced.dismissed().now_or_never().is_none(), "another is being closed");
        drop(three);
        pending.cut_short();
        assert!(unplaced.dismissed().now_or_never().is_some());
    }

    #[test]
    fn connections_that_are_being_closed_count() {
        let pending = Arc::new(PendingConnections::default());
        let mut all = [(); 4].map(|()| Some(pending.arrive(true)));
        let is_dismissed =
            |one: &Option<PendingConnection>| one.as_ref().is_some_and(|one| one.dismissed.is_cancelled());
        assert!(pending.give_back(2) && pending.give_back(2));
        assert_eq!(all.each_ref().map(is_dismissed), [true, true, false, false]);
        all[0].take();
        assert!(pending.give_back(2), "one has gone, so another goes");
        assert_eq!(all.each_ref().map(is_dismissed), [false, true, true, false]);
        assert!(!pending.give_back(4), "there are only three");
        assert_eq!(all.each_ref().map(is_dismissed), [false, true, true, false], "so none is dismissed");
        let unplaced = Some(pending.arrive(false));
        assert!(pending.give_back(4));
        assert!(is_dismissed(&all[3]) && is_dismissed(&unplaced));
        drop(unplaced);
        all.iter_mut().for_each(|one| drop(one.take()));
        assert!(!pending.give_back(1), "they have gone");
    }

    #[test]
    fn some_descriptors_are_reserved() {
        let at = |next, most| Shortage::at(next, most).map(|it| (it.missing, it.at_reserve));
        assert_eq!([at(224, 256), at(225, 256), at(238, 256)], [None, Some((1, false)), Some((14, false))]);
        assert_eq!([at(239, 256), at(255, 256)], [Some((15, true)), Some((31, true))]);
        assert_eq!([at(48, 64), at(49, 64), at(55, 64)], [None, Some((1, false)), Some((7, true))], "an eighth each");
        assert_eq!([at(1 << 40, u64::MAX), at(3, 4)], [None, None]);
    }
}
