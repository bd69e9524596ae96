//! The name of what a call calls, for messages.

use crate::signature::Signature;
use std::fmt;

/// The name of what a call calls: the path of an interface or module, and a name in it.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Name {
    /// The path of the class, interface or module.
    pub scope: &'static str,
    /// The name in it.
    pub name: &'static str,
    /// Whether making the call twice is the same as making it once.
    pub idempotent: bool,
    /// The signature that this program was built with; `None` if there is none.
    pub signature: Option<fn() -> &'static Signature>,
}

impl Name {
    /// The name of an operation. Operations that change nothing are idempotent, and so is `memoize`, which builds
    /// nothing twice.
    pub(crate) fn of_operation(name: &str) -> &'static Self {
        const fn once(name: &'static str) -> Name {
            Name { scope: "", name, idempotent: false, signature: None }
        }
        const fn twice(name: &'static str) -> Name {
            Name { scope: "", name, idempotent: true, signature: None }
        }
        // The most frequent operations come first.
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

    /// The name of a call whose name is known only at run time; the call's label shows it.
    pub(crate) const UNKNOWN: Name = Name { scope: "", name: "the call", idempotent: false, signature: None };
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_empty() { f.write_str(self.name) } else { write!(f, "{}.{}", self.scope, self.name) }
    }
}
