//! Expands `#[remote(module = "…")]` on a struct or enum: a class.

use crate::args::{self, Options};
use crate::docs::Carried;
use crate::emit::{allow, place};
use crate::errors::Errors;
use crate::{krate, proxy, shape};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Generics, Ident, ItemEnum, ItemStruct, Token, Visibility, punctuated::Punctuated};

/// The parts of a class that both structs and enums have.
struct Class<'a> {
    attrs: &'a [Attribute],
    vis: &'a Visibility,
    ident: &'a Ident,
    generics: &'a Generics,
}

pub(crate) fn expand_struct(args: TokenStream, item: ItemStruct) -> TokenStream {
    let ItemStruct { attrs, vis, ident, generics, .. } = &item;
    let generated = expand(args, Class { attrs, vis, ident, generics });
    quote!(#item #generated)
}

pub(crate) fn expand_enum(args: TokenStream, item: ItemEnum) -> TokenStream {
    let ItemEnum { attrs, vis, ident, generics, .. } = &item;
    let generated = expand(args, Class { attrs, vis, ident, generics });
    quote!(#item #generated)
}

/// What happens to the objects of a class when a service is started again.
struct Kept {
    /// They cannot be encoded.
    resident: bool,
    /// They are not to be there any more.
    volatile: bool,
    /// The paths under which they may have been stored.
    was: Vec<String>,
}

fn expand(args: TokenStream, class: Class<'_>) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(args, &args::CLASS, &mut errors);
    let private = krate::private(options.krate.as_ref(), &mut errors);
    let module = options.module(&args::CLASS, &mut errors);
    let name = options.name(class.ident, &mut errors);
    if !class.generics.params.is_empty() {
        errors.at(class.generics, "a class is one type; write the concrete types, or keep a Value where they vary");
        return errors.into_tokens();
    }
    let mut resident = options.resident.is_some();
    if resident && refuse_serde(class.attrs, &mut errors) {
        // The generated implementations would only conflict with the derived ones.
        resident = false;
    }
    let was = options.former_paths(&format!("{module}.{name}"), &mut errors);
    let kept = Kept { resident, volatile: options.volatile.is_some(), was };
    let generated = generate(&class, &private, &module, &name, &kept);
    let errors = errors.into_tokens();
    quote!(#generated #errors)
}

/// Refuses `Serialize` and `Deserialize` derives on a resident class, whose implementations are generated. Returns
/// whether there were any.
fn refuse_serde(attrs: &[Attribute], errors: &mut Errors) -> bool {
    let mut refused = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let Ok(derived) = attr.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated) else { continue };
        for path in derived {
            if path.segments.last().is_some_and(|last| last.ident == "Serialize" || last.ident == "Deserialize") {
                errors.at(&path, "a resident class is never encoded; remove this derive, or `resident`");
                refused = true;
            }
        }
    }
    refused
}

fn generate(class: &Class<'_>, private: &TokenStream, module: &str, name: &str, kept: &Kept) -> TokenStream {
    let Kept { resident, volatile, was } = kept;
    let resident = *resident;
    let Class { attrs, vis, ident, .. } = class;
    let carried = Carried::of(attrs);
    let (cfgs, docs) = (&carried.cfgs, carried.text());
    let path = format!("{module}.{name}");
    let proxy = format_ident!("{ident}Proxy");
    let about = format!("Proxy of [`{ident}`].");
    let proxy_type = proxy::declare(private, &carried, vis, &proxy, &ident.to_token_stream(), &about);
    let paths = was.iter().chain([&path]);
    let allow = allow();
    let place = place(private, ident.span());
    let encodable = !resident;
    let copy = quote!((&&&#private::Copying::<#ident>::new()).way().copy(__object));
    let moving = if resident { serde_refusal(class, private, &path) } else { source(class, private, &proxy) };
    let signature = shape::of_class(private, ident, &path);
    // The trait's name has the span of the user's type, so that an error about a missing bound points there.
    let object = quote_spanned!(ident.span()=> #private::Object);
    let replayed = (!resident).then(|| {
        quote! {
            #(#cfgs)*
            #[automatically_derived]
            impl #private::Replayed for #ident {}
        }
    });
    let encodable_check = quote_spanned!(ident.span()=> #private::encodable);
    quote! {
        #(#cfgs)*
        #allow
        const _: () = {
            // This reports the one error about a class that cannot be serialized. Nothing else here checks it: the
            // bound below is assumed, because it is stated for any lifetime, and the rest compiles without it.
            const _: () = #encodable_check::<#ident>();

            // What `#[typetag::serde]` makes of an implementation, except for the bound and for how an object is read.
            impl #object for #ident where for<'__any> #ident: #private::Encodable {
                fn typetag_name(&self) -> &'static str {
                    #path
                }

                fn typetag_deserialize(&self) {}
            }

            #(#private::inventory::submit! {
                <dyn #private::Object>::typetag_register(
                    #paths,
                    (|__deserializer| {
                        #[allow(unused_imports)]
                        use #private::{EncodableWay as _, UnencodableWay as _};
                        (&#private::Ways::<#ident>::new()).read(__deserializer)
                    }) as #private::ReadObject,
                )
            })*
        };

        #(#cfgs)*
        #[automatically_derived]
        impl #private::Remote for #ident {
            const PATH: &'static str = #path;
            type Proxy = #proxy;
        }

        #(#cfgs)*
        #[automatically_derived]
        impl #private::Class for #ident where for<'__any> #ident: #private::Encodable {}

        #replayed

        #proxy_type

        #(#cfgs)*
        #allow
        const _: () = {
            #signature

            #moving

            #private::inventory::submit! {
            #private::Registration::Class(#private::ClassEntry {
                path: #path,
                module: #module,
                name: #name,
                docs: #docs,
                encodable: #encodable,
                volatile: #volatile,
                was: &[#(#was),*],
                copy: |__object| {
                    #[allow(unused_imports)]
                    use #private::{CloneWay as _, EncodingWay as _, NoWay as _};
                    #copy
                },
                trace: || {
                    #[allow(unused_imports)]
                    use #private::{EncodedWay as _, TraverseWay as _};
                    (&&#private::Tracing::<#ident>::new()).way()
                },
                extent: || {
                    #[allow(unused_imports)]
                    use #private::{ExtentWay as _, NoExtentWay as _};
                    (&&#private::Measuring::<#ident>::new()).way()
                },
                keep: || {
                    #[allow(unused_imports)]
                    use #private::{KeepWay as _, NoKeepWay as _};
                    (&&#private::Keeping::<#ident>::new()).way()
                },
                signature: __signature,
                memory: || {
                    #[allow(unused_imports)]
                    use #private::{EncodableWay as _, UnencodableWay as _};
                    (&#private::Ways::<#ident>::new()).memory()
                },
                place: #place,
            })
            }
        };
    }
}

/// Implements that a value of the class can be moved to a service.
fn source(class: &Class<'_>, private: &TokenStream, proxy: &Ident) -> TokenStream {
    let ident = class.ident;
    let Carried { cfgs, .. } = Carried::of(class.attrs);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #private::Source for #ident {
            type Proxy = #proxy;
            type Failure = #private::Error;
            const EXPECT: &'static str = <#ident as #private::Remote>::PATH;

            fn prepare(self) -> ::core::result::Result<#private::Prepared, #private::Error> {
                #[allow(unused_imports)]
                use #private::{EncodableWay as _, UnencodableWay as _};
                (&#private::Ways::<#ident>::new()).prepare(&self, __signature())
            }
        }
    }
}

/// Values of a resident class cannot be moved, but typetag needs the serde implementations all the same.
fn serde_refusal(class: &Class<'_>, private: &TokenStream, path: &str) -> TokenStream {
    let ident = class.ident;
    let Carried { cfgs, .. } = Carried::of(class.attrs);
    let name = format!("$tarmem::resident {path}");
    let message = format!("{path} is a resident class: its values stay on the service where they were made");
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #private::serde::Serialize for #ident {
            fn serialize<__S: #private::serde::Serializer>(
                &self,
                _: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                ::core::result::Result::Err(<__S::Error as #private::serde::ser::Error>::custom(#message))
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl<'de> #private::serde::Deserialize<'de> for #ident {
            fn deserialize<__D: #private::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                #private::resident(deserializer, #name, #message)
            }
        }
    }
}
