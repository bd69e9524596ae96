//! The settings of a service: options override environment variables, which override the settings file.

use super::arguments::path;
use super::listen::ListenOptions;
use super::output::{Failure, wrong};
use crate::config::{ConfigFile, Durability, Limits, OnStorageFailure, Place, WORKERS};
use crate::security::{ServerTls, Tokens};
use crate::server::{RunningService, Service};
use clap::Args;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};

/// The options of `serve` that may also stand in the settings file.
#[derive(Args)]
pub(super) struct Settings {
    /// Read settings from this TOML file; options override it, and paths in it are relative to its folder.
    /// --print-config prints an example
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    listen: ListenOptions,

    /// Keep all objects and sessions in this directory, and go on from it at the next start; it is made if it is not
    /// there, and used by one service at a time [default: objects are gone when the service ends]
    #[arg(long, value_name = "DIR", value_parser = path)]
    data: Option<PathBuf>,

    /// When changes are on disk: always before anybody knows of them; at most a time such as 1s or 100ms later, which
    /// is what is lost if the power fails; or never before the system likes [default: always]
    #[arg(long, value_name = "always|TIME|never")]
    fsync: Option<Durability>,

    /// What to do when the disk fails: exit with status 1, or refuse what needs the disk until the next start [default:
    /// exit]
    #[arg(long, value_name = "exit|refuse")]
    on_disk_failure: Option<OnStorageFailure>,

    /// Start without what cannot be read in the directory, because its class is not in this program, for example: it is
    /// moved into the folder `unreadable` there, and the log says what that breaks [default: the service does not
    /// start]
    #[arg(long)]
    skip_unreadable: bool,

    /// Require one of the tokens in this file, or in TARMEM_TOKENS (name:token,name:token). SIGHUP reads the file again
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,

    /// Use TLS, with the certificate chain in this file (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Require a certificate of each client, signed by one of the CAs in this file (PEM)
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,

    /// Admit clients from other hosts without any authentication; --unprotected=false overrides the file
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    unprotected: Option<bool>,

    /// The number of threads that serve connections [default: one per core]
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS)))]
    workers: Option<u16>,

    /// Offer only these modules, and those inside them [default: all]
    #[arg(long, value_name = "MODULE,...", value_delimiter = ',')]
    modules: Option<Vec<String>>,

    /// Set a limit, such as frame_bytes=1MiB or lease=30s; --print-config lists all limits
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
}

/// The settings of a service, combined from all sources.
pub(super) struct Settled {
    listen: Vec<Place>,
    unprotected: bool,
    workers: Option<u16>,
    modules: Option<Vec<String>>,
    data: Option<PathBuf>,
    skip_unreadable: bool,
    fsync: Option<Durability>,
    on_disk_failure: Option<OnStorageFailure>,
    tokens: TokensFrom,
    tls: Option<ServerTls>,
    tls_files: [Option<PathBuf>; 3],
    limits: Limits,
}

/// Where tokens are read from, at start-up and after each SIGHUP.
pub(super) struct TokensFrom {
    file: Option<PathBuf>,
}

impl Settings {
    /// Combines the options with the settings file.
    ///
    /// # Errors
    /// If a setting is invalid; the error names its file and line, or its option.
    pub(super) fn settle(self) -> Result<Settled, Failure> {
        let (file, mut limits) = match &self.config {
            None => (ConfigFile::default(), Limits::default()),
            Some(path) => ConfigFile::read(path).map_err(Failure::failed)?,
        };
        for limit in &self.limit {
            let (name, value) = limit.split_once('=').ok_or_else(|| {
                Failure::failed(format!("--limit {limit}: write NAME=VALUE, such as frame_bytes=1MiB"))
            })?;
            limits.set(name, value).map_err(|error| Failure::failed(format!("--limit {limit}: {error}")))?;
        }
        let here = self.tls_cert.is_some() || self.tls_key.is_some() || self.tls_client_ca.is_some();
        let [cert, key, client_ca] =
            [self.tls_cert.or(file.tls.cert), self.tls_key.or(file.tls.key), self.tls_client_ca.or(file.tls.client_ca)];
        let tls_files = [cert.clone(), key.clone(), client_ca.clone()];
        let tls = match (cert, key, client_ca) {
            (Some(cert), Some(key), None) => Some(ServerTls::new(cert, key)),
            (Some(cert), Some(key), Some(roots)) => Some(ServerTls::new(cert, key).client_ca(roots)),
            (None, None, None) => None,
            _ => {
                let message = "TLS needs both a certificate and its key; give --tls-cert and --tls-key, or cert and \
                               key in [tls]";
                return Err(if here {
                    wrong(ErrorKind::MissingRequiredArgument, message)
                } else {
                    Failure::failed(message)
                });
            }
        };
        let data = self.data.or(file.data);
        for (option, in_file, name) in [
            (self.fsync.is_some(), file.fsync.is_some(), "fsync"),
            (self.skip_unreadable, false, "skip-unreadable"),
            (self.on_disk_failure.is_some(), file.on_disk_failure.is_some(), "on-disk-failure"),
        ] {
            if data.is_none() && option {
                let message = format!("--{name} is about a data directory, and there is none; give --data, too");
                return Err(wrong(ErrorKind::MissingRequiredArgument, message));
            }
            if data.is_none() && in_file {
                let name = name.replace('-', "_");
                let message = format!("{name} is about a data directory, and there is none; set data, or give --data");
                return Err(Failure::failed(message));
            }
        }
        Ok(Settled {
            listen: self.listen.settle(file.listen)?,
            unprotected: self.unprotected.or(file.unprotected).unwrap_or(false),
            workers: self.workers.or(file.workers),
            modules: self.modules.or(file.modules),
            data,
            skip_unreadable: self.skip_unreadable,
            fsync: self.fsync.or(file.fsync),
            on_disk_failure: self.on_disk_failure.or(file.on_disk_failure),
            tokens: TokensFrom { file: self.tokens.or(file.tokens) },
            tls,
            tls_files,
            limits,
        })
    }
}

impl TokensFrom {
    /// Reads the tokens from the file and the environment variable. Returns `None` if there is neither.
    ///
    /// # Errors
    /// If the tokens cannot be read or used. The error contains no secret.
    pub(super) fn read(&self) -> Result<Option<Tokens>, Failure> {
        let failed = |error: crate::security::TokensError| Failure::failed(error.to_string());
        let file = self.file.as_ref().map(Tokens::from_file).transpose().map_err(failed)?;
        let variable = Tokens::from_env().map_err(failed)?;
        Ok(match (file, variable) {
            (Some(file), Some(variable)) => Some(file.and(variable).map_err(failed)?),
            (file, variable) => file.or(variable),
        })
    }

    /// Gives the service the tokens that were read again. If reading them failed, it keeps those it has.
    pub(super) fn take(read: Result<Option<Tokens>, Failure>, service: &RunningService) {
        match read {
            Ok(Some(tokens)) => service.set_tokens(tokens),
            Ok(None) => tracing::info!("there are no tokens to read again; start the service with --tokens"),
            Err(failure) => tracing::error!("the tokens stay as they were: {failure}"),
        }
    }
}

impl Settled {
    /// Builds the service. Also returns where to read its tokens from later.
    ///
    /// # Errors
    /// If the tokens cannot be read or used.
    pub(super) fn service(self) -> Result<(Service, TokensFrom), Failure> {
        let mut service = Service::without_listener().limits(self.limits);
        for listen in self.listen {
            service = match listen {
                Place::Tcp { host, port } => service.tcp(host, port),
                Place::Unix(path) => service.unix(path),
            };
        }
        if self.unprotected {
            service = service.unprotected();
        }
        if let Some(threads) = self.workers {
            service = service.workers(threads.into());
        }
        if let Some(modules) = self.modules {
            service = service.modules(modules);
        }
        if let Some(directory) = self.data {
            service = service.data(directory);
        }
        service = service.skip_unreadable(self.skip_unreadable);
        if let Some(durability) = self.fsync {
            service = service.durability(durability);
        }
        if let Some(does) = self.on_disk_failure {
            service = service.on_storage_failure(does);
        }
        if let Some(tokens) = self.tokens.read()? {
            service = service.tokens(tokens);
        }
        if let Some(tls) = self.tls {
            service = service.tls(tls);
        }
        Ok((service, self.tokens))
    }

    /// These settings as a settings file, with a comment for each.
    pub(super) fn to_toml(&self) -> String {
        let mut toml = String::from(
            "# The settings file for `tarmem serve --config`, with the current settings. Everything may be left out.\n\
             # A path that does not begin with / is relative to the folder of this file.\n\n",
        );
        let mut put = |comment: &str, name: &str, value: Option<String>| toml.push_str(&entry(comment, name, value));
        let list =
            |items: Vec<String>| format!("[{}]", items.iter().map(|item| quote(item)).collect::<Vec<_>>().join(", "));
        put(
            "Where to listen: host:port, or unix:/path. Port 0 takes any free one.",
            "listen",
            Some(list(self.listen.iter().map(shown).collect())),
        );
        put(
            "Whether to admit clients from other hosts without any authentication. Default: false.",
            "unprotected",
            Some(self.unprotected.to_string()),
        );
        put(
            "The number of threads that serve connections. Default: one per core.",
            "workers",
            self.workers.map(|workers| workers.to_string()),
        );
        put("The modules to offer, with those inside them. Default: all.", "modules", self.modules.clone().map(list));
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| quote(&absolute(path).to_string_lossy()));
        put(
            "The directory in which objects and sessions are kept. Default: they are gone when the service ends.",
            "data",
            path(&self.data),
        );
        put(
            "When changes are on disk: always before anybody knows of them; at most a time later; or never. Default: \
             always.",
            "fsync",
            self.fsync.map(|durability| quote(&durability.to_string())),
        );
        put(
            "What to do when the disk fails: exit, or refuse what needs it. Default: exit.",
            "on_disk_failure",
            self.on_disk_failure.map(|does| quote(&does.to_string())),
        );
        put("The token file. Default: clients need no token.", "tokens", path(&self.tokens.file));
        let [cert, key, client_ca] = &self.tls_files;
        toml.push_str("\n[tls]\n");
        let mut put = |comment: &str, name: &str, value: Option<String>| toml.push_str(&entry(comment, name, value));
        put("The certificate chain, in PEM. Default: no TLS.", "cert", path(cert));
        put("Its private key, in PEM.", "key", path(key));
        put(
            "The CA that signs the certificates of clients, in PEM. Default: clients need no certificate.",
            "client_ca",
            path(client_ca),
        );
        toml.push_str("\n[limits]\n");
        toml.push_str(&self.limits.to_toml());
        toml
    }
}

/// Makes a path absolute, since the printed file may be stored in any folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn shown(place: &Place) -> String {
    match place {
        Place::Unix(path) => Place::Unix(absolute(path)).to_string(),
        tcp => tcp.to_string(),
    }
}

/// An entry of the settings file; commented out if it has no value.
fn entry(comment: &str, name: &str, value: Option<String>) -> String {
    match value {
        Some(value) => format!("# {comment}\n{name} = {value}\n"),
        None => format!("# {comment}\n# {name} =\n"),
    }
}

/// A TOML string.
fn quote(text: &str) -> String {
    // The escapes of JSON are valid in TOML.
    serde_json::Value::from(text).to_string()
}
