//! Faults that a test plants in a service of its own, to see that other tests would find them. Outside tests there are
//! none, and the places that ask for one compile to nothing.

/// What a service with a planted fault does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PlantedFault {
    /// A call that the client sends again is run again.
    Twice,
    /// `memoize` maps its key to the object it has made, even if the key has been mapped meanwhile.
    Overwrites,
    /// `update_if` compares the generation only before it makes the object, and not afterwards.
    DoesNotLookAgain,
    /// A reply leaves before what it tells of is on disk.
    LeavesEarly,
    /// The outcome of a call is in a later batch of the journal than what the call has changed.
    OutcomeLater,
    /// An object's state is encoded after a later call has changed it.
    EncodesLate,
    /// A key is mapped on disk to an object that is not there yet.
    KeyWithoutObject,
    /// The calls before an object's state stay on disk beside it.
    KeepsCalls,
    /// A call is made again by a method that does something else than before.
    OtherBody,
    /// The head of a new state is on disk before its last pieces.
    HeadFirst,
    /// A state that is written anew takes the place of one that was written meanwhile.
    MissesStates,
}

/// The fault of a service, if there is one. Clones are of the same service.
#[derive(Clone, Default)]
pub(crate) struct PlantedFaults {
    #[cfg(test)]
    planted: std::sync::Arc<std::sync::OnceLock<PlantedFault>>,
}

impl PlantedFaults {
    /// Plants a fault. It stays until the end of the service.
    #[cfg(test)]
    pub(crate) fn plant(&self, fault: PlantedFault) {
        assert_eq!(self.planted.set(fault), Ok(()), "a service has one fault at most");
    }

    /// Whether the service has this fault.
    #[inline(always)]
    pub(crate) fn has(&self, fault: PlantedFault) -> bool {
        self.planted() == Some(fault)
    }

    #[cfg(test)]
    fn planted(&self) -> Option<PlantedFault> {
        self.planted.get().copied()
    }

    #[cfg(not(test))]
    #[inline(always)]
    fn planted(&self) -> Option<PlantedFault> {
        None
    }
}
