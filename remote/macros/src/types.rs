//! Types as the user wrote them: analysed, checked, and shown as text.

use crate::errors::Errors;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, GenericArgument, Lifetime, PathArguments, QSelf, Type, TypePath, TypeReference};

/// The type inside parentheses, and inside the invisible groups that macros leave behind.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// Whether a type is a path that ends in `name`.
pub(crate) fn ends_in(ty: &Type, name: &str) -> bool {
    matches!(bare(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// `A` and `B` of a plain `Result<A, B>`: the standard one, as far as the tokens show.
pub(crate) fn plain_result(ty: &Type) -> Option<(&Type, &Type)> {
    let Type::Path(TypePath { qself: None, path, .. }) = bare(ty) else { return None };
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !matches!(names.as_slice(), ["Result"] | ["std" | "core", "result", "Result"]) {
        return None;
    }
    let PathArguments::AngleBracketed(args) = &path.segments.last()?.arguments else { return None };
    let mut args = args.args.iter();
    match (args.next(), args.next(), args.next()) {
        (Some(GenericArgument::Type(ok)), Some(GenericArgument::Type(err)), None) => Some((ok, err)),
        _ => None,
    }
}

/// What a type is used for; the error messages depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Argument,
    Result,
}

/// Refuses everything in a type that cannot be sent.
pub(crate) fn check(ty: &Type, role: Role, errors: &mut Errors) {
    Check { role, errors }.visit_type(ty);
}

struct Check<'a> {
    role: Role,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        let what = if self.role == Role::Argument { "an argument" } else { "a result" };
        match ty {
            Type::ImplTrait(_) => {
                self.errors.at(ty, format!("{what} has one type on the wire; name it, or use a Value"));
            }
            Type::TraitObject(_) => {
                self.errors.at(
                    ty,
                    format!(
                        "{what} of a `dyn` type cannot be decoded; name a type that implements Serialize and \
                         Deserialize (for an error, one that implements Display as well, or a String), or use a Value"
                    ),
                );
            }
            Type::Ptr(_) | Type::BareFn(_) => {
                self.errors.at(ty, "a pointer means nothing in another process; use a value");
            }
            Type::Infer(_) => self.errors.at(ty, "the type is shown in the description; write it out"),
            Type::Never(_) => self
                .errors
                .at(ty, "a remote method has to return; remove the return type, or write the type of a value"),
            Type::Reference(reference) => {
                self.errors.at(ty, borrowed(reference, self.role));
            }
            _ => visit::visit_type(self, ty),
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        let owned = if self.role == Role::Argument { "take an owned value" } else { "return an owned value" };
        self.errors.at(lifetime, format!("nothing is borrowed across the wire; {owned}"));
    }
}

/// Whether a reference to this type may be to an object of the service: to a class, or to the `dyn` type of an
/// interface. Classes have no generics, and well-known types of the standard library are not classes.
pub(crate) fn may_be_object(elem: &Type) -> bool {
    match elem {
        Type::Path(TypePath { qself: None, path }) => {
            let last = path.segments.last();
            last.is_some_and(|last| last.arguments.is_none() && !NO_CLASSES.contains(&last.ident.to_string().as_str()))
        }
        Type::TraitObject(object) => {
            let [syn::TypeParamBound::Trait(bound)] = object.bounds.iter().collect::<Vec<_>>()[..] else {
                return false;
            };
            bound.lifetimes.is_none() && bound.path.segments.last().is_some_and(|last| last.arguments.is_none())
        }
        _ => false,
    }
}

/// The type with the meaning that it has behind no reference: a `dyn` type without a lifetime takes that of the
/// reference it is behind.
pub(crate) fn lasting(elem: &Type) -> Type {
    match elem {
        Type::TraitObject(_) => syn::parse_quote_spanned!(elem.span()=> (#elem + 'static)),
        _ => elem.clone(),
    }
}

const NO_CLASSES: [&str; 20] = [
    "bool", "char", "str", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
    "f32", "f64", "String", "Value", "Context",
];

/// The error for a reference: what to write instead.
pub(crate) fn borrowed(reference: &TypeReference, role: Role) -> String {
    let owned = pretty(&owned(&reference.elem));
    match role {
        Role::Argument if ends_in(&reference.elem, "Context") => {
            "the context cannot be changed; write &Context".to_owned()
        }
        Role::Argument if matches!(bare(&reference.elem), Type::TraitObject(_)) => {
            "an object behind an interface is &dyn Shape or &mut dyn Shape, with one trait and no lifetime".to_owned()
        }
        Role::Argument => {
            format!("an argument may be borrowed as &str or &[T], or be &Context; take this by value: {owned}")
        }
        Role::Result => format!("nothing is borrowed across the wire; return an owned value: {owned}"),
    }
}

/// The owned form of what a reference refers to.
pub(crate) fn owned(elem: &Type) -> Type {
    match bare(elem) {
        Type::Path(path) if path.qself.is_none() && path.path.is_ident("str") => {
            syn::parse_quote_spanned!(elem.span()=> ::std::string::String)
        }
        Type::Slice(slice) => {
            let elem = &slice.elem;
            syn::parse_quote_spanned!(elem.span()=> ::std::vec::Vec<#elem>)
        }
        other => other.clone(),
    }
}

/// Replaces `Self` with `class`.
pub(crate) fn replace_self(ty: &mut Type, class: &Type) {
    ReplaceSelf { class }.visit_type_mut(ty);
}

/// Replaces `Self` with `class` in an expression.
pub(crate) fn replace_self_in(expr: &mut Expr, class: &Type) {
    ReplaceSelf { class }.visit_expr_mut(expr);
}

struct ReplaceSelf<'a> {
    class: &'a Type,
}

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty {
            if path.qself.is_none() && path.path.is_ident("Self") {
                *ty = self.class.clone();
                return;
            }
            self.qualify(&mut path.qself, &mut path.path);
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Path(path) = expr {
            self.qualify(&mut path.qself, &mut path.path);
        }
        visit_mut::visit_expr_mut(self, expr);
    }
}

impl ReplaceSelf<'_> {
    /// `Self::Item` becomes `<Class>::Item`.
    fn qualify(&self, qself: &mut Option<QSelf>, path: &mut syn::Path) {
        if qself.is_none() && path.segments.len() > 1 && path.segments[0].ident == "Self" {
            *qself = Some(QSelf {
                lt_token: Default::default(),
                ty: Box::new(self.class.clone()),
                position: 0,
                as_token: None,
                gt_token: Default::default(),
            });
            path.segments = path.segments.iter().skip(1).cloned().collect();
            path.leading_colon = Some(Default::default());
        }
    }
}

/// The first `Self` in a type.
pub(crate) fn find_self(ty: &Type) -> Option<syn::Ident> {
    struct Find(Option<syn::Ident>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_ident(&mut self, ident: &'ast syn::Ident) {
            if ident == "Self" && self.0.is_none() {
                self.0 = Some(ident.clone());
            }
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0
}

/// A type as a person would write it: `Vec<i64>`.
pub(crate) fn pretty(ty: &Type) -> String {
    pretty_tokens(ty.to_token_stream())
}

/// An expression as a person would write it.
pub(crate) fn pretty_tokens(tokens: TokenStream) -> String {
    let mut out = String::new();
    print(tokens, &mut out);
    // The expansion uses full paths for the types it adds.
    out.replace("::std::string::String", "String").replace("::std::vec::Vec", "Vec")
}

fn print(tokens: TokenStream, out: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                print(group.stream(), out);
                out.push_str(close);
            }
            TokenTree::Ident(ident) => {
                separate(out);
                out.push_str(&ident.to_string());
            }
            TokenTree::Literal(literal) => {
                separate(out);
                out.push_str(&literal.to_string());
            }
            TokenTree::Punct(punct) => match (punct.as_char(), punct.spacing()) {
                (c @ (',' | ';'), _) => {
                    out.push(c);
                    out.push(' ');
                }
                ('=', _) => out.push_str(" = "),
                ('+', _) => out.push_str(" + "),
                ('-', Spacing::Joint) => out.push_str(" -"),
                ('>', _) if out.ends_with(" -") => out.push_str("> "),
                (c, _) => {
                    // A trailing comma is left out.
                    if c == '>' && out.ends_with(", ") {
                        out.truncate(out.len() - 2);
                    }
                    out.push(c);
                }
            },
        }
    }
    if out.ends_with(' ') && !out.ends_with("= ") {
        out.truncate(out.trim_end().len());
    }
}

/// Separates two words with a space.
fn separate(out: &mut String) {
    if out.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn types_are_shown_as_a_person_would_write_them() {
        let cases = [
            ("Vec < i64 , >", "Vec<i64>"),
            ("HashMap<String,Vec<(u8,i64)>>", "HashMap<String, Vec<(u8, i64)>>"),
            ("& 'static str", "&'static str"),
            ("& [ T ]", "&[T]"),
            ("[ u8;4 ]", "[u8; 4]"),
            ("( A , )", "(A,)"),
            ("()", "()"),
            ("std :: io :: Result < ( ) >", "std::io::Result<()>"),
            ("::std::string::String", "String"),
            ("Box<dyn Fn(&mut i64,u8)->Vec<u8>+Send>", "Box<dyn Fn(&mut i64, u8) -> Vec<u8> + Send>"),
            ("<Account as Trait<Item=i64>>::Output", "<Account as Trait<Item = i64>>::Output"),
            ("r#type::Name", "r#type::Name"),
        ];
        for (written, expected) in cases {
            let ty = syn::parse_str(written).expect("a type");
            assert_eq!(pretty(&ty), expected);
        }
    }
}
