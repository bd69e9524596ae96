//! The `#[remote]` attribute of tarmem.

mod args;
mod class;
mod dispatch;
mod docs;
mod emit;
mod errors;
mod function;
mod implementation;
mod inherent;
mod interface;
mod krate;
mod signature;
mod types;

use proc_macro::TokenStream;
use quote::quote;
use syn::Item;

/// Makes a class, interface, method, function or constant remote.
#[proc_macro_attribute]
pub fn remote(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(args.into(), item.into()).into()
}

fn expand(args: proc_macro2::TokenStream, tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    match syn::parse2(tokens.clone()) {
        Ok(Item::Struct(item)) => class::expand_struct(args, item),
        Ok(Item::Enum(item)) => class::expand_enum(args, item),
        Ok(Item::Impl(item)) => match item.trait_.clone() {
            Some((_, interface, _)) => implementation::expand(args, item, &interface),
            None => inherent::expand(args, item),
        },
        Ok(Item::Trait(item)) => interface::expand(args, item),
        Ok(Item::Fn(item)) => function::expand(args, item),
        Ok(Item::Const(item)) => function::expand_constant(args, item),
        Ok(other) => refuse(&tokens, &other),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#tokens #error)
        }
    }
}

fn refuse(tokens: &proc_macro2::TokenStream, item: &Item) -> proc_macro2::TokenStream {
    let message = match item {
        Item::Static(_) => "a static is not shared across processes; make it a `const`, or memoize an object",
        Item::Union(_) => "a union does not know what it holds; make it an enum",
        Item::Type(_) => "a type alias has no methods of its own; put #[remote] on the type that it names",
        Item::Mod(_) => "a module is named by its items: put #[remote(module = \"…\")] on each of them",
        Item::TraitAlias(_) => "an alias has no methods of its own; put #[remote] on the trait that it names",
        _ => "only structs, enums, impl blocks, traits, functions and constants can be remote",
    };
    let error = syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error();
    quote!(#tokens #error)
}
