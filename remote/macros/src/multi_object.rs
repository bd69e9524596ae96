//! Expands what is different for a function that takes objects of the service.

use crate::dispatch::work;
use crate::emit::{at, local};
use crate::signature::{ObjectType, Param, Passing, Signature};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// Whether the function takes objects.
pub(crate) fn has(sig: &Signature) -> bool {
    params(sig).next().is_some()
}

/// The parameters that are objects, each with the local that holds it.
fn params(sig: &Signature) -> impl Iterator<Item = (Ident, &Param, &ObjectType)> {
    sig.arguments().enumerate().filter_map(|(index, param)| match &param.passing {
        Passing::Object(object) => Some((local(index), param, &**object)),
        _ => None,
    })
}

/// Refuses an object that cannot be restored; the error points at the user's type.
pub(crate) fn check(sig: &Signature, object: &ObjectType, private: &TokenStream) -> Option<TokenStream> {
    let ty = &object.ty;
    (object.exclusive && !object.is_dyn() && sig.options.all_or_nothing.is_none()).then(|| {
        quote_spanned! {ty.span()=>
            {
                #[allow(unused_imports)]
                use #private::{CloneWay as _, EncodingWay as _, NoWay as _};
                (&&&#private::Copying::<#ty>::new()).way().required();
            }
        }
    })
}

/// The dispatch function `ident`; `user` is the path to call.
pub(crate) fn function(sig: &Signature, private: &TokenStream, ident: &Ident, user: &TokenStream) -> TokenStream {
    let cfgs = &sig.carried.cfgs;
    let decode = sig.decode(private);
    let named = params(sig).map(|(local, ..)| local);
    // Each local shadows the one that held the argument from which the object was found.
    let take = params(sig).map(|(local, _, object)| {
        let ty = &object.ty;
        let (mutability, take) = match (object.exclusive, object.is_dyn()) {
            (false, false) => (None, quote!(shared)),
            (true, false) => (Some(quote!(mut)), quote!(exclusive)),
            (false, true) => (None, quote!(shared_as)),
            (true, true) => (Some(quote!(mut)), quote!(exclusive_as)),
        };
        at(ty.span(), quote!(let #local: &#mutability #ty = __objects.#take::<#ty>()?;))
    });
    let work = work(sig, private, user, &sig.pass(&quote!(__ctx)));
    let body = quote! {
        #(#take)*
        ::core::result::Result::Ok({ #work })
    };
    let (call, body) = if sig.is_async {
        let body = at(sig.ident.span(), quote!(::std::boxed::Box::pin(async move { #body })));
        (quote!(asynchronous), body)
    } else {
        (quote!(sync), quote!({ #body }))
    };
    quote! {
        #(#cfgs)*
        fn #ident(
            __args: &mut #private::Arguments<'_>,
        ) -> ::core::result::Result<#private::PreparedCall, #private::DispatchError> {
            #decode
            ::core::result::Result::Ok(#private::PreparedCall::#call([#(#named),*], move |mut __objects, __ctx| #body))
        }
    }
}

/// The `FunctionInvoke` variant for its table entry, without the enum's name.
pub(crate) fn invoke(sig: &Signature, private: &TokenStream, ident: &Ident) -> TokenStream {
    let params = params(sig).map(|(_, param, ObjectType { ty, exclusive })| {
        let name = param.name();
        let class = at(ty.span(), quote!(<#ty as #private::ObjectType>::PATH));
        quote!(#private::ObjectParam { name: #name, class: #class, exclusive: #exclusive })
    });
    let all_or_nothing = sig.options.all_or_nothing.is_some();
    quote!(OnObjects(#private::OnObjects {
        params: &[#(#params),*],
        all_or_nothing: #all_or_nothing,
        prepare: #ident,
    }))
}
