//! Checks that the registered names do not clash.

use crate::describe::Place;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// The error for registered names that clash.
///
/// ```
/// use tarmem_remote::Registry;
/// use tarmem_remote::registry::RegistryError;
///
/// fn start() -> Result<Registry, RegistryError> {
///     Registry::linked().inspect_err(|error| {
///         for problem in error.problems() {
///             eprintln!("{problem}");
///         }
///     })
/// }
///
/// assert!(start().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    pub(super) problems: Vec<String>,
}

impl RegistryError {
    /// A description of every clash, with both places.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for RegistryError {}

/// Records every name, and a problem for each name that is repeated.
#[derive(Default)]
pub(super) struct Checks {
    names: HashMap<(&'static str, String), Place>,
    /// The paths that classes had before, with the classes that have them now.
    former: HashMap<&'static str, (&'static str, Place)>,
    ids: HashMap<u64, (String, Place)>,
    pub(super) problems: BTreeSet<String>,
}

impl Checks {
    pub(super) fn name(&mut self, kind: &'static str, name: String, place: Place) {
        if let Some(other) = self.names.insert((kind, name.clone()), place) {
            let plural = if kind == "class" { "two classes are".into() } else { format!("two {kind}s are") };
            self.clash(&plural, &name, other, place);
        }
    }

    pub(super) fn member(&mut self, module: &str, name: &str, place: Place) {
        self.name("module member", format!("{module}.{name}"), place);
    }

    /// Two names with the same stable id. The odds are one in 2^64 for each pair, but the wrong method would be called.
    pub(super) fn id(&mut self, id: u64, name: String, place: Place) {
        if let Some((other, other_place)) = self.ids.get(&id)
            && *other != name
        {
            self.problems.insert(format!("{other} ({other_place}) and {name} ({place}) have one id; rename one"));
        }
        self.ids.insert(id, (name, place));
    }

    pub(super) fn clash(&mut self, what: &str, name: &str, one: Place, other: Place) {
        let (first, second) =
            if (one.file, one.line) <= (other.file, other.line) { (one, other) } else { (other, one) };
        self.problems
            .insert(format!("{what} named {name}: {first} and {second}; rename one with #[remote(name = \"…\")]"));
    }

    /// A class says that it had a path which something else has.
    pub(super) fn was(&mut self, class: &str, place: Place, was: &str, taken: Place) {
        self.problems.insert(format!(
            "{class} ({place}) was {was}, it says, which is registered, too: {taken}; remove one, since nobody can \
             tell whose the stored objects are"
        ));
    }

    /// A class says that it had this path before.
    pub(super) fn former(&mut self, class: &'static str, was: &'static str, place: Place) {
        if let Some((other, other_place)) = self.former.insert(was, (class, place))
            && other != class
        {
            let ((one, first), (other, second)) = if (place.file, place.line) <= (other_place.file, other_place.line) {
                ((class, place), (other, other_place))
            } else {
                ((other, other_place), (class, place))
            };
            self.problems.insert(format!(
                "{one} ({first}) and {other} ({second}) both say that they were {was}; remove one, since nobody can \
                 tell whose the stored objects are"
            ));
        }
    }

    pub(super) fn finish(self) -> Result<(), RegistryError> {
        let problems: Vec<String> = self.problems.into_iter().collect();
        if problems.is_empty() { Ok(()) } else { Err(RegistryError { problems }) }
    }
}
