//! What is noted of a call that has changed its object.

use super::site::CallSite;
use super::{MethodCall, is_over};
use crate::server::exec::looking::Looks;
use crate::server::exec::step::Written;
use crate::store::LoggedCall;
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;

impl MethodCall {
    /// Tells the store that the method has changed the object, if it has run, with these arguments and this result,
    /// which is encoded in `body`.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub(super) fn note_change<'a>(
        self,
        object: &dyn Object,
        site: &CallSite<'_>,
        looks: &Looks,
        result: &'a Result<Written, Box<Error>>,
        args: &'a [u8],
        body: impl FnOnce() -> &'a [u8],
    ) {
        let state = site.scope.session.state();
        let by = || {
            let has_run = !result.as_ref().is_err_and(|error| matches!(**error, Error::BadArguments { .. }));
            (has_run && is_over(result, looks)).then(|| site.by())
        };
        state.store.changed(site.scope.of, object, by, || self.logged(site, looks, result, args, body()));
        // The method may have dropped a reference.
        state.suspects.loosen();
    }

    /// The call, if it can be made again: its method is deterministic, and it concerns no object but its own.
    #[inline(never)]
    fn logged<'a>(
        self,
        site: &CallSite<'_>,
        looks: &Looks,
        result: &'a Result<Written, Box<Error>>,
        args: &'a [u8],
        body: &'a [u8],
    ) -> Option<LoggedCall<'a>> {
        let version = self.method.replay.filter(|_| !looks.refer())?;
        let raised = match result.as_ref().ok()? {
            Written::Result => None,
            Written::Raised(message) => Some(message.as_str()),
        };
        let by = (site.scope.session.kept_as().unwrap_or(0), site.scope.sequence);
        Some(LoggedCall { method: self.method, version, encoding: self.encoding, args, body, raised, by })
    }
}
