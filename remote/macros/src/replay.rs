//! Checks the option `replay`: which methods of a class may be made again from the calls that were logged.

use crate::args::Replay;
use crate::emit::at;
use crate::errors::Errors;
use crate::signature::{Passing, Receiver, Signature};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

/// Gives the option of a block to all its methods that may change their object, and checks the methods that have it.
pub(crate) fn apply(block: Option<Replay>, signatures: &mut [Signature], errors: &mut Errors) {
    let mut any = false;
    for sig in signatures.iter_mut() {
        let is_exclusive = sig.receiver == Some(Receiver::Exclusive);
        if is_exclusive && sig.options.replay.is_none() {
            sig.options.replay = block;
        }
        any |= is_exclusive;
    }
    if let Some(block) = block.filter(|_| !any) {
        let message = "no method of this block changes its object, so there is nothing to make again; remove `replay`";
        errors.push(syn::Error::new(block.span, message));
    }
    for sig in signatures.iter() {
        if let Some(replay) = sig.options.replay {
            check(sig, replay, block.is_some(), errors);
        }
    }
}

fn check(sig: &Signature, replay: Replay, of_block: bool, errors: &mut Errors) {
    let instead = if of_block { "move it to an `impl` block without `replay`" } else { "remove `replay`" };
    // The option of a block is far from the method.
    let mut refuse = |message: String| match of_block {
        true => errors.at(&sig.ident, message),
        false => errors.push(syn::Error::new(replay.span, message)),
    };
    if sig.receiver != Some(Receiver::Exclusive) {
        return refuse("a method with `&self` changes nothing that is made again; remove `replay`".to_owned());
    }
    if sig.is_async {
        refuse(format!("an async method may wait for what others do, and is not made again; {instead}"));
    }
    if sig.params.iter().any(|param| matches!(param.passing, Passing::Context)) {
        refuse(format!("what the context says is not known when the call is made again; {instead}"));
    }
}

/// Refuses a resident class, whose objects are kept in another way, if any of the methods is made again.
pub(crate) fn class_check(class: &Type, signatures: &[Signature], private: &TokenStream) -> Option<TokenStream> {
    let replay = signatures.iter().find_map(|sig| sig.options.replay)?;
    let check = quote_spanned!(replay.span=> #private::replayed);
    Some(at(replay.span, quote!(const _: () = #check::<#class>();)))
}

/// The version for the table entry of a method: `None` if it is not made again.
pub(crate) fn version(sig: &Signature) -> TokenStream {
    match sig.options.replay {
        Some(Replay { version, .. }) => quote!(::core::option::Option::Some(#version)),
        None => quote!(::core::option::Option::None),
    }
}
