//! The user's attributes that generated code has to repeat.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The attributes that are copied to everything generated for an item.
pub(crate) struct Carried {
    /// The `#[doc]` attributes, as written.
    docs: Vec<Attribute>,
    /// The `#[cfg]` attributes. Without them, the code generated for an item that is configured out would not compile.
    pub(crate) cfgs: Vec<Attribute>,
    deprecated: Vec<Attribute>,
}

impl Carried {
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let named = |name: &str| attrs.iter().filter(|attr| attr.path().is_ident(name)).cloned().collect();
        Carried { docs: named("doc"), cfgs: named("cfg"), deprecated: named("deprecated") }
    }

    /// All attributes, for a method of a proxy. `otherwise` is its documentation if the user wrote none.
    pub(crate) fn on_proxy(&self, otherwise: &str) -> TokenStream {
        let Carried { docs, cfgs, deprecated } = self;
        let otherwise = docs.is_empty().then(|| quote!(#[doc = #otherwise]));
        quote!(#(#docs)* #otherwise #(#cfgs)* #(#deprecated)*)
    }

    /// The documentation after a generated line.
    pub(crate) fn after(&self, line: &str) -> TokenStream {
        let Carried { docs, cfgs, .. } = self;
        let blank = (!docs.is_empty()).then(|| quote!(#[doc = ""]));
        quote!(#[doc = #line] #blank #(#docs)* #(#cfgs)*)
    }

    /// The documentation as a constant string.
    pub(crate) fn text(&self) -> TokenStream {
        let mut lines: Vec<Line> = Vec::new();
        for attr in &self.docs {
            let Meta::NameValue(pair) = &attr.meta else { continue };
            match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    let text = text.value();
                    let text = text.strip_prefix(' ').unwrap_or(&text);
                    // One line, or several from a block comment or `doc = "…"`.
                    lines.extend(text.lines().map(|line| Line::Text(line.trim_end().to_owned())));
                    lines.extend(text.is_empty().then(|| Line::Text(String::new())));
                }
                // Such as include_str!("…").
                other => lines.push(Line::Computed(other.to_token_stream())),
            }
        }
        let mut parts: Vec<Line> = Vec::new();
        for line in without_examples(lines) {
            match (parts.last_mut(), line) {
                (None, line) => parts.push(line),
                (Some(Line::Text(text)), Line::Text(line)) => {
                    text.push('\n');
                    text.push_str(&line);
                }
                (Some(Line::Text(text)), line) => {
                    text.push('\n');
                    parts.push(line);
                }
                (Some(Line::Computed(_)), Line::Text(line)) => parts.push(Line::Text(format!("\n{line}"))),
                (Some(Line::Computed(_)), line) => {
                    parts.push(Line::Text("\n".to_owned()));
                    parts.push(line);
                }
            }
        }
        match parts.as_slice() {
            [] => quote!(""),
            [Line::Text(text)] => text.to_token_stream(),
            parts => quote!(::core::concat!(#(#parts),*)),
        }
    }
}

/// Removes the section `# Examples`: it is Rust, and so of no use to a caller who asks for a description.
fn without_examples(lines: Vec<Line>) -> Vec<Line> {
    let (mut in_examples, mut in_code) = (false, false);
    let mut kept: Vec<Line> = Vec::new();
    for line in lines {
        if let Line::Text(text) = &line {
            in_code ^= text.starts_with("```");
            if text.starts_with("# ") && !in_code {
                in_examples = text == "# Examples";
            }
        }
        if !in_examples {
            kept.push(line);
        }
    }
    while kept.pop_if(|line| matches!(line, Line::Text(text) if text.is_empty())).is_some() {}
    kept
}

enum Line {
    Text(String),
    Computed(TokenStream),
}

impl ToTokens for Line {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Line::Text(text) => text.to_tokens(tokens),
            Line::Computed(computed) => computed.to_tokens(tokens),
        }
    }
}
