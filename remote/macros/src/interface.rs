//! `#[remote(module = "…")]` on a trait: an interface.

use crate::args::{self, Options};
use crate::dispatch::{self, Target};
use crate::docs::Carried;
use crate::emit::{allow, place};
use crate::errors::Errors;
use crate::signature::{self, Owner, Signature};
use crate::{defaults, krate, proxy, shape};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, ItemTrait, TraitItem, TraitItemFn};

pub(crate) fn expand(args: TokenStream, mut item: ItemTrait) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &args::INTERFACE, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let module = options.module(&args::INTERFACE, &mut errors);
    let name = options.name(&item.ident, &mut errors);
    let signatures = parse(&mut item, &mut errors);
    let generated = signatures.map(|signatures| generate(&item, &private, &format!("{module}.{name}"), &signatures));
    let is_async = item.items.iter().any(|member| matches!(member, TraitItem::Fn(f) if f.sig.asyncness.is_some()));
    let boxing = boxing(&item.attrs, is_async, &private);
    let errors = errors.into_tokens();
    quote!(#boxing #item #generated #errors)
}

/// The attribute that makes async methods callable on a `dyn` type, unless the user put it there.
pub(crate) fn boxing(attrs: &[Attribute], is_async: bool, private: &TokenStream) -> Option<TokenStream> {
    let given = |attr: &Attribute| attr.path().segments.last().is_some_and(|last| last.ident == "async_trait");
    (is_async && !attrs.iter().any(given)).then(|| quote!(#[#private::async_trait]))
}

/// The remote ones among the methods; takes the helper attributes off all of them. `None` if there can be no `dyn`
/// type.
fn parse(item: &mut ItemTrait, errors: &mut Errors) -> Option<Vec<Signature>> {
    let mut usable = true;
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "an interface has one `dyn` type; put the concrete types, or use a Value");
        usable = false;
    }
    if let Some(keyword) = &item.unsafety {
        errors.at(keyword, "a remote caller cannot keep the promises of an unsafe trait; offer a safe one");
    }
    let mut signatures = Vec::new();
    for member in &mut item.items {
        match member {
            TraitItem::Fn(function) => match parse_method(function, errors) {
                Ok(signature) => signatures.extend(signature),
                Err(NotDyn) => usable = false,
            },
            TraitItem::Type(ty) => {
                errors.at(ty, "an interface has no associated types: its objects are of any class; name a type");
                usable = false;
            }
            TraitItem::Const(constant) => {
                errors.at(constant, "an interface has no constants; make it a method, or a constant of the module");
                usable = false;
            }
            TraitItem::Macro(call) => {
                errors.at(call, "methods made by a macro cannot be seen here; write them out");
            }
            _ => {}
        }
    }
    usable.then_some(signatures)
}

/// The trait has no `dyn` type because of this method.
struct NotDyn;

fn parse_method(function: &mut TraitItemFn, errors: &mut Errors) -> Result<Option<Signature>, NotDyn> {
    let options = Options::take(&mut function.attrs, &args::INTERFACE_METHOD, errors);
    if options.skip.is_some() {
        defaults::refuse(&mut function.sig, defaults::SKIPPED, errors);
        return Ok(None);
    }
    let sig = &mut function.sig;
    if sig.receiver().is_none() {
        errors.at(&sig.ident, "an interface has no constructors; take &self, or make it a function of the module");
        return Err(NotDyn);
    }
    let found = signature::parse(sig, Carried::of(&function.attrs), options, Owner::Interface, errors);
    let by_reference = sig.receiver().is_some_and(|receiver| matches!(*receiver.ty, syn::Type::Reference(_)));
    match found {
        Some(found) => Ok(Some(found)),
        // It may still have a `dyn` type, and then the other methods are good.
        None if by_reference && sig.generics.params.is_empty() => Ok(None),
        None => Err(NotDyn),
    }
}

fn generate(item: &ItemTrait, private: &TokenStream, path: &str, signatures: &[Signature]) -> TokenStream {
    let ItemTrait { vis, ident, .. } = item;
    let carried = Carried::of(&item.attrs);
    let (cfgs, docs) = (&carried.cfgs, carried.text());
    let proxy = format_ident!("{ident}Proxy");
    let about = format!("Proxy of an object with the interface [`{ident}`].");
    let proxy_type = proxy::declare(private, &carried, vis, &proxy, &quote!(dyn #ident), &about);
    let scope = quote!(<dyn #ident as #private::Remote>::PATH);
    // All that a class is, but for what is asked of it where it stands.
    let bounds = quote!(#ident + #private::Remote + ::core::marker::Send + ::core::marker::Sync + 'static);
    let target = Target {
        object: quote!(__C),
        lookup: quote!(<__C as #ident>),
        generics: quote!(__C: #bounds),
        turbofish: quote!(::<__C>),
        scope: &scope,
    };
    let (mut dispatchers, mut methods, mut proxied) = (Vec::new(), Vec::new(), Vec::new());
    let (mut declared, mut called) = (Vec::new(), Vec::new());
    for (index, sig) in signatures.iter().enumerate() {
        let dispatch = format_ident!("__dispatch_{index}");
        let signature = format_ident!("__signature_{index}");
        dispatchers.push(dispatch::method(sig, private, &dispatch, &target));
        dispatchers.push(shape::of_method(sig, private, &signature, &scope));
        methods.push(dispatch::method_entry(sig, private, (&dispatch, &signature), &target));
        proxied.push(sig.proxy_method(private, vis, &scope, &signature));
        declared.push(sig.proxy_declaration(private));
        called.push(sig.proxy_implementation(private, &scope, &signature));
    }
    let calls = format_ident!("{ident}Calls");
    let calls_docs = carried.after(&format!(
        "The methods of [`{ident}`], on the proxy of a class that implements it: to be imported where they are called so."
    ));
    let (allow, place) = (allow(), place(private, ident.span()));
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #private::Remote for dyn #ident {
            const PATH: &'static str = #path;
            type Proxy = #proxy;
        }

        #(#cfgs)*
        #[automatically_derived]
        impl #private::Interface for dyn #ident {}

        #(#cfgs)*
        #allow
        const _: () = {
            #(#dispatchers)*

            // If the type is no class, that is as good as the trait being no interface: one message serves for both.
            #[diagnostic::do_not_recommend]
            #[automatically_derived]
            impl<__C: #bounds> #private::InterfaceTable<__C> for dyn #ident {
                const CLASS: &'static str = <__C as #private::Remote>::PATH;
                const METHODS: &'static [#private::Method] = &[#(#methods),*];
                const VIEWS: &'static #private::AnyViews = &#private::Views::<dyn #ident> {
                    shared: |__object| {
                        let __object: &__C = #private::shared(__object).ok()?;
                        ::core::option::Option::Some(__object)
                    },
                    exclusive: |__object| {
                        let __object: &mut __C = #private::exclusive(__object).ok()?;
                        ::core::option::Option::Some(__object)
                    },
                };
            }

            #private::inventory::submit! {
                #private::Registration::Interface(#private::InterfaceEntry { path: #path, docs: #docs, place: #place })
            }

            #allow
            impl #proxy {
                #(#proxied)*
            }

            #allow
            impl<__P> #calls for __P
            where
                __P: #private::TypedProxy,
                <__P as #private::TypedProxy>::Of: #ident,
            {
                #(#called)*
            }
        };

        #calls_docs
        #allow
        #vis trait #calls: #private::Proxy {
            #(#declared)*
        }

        #proxy_type
    }
}
