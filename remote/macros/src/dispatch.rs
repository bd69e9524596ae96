//! Expands the dispatch functions of methods, constructors and functions, and their table entries.

use crate::emit::{FunctionNames, at, place};
use crate::signature::{Receiver, Returns, Signature};
use crate::{multi_object, replay};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

/// The receiver of a method.
pub(crate) struct ReceiverType<'a> {
    /// The type of the object.
    pub(crate) object: TokenStream,
    /// The class or the trait in which the method's name is looked up.
    pub(crate) lookup: TokenStream,
    /// The generic parameters of the dispatch function, with their bounds.
    pub(crate) generics: TokenStream,
    /// The generic arguments with which the table instantiates it.
    pub(crate) turbofish: TokenStream,
    /// The path of the class or interface.
    pub(crate) scope: &'a TokenStream,
}

/// The dispatch function `ident` of a method.
pub(crate) fn method(
    sig: &Signature,
    private: &TokenStream,
    ident: &Ident,
    receiver_type: &ReceiverType<'_>,
) -> TokenStream {
    let cfgs = &sig.carried.cfgs;
    let ReceiverType { object, lookup, generics, .. } = receiver_type;
    let (mutability, downcast) = match sig.receiver {
        Some(Receiver::Exclusive) => (Some(quote!(mut)), quote!(exclusive)),
        _ => (None, quote!(shared)),
    };
    let user = &sig.ident;
    let (decode, pass) = (sig.decode(private), sig.pass(&quote!(__ctx)));
    let (bound, result) = sig.result();
    let fallible = matches!(sig.returns, Returns::Result(..));
    let ways = ways(private);
    if sig.is_async {
        let finish = if fallible { quote!(finish_outcome) } else { quote!(finish_returned) };
        let generics = with_lifetime(generics);
        // A future that is not `Send` is reported at this method.
        let body = quote! {
            let #bound = #lookup::#user(__object, #pass).await;
            #private::Outgoing(#result).#finish()
        };
        let work = at(user.span(), quote!(::std::boxed::Box::pin(async move { #body })));
        return quote! {
            #(#cfgs)*
            fn #ident #generics(
                __object: &'__call #mutability dyn #private::Object,
                __ctx: &'__call #private::Context,
                __args: &mut #private::Arguments<'_>,
            ) -> ::core::result::Result<#private::BoxFuture<'__call, #private::Finish>, #private::DispatchError> {
                #ways
                let __object: &'__call #mutability #object = #private::#downcast(__object)?;
                #decode
                ::core::result::Result::Ok(#work)
            }
        };
    }
    let finish = if fallible {
        quote!(#private::Outgoing(#result).outcome(__out))
    } else {
        at(sig.returns_span(), quote!(#private::Outgoing(&#result).returned(__out)))
    };
    let generics = if generics.is_empty() { quote!() } else { quote!(<#generics>) };
    quote! {
        #(#cfgs)*
        fn #ident #generics(
            __object: &#mutability dyn #private::Object,
            __ctx: &#private::Context,
            __args: &mut #private::Arguments<'_>,
            __out: &mut #private::Output<'_>,
        ) -> ::core::result::Result<(), #private::DispatchError> {
            #ways
            let __object: &#mutability #object = #private::#downcast(__object)?;
            #decode
            let #bound = #lookup::#user(__object, #pass);
            #finish
        }
    }
}

/// Imports the traits that choose how results and errors are encoded.
fn ways(private: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use #private::{ErrorWay as _, NoOutgoingWay as _, OutcomeWay as _, OutgoingWay as _};
    }
}

fn with_lifetime(generics: &TokenStream) -> TokenStream {
    quote!(<'__call, #generics>)
}

/// The table entry of a method.
pub(crate) fn method_entry(
    sig: &Signature,
    private: &TokenStream,
    (ident, signature): (&Ident, &Ident),
    receiver_type: &ReceiverType<'_>,
) -> TokenStream {
    let ReceiverType { scope, turbofish, .. } = receiver_type;
    let Signature { name, .. } = sig;
    let cfgs = &sig.carried.cfgs;
    let docs = sig.carried.text();
    let (params, returns) = (sig.describe_params(private), sig.describe_returns());
    let shared = sig.receiver == Some(Receiver::Shared);
    let receiver = if shared { quote!(Shared) } else { quote!(Exclusive) };
    let invoke = match (shared, sig.is_async) {
        (true, false) => quote!(Shared),
        (true, true) => quote!(SharedAsync),
        (false, false) => quote!(Exclusive),
        (false, true) => quote!(ExclusiveAsync),
    };
    let idempotent = sig.is_idempotent();
    let blocking = sig.options.blocking.is_some();
    let scales = sig.options.scales.is_some();
    let replay = replay::version(sig);
    let place = place(private, sig.ident.span());
    quote! {
        #(#cfgs)*
        #private::Method {
            interface: #scope,
            name: #name,
            id: #private::stable_id(#scope, #name),
            receiver: #private::Receiver::#receiver,
            params: #params,
            returns: #returns,
            docs: #docs,
            idempotent: #idempotent,
            blocking: #blocking,
            scales: #scales,
            replay: #replay,
            signature: #signature,
            place: #place,
            invoke: #private::Invoke::#invoke(#ident #turbofish),
        }
    }
}

/// The dispatch function `ident` of a constructor or function; `user` is the path to call.
pub(crate) fn function(sig: &Signature, private: &TokenStream, ident: &Ident, user: &TokenStream) -> TokenStream {
    if multi_object::has(sig) {
        return multi_object::function(sig, private, ident, user);
    }
    let cfgs = &sig.carried.cfgs;
    let decode = sig.decode(private);
    let (context, pass) = if sig.is_async {
        (quote!(#private::Context), sig.pass(&quote!(&__ctx)))
    } else {
        (quote!(&#private::Context), sig.pass(&quote!(__ctx)))
    };
    let work = work(sig, private, user, &pass);
    let (returns, body) = if sig.is_async {
        let work = at(sig.ident.span(), quote!(::std::boxed::Box::pin(async move { #work })));
        (quote!(#private::BoxFuture<'static, #private::Produced>), work)
    } else {
        (quote!(#private::Produced), quote!({ #work }))
    };
    quote! {
        #(#cfgs)*
        fn #ident(
            __ctx: #context,
            __args: &mut #private::Arguments<'_>,
        ) -> ::core::result::Result<#returns, #private::DispatchError> {
            #decode
            ::core::result::Result::Ok(#body)
        }
    }
}

/// Calls the user's function with `pass`, and makes a `Produced` from its result.
pub(crate) fn work(sig: &Signature, private: &TokenStream, user: &TokenStream, pass: &TokenStream) -> TokenStream {
    let (bound, result) = sig.result();
    let wait = sig.is_async.then(|| quote!(.await));
    let kind = kind(sig, private);
    let produce = if matches!(sig.returns, Returns::Result(..)) {
        quote! {
            match #private::Fallible::into_result(#result) {
                ::core::result::Result::Ok(__value) => #kind.produce(__value),
                ::core::result::Result::Err(__error) => #private::Outgoing(__error).produced_error(),
            }
        }
    } else {
        quote!(#kind.produce(#result))
    };
    let ways = ways(private);
    quote! {
        use #private::{NoKind as _, ObjectKind as _, ValueKind as _};
        #ways
        let #bound = #user(#pass) #wait;
        #produce
    }
}

/// The table entry of a constructor or function.
pub(crate) fn function_entry(
    sig: &Signature,
    private: &TokenStream,
    (ident, signature): (&Ident, &Ident),
    names: &FunctionNames,
) -> TokenStream {
    let FunctionNames { module, name, class, id } = names;
    let cfgs = &sig.carried.cfgs;
    let docs = sig.carried.text();
    let (params, returns) = (sig.describe_params(private), sig.describe_returns());
    let inline = sig.options.inline.is_some();
    let blocking = sig.options.blocking.is_some();
    let scales = sig.options.scales.is_some();
    let idempotent = sig.is_idempotent();
    let invoke = if multi_object::has(sig) {
        multi_object::invoke(sig, private, ident)
    } else if sig.is_async {
        quote!(Async(#ident))
    } else {
        quote!(Sync(#ident))
    };
    let kind = kind(sig, private);
    let place = place(private, sig.ident.span());
    quote! {
        #(#cfgs)*
        #private::Function {
            module: #module,
            name: #name,
            class: #class,
            id: #id,
            params: #params,
            returns: #returns,
            docs: #docs,
            inline: #inline,
            blocking: #blocking,
            scales: #scales,
            idempotent: #idempotent,
            makes: || {
                use #private::{NoKind as _, ObjectKind as _, ValueKind as _};
                #kind.makes()
            },
            signature: #signature,
            place: #place,
            invoke: #private::FunctionInvoke::#invoke,
        }
    }
}

/// Decides whether the function returns an object or a plain value. If it can return neither, the error points at its
/// return type.
fn kind(sig: &Signature, private: &TokenStream) -> TokenStream {
    let made = made_type(sig, private);
    let kind = quote_spanned!(sig.returns_span()=> kind);
    quote!((&&#private::Kind::<#made>::new()).#kind())
}

/// The type that the function itself returns.
fn made_type(sig: &Signature, private: &TokenStream) -> TokenStream {
    match &sig.returns {
        Returns::Borrowed(Type::Reference(reference), _) => {
            let elem = &reference.elem;
            quote!(&'static #elem)
        }
        Returns::Borrowed(ty, _) => ty.to_token_stream(),
        _ => sig.returned_type(private),
    }
}
