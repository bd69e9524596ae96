//! Connections that have not introduced themselves. Each takes a place and a descriptor; when these run out, the oldest
//! of them goes first, and not whoever comes next.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio_util::sync::CancellationToken;

/// File descriptors that are kept back for files that the service opens; and as many below these for connections that
/// are told that there are no more, or are on their way out. Of few descriptors an eighth each.
const RESERVE: u64 = 16;

/// The connections of a service that have not opened a session yet, the oldest first.
#[derive(Default)]
pub(crate) struct PendingConnections {
    queue: Mutex<Queue>,
    /// Tells that a descriptor is back.
    gone: Notify,
}

#[derive(Default)]
struct Queue {
    next: u64,
    /// Those that have a place.
    placed: BTreeMap<u64, CancellationToken>,
    /// Those that are only to be told that there is none.
    unplaced: BTreeMap<u64, CancellationToken>,
    /// How many were sent away and still have their descriptors.
    leaving: usize,
}

/// A connection's place among them, until it is dropped.
pub(crate) struct PendingConnection {
    pending: Arc<PendingConnections>,
    number: u64,
    dismissed: CancellationToken,
}

impl PendingConnections {
    /// One more connection, which has a place or is to be told that there is none.
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

    /// Sends the oldest that has a place away, so that another can have that; false if there is none.
    pub(crate) fn make_place(&self) -> bool {
        let mut queue = self.queue.lock();
        let oldest = queue.placed.pop_first();
        queue.send_away(oldest)
    }

    /// Sends connections away until so many are on their way out: the oldest first of those that have a place, and then
    /// of those that have none, who were told so. False, and nobody goes, if there are too few.
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

    /// If nobody is on the way out, sends one away: the oldest that has no place, which has had a moment to hear so, or
    /// has one.
    pub(crate) fn cut_short(&self) {
        let mut queue = self.queue.lock();
        if queue.leaving == 0 {
            let oldest = queue.unplaced.pop_first().or_else(|| queue.placed.pop_first());
            queue.send_away(oldest);
        }
    }

    /// Ready once a descriptor is back, from now on.
    pub(crate) fn gone(&self) -> Notified<'_> {
        self.gone.notified()
    }

    /// A connection has ended, whether it had a session or not: its descriptor is back.
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
    /// Ready once it has to make room.
    pub(crate) fn dismissed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.dismissed.clone().cancelled_owned()
    }
}

impl Drop for PendingConnection {
    fn drop(&mut self) {
        let mut queue = self.pending.queue.lock();
        if queue.placed.remove(&self.number).is_none() && queue.unplaced.remove(&self.number).is_none() {
            // It was sent away, and is gone; or it has a session after all.
            queue.leaving -= 1;
        }
    }
}

/// How far the descriptors of the process are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// How many have to come back before a connection has a place.
    pub(crate) missing: usize,
    /// Only those are left that are kept back.
    pub(crate) at_reserve: bool,
}

impl Shortage {
    /// `None` if there are enough. It asks for a descriptor itself, and gives it back: the system gives out the lowest
    /// that is free, so all below it are used. (What a connection has tells less: it may have filled a gap.)
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

    /// There is not even one left.
    pub(crate) fn complete() -> Self {
        Shortage { missing: 2 * RESERVE as usize, at_reserve: true }
    }
}

/// The process, or the system, has no descriptor left, or no memory for one.
pub(crate) fn has_no_descriptor(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_oldest_goes_first_and_who_has_introduced_itself_does_not() {
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
        assert!(unplaced.dismissed().now_or_never().is_none(), "another is on the way out");
        drop(three);
        pending.cut_short();
        assert!(unplaced.dismissed().now_or_never().is_some());
    }

    #[test]
    fn who_is_on_the_way_out_counts() {
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
        assert_eq!(all.each_ref().map(is_dismissed), [false, true, true, false], "so nobody goes");
        let unplaced = Some(pending.arrive(false));
        assert!(pending.give_back(4));
        assert!(is_dismissed(&all[3]) && is_dismissed(&unplaced));
        drop(unplaced);
        all.iter_mut().for_each(|one| drop(one.take()));
        assert!(!pending.give_back(1), "they have gone");
    }

    #[test]
    fn descriptors_are_kept_back() {
        let at = |next, most| Shortage::at(next, most).map(|it| (it.missing, it.at_reserve));
        assert_eq!([at(224, 256), at(225, 256), at(238, 256)], [None, Some((1, false)), Some((14, false))]);
        assert_eq!([at(239, 256), at(255, 256)], [Some((15, true)), Some((31, true))]);
        assert_eq!([at(48, 64), at(49, 64), at(55, 64)], [None, Some((1, false)), Some((7, true))], "an eighth each");
        assert_eq!([at(1 << 40, u64::MAX), at(3, 4)], [None, None]);
    }
}
