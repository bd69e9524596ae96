//! The parameters of a method or function, as `#[remote]` writes them down and as people are shown them.

pub use super::results::ParamKind;
use super::results::{ParameterDefault, ParameterDescription};
use crate::value::Value;

/// One parameter of a method or function, as a caller sees it.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What a caller passes.
    pub kind: ParamKind,
    /// Its type, as written.
    pub ty: &'static str,
    /// Whether a dynamic caller may leave it out: its type is an `Option`, and what is left out is `None`; or an
    /// [`Arg`](crate::args::Arg), or it has a default.
    pub optional: bool,
    /// What it is then, as written in Rust; `None` for an [`Arg`](crate::args::Arg), which tells that it was left out,
    /// and for what takes all further arguments, which is empty then.
    pub default: Option<&'static str>,
    /// The same as a value, where that is plain from how it is written; for an [`Arg`](crate::args::Arg) what the
    /// method takes it for when it is left out, where there is such a value.
    pub value: Option<fn() -> Option<Value>>,
}

impl Param {
    /// What a dynamic caller gets that leaves it out.
    pub fn default_value(&self) -> ParameterDefault {
        // The expression is its author's, and may panic.
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

/// `name(a: i64, b: Option<String>) -> Result<i64, BankError>`, as shown to people.
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

/// `bank.Account.deposit(cents, note=null)`, as a dynamic caller could write it: a parameter that may be left out is
/// shown with what it is then, and with `...` where no value says that.
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
