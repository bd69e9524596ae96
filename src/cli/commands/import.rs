//! `tarmem import`.

use crate::cli::output::{Failure, Json, Output, wrong};
use crate::client::Session;
use clap::Args;
use clap::error::ErrorKind;
use serde::Serialize;
use tarmem_remote::results::{MemberDescription, MemberKind, MethodDescription, ParameterDescription};

/// Print the contents of a module: a line for each class, function, constant and module in it
///
/// Each line is a JSON object with name, kind, signature and documentation. A class also has its methods, and a
/// constant its value.
#[derive(Args)]
pub(in crate::cli) struct Import {
    /// The module: `shop.pricing`, or `..util` relative to a package
    module: String,
    /// The package that a relative name (one that begins with a dot) is relative to
    #[arg(long)]
    package: Option<String>,
}

impl Import {
    /// Checks the arguments before connecting to the service.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if !self.module.starts_with('.') || self.package.as_ref().is_some_and(|package| !package.is_empty()) {
            return Ok(());
        }
        let message = format!(
            "cannot import {:?}: a relative name needs a package that it is relative to; give it with --package",
            self.module
        );
        Err(wrong(ErrorKind::MissingRequiredArgument, message))
    }

    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let mut import = session.remote_import(&self.module);
        if let Some(package) = self.package {
            import = import.package(package);
        }
        let module = import.await?;
        for member in module.members() {
            output.line(&MemberLine::new(module.name(), member))?;
        }
        for inside in module.modules() {
            output.line(&ModuleLine { module: inside, kind: "module" })?;
        }
        Ok(())
    }
}

/// A member of a module, as it is printed.
#[derive(Serialize)]
struct MemberLine<'a> {
    module: &'a str,
    name: &'a str,
    kind: MemberKind,
    signature: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a [ParameterDescription]>,
    docs: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<&'a [MethodDescription]>,
}

impl<'a> MemberLine<'a> {
    fn new(module: &'a str, member: &'a MemberDescription) -> Self {
        MemberLine {
            module,
            name: &member.name,
            kind: member.kind,
            signature: &member.signature,
            parameters: matches!(member.kind, MemberKind::Function | MemberKind::Generator)
                .then_some(&member.parameters),
            docs: &member.docs,
            durable: member.durable,
            value: member.value.as_ref().map(Json),
            methods: (member.kind == MemberKind::Class).then_some(&member.methods),
        }
    }
}

/// A module inside a module, as it is printed.
#[derive(Serialize)]
struct ModuleLine<'a> {
    module: &'a str,
    kind: &'static str,
}
