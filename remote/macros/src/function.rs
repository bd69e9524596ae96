//! Expands `#[remote(module = "…")]` on a free function or a constant: a member of a module.

use crate::args::{self, Options};
use crate::docs::Carried;
use crate::emit::{FunctionNames, allow, place};
use crate::errors::Errors;
use crate::signature::{self, Owner, Signature};
use crate::{dispatch, krate, shape, types};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{ItemConst, ItemFn, Visibility};

pub(crate) fn expand(args: TokenStream, mut item: ItemFn) -> TokenStream {
    let mut errors = Errors::default();
    if let Some(receiver) = item.sig.receiver() {
        // The attribute is on a method, in a block that has no attribute itself.
        errors.at(receiver, "put #[remote] on the whole `impl` block or trait; that makes its methods remote");
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    }
    let options = Options::parse(args, &args::FUNCTION, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let module = options.module(&args::FUNCTION, &mut errors);
    let sig = signature::parse(&mut item.sig, Carried::of(&item.attrs), options, Owner::Module, &mut errors);
    let generated = sig.map(|sig| generate(&sig, &private, &item.vis, &module));
    let errors = errors.into_tokens();
    quote!(#item #generated #errors)
}

fn generate(sig: &Signature, private: &TokenStream, vis: &Visibility, module: &str) -> TokenStream {
    let Signature { ident, name, carried, .. } = sig;
    let names = FunctionNames {
        module: quote!(#module),
        name: quote!(#name),
        class: quote!(::core::option::Option::None),
        id: quote!(#private::stable_id(#module, #name)),
    };
    let dispatch = format_ident!("__dispatch");
    let dispatcher = dispatch::function(sig, private, &dispatch, &quote!(#ident));
    let signature = format_ident!("__signature");
    let signed = shape::of_function(sig, private, &signature, &names);
    let entry = dispatch::function_entry(sig, private, (&dispatch, &signature), &names);
    let remote = sig.proxy_function(private, vis, &format_ident!("remote"), &names, &signature);
    let (allow, cfgs) = (allow(), &carried.cfgs);
    let docs = format!("The function [`{ident}`](fn@{ident}) of module `{module}`, to be called by a client.");
    quote! {
        #(#cfgs)*
        #allow
        const _: () = {
            #dispatcher
            #signed
            #private::inventory::submit! { #private::Registration::Functions(&[#entry]) }

            #allow
            impl #ident {
                #remote
            }
        };

        // A type of the same name can stand beside the function, because types and functions have separate namespaces.
        #[doc = #docs]
        #(#cfgs)*
        #allow
        #[allow(non_camel_case_types)]
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis enum #ident {}
    }
}

pub(crate) fn expand_constant(args: TokenStream, item: ItemConst) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &args::CONSTANT, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let module = options.module(&args::CONSTANT, &mut errors);
    let name = options.name(&item.ident, &mut errors);
    if item.ident == "_" {
        errors.at(&item.ident, "a remote constant is identified by its name; give it one");
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    }
    let carried = Carried::of(&item.attrs);
    let (cfgs, docs, ty) = (&carried.cfgs, carried.text(), types::pretty(&item.ty));
    let (ident, place, allow) = (&item.ident, place(&private, item.ident.span()), allow());
    let errors = errors.into_tokens();
    quote! {
        #item

        #(#cfgs)*
        #allow
        const _: () = {
            #private::inventory::submit! {
                #private::Registration::Constant(#private::Constant {
                    module: #module,
                    name: #name,
                    ty: #ty,
                    docs: #docs,
                    value: || #private::constant(#name, &#ident),
                    place: #place,
                })
            }
        };

        #errors
    }
}
