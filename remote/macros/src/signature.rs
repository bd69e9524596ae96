//! The signature of one method, constructor or function: parsed, checked, and in the form that the expansion needs.

use crate::args::Options;
use crate::defaults::{self, Default, Marks, Rest};
use crate::docs::Carried;
use crate::errors::Errors;
use crate::types::{self, Role};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{FnArg, Ident, Pat, ReturnType, Type, TypeReference};

/// A checked signature, in which every type can be sent.
pub(crate) struct Signature {
    /// Its name in Rust.
    pub(crate) ident: Ident,
    /// Its name on the wire.
    pub(crate) name: String,
    pub(crate) carried: Carried,
    /// `None` for a constructor or function.
    pub(crate) receiver: Option<Receiver>,
    pub(crate) is_async: bool,
    pub(crate) params: Vec<Param>,
    pub(crate) returns: Returns,
    pub(crate) options: Options,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    Shared,
    Exclusive,
}

pub(crate) struct Param {
    pub(crate) ident: Ident,
    /// The type as written, but with the class in place of `Self`.
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
    /// The argument's value if a caller leaves it out.
    pub(crate) default: Option<Default>,
    /// For descriptions: what a function that takes an `Arg` uses if the argument was left out.
    pub(crate) told: Option<Default>,
    /// Set if the parameter takes all further arguments.
    pub(crate) rest: Option<Rest>,
}

/// How an argument becomes the parameter's value.
pub(crate) enum Passing {
    /// Decoded and moved.
    Owned,
    /// `&str` and `&[T]`: decoded as this type, and borrowed.
    Borrowed(Box<Type>),
    /// `&T`, `&mut T`, `&dyn I`, `&mut dyn I`: an object of the service.
    Object(Box<ObjectType>),
    /// `&Context`: not an argument.
    Context,
}

/// A parameter that is an object.
pub(crate) struct ObjectType {
    /// The class, or the `dyn` type of the interface.
    pub(crate) ty: Type,
    pub(crate) exclusive: bool,
}

pub(crate) enum Returns {
    Nothing,
    Value(Type),
    /// `&str`, `&[T]`, `&T`: the type as written, and the owned type that the receiver decodes.
    Borrowed(Type, Box<Type>),
    /// The type as written, and its two sides if they are visible in it.
    Result(Type, Option<Box<(Type, Type)>>),
}

/// What a signature is part of.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    Class(&'a Type),
    Interface,
    Module,
}

/// The longest tuple that serde supports.
const MOST_PARAMS: usize = 16;

/// Parses and checks one signature, and removes the attributes from its parameters. Returns `None` if it cannot be
/// remote, with the reasons in `errors`.
pub(crate) fn parse(
    sig: &mut syn::Signature,
    carried: Carried,
    options: Options,
    owner: Owner<'_>,
    errors: &mut Errors,
) -> Option<Signature> {
    let mut found = Errors::default();
    let mut taken: Vec<Marks> = Vec::new();
    for input in &mut sig.inputs {
        if let FnArg::Typed(input) = input {
            taken.push(defaults::take(&mut input.attrs, &mut found));
        }
    }
    let (sig, mut taken) = (&*sig, taken.into_iter());
    check_form(sig, &mut found);
    let name = options.name(&sig.ident, &mut found);
    let receiver = parse_receiver(sig, &mut found);
    let is_async = sig.asyncness.is_some();
    if let (Some(blocking), true) = (options.blocking, is_async) {
        found.push(syn::Error::new(
            blocking,
            "an async function always runs on the async threads; remove `blocking`, or `async`",
        ));
    }
    if let (Some(scales), true) = (options.scales, is_async) {
        let message = "an async function always runs on the async threads; remove `scales`, or `async`";
        found.push(syn::Error::new(scales, message));
    }
    if let (Some(blocking), Some(_)) = (options.blocking, options.inline) {
        found.push(syn::Error::new(blocking, "a blocking function cannot run inline; remove `blocking`, or `inline`"));
    }
    let params: Vec<Param> = sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(input) => {
                let marks = taken.next().unwrap_or_default();
                parse_param(input, marks, owner, receiver.is_some(), &mut found)
            }
            FnArg::Receiver(_) => None,
        })
        .collect();
    defaults::check_rests(&params, &mut found);
    let arguments = params.iter().filter(|param| !matches!(param.passing, Passing::Context)).count();
    if arguments > MOST_PARAMS {
        found.at(&sig.inputs, format!("a call carries at most {MOST_PARAMS} arguments; put some into a struct"));
    }
    if let Some(promise) = options.all_or_nothing {
        let changes = params.iter().any(|param| matches!(&param.passing, Passing::Object(object) if object.exclusive));
        if is_async {
            let message = "an async function may be stopped half way, so its objects are restored from copies; remove \
                           `all_or_nothing`, or `async`";
            found.push(syn::Error::new(promise, message));
        } else if !changes {
            found.push(syn::Error::new(
                promise,
                "the function changes no object; remove `all_or_nothing`, or take a &mut",
            ));
        }
    }
    let lends = receiver.is_some() && !is_async;
    let returns = parse_returns(&sig.output, owner, lends, &mut found);
    if found.is_empty() {
        return Some(Signature {
            ident: sig.ident.clone(),
            name,
            carried,
            receiver,
            is_async,
            params,
            returns,
            options,
        });
    }
    errors.extend(found);
    None
}

fn check_form(sig: &syn::Signature, errors: &mut Errors) {
    if !sig.generics.params.is_empty() {
        errors.at(
            &sig.generics,
            "a caller cannot choose types or lifetimes across the wire; write the concrete types, or take a Value",
        );
    } else if let Some(clause) = sig.generics.where_clause.as_ref().filter(|clause| !clause.predicates.is_empty()) {
        errors.at(clause, "a remote method has no bounds; write the concrete types, and remove the where clause");
    }
    if let Some(keyword) = &sig.unsafety {
        errors.at(keyword, "a remote caller cannot keep the promises of an unsafe function; offer a safe one");
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, "a remote function has Rust's own calling convention; remove the `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(
            variadic,
            "a remote function takes any number of arguments as one parameter: #[remote(args)] args: Vec<Value>",
        );
    }
}

fn parse_receiver(sig: &syn::Signature, errors: &mut Errors) -> Option<Receiver> {
    let receiver = sig.receiver()?;
    if let Some(lifetime) = receiver.lifetime() {
        errors.at(lifetime, "nothing is borrowed across the wire; write &self or &mut self");
    }
    let mutable = match types::bare(&receiver.ty) {
        // `self: &Self` means `&self`; `self: &Rc<Self>` does not.
        Type::Reference(TypeReference { mutability, elem, .. }) if types::ends_in(elem, "Self") => mutability.is_some(),
        _ => {
            errors.at(receiver, "the object stays on its service; take &self or &mut self");
            false
        }
    };
    Some(if mutable { Receiver::Exclusive } else { Receiver::Shared })
}

fn parse_param(
    input: &syn::PatType,
    Marks { mut default, rest }: Marks,
    owner: Owner<'_>,
    of_method: bool,
    errors: &mut Errors,
) -> Option<Param> {
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
        errors.at(attr, "a call has the same arguments everywhere; put the #[cfg] on the whole function");
    }
    let ident = match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(pat.ident.clone()),
        pat => {
            errors.at(pat, "an argument is identified by its name; name it, and take it apart in the body");
            None
        }
    };
    let ty = resolve(&input.ty, owner, errors);
    let passing = match types::bare(&ty) {
        Type::Reference(reference) => borrowed_param(reference, of_method, errors),
        _ => {
            types::check(&ty, Role::Argument, errors);
            Passing::Owned
        }
    };
    if let (Some(default), Owner::Class(class)) = (&mut default, owner) {
        default.resolve(class);
    }
    if default.is_some() {
        match &passing {
            Passing::Object(_) => errors.at(&ty, "every caller has to say which object it means; remove the default"),
            Passing::Context => errors.at(&ty, "the service passes this, not the caller; remove the default"),
            _ if types::ends_in(&ty, "Arg") && matches!(default, Some(Default::OfType)) => {
                let message = "an Arg shows that it was left out; say what is used instead, `default = …`, or take the \
                     plain type";
                errors.at(&ty, message);
            }
            _ => {}
        }
    }
    if let Some(rest) = &rest {
        rest.check(&ty, &passing, errors);
    }
    let told = if types::ends_in(&ty, "Arg") { default.take() } else { None };
    ident.map(|ident| Param { ident, ty, passing, default, told, rest })
}

fn borrowed_param(reference: &TypeReference, of_method: bool, errors: &mut Errors) -> Passing {
    if let Some(lifetime) = &reference.lifetime {
        errors.at(lifetime, "nothing is borrowed across the wire; remove the lifetime, or take an owned value");
    }
    let elem = types::bare(&reference.elem);
    if reference.mutability.is_none() {
        match elem {
            Type::Path(path) if path.path.is_ident("str") => return Passing::Borrowed(types::owned(elem).into()),
            Type::Slice(slice) => {
                types::check(&slice.elem, Role::Argument, errors);
                return Passing::Borrowed(types::owned(elem).into());
            }
            _ if types::ends_in(elem, "Context") => return Passing::Context,
            _ => {}
        }
    }
    if !types::may_be_object(elem) {
        errors.at(reference, types::borrowed(reference, Role::Argument));
    } else if of_method {
        let owned = types::pretty(elem);
        errors.at(
            reference,
            format!(
                "a method holds only its own object; to work on several, write a free function of a module, whose \
                 parameters may be &{owned} and &mut {owned}; for a copy, take this by value"
            ),
        );
    } else {
        let exclusive = reference.mutability.is_some();
        return Passing::Object(Box::new(ObjectType { ty: types::lasting(elem), exclusive }));
    }
    Passing::Owned
}

/// `lends` says whether a result may be borrowed from the object, which is possible if the result is encoded while the
/// object is held.
fn parse_returns(output: &ReturnType, owner: Owner<'_>, lends: bool, errors: &mut Errors) -> Returns {
    let ReturnType::Type(_, ty) = output else { return Returns::Nothing };
    let ty = resolve(ty, owner, errors);
    if let Type::Reference(reference) = types::bare(&ty) {
        let forever = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
        if (lends && reference.lifetime.is_none()) || forever {
            let owned = types::owned(&reference.elem);
            types::check(&owned, Role::Result, errors);
            return Returns::Borrowed(ty, owned.into());
        }
    }
    if types::ends_in(&ty, "Result") {
        types::check(&ty, Role::Result, errors);
        let sides = types::plain_result(&ty).map(|(ok, err)| Box::new((ok.clone(), err.clone())));
        return Returns::Result(ty, sides);
    }
    types::check(&ty, Role::Result, errors);
    Returns::Value(ty)
}

/// The type with `Self` replaced by the class.
fn resolve(ty: &Type, owner: Owner<'_>, errors: &mut Errors) -> Type {
    let mut ty = ty.clone();
    match owner {
        Owner::Class(class) => types::replace_self(&mut ty, class),
        Owner::Interface => {
            if let Some(found) = types::find_self(&ty) {
                errors.at(found, "the objects behind an interface are of any class; name a class, or use a Value");
            }
        }
        Owner::Module => {}
    }
    ty
}

impl Signature {
    /// The parameters that callers pass.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().filter(|param| !matches!(param.passing, Passing::Context))
    }

    /// Where errors about the result point.
    pub(crate) fn returns_span(&self) -> Span {
        match &self.returns {
            Returns::Nothing => self.ident.span(),
            Returns::Value(ty) | Returns::Borrowed(ty, _) | Returns::Result(ty, _) => ty.span(),
        }
    }
}

impl ObjectType {
    /// Whether it names an interface.
    pub(crate) fn is_dyn(&self) -> bool {
        matches!(types::bare(&self.ty), Type::TraitObject(_))
    }
}

impl Param {
    /// Its name on the wire.
    pub(crate) fn name(&self) -> String {
        syn::ext::IdentExt::unraw(&self.ident).to_string()
    }
}
