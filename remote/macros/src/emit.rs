//! What methods, constructors and functions have in common once expanded: decoding arguments, encoding results, and
//! the proxy's side of a call.

use crate::defaults::RestKind;
use crate::signature::{Param, Passing, Receiver, Returns, Signature};
use crate::{objects, types};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// The lints that speak of a style which generated code cannot have, or of code that its user did not write.
pub(crate) fn allow() -> TokenStream {
    quote!(#[allow(dead_code, unreachable_pub, deprecated, clippy::all, clippy::pedantic, clippy::nursery)])
}

/// A `Place` for the line that `span` stands in.
pub(crate) fn place(private: &TokenStream, span: Span) -> TokenStream {
    // line!() tells the line of its own tokens.
    let (file, line) = (quote_spanned!(span=> ::core::file!()), quote_spanned!(span=> ::core::line!()));
    quote!(#private::Place { file: #file, line: #line, package: ::core::option_env!("CARGO_PKG_NAME") })
}

/// The tokens, as if they stood at `span`: an error about them points there. Names keep their meaning.
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
    /// `&[Param { … }, …]`
    pub(crate) fn describe_params(&self, private: &TokenStream) -> TokenStream {
        let params = self.arguments().map(|param| {
            let (name, ty, optional) = (param.name(), types::pretty(&param.ty), param.is_optional());
            let kind = match &param.passing {
                Passing::Object(object) if object.exclusive => quote!(ExclusiveObject),
                Passing::Object(_) => quote!(Object),
                _ => match param.rest.map(|rest| rest.kind) {
                    Some(RestKind::Args) => quote!(Args),
                    Some(RestKind::Kwargs) => quote!(Kwargs),
                    None => quote!(Value),
                },
            };
            let default = match param.default_text() {
                Some(text) => quote!(::core::option::Option::Some(#text)),
                None => quote!(::core::option::Option::None),
            };
            quote!(#private::Param {
                name: #name,
                kind: #private::ParamKind::#kind,
                ty: #ty,
                optional: #optional,
                default: #default,
            })
        });
        quote!(&[#(#params),*])
    }

    /// The return type for people; empty for none.
    pub(crate) fn describe_returns(&self) -> String {
        match &self.returns {
            Returns::Nothing => String::new(),
            Returns::Value(ty) | Returns::Borrowed(ty, _) | Returns::Result(ty, _) => types::pretty(ty),
        }
    }

    /// What comes back when all goes well, as its receiver decodes it.
    pub(crate) fn returned_type(&self, private: &TokenStream) -> TokenStream {
        match &self.returns {
            Returns::Nothing => quote!(()),
            Returns::Value(ty) => ty.to_token_stream(),
            Returns::Borrowed(_, owned) => owned.to_token_stream(),
            Returns::Result(_, Some(sides)) => sides.0.to_token_stream(),
            Returns::Result(ty, None) => quote!(<#ty as #private::Fallible>::Ok),
        }
    }

    /// `Call<i64, CallError<BankError>>`, or the same of a `FunctionCall`.
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

    /// Binds each argument, decoded from `__args`, to a local of its own.
    pub(crate) fn decode(&self, private: &TokenStream) -> TokenStream {
        let types: Vec<TokenStream> = self.arguments().map(|param| param.decoded_type(private)).collect();
        let locals = (0..types.len()).map(local);
        // Each type is asked about in its own place before the tuple is, for an error that points there.
        let checks = self.arguments().zip(&types).map(|(param, decoded)| match &param.passing {
            Passing::Object(object) => objects::check(self, object, private),
            _ => {
                let owned = param.owned_type().unwrap_or_else(|| decoded.clone());
                let check = match param.rest.map(|rest| rest.kind) {
                    Some(RestKind::Args) => quote_spanned!(owned.span()=> #private::further_args),
                    Some(RestKind::Kwargs) => quote_spanned!(owned.span()=> #private::further_kwargs),
                    None => quote_spanned!(owned.span()=> #private::argument),
                };
                Some(quote_spanned!(owned.span()=> #check::<#owned>();))
            }
        });
        let defaults = self.arguments().enumerate().filter_map(|(index, param)| param.fill_in(&local(index)));
        if types.is_empty() {
            quote!(#private::Arguments::decode::<()>(__args)?;)
        } else {
            // What is still wrong with the tuple is the function's.
            let decode = at(self.ident.span(), quote!(#private::Arguments::decode::<(#(#types,)*)>));
            quote!(#(#checks)* let (#(#locals,)*) = #decode(__args)?; #(#defaults)*)
        }
    }

    /// What the user's function is called with, after the object; `context` is a `&Context`.
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

    /// `cents: i64, note: &str, to: &AccountProxy`, as the proxy's side takes them.
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

    /// Makes what the proxy's side takes in place of an `Arg` the `Arg` that is sent.
    fn proxy_conversions(&self) -> TokenStream {
        let converted = self.arguments().filter(|param| types::ends_in(&param.ty, "Arg"));
        converted
            .map(|Param { ident, ty, .. }| quote!(let #ident: #ty = ::core::convert::Into::into(#ident);))
            .collect()
    }

    /// The tuple that is encoded: a reference to it, of references.
    fn proxy_tuple(&self, private: &TokenStream) -> TokenStream {
        let fields = self.arguments().map(|Param { ident, passing, default, .. }| match passing {
            Passing::Owned if default.is_some() => quote!(#private::Arg::Given(&#ident)),
            Passing::Borrowed(_) if default.is_some() => quote!(#private::Arg::Given(#ident)),
            Passing::Owned => quote!(&#ident),
            Passing::Object(_) => quote!(#private::ObjectArg::of(#ident)),
            _ => quote!(#ident),
        });
        quote_spanned!(self.ident.span()=> &(#(#fields,)*))
    }

    /// Calling it twice is as good as calling it once.
    pub(crate) fn is_idempotent(&self) -> bool {
        matches!(self.receiver, Some(Receiver::Shared)) || self.options.idempotent.is_some()
    }

    /// The method of a proxy that calls this one. `scope` is the path of the class or interface.
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
        let converted = self.proxy_conversions();
        let (name, tuple, idempotent) = (&self.name, self.proxy_tuple(private), self.is_idempotent());
        // An error about what comes back points at the return type.
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

    /// `fn deposit(&self, cents: i64) -> Call<i64>`
    fn proxy_head(&self, private: &TokenStream) -> TokenStream {
        let (ident, params, call) = (&self.ident, self.proxy_params(private), self.call_type(private, "Call"));
        quote!(fn #ident(&self, #params) -> #call)
    }

    /// The same in a trait.
    pub(crate) fn proxy_declaration(&self, private: &TokenStream) -> TokenStream {
        let attrs = self.carried.on_proxy(&format!("Calls `{}` on the object.", self.name));
        let head = self.proxy_head(private);
        quote!(#attrs #head;)
    }

    /// What implements that.
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

    /// The function that stands for this one at the client.
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
        let converted = self.proxy_conversions();
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

    /// The result of a call to the user's function, to be passed on to something that wants it to be of a certain kind:
    /// an error about that points at the return type.
    pub(crate) fn result(&self) -> (Ident, Ident) {
        let span = Span::mixed_site();
        (Ident::new("__result", span), Ident::new("__result", span.located_at(self.returns_span())))
    }
}

/// How a constructor or function is named: constant expressions.
pub(crate) struct FunctionNames {
    pub(crate) module: TokenStream,
    pub(crate) name: TokenStream,
    pub(crate) class: TokenStream,
    pub(crate) id: TokenStream,
}

impl Param {
    /// Whether a dynamic caller may leave it out.
    fn is_optional(&self) -> bool {
        self.default.is_some()
            || self.rest.is_some()
            || types::ends_in(&self.ty, "Option")
            || types::ends_in(&self.ty, "Arg")
    }

    /// What it is if it is left out, for people; `None` if it may not be, or is told from all that it can be.
    fn default_text(&self) -> Option<String> {
        match &self.default {
            Some(default) => Some(default.text()),
            None => types::ends_in(&self.ty, "Option").then(|| "None".to_owned()),
        }
    }

    /// What the service reads it as. One with a default may be absent.
    pub(crate) fn decoded_type(&self, private: &TokenStream) -> TokenStream {
        match self.owned_type() {
            Some(owned) if self.default.is_some() => quote!(#private::Arg<#owned>),
            Some(owned) => owned,
            None => quote!(#private::ObjectArg<'static>),
        }
    }

    /// What it is once it is there; `None` for an object.
    fn owned_type(&self) -> Option<TokenStream> {
        match &self.passing {
            Passing::Borrowed(owned) => Some(owned.to_token_stream()),
            Passing::Object(_) => None,
            _ => Some(self.ty.to_token_stream()),
        }
    }

    /// Puts the default in where the argument was left out.
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
