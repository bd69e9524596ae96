//! Expands the proxy type of a class or an interface, without its methods.

use crate::docs::Carried;
use crate::emit::allow;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Visibility;

/// The proxy type and its trait implementations. `of` is the class or the `dyn` type; `about` is the first line of the
/// documentation.
pub(crate) fn declare(
    private: &TokenStream,
    carried: &Carried,
    vis: &Visibility,
    proxy: &Ident,
    of: &TokenStream,
    about: &str,
) -> TokenStream {
    let (cfgs, docs, allow) = (&carried.cfgs, carried.after(about), allow());
    quote! {
        #docs
        #allow
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #proxy {
            core: #private::ProxyCore,
        }

        #(#cfgs)*
        /// A reference in a result is read as a proxy of the live object.
        impl<'de> #private::serde::Deserialize<'de> for #proxy {
            fn deserialize<D: #private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                #private::proxy_of_reference(deserializer)
            }
        }

        #(#cfgs)*
        /// A proxy by id is stored in a collection as a reference to its live object. A proxy by key is refused.
        impl #private::serde::Serialize for #proxy {
            fn serialize<S: #private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                #private::proxy_as_reference(self, serializer)
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl #private::Proxy for #proxy {
            fn from_core(core: #private::ProxyCore) -> Self {
                Self { core }
            }

            fn core(&self) -> &#private::ProxyCore {
                &self.core
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl #private::TypedProxy for #proxy {
            type Of = #of;
        }
    }
}
