//! Faults that a test plants in a service of its own, to see that other tests would find them. Outside tests there are
//! none, and the places that ask for one compile to nothing.

/// What a service with a planted fault does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PlantedFault {
    /// A call that is sent again is made again.
    Twice,
    /// `memoize` maps its key to what it has made, whatever came there meanwhile.
    Overwrites,
    /// `update_if` looks at the generation only before it makes the object.
    DoesNotLookAgain,
}

/// The fault of a service, if it has one.
#[derive(Default)]
pub(crate) struct PlantedFaults {
    #[cfg(test)]
    planted: std::sync::OnceLock<PlantedFault>,
}

impl PlantedFaults {
    /// Plants a fault, for good.
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
