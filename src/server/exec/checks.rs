//! Checks before an operation is done: keys, names, and the class of an object.

use super::engine::Engine;
use crate::store::{Cell, Mapping};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Target;
use tarmem_remote::results::ObjectInfo;

impl Engine {
    pub(super) fn check_key(&self, key: &str) -> Result<(), Error> {
        let limit = self.state.limits.key_bytes;
        if key.is_empty() {
            return Err(Error::BadKey { reason: format!("a key cannot be empty; use 1 to {limit} bytes") });
        }
        if key.len() > limit {
            let remedy = "use a shorter key, or a digest of it";
            return Err(Error::limit("the key's length in bytes", key.len() as u64, limit as u64, remedy));
        }
        Ok(())
    }

    pub(super) fn check_name(&self, what: &str, name: &str) -> Result<(), Error> {
        let limit = self.state.limits.name_bytes;
        if name.len() <= limit {
            return Ok(());
        }
        let what = format!("the {what} name's length in bytes");
        Err(Error::limit(what, name.len() as u64, limit as u64, "no name is that long"))
    }

    /// The error for a class that this program may not know: if it does not, no object can be of that class, and that
    /// is the error.
    pub(super) fn or_unknown(&self, error: Error) -> Error {
        match &error {
            Error::WrongClass { expected, .. } if !self.state.registry.has_scope(expected) => {
                self.state.registry.class(expected).err().unwrap_or(error)
            }
            _ => error,
        }
    }
}

pub(super) fn check_fits(target: impl FnOnce() -> String, cell: &Cell, expect: &str) -> Result<(), Error> {
    if cell.class().fits(expect) {
        return Ok(());
    }
    Err(Error::WrongClass {
        target: target(),
        expected: expect.to_owned(),
        found: cell.class().entry().path.to_owned(),
    })
}

pub(super) fn checked(target: impl FnOnce() -> String, mapping: &Mapping, expect: &str) -> Result<ObjectInfo, Error> {
    check_fits(target, &mapping.cell, expect)?;
    Ok(mapping.info())
}

pub(super) fn quoted(key: &str) -> String {
    format!("{key:?}")
}

pub(super) fn label(target: Target<'_>) -> String {
    target.to_string()
}
