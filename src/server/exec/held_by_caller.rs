//! The objects that a call holds while it asks its own service for something. If it asked for one of these, it would
//! wait for itself.

use crate::store::Cell;
use std::sync::Arc;
use uuid::Uuid;

/// An object that is held, and those that the caller of this call holds.
pub(crate) struct HeldByCaller {
    object: Uuid,
    exclusive: bool,
    outer: Option<Arc<HeldByCaller>>,
}

impl HeldByCaller {
    pub(super) fn new(cell: &Cell, exclusive: bool, outer: Option<&Arc<HeldByCaller>>) -> Arc<Self> {
        Arc::new(HeldByCaller { object: cell.id(), exclusive, outer: outer.cloned() })
    }

    /// Whether a call that wants `cell`, exclusively or not, would wait for one that waits for it.
    pub(super) fn would_wait_for_itself(&self, cell: &Cell, exclusive: bool) -> bool {
        let held = std::iter::successors(Some(self), |held| held.outer.as_deref());
        // If only readers hold it, it may be read once more, unless a writer is queued, which waits for those readers.
        let waits = |held: &HeldByCaller| held.exclusive || exclusive || cell.try_read().is_none();
        held.filter(|held| held.object == cell.id()).any(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::PlantedFaults;
    use crate::store::Store;
    use tarmem_modules::builtins::List;
    use tarmem_remote::object::Remote;
    use tarmem_remote::registry::Registry;

    #[test]
    fn readers_do_not_wait_for_readers() {
        let (store, registry) =
            (Store::new(1, None, None, PlantedFaults::default()), Registry::linked().expect("no names clash"));
        let class = registry.class(List::PATH).expect("it comes with tarmem");
        let [one, other] = [(); 2].map(|()| store.host(Box::new(List::default()), class, ""));
        let reads = HeldByCaller::new(&one, false, None);
        assert!(!reads.would_wait_for_itself(&one, false));
        assert!(reads.would_wait_for_itself(&one, true));
        let writes_other = HeldByCaller::new(&other, true, Some(&reads));
        assert!(writes_other.would_wait_for_itself(&one, true));
        assert!(!writes_other.would_wait_for_itself(&one, false));
        assert!(writes_other.would_wait_for_itself(&other, false));
    }
}
