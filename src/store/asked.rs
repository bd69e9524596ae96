//! Which objects' states are to be written anew in the background.

use hashbrown::HashSet;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More objects do not wait at one time: the states of others are written with their changes.
const MOST: usize = 256;

/// The objects whose states are to be written anew, in the order in which that was asked for.
#[derive(Default)]
pub(super) struct Asked {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    objects: VecDeque<u64>,
    /// Those in it.
    waiting: HashSet<u64>,
    /// There is somebody who writes them.
    is_served: bool,
}

impl Asked {
    /// Asks for it. Returns false if nobody will do it, or not soon.
    pub(super) fn ask(&self, object: u64) -> bool {
        let mut queue = self.queue.lock();
        if !queue.is_served || queue.objects.len() >= MOST {
            return false;
        }
        if queue.waiting.insert(object) {
            queue.objects.push_back(object);
            self.changed.notify_one();
        }
        true
    }

    /// From now on there is somebody who writes them, or not any more.
    pub(super) fn is_served(&self, is_served: bool) {
        self.queue.lock().is_served = is_served;
        self.changed.notify_one();
    }

    pub(super) fn has_server(&self) -> bool {
        self.queue.lock().is_served
    }

    /// Waits for the next object. `None` if nobody is to write them any more.
    pub(super) fn next(&self) -> Option<u64> {
        let mut queue = self.queue.lock();
        loop {
            if !queue.is_served {
                return None;
            }
            if let Some(object) = queue.objects.pop_front() {
                queue.waiting.remove(&object);
                return Some(object);
            }
            self.changed.wait(&mut queue);
        }
    }

    /// Waits for so long. Returns false, earlier, if nobody is to write them any more.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut queue = self.queue.lock();
        while queue.is_served && !self.changed.wait_until(&mut queue, until).timed_out() {}
        queue.is_served
    }
}
