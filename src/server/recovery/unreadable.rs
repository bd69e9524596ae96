//! What cannot be read, and why.

use std::fmt;

/// How many are named in an error and in the log.
pub(super) const NAMED: usize = 20;

/// Something in a storage that cannot be read by this program.
///
/// ```
/// use tarmem::{RecoveryError, ServeError};
///
/// /// The classes that a program has to have so that it can start.
/// fn missing(error: &ServeError) -> Vec<&str> {
///     match error {
///         ServeError::Recovery(RecoveryError::Unreadable(list)) => {
///             list.named().iter().map(|unreadable| &*unreadable.class).collect()
///         }
///         _ => Vec::new(),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// What it is: `the object under "alice"`, for example.
    pub what: String,
    /// The path of its class, as it was when it was stored; empty if it has none, or if that cannot be read either.
    pub class: String,
    /// Why it cannot be read.
    pub reason: String,
}

/// What cannot be read in a storage: the first 20 by name, and how many more there are.
///
/// For an example, see [`Unreadable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableList {
    named: Vec<Unreadable>,
    more: usize,
    /// Where they are; empty if that has no name.
    place: String,
}

impl UnreadableList {
    /// A list of these, of which there is at least one.
    pub(super) fn new(all: impl IntoIterator<Item = Unreadable>) -> Self {
        let mut all = all.into_iter();
        UnreadableList { named: all.by_ref().take(NAMED).collect(), more: all.count(), place: String::new() }
    }

    /// The same list, saying that they are in `place`.
    pub(super) fn within(self, place: &str) -> Self {
        UnreadableList { place: place.to_owned(), ..self }
    }

    /// The first of them.
    ///
    /// For an example, see [`Unreadable`].
    pub fn named(&self) -> &[Unreadable] {
        &self.named
    }

    /// How many there are.
    ///
    /// For an example, see [`Unreadable`].
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.named.len() + self.more
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unreadable { what, class, reason } = self;
        match &**class {
            "" => write!(f, "{what}: {reason}"),
            class => write!(f, "{what}, of class {class}: {reason}"),
        }
    }
}

impl fmt::Display for UnreadableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.place {
            "" => f.write_str("what was stored cannot be read by this program. ")?,
            place => write!(f, "what was stored in {place} cannot be read by this program. ")?,
        }
        for (n, unreadable) in self.named.iter().enumerate() {
            write!(f, "{}{unreadable}", if n == 0 { "" } else { "; " })?;
        }
        match self.more {
            0 => f.write_str(". ")?,
            more => write!(f, "; and {more} more. ")?,
        }
        f.write_str(
            "Start a program that can read it, or start this one with `--skip-unreadable`, which moves it aside \
             (`Service::skip_unreadable` in code)",
        )
    }
}

/// How an object is called in messages.
pub(super) fn object_named(key: &str, number: u64) -> String {
    if key.is_empty() { format!("object {number}, which has no key") } else { format!("the object under {key:?}") }
}
