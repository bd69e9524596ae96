//! Expands `#[remote]` on an inherent impl: the methods and constructors of a class.

use crate::args::{self, Options};
use crate::dispatch::{self, ReceiverType};
use crate::docs::Carried;
use crate::emit::{FunctionNames, allow, place};
use crate::errors::Errors;
use crate::signature::{self, Owner, Signature};
use crate::{defaults, krate, replay, shape, types};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{ImplItem, ImplItemFn, ItemImpl, Type, Visibility};

pub(crate) fn expand(args: TokenStream, mut item: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &args::IMPL, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let signatures = parse(&mut item, &mut errors).map(|mut signatures| {
        replay::apply(options.replay, &mut signatures, &mut errors);
        signatures
    });
    let generated = signatures.map(|signatures| generate(&item, &private, &signatures));
    let errors = errors.into_tokens();
    // A method is made remote by `pub`, even if the item cannot be reached from outside the crate.
    quote!(#[allow(unreachable_pub)] #item #generated #errors)
}

/// Parses the remote functions, and removes the helper attributes from all functions. `None` if `item` does not name a
/// class.
fn parse(item: &mut ItemImpl, errors: &mut Errors) -> Option<Vec<Signature>> {
    let class = (*item.self_ty).clone();
    let usable = check_class(item, errors);
    if usable {
        check_offers(item, errors);
    }
    let mut signatures = Vec::new();
    for function in item.items.iter_mut() {
        if let ImplItem::Fn(function) = function {
            signatures.extend(parse_function(function, &class, errors));
        }
    }
    usable.then_some(signatures)
}

fn check_class(item: &ItemImpl, errors: &mut Errors) -> bool {
    let mut usable = true;
    if !item.generics.params.is_empty() {
        errors.at(&item.generics, "a class is one type; write the concrete types, or keep a Value where they vary");
        usable = false;
    }
    let named = match types::bare(&item.self_ty) {
        Type::Path(path) => {
            path.qself.is_none() && path.path.segments.last().is_some_and(|last| last.arguments.is_none())
        }
        _ => false,
    };
    if usable && !named {
        errors.at(
            &item.self_ty,
            "a class is written as a plain path; implement the methods on a struct or enum of its own",
        );
        usable = false;
    }
    usable
}

/// Refuses a block without remote functions, where the attribute must be a mistake. (Private functions need no mark.)
fn check_offers(item: &ItemImpl, errors: &mut Errors) {
    let private = |item: &ImplItem| match item {
        ImplItem::Fn(function) => matches!(function.vis, Visibility::Inherited),
        _ => true,
    };
    if item.items.iter().all(private) {
        let message = "nothing in this block is remote, because only a `pub fn` is; make one `pub`, or remove \
                       this block's #[remote]";
        errors.at(item.impl_token, message);
    }
}

fn parse_function(function: &mut ImplItemFn, class: &Type, errors: &mut Errors) -> Option<Signature> {
    let place = if function.sig.receiver().is_some() { &args::METHOD } else { &args::CONSTRUCTOR };
    let helper = function.attrs.iter().find(|attr| args::is_remote(attr)).cloned();
    let options = Options::take(&mut function.attrs, place, errors);
    if options.skip.is_some() {
        defaults::refuse(&mut function.sig, defaults::SKIPPED, errors);
        return None;
    }
    if !matches!(function.vis, Visibility::Public(_)) {
        defaults::refuse(&mut function.sig, defaults::SKIPPED, errors);
    }
    if let Visibility::Restricted(vis) = &function.vis {
        errors.at(vis, "a remote function is called from other programs; make it `pub`, or mark it #[remote(skip)]");
        return None;
    }
    if !matches!(function.vis, Visibility::Public(_)) {
        if let Some(helper) = helper {
            errors.at(helper, "only `pub` functions are remote; make it `pub`, or remove this attribute");
        }
        return None;
    }
    signature::parse(&mut function.sig, Carried::of(&function.attrs), options, Owner::Class(class), errors)
}

fn generate(item: &ItemImpl, private: &TokenStream, signatures: &[Signature]) -> TokenStream {
    let cfgs = Carried::of(&item.attrs).cfgs;
    let class = &item.self_ty;
    let path = quote!(<#class as #private::Remote>::PATH);
    let receiver_type = ReceiverType {
        object: quote!(#class),
        lookup: quote!(<#class>),
        generics: quote!(),
        turbofish: quote!(),
        scope: &path,
    };
    let (mut dispatchers, mut methods, mut functions, mut proxied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let vis: Visibility = syn::parse_quote!(pub);
    for (index, sig) in signatures.iter().enumerate() {
        let dispatch = format_ident!("__dispatch_{index}");
        let signature = format_ident!("__signature_{index}");
        if sig.receiver.is_some() {
            dispatchers.push(dispatch::method(sig, private, &dispatch, &receiver_type));
            dispatchers.push(shape::of_method(sig, private, &signature, &path));
            methods.push(dispatch::method_entry(sig, private, (&dispatch, &signature), &receiver_type));
            proxied.push(sig.proxy_method(private, &vis, &path, &signature));
        } else {
            let user = &sig.ident;
            let names = constructor_names(sig, private, &path);
            dispatchers.push(dispatch::function(sig, private, &dispatch, &quote!(<#class>::#user)));
            dispatchers.push(shape::of_function(sig, private, &signature, &names));
            functions.push(dispatch::function_entry(sig, private, (&dispatch, &signature), &names));
            proxied.push(sig.proxy_function(private, &vis, user, &names, &signature));
        }
    }
    let (allow, proxy, place) = (allow(), proxy_of(class), place(private, class.span()));
    let replayed = replay::class_check(class, signatures, private);
    let methods = (!methods.is_empty()).then(|| {
        quote! {
            #private::inventory::submit! {
                #private::Registration::Implementation(#private::Implementation {
                    class: #path,
                    interface: #path,
                    methods: &[#(#methods),*],
                    views: ::core::option::Option::None,
                    place: #place,
                })
            }
        }
    });
    let functions = (!functions.is_empty())
        .then(|| quote!(#private::inventory::submit! { #private::Registration::Functions(&[#(#functions),*]) }));
    quote! {
        #(#cfgs)*
        #allow
        const _: () = {
            #(#dispatchers)*
            #replayed
            #methods
            #functions

            #allow
            impl #proxy {
                #(#proxied)*
            }
        };
    }
}

/// The names of a constructor: `Account.open` in the class's module.
fn constructor_names(sig: &Signature, private: &TokenStream, path: &TokenStream) -> FunctionNames {
    let name = &sig.name;
    FunctionNames {
        module: quote!(#private::module_of(#path)),
        name: quote!({
            const __LEN: usize = #private::member_len(#path, #name);
            const __NAME: [u8; __LEN] = #private::member(#path, #name);
            #private::text(&__NAME)
        }),
        class: quote!(::core::option::Option::Some(#path)),
        id: quote!(#private::stable_id(#path, #name)),
    }
}

/// The proxy's path: `bank::AccountProxy` for `bank::Account`.
fn proxy_of(class: &Type) -> TokenStream {
    let mut class = types::bare(class).clone();
    if let Type::Path(path) = &mut class
        && let Some(last) = path.path.segments.last_mut()
    {
        last.ident = format_ident!("{}Proxy", last.ident);
    }
    quote!(#class)
}
