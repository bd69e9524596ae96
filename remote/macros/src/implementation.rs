//! Expands `#[remote]` on an implementation of an interface for a class.

use crate::args::{self, Options};
use crate::docs::Carried;
use crate::emit::{allow, place};
use crate::errors::Errors;
use crate::interface::boxing;
use crate::{defaults, krate, types};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ImplItem, ItemImpl, Path, PathArguments};

pub(crate) fn expand(args: TokenStream, mut item: ItemImpl, interface: &Path) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &args::TRAIT_IMPL, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let generated = check(&mut item, interface, &mut errors).then(|| generate(&item, interface, &private));
    let is_async = item.items.iter().any(|member| matches!(member, ImplItem::Fn(f) if f.sig.asyncness.is_some()));
    let boxing = boxing(&item.attrs, is_async, &private);
    let errors = errors.into_tokens();
    quote!(#boxing #item #generated #errors)
}

/// Checks that there is one class and one interface. Removes the helper attributes from the methods, where they are not
/// allowed.
fn check(item: &mut ItemImpl, interface: &Path, errors: &mut Errors) -> bool {
    let mut usable = true;
    for member in &mut item.items {
        if let ImplItem::Fn(function) = member {
            Options::take(&mut function.attrs, &args::IMPLEMENTED_METHOD, errors);
            defaults::refuse(&mut function.sig, defaults::IMPLEMENTED, errors);
        }
    }
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "an implementation is registered for one class; write the concrete type, and repeat this for each class",
        );
        usable = false;
    } else if !matches!(types::bare(&item.self_ty), syn::Type::Path(_)) {
        errors.at(&item.self_ty, "a class is written as a plain path; implement the interface for a struct or enum");
        usable = false;
    }
    if interface.segments.last().is_some_and(|last| !matches!(last.arguments, PathArguments::None)) {
        errors.at(interface, "an interface has no generics; write the concrete types in the trait");
        usable = false;
    }
    if let Some((Some(bang), ..)) = &item.trait_ {
        errors.at(bang, "a negative implementation has nothing to call; remove #[remote]");
        usable = false;
    }
    usable
}

fn generate(item: &ItemImpl, interface: &Path, private: &TokenStream) -> TokenStream {
    let cfgs = Carried::of(&item.attrs).cfgs;
    let (class, allow) = (&item.self_ty, allow());
    let place = place(private, interface.span());
    // With the user's span, for an error about a trait that is not an interface, or a type that is not a class.
    let implementation = quote_spanned!(interface.span()=> #private::implementation::<dyn #interface, #class>);
    quote! {
        #(#cfgs)*
        #allow
        const _: () = {
            #private::inventory::submit! {
                #private::Registration::Implementation(#implementation(#place))
            }
        };
    }
}
