//! Whether a service would start from what is in a storage.

use super::objects::{self, Ask};
use super::unreadable::Unreadable;
use super::{Found, Progress, RecoveryError};
use crate::server::state::Seams;
use crate::store::Store;
use std::collections::BTreeMap;
use tarmem_remote::registry::Registry;
use tarmem_storage::Storage;

/// What is in a storage, as a service would read it.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) keys: usize,
    pub(crate) objects: usize,
    pub(crate) sessions: usize,
    /// How many objects there are of each class.
    pub(crate) classes: BTreeMap<String, usize>,
    /// What cannot be read.
    pub(crate) unreadable: Vec<Unreadable>,
    /// How many references lead to objects that are not there.
    pub(crate) lost_references: usize,
}

impl Checked {
    /// Reads everything, with these classes, as at the start of a service. Nothing is committed.
    ///
    /// # Errors
    /// If the storage cannot be read, or is damaged.
    pub(crate) fn of(storage: impl Storage + 'static, registry: Registry) -> Result<Self, RecoveryError> {
        let (seams, progress) = (Seams::default(), Progress::default());
        let found = Found::read(Box::new(storage), &seams, &progress)?;
        let store = Store::new(usize::MAX, None, Some(found.keeping()), seams.faults);
        let (made, _) = objects::make(&store, &registry, &found.stored, &progress, Ask::Least);
        let mut classes = BTreeMap::new();
        for cell in made.cells.values() {
            *classes.entry(cell.class().entry().path.to_owned()).or_default() += 1;
        }
        Ok(Checked {
            keys: found.stored.keys.len(),
            objects: found.stored.objects.len(),
            sessions: found.stored.sessions.len(),
            classes,
            unreadable: made.unreadable.into_iter().map(|unreadable| unreadable.about).collect(),
            lost_references: made.gone.len(),
        })
    }
}
