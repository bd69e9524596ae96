//! Decodes the arguments of a function over objects, and finds the objects.

use super::holding::Wanted;
use super::objects_call::ObjectsCall;
use super::wants::Wants;
use crate::server::exec::checks::label;
use crate::server::exec::engine::Engine;
use crate::server::exec::function_call::arguments;
use crate::server::exec::held_by_caller::HeldByCaller;
use crate::server::exec::large_calls::Load;
use crate::server::exec::local_caller::LocalCaller;
use crate::server::exec::looking::Asked;
use crate::server::exec::request::Request;
use crate::server::refs::references::SessionScope;
use crate::server::state::panics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::context::Context;
use tarmem_remote::describe::Function;
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tarmem_remote::multi_object::{ObjectArg, ObjectParam, OnObjects, PreparedCall, Work};
use tarmem_remote::value::{ObjectRef, RefScope, with_scope};

/// A function over objects, its caller, and how it is called.
pub(in crate::server::exec) struct Site {
    pub(in crate::server::exec) function: Function,
    pub(in crate::server::exec) on: OnObjects,
    pub(in crate::server::exec) encoding: Encoding,
    pub(in crate::server::exec) context: Context,
}

impl Engine {
    /// Decodes the arguments, and finds the objects; returns the call and its work.
    pub(super) fn objects_call(
        self: &Arc<Self>,
        request: &Request<'_>,
        site: Site,
        args: &[u8],
        load: Option<Arc<Load>>,
    ) -> Result<(ObjectsCall, Work), Error> {
        let Site { function, on, encoding, context } = site;
        let scope = request.scope();
        let noticing = Arc::new(Noticing { scope: Arc::clone(&scope), noticed: AtomicBool::new(false) });
        let prepared = panics::catch_in(&function, request.session.id(), || {
            Load::decoding(load.as_deref(), || {
                with_scope(&*noticing, || (on.prepare)(&mut arguments(&function, encoding, args, load.as_deref())?))
            })
        });
        let prepared = prepared?.map_err(|error| {
            let is_dynamic = encoding == Encoding::Dynamic && error.is_arguments();
            let told = on.params.iter().filter(|_| is_dynamic).find_map(|param| function.explain_argument(param, args));
            told.unwrap_or_else(|| function.error(error, encoding))
        })?;
        let PreparedCall { objects, work } = prepared;
        let mut found = Vec::with_capacity(objects.len());
        for (index, (param, object)) in on.params.iter().zip(&objects).enumerate() {
            // Only now is it known which objects these are.
            request.authorize_target("run a function on", object.target())?;
            let cell = self.target(request, object.target())?.cell;
            let class = cell.class();
            if !class.fits(param.class) {
                if let Some(told) = function.explain_class(class.entry().path).filter(|_| encoding == Encoding::Dynamic)
                {
                    return Err(told);
                }
                return Err(Error::WrongClass {
                    target: format!("`{}`, {},", param.name, label(object.target())),
                    expected: param.class.to_owned(),
                    found: class.entry().path.to_owned(),
                });
            }
            request.may_want(&cell, param.exclusive, || label(object.target()))?;
            found.push(Wanted { cell, exclusive: param.exclusive, first: index });
        }
        // The order in which everybody locks.
        found.sort_by_key(|wanted| wanted.cell.id());
        let mut wanted: Vec<Wanted> = Vec::with_capacity(found.len());
        let mut places = vec![0; found.len()];
        for next in found {
            match wanted.last() {
                Some(last) if last.cell.id() == next.cell.id() => {
                    if last.exclusive || next.exclusive {
                        let (one, other) = (last.first.min(next.first), last.first.max(next.first));
                        return Err(same_twice(&function, encoding, on.params, &objects, one, other));
                    }
                    places[next.first] = wanted.len() - 1;
                }
                _ => {
                    places[next.first] = wanted.len();
                    wanted.push(next);
                }
            }
        }
        let mut holding = None;
        for Wanted { cell, exclusive, .. } in &wanted {
            holding = Some(HeldByCaller::new(cell, *exclusive, holding.as_ref().or(request.holding)));
        }
        let context = match holding {
            Some(holding) => request.context_of(Arc::new(LocalCaller::holding(self, request, holding))),
            None => context,
        };
        let wants = Wants {
            function,
            encoding,
            session: request.session.id(),
            params: on.params,
            copies: !on.all_or_nothing,
            named: objects,
            objects: wanted,
            asked: Asked::default(),
        };
        let refers = noticing.noticed.load(Ordering::Relaxed);
        let holding = request.holding.cloned();
        Ok((ObjectsCall { wants, on, encoding, holding, places, context, scope, refers, load }, work))
    }
}

fn same_twice(
    function: &Function,
    encoding: Encoding,
    params: &[ObjectParam],
    objects: &[ObjectArg<'_>],
    one: usize,
    other: usize,
) -> Error {
    let target = |index: usize| label(objects[index].target());
    let object =
        if target(one) == target(other) { target(one) } else { format!("{} and {}", target(one), target(other)) };
    let (one, other) = (params[one].name, params[other].name);
    let reason = format!(
        "`{one}` and `{other}` are the same object ({object}), which a function cannot have twice if it changes it; \
         pass two objects"
    );
    Error::BadArguments { signature: function.called_as(encoding), reason }
}

/// Notes whether there are object references in the arguments.
struct Noticing {
    scope: Arc<SessionScope>,
    noticed: AtomicBool,
}

impl RefScope for Noticing {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.noticed.store(true, Ordering::Relaxed);
        self.scope.resolve(reference)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.scope.export(reference)
    }
}
