//! Expands the signature of a method or function, with which client and service find out whether they were built with
//! the same types.

use crate::emit::{FunctionNames, at};
use crate::signature::{Passing, Returns, Signature};
use crate::types;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

/// The function `ident` that returns the signature of a method.
pub(crate) fn of_method(sig: &Signature, private: &TokenStream, ident: &Ident, scope: &TokenStream) -> TokenStream {
    let name = &sig.name;
    let named = quote!(#private::SignatureKind::Method, #scope, #name, #private::stable_id(#scope, #name));
    function(sig, private, ident, &named)
}

/// The function `ident` that returns the signature of a constructor or function.
pub(crate) fn of_function(sig: &Signature, private: &TokenStream, ident: &Ident, names: &FunctionNames) -> TokenStream {
    let FunctionNames { module, name, id, .. } = names;
    function(sig, private, ident, &quote!(#private::SignatureKind::Function, #module, #name, #id))
}

/// The function `__signature` that returns the signature of a class's values.
pub(crate) fn of_class(private: &TokenStream, class: &Ident, path: &str) -> TokenStream {
    quote! {
        fn __signature() -> &'static #private::Signature {
            static SIGNATURE: #private::Signature = #private::Signature::of_class(#path, |__tracer| {
                #[allow(unused_imports)]
                use #private::{KnownShape as _, OpaqueShape as _};
                ::std::vec![(
                    #private::RESULT_ROOT.into(),
                    (&#private::Returned::<#class>::new()).shape(__tracer, #path),
                )]
            });
            &SIGNATURE
        }
    }
}

fn function(sig: &Signature, private: &TokenStream, ident: &Ident, named: &TokenStream) -> TokenStream {
    let cfgs = &sig.carried.cfgs;
    let (params, returns, idempotent) = (sig.describe_params(private), sig.describe_returns(), sig.is_idempotent());
    let types: Vec<TokenStream> = sig.arguments().map(|param| param.decoded_type(private)).collect();
    let shapes = sig.arguments().zip(&types).map(|(param, decoded)| {
        let name = param.name();
        match &param.passing {
            Passing::Object(object) => {
                let (ty, exclusive) = (&object.ty, object.exclusive);
                let class = at(syn::spanned::Spanned::span(ty), quote!(<#ty as #private::ObjectType>::PATH));
                quote!((#name.into(), #private::Shape::Object { class: #class.into(), exclusive: #exclusive }))
            }
            _ => {
                let text = types::pretty(&param.ty);
                quote!((#name.into(), (&#private::Returned::<#decoded>::new()).shape(__tracer, #text)))
            }
        }
    });
    let returned = |root: TokenStream, ty: TokenStream, text: String| {
        let shape = quote!((&#private::Returned::<#ty>::new()).shape(__tracer, #text));
        quote!((#private::#root.into(), #shape))
    };
    let result = returned(quote!(RESULT_ROOT), sig.returned_type(private), sig.describe_returns());
    let error = match &sig.returns {
        Returns::Result(_, Some(sides)) => {
            Some(returned(quote!(ERROR_ROOT), sides.1.to_token_stream(), types::pretty(&sides.1)))
        }
        Returns::Result(ty, None) => {
            Some(returned(quote!(ERROR_ROOT), quote!(<#ty as #private::Fallible>::Err), types::pretty(ty)))
        }
        _ => None,
    };
    let roots = shapes.chain([result]).chain(error);
    let arguments = if types.is_empty() { quote!(()) } else { quote!((#(#types,)*)) };
    quote! {
        #(#cfgs)*
        fn #ident() -> &'static #private::Signature {
            static SIGNATURE: #private::Signature = #private::Signature::new(
                #named,
                #params,
                #returns,
                #idempotent,
                |__tracer| {
                    #[allow(unused_imports)]
                    use #private::{KnownShape as _, OpaqueShape as _};
                    ::std::vec![#(#roots),*]
                },
                |__args| {
                    #[allow(unused_imports)]
                    use #private::{IncomingWay as _, NoIncomingWay as _};
                    (&#private::Incoming::<#arguments>::new()).to_values(__args)
                },
            );
            &SIGNATURE
        }
    }
}
