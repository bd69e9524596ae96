//! Commands on what a service has and offers.

use super::Cli;
use super::output::{Failure, Json, Output};
use crate::client::Session;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use serde::Serialize;
use tarmem_remote::operation::{MemberDescription, MemberKind, MethodDescription};

/// Print whether a key is mapped to an object: true or false
#[derive(Args)]
pub(super) struct IsMemoized {
    /// The key
    key: String,
}

/// Print the keys, in order, each as a line of JSON text
#[derive(Args)]
pub(super) struct Keys {
    /// Only keys that begin like this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
}

/// Print what is known of the object under a key: its class, id, generation, methods with signatures and documentation
#[derive(Args)]
pub(super) struct Describe {
    /// The key
    key: String,
}

/// Print what a module offers: a line for each class, function, constant and module in it
///
/// Each line is a JSON object with name, kind, signature and documentation; that of a class has its methods too, that of a
/// constant its value.
#[derive(Args)]
pub(super) struct Import {
    /// The module: `shop.pricing`, or `..util` as seen from a package
    module: String,
    /// The package that a relative name (one that begins with a dot) is seen from
    #[arg(long)]
    package: Option<String>,
}

/// Print the versions of the service (crate and protocol) and of this client
#[derive(Args)]
pub(super) struct Version {}

impl IsMemoized {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        output.line(&session.is_memoized(&self.key).await?)
    }
}

impl Keys {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let page = session.keys(&self.prefix, &after, 0).await?;
            for key in &page.keys {
                output.line(key)?;
            }
            // Whoever reads gets a page at a time; and if nobody does any more, the next one is not asked for.
            output.flush()?;
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }
}

impl Describe {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        output.line(&session.describe(&self.key).await?)
    }
}

impl Import {
    /// What is wrong with the command line without anybody being asked.
    pub(super) fn check(&self) -> Result<(), clap::Error> {
        if !self.module.starts_with('.') || self.package.as_ref().is_some_and(|package| !package.is_empty()) {
            return Ok(());
        }
        let message = format!(
            "cannot import {:?}: a relative name needs the package that it is seen from; give it with --package",
            self.module
        );
        Err(Cli::command().error(ErrorKind::MissingRequiredArgument, message))
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

impl Version {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let version = session.version().await?;
        let client = env!("CARGO_PKG_VERSION");
        output.line(&VersionLine { service: &version.service, protocol: version.protocol, client })
    }
}

/// A member of a module, as it is printed.
#[derive(Serialize)]
struct MemberLine<'a> {
    module: &'a str,
    name: &'a str,
    kind: MemberKind,
    signature: &'a str,
    docs: &'a str,
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
            docs: &member.docs,
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

/// Versions, as they are printed.
#[derive(Serialize)]
struct VersionLine<'a> {
    service: &'a str,
    protocol: u32,
    client: &'static str,
}
