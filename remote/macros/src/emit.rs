//! What the expansions of methods, constructors and functions have in common: decoding arguments, encoding results, and
//! the proxy's side of a call.

use crate::defaults::RestKind;
use crate::signature::{Param, Passing, Receiver, Returns, Signature};
use crate::{multi_object, types};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// Allows the lints about style that generated code cannot follow, and about code that the user did not write.
pub(crate) fn allow() -> TokenStream {
    quote!(#[allow(dead_code, unreachable_pub, deprecated, clippy::all, clippy::pedantic, clippy::nursery)])
}

/// A `Place` for the line of `span`.
pub(crate) fn place(private: &TokenStream, span: Span) -> TokenStream {
    // `line!()` expands to the line of its own tokens.
    let (file, line) = (quote_spanned!(span=> ::core::file!()), quote_spanned!(span=> ::core::line!()));
    quote!(#private::Place { file: #file, line: #line, package: ::core::option_env!("CARGO_PKG_NAME") })
}

/// A span at the place of `span`, for generated names.
fn here(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// Moves the tokens to `span`, so that errors about them point there. Names keep their hygiene.
pub(crate) fn at(span: Span, tokens: TokenStream) -> TokenStream {
    let place = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), at(span, group.stream())).into();
        }
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(place).collect()
}

impl Signature {
    /// The parameters as `&[Param { … }, …]`.
    pub(crate) fn describe_params(&self, private: &TokenStream) -> TokenStream {
        let mut further = false;
        let params = self.arguments().map(|param| {
            let (name, ty, optional) = (param.name(), types::pretty(&param.ty), param.is_optional());
            let kind = match &param.passing {
                Passing::Object(object) if object.exclusive => quote!(ExclusiveObject),
                Passing::Object(_) => quote!(Object),
                _ => match param.rest.map(|rest| rest.kind) {
                    Some(RestKind::Args) => quote!(Args),
                    Some(RestKind::Kwargs) => quote!(Kwargs),
                    None if further => quote!(KeywordOnly),
                    None => quote!(Value),
                },
            };
            further |= param.rest.is_some_and(|rest| rest.kind == RestKind::Args);
            let default = match param.default_text() {
                Some(text) => quote!(::core::option::Option::Some(#text)),
                None => quote!(::core::option::Option::None),
            };
            let value = match param.described_default(private) {
                Some(value) => quote!(::core::option::Option::Some(#value)),
                None => quote!(::core::option::Option::None),
            };
            quote!(#private::Param {
                name: #name,
                kind: #private::ParamKind::#kind,
                ty: #ty,
                optional: #optional,
                default: #default,
                value: #value,
            })
        });
        quote!(&[#(#params),*])
    }

    /// The return type as text; empty if there is none.
    pub(crate) fn describe_returns(&self) -> String {
        match &self.returns {
            Returns::Nothing => String::new(),
            Returns::Value(ty) | Returns::Borrowed(ty, _) | Returns::Result(ty, _) => types::pretty(ty),
        }
    }

    /// The type of a successful result, as the receiver decodes it.
    pub(crate) fn returned_type(&self, private: &TokenStream) -> TokenStream {
        match &self.returns {
            Returns::Nothing => quote!(()),
            Returns::Value(ty) => ty.to_token_stream(),
            Returns::Borrowed(_, owned) => owned.to_token_stream(),
            Returns::Result(_, Some(sides)) => sides.0.to_token_stream(),
            Returns::Result(ty, None) => quote!(<#ty as #private::Fallible>::Ok),
        }
    }

    /// The call's type: `Call<i64, CallError<BankError>>`, or the same with `FunctionCall`.
    fn call_type(&self, private: &TokenStream, call: &str) -> TokenStream {
        let call = format_ident!("{call}");
        let ok = self.returned_type(private);
        let err = match &self.returns {
            Returns::Result(_, Some(sides)) => sides.1.to_token_stream(),
            Returns::Result(ty, None) => quote!(<#ty as #private::Fallible>::Err),
            _ => return quote!(#private::#call<#ok>),
        };
        quote!(#private::#call<#ok, #private::CallError<#err>>)
    }

    /// Checks that all types can be encoded, then decodes each argument from `__args` into a local.
    pub(crate) fn decode(&self, private: &TokenStream) -> TokenStream {
        let types: Vec<TokenStream> = self.arguments().map(|param| param.decoded_type(private)).collect();
        let locals = (0..types.len()).map(local);
        let defaults = self.arguments().enumerate().filter_map(|(index, param)| param.fill_in(&local(index)));
        let checks = self.checks(private, &types);
        if types.is_empty() {
            return quote!(#checks #private::Arguments::decode::<()>(__args)?;);
        }
        // Remaining errors about the tuple point at the function.
        let decode = at(self.ident.span(), quote!((&#private::Incoming::<(#(#types,)*)>::new()).decode));
        quote! {
            #checks
            #[allow(unused_imports)]
            use #private::{IncomingWay as _, NoIncomingWay as _};
            let (#(#locals,)*) = #decode(__args)?;
            #(#defaults)*
        }
    }

    /// Checks each type before anything else is done with it, so that the error points at the type. A type that cannot
    /// be encoded causes this one error only.
    fn checks(&self, private: &TokenStream, types: &[TokenStream]) -> TokenStream {
        let arguments = self.arguments().zip(types).map(|(param, decoded)| match &param.passing {
            Passing::Object(object) => multi_object::check(self, object, private),
            _ => {
                let owned = param.owned_type().unwrap_or_else(|| decoded.clone());
                let span = here(owned.span());
                let check = match param.rest.map(|rest| rest.kind) {
                    Some(RestKind::Args) => Ident::new("further_args", span),
                    Some(RestKind::Kwargs) => Ident::new("further_kwargs", span),
                    None => Ident::new("argument", span),
                };
                Some(quote_spanned!(span=> __of.#check::<#owned>();))
            }
        });
        // A function may return an object.
        let result = |ty: TokenStream, span: Span| match self.receiver {
            Some(_) => quote_spanned!(here(span)=> __of.result::<#ty>();),
            None => quote_spanned!(here(span)=> (&__of.made::<#ty>()).check();),
        };
        let error = |ty: TokenStream, span: Span| match self.receiver {
            Some(_) => quote_spanned!(here(span)=> __of.error::<#ty>();),
            None => quote_spanned!(here(span)=> __of.produced_error::<#ty>();),
        };
        let returned = match &self.returns {
            Returns::Nothing => TokenStream::new(),
            Returns::Value(ty) => result(ty.to_token_stream(), ty.span()),
            Returns::Borrowed(ty, owned) => result(owned.to_token_stream(), ty.span()),
            Returns::Result(ty, sides) => {
                let [(ok, at_ok), (err, at_err)] = match sides.as_deref() {
                    Some((ok, err)) => [ok, err].map(|side| (side.to_token_stream(), side.span())),
                    None => {
                        [quote!(Ok), quote!(Err)].map(|side| (quote!(<#ty as #private::Fallible>::#side), ty.span()))
                    }
                };
                let (ok, err) = (result(ok, at_ok), error(err, at_err));
                quote!(#ok #err)
            }
        };
        let ident = &self.ident;
        quote! {
            #[allow(unused_imports)]
            use #private::{MadeObject as _, MadeValue as _};
            // The enum has the method's name, because the errors show it, and is in a scope of its own, where it
            // conflicts with nothing.
            let __of = #private::Of({
                #[allow(dead_code, non_camel_case_types)]
                enum #ident {}
                ::core::marker::PhantomData::<#ident>
            });
            #(#arguments)*
            #returned
        }
    }

    /// The arguments of the user's function, after the object; `context` is a `&Context`.
    pub(crate) fn pass(&self, context: &TokenStream) -> TokenStream {
        let mut locals = (0..).map(local);
        let passed = self.params.iter().map(|param| match param.passing {
            Passing::Context => context.clone(),
            Passing::Owned | Passing::Object(_) => locals.next().to_token_stream(),
            Passing::Borrowed(_) => {
                let local = locals.next();
                quote!(&#local)
            }
        });
        quote!(#(#passed),*)
    }

    /// The parameters of the proxy's method: `cents: i64, note: &str, to: &AccountProxy`.
    fn proxy_params(&self, private: &TokenStream) -> TokenStream {
        let params = self.arguments().map(|Param { ident, ty, passing, .. }| match passing {
            Passing::Object(object) => {
                let ty = &object.ty;
                let proxy = at(ty.span(), quote!(&<#ty as #private::ObjectType>::Proxy));
                quote!(#ident: #proxy)
            }
            Passing::Owned if types::ends_in(ty, "Arg") => quote!(#ident: impl ::core::convert::Into<#ty>),
            _ => quote!(#ident: #ty),
        });
        quote!(#(#params),*)
    }

    /// Converts what the proxy's method takes for an `Arg` into that `Arg`, and imports what the tuple's expression
    /// needs.
    fn proxy_conversions(&self, private: &TokenStream) -> TokenStream {
        let converted = self.arguments().filter(|param| types::ends_in(&param.ty, "Arg"));
        let converted =
            converted.map(|Param { ident, ty, .. }| quote!(let #ident: #ty = ::core::convert::Into::into(#ident);));
        quote! {
            #[allow(unused_imports)]
            use #private::{NoOutgoingWay as _, OutgoingWay as _};
            #(#converted)*
        }
    }

    /// The tuple that is encoded: a reference to a tuple of references.
    fn proxy_tuple(&self, private: &TokenStream) -> TokenStream {
        let fields = self.arguments().map(|Param { ident, passing, default, .. }| match passing {
            Passing::Owned if default.is_some() => quote!(#private::Arg::Given(&#ident)),
            Passing::Borrowed(_) if default.is_some() => quote!(#private::Arg::Given(#ident)),
            Passing::Owned => quote!(&#ident),
            Passing::Object(_) => quote!(#private::ObjectArg::of(#ident)),
            _ => quote!(#ident),
        });
        let tuple = quote_spanned!(self.ident.span()=> (#(#fields,)*));
        // This has to be part of the statement that uses it, because the tuple contains references.
        quote!((&#private::Outgoing(#tuple)).sendable())
    }

    /// Whether calling it twice is the same as calling it once.
    pub(crate) fn is_idempotent(&self) -> bool {
        matches!(self.receiver, Some(Receiver::Shared)) || self.options.idempotent.is_some()
    }

    /// The proxy's method that calls this one. `scope` is the path of the class or interface.
    pub(crate) fn proxy_method(
        &self,
        private: &TokenStream,
        vis: &syn::Visibility,
        scope: &TokenStream,
        signature: &Ident,
    ) -> TokenStream {
        let (head, body) = (self.proxy_head(private), self.proxy_body(private, scope, signature));
        let attrs = self.carried.on_proxy(&format!("Calls `{}` on the object.", self.name));
        quote!(#attrs #vis #head { #body })
    }

    fn proxy_body(&self, private: &TokenStream, scope: &TokenStream, signature: &Ident) -> TokenStream {
        let converted = self.proxy_conversions(private);
        let (name, tuple, idempotent) = (&self.name, self.proxy_tuple(private), self.is_idempotent());
        // Errors about the result point at the return type.
        let encode = at(self.returns_span(), quote!(#private::ProxyCore::call));
        quote! {
            #converted
            #encode(
                #private::Proxy::core(self),
                const {
                    &#private::Name {
                        scope: #scope,
                        name: #name,
                        idempotent: #idempotent,
                        signature: ::core::option::Option::Some(#signature),
                    }
                },
                #signature(),
                #tuple,
            )
        }
    }

    /// The head of the proxy's method: `fn deposit(&self, cents: i64) -> Call<i64>`.
    fn proxy_head(&self, private: &TokenStream) -> TokenStream {
        let ident = self.options.proxy.as_ref().unwrap_or(&self.ident);
        let (params, call) = (self.proxy_params(private), self.call_type(private, "Call"));
        quote!(fn #ident(&self, #params) -> #call)
    }

    /// The proxy's method as a declaration in a trait.
    pub(crate) fn proxy_declaration(&self, private: &TokenStream) -> TokenStream {
        let attrs = self.carried.on_proxy(&format!("Calls `{}` on the object.", self.name));
        let head = self.proxy_head(private);
        quote!(#attrs #head;)
    }

    /// The implementation of that declaration.
    pub(crate) fn proxy_implementation(
        &self,
        private: &TokenStream,
        scope: &TokenStream,
        signature: &Ident,
    ) -> TokenStream {
        let (cfgs, body) = (&self.carried.cfgs, self.proxy_body(private, scope, signature));
        let head = self.proxy_head(private);
        quote!(#(#cfgs)* #head { #body })
    }

    /// The function that clients call in place of this one.
    pub(crate) fn proxy_function(
        &self,
        private: &TokenStream,
        vis: &syn::Visibility,
        ident: &Ident,
        names: &FunctionNames,
        signature: &Ident,
    ) -> TokenStream {
        let attrs = self.carried.on_proxy(&format!("A call of `{}`.", self.name));
        let (params, tuple) = (self.proxy_params(private), self.proxy_tuple(private));
        let converted = self.proxy_conversions(private);
        let call = self.call_type(private, "FunctionCall");
        let FunctionNames { module, name, .. } = names;
        let idempotent = self.is_idempotent();
        quote! {
            #attrs
            #vis fn #ident(#params) -> #call {
                #converted
                #private::FunctionCall::new(
                    const {
                        &#private::Name {
                            scope: #module,
                            name: #name,
                            idempotent: #idempotent,
                            signature: ::core::option::Option::Some(#signature),
                        }
                    },
                    #signature(),
                    #tuple,
                )
            }
        }
    }

    /// A local for the result of the user's function: once as it is bound, and once as it is passed on to code that
    /// requires a certain kind of result, with a span for which errors point at the return type.
    pub(crate) fn result(&self) -> (Ident, Ident) {
        let span = Span::mixed_site();
        (Ident::new("__result", span), Ident::new("__result", span.located_at(self.returns_span())))
    }
}

/// The names of a constructor or function, as constant expressions.
pub(crate) struct FunctionNames {
    pub(crate) module: TokenStream,
    pub(crate) name: TokenStream,
    pub(crate) class: TokenStream,
    pub(crate) id: TokenStream,
}

impl Param {
    /// Whether a dynamic caller may leave the argument out.
    fn is_optional(&self) -> bool {
        self.default.is_some()
            || self.rest.is_some()
            || types::ends_in(&self.ty, "Option")
            || types::ends_in(&self.ty, "Arg")
    }

    /// The default as text; `None` if the argument is required, or if its default is left to the function.
    fn default_text(&self) -> Option<String> {
        match &self.default {
            Some(default) => Some(default.text()),
            None => types::ends_in(&self.ty, "Option").then(|| "None".to_owned()),
        }
    }

    /// A `fn() -> Option<Value>` that returns the default, if it can be described.
    fn described_default(&self, private: &TokenStream) -> Option<TokenStream> {
        match (&self.default, &self.told) {
            (Some(default), _) => default.described(&self.owned_type()?, private),
            (None, Some(told)) => told.told(private),
            (None, None) => types::ends_in(&self.ty, "Option")
                .then(|| quote!(|| ::core::option::Option::Some(#private::Value::Null))),
        }
    }

    /// The type that the service decodes. An argument with a default may be absent.
    pub(crate) fn decoded_type(&self, private: &TokenStream) -> TokenStream {
        match self.owned_type() {
            Some(owned) if self.default.is_some() => quote!(#private::Arg<#owned>),
            Some(owned) => owned,
            None => quote!(#private::ObjectArg<'static>),
        }
    }

    /// The owned type of the argument; `None` for an object.
    fn owned_type(&self) -> Option<TokenStream> {
        match &self.passing {
            Passing::Borrowed(owned) => Some(owned.to_token_stream()),
            Passing::Object(_) => None,
            _ => Some(self.ty.to_token_stream()),
        }
    }

    /// Replaces an argument that was left out with its default.
    fn fill_in(&self, local: &Ident) -> Option<TokenStream> {
        let (default, owned) = (self.default.as_ref()?, self.owned_type()?);
        let value = default.value(&owned);
        Some(quote!(let #local: #owned = #local.or_else(|| -> #owned { #value });))
    }
}

/// The local that holds the argument.
pub(crate) fn local(index: usize) -> Ident {
    format_ident!("__a{index}")
}
