//! The parameters of a method or function, as `#[remote]` records them and as people see them.

pub use super::results::ParamKind;
use super::results::{ParameterDefault, ParameterDescription};
use crate::value::Value;

/// One parameter of a method or function, as a caller sees it.
///
/// ```
/// use tarmem_remote::params::Param;
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_param")]
/// pub fn wait(#[remote(default = 60)] seconds: u64) {}
///
/// # fn main() {
/// let registry = Registry::linked().unwrap();
/// let seconds: &Param = &registry.function("doc_param", "wait").unwrap().params[0];
/// assert_eq!((seconds.name, seconds.ty, seconds.default), ("seconds", "u64", Some("60")));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What a caller passes.
    pub kind: ParamKind,
    /// Its type, as written.
    pub ty: &'static str,
    /// Whether a dynamic caller may leave it out: its type is an `Option`, and is then `None`, or an
    /// [`Arg`](crate::args::Arg), or it has a default.
    pub optional: bool,
    /// Its default, as written in Rust. `None` for an [`Arg`](crate::args::Arg), which shows that it was left out, and
    /// for a parameter that takes all further arguments, which is then empty.
    pub default: Option<&'static str>,
    /// The default as a value, if that can be seen from how it is written; for an [`Arg`](crate::args::Arg) the value
    /// that the method uses if it was left out, if there is one.
    pub value: Option<fn() -> Option<Value>>,
}

impl Param {
    /// The default for a dynamic caller that leaves it out.
    pub fn default_value(&self) -> ParameterDefault {
        // The expression is the user's, and may panic.
        let value = || std::panic::catch_unwind(self.value?).ok().flatten();
        match (self.optional, value(), self.default) {
            (false, ..) => ParameterDefault::Required,
            (true, Some(value), _) => ParameterDefault::Value(value),
            (true, None, Some(text)) => ParameterDefault::Computed(text.to_owned()),
            (true, None, None) => ParameterDefault::Absent,
        }
    }
}

impl From<&Param> for ParameterDescription {
    fn from(param: &Param) -> Self {
        ParameterDescription {
            name: param.name.to_owned(),
            kind: param.kind,
            ty: param.ty.to_owned(),
            optional: param.optional,
            default: param.default_value(),
        }
    }
}

/// `name(a: i64, b: Option<String>) -> Result<i64, BankError>`, for people.
pub(crate) fn signature_text(name: &str, params: &[Param], returns: &str) -> String {
    let param = |p: &Param| match p.default {
        Some(default) if !p.ty.starts_with("Option<") || default != "None" => {
            format!("{}: {} = {default}", p.name, p.ty)
        }
        _ => {
            let stars = match p.kind {
                ParamKind::Args => "*",
                ParamKind::Kwargs => "**",
                _ => "",
            };
            format!("{stars}{}: {}", p.name, p.ty)
        }
    };
    let params: Vec<String> = params.iter().map(param).collect();
    let arrow = if returns.is_empty() || returns == "()" { String::new() } else { format!(" -> {returns}") };
    format!("{name}({}){arrow}", params.join(", "))
}

/// `bank.Account.deposit(cents, note=null)`, as a dynamic caller could write it. A parameter that may be left out is
/// shown with its default, or with `...` if no value represents it.
pub(crate) fn called_text(name: &str, params: &[Param]) -> String {
    let param = |p: &Param| match (p.kind, p.default_value()) {
        (ParamKind::Args, _) => format!("*{}", p.name),
        (ParamKind::Kwargs, _) => format!("**{}", p.name),
        (_, ParameterDefault::Required) => p.name.to_owned(),
        (_, ParameterDefault::Value(value)) => format!("{}={value}", p.name),
        (_, ParameterDefault::Absent | ParameterDefault::Computed(_)) => format!("{}=...", p.name),
    };
    let params: Vec<String> = params.iter().map(param).collect();
    format!("{name}({})", params.join(", "))
}
