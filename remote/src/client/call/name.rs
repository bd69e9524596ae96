//! What a call is known by, in messages.

use crate::signature::Signature;
use std::fmt;

/// What is called, for messages: an interface's or module's path, and a name.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Name {
    /// The path.
    pub scope: &'static str,
    /// The name.
    pub name: &'static str,
    /// Making it twice is as good as making it once.
    pub idempotent: bool,
    /// The signature that this program was built with; `None` for what has none.
    pub signature: Option<fn() -> &'static Signature>,
}

impl Name {
    /// An operation of the contract. Those that change nothing are idempotent, and so is `memoize`: it builds nothing
    /// twice.
    pub(crate) fn of_operation(name: &str) -> &'static Self {
        const fn once(name: &'static str) -> Name {
            Name { scope: "", name, idempotent: false, signature: None }
        }
        const fn twice(name: &'static str) -> Name {
            Name { scope: "", name, idempotent: true, signature: None }
        }
        // Those first that are called most.
        static OPERATIONS: [Name; 16] = [
            twice("memoize"),
            twice("get"),
            twice("is_memoized"),
            once("create"),
            twice("hold"),
            twice("snapshot"),
            once("update"),
            once("update_if"),
            once("delete"),
            twice("keys"),
            twice("describe"),
            twice("remote_import"),
            twice("version"),
            twice("is_poisoned"),
            twice("clear_poison"),
            twice("signature"),
        ];
        OPERATIONS.iter().find(|operation| operation.name == name).unwrap_or(&Self::UNKNOWN)
    }

    /// What has a name that is known only as the program runs: a call's label says it.
    pub(crate) const UNKNOWN: Name = Name { scope: "", name: "the call", idempotent: false, signature: None };
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_empty() { f.write_str(self.name) } else { write!(f, "{}.{}", self.scope, self.name) }
    }
}
