//! The options by which a client command connects to its service.

use super::arguments::{Timeout, times};
use super::output::{Failure, wrong};
use crate::client::{ServiceState, Session, SessionBuilder};
use crate::config::read_text_of_any;
use crate::security::ClientTls;
use clap::Args;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tarmem_remote::error::Error;

/// How long a command waits for the connection, and then for each answer, unless the user has said it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long `ping` waits.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of every command except `serve` and `tls`. They may stand before or after the command.
#[derive(Args)]
#[command(next_help_heading = "Options of every command except serve and tls")]
pub(super) struct Connect {
    /// The service: HOST:PORT, unix:/path, or a URL such as tarmem://TOKEN@HOST:PORT or tarmems://HOST:PORT [default:
    /// the value of TARMEM_ADDR]
    // clap's `env` is not used: if the variable is set, the usage would show the option as required.
    #[arg(long, global = true, value_name = "ADDRESS")]
    addr: Option<String>,

    /// Read the token for the service from this file, which contains nothing else; or set TARMEM_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Use TLS, and trust the CA certificates in this file (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Use TLS, and trust the system's CA certificates; tarmems:// without --ca does the same
    #[arg(long, global = true)]
    system_roots: bool,

    /// Present the certificate chain in this file (PEM) to a service that asks for one
    #[arg(long = "cert", global = true, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// The private key of --cert (PEM)
    #[arg(long = "key", global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// The name that the service's certificate has to be for [default: its host]
    #[arg(long, global = true, value_name = "NAME")]
    server_name: Option<String>,

    /// How long to wait for the connection, and then for each answer; 0 waits without limit [default: 30; for ping: 5]
    #[arg(long, global = true, value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Option<Timeout>,

    /// How often to try again if the service cannot be reached or has no room [default: 4, and for at least 30 seconds
    /// if a connection breaks to a service that keeps its objects]
    #[arg(long, global = true, value_name = "TIMES", value_parser = times)]
    retries: Option<usize>,

    /// Continue even if the service speaks another version of the protocol
    #[arg(long, global = true)]
    ignore_version: bool,
}

impl Connect {
    /// Opens a session with the service.
    pub(super) async fn session(self) -> Result<Session, Failure> {
        Ok(self.builder(TIMEOUT)?.connect().await?)
    }

    /// Asks the service for its state.
    pub(super) async fn probe(self) -> Result<Result<ServiceState, Error>, Failure> {
        Ok(self.builder(PROBE_TIMEOUT)?.probe().await)
    }

    /// What connects with these options, within this time if they do not say another.
    fn builder(self, timeout: Duration) -> Result<SessionBuilder, Failure> {
        let (address, source) = address(self.addr)?;
        if let Err(error) = Session::check_address(&address) {
            return Err(wrong(ErrorKind::ValueValidation, format!("{error}; the address comes from {source}")));
        }
        let Timeout(timeout) = self.timeout.unwrap_or(Timeout(Some(timeout)));
        let mut session = Session::builder(&address).call_timeout(timeout).ignore_version(self.ignore_version);
        if let Some(retries) = self.retries {
            session = session.max_retry(retries);
        }
        if let Some(token) = token(self.token_file.as_deref(), &address, source)? {
            session = session.token(token);
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            let message = "a certificate needs its key; give both --cert and --key";
            return Err(wrong(ErrorKind::MissingRequiredArgument, message));
        }
        let identity = self.client_cert.zip(self.client_key);
        if self.ca.is_some() || self.system_roots || identity.is_some() || self.server_name.is_some() {
            let mut tls = ClientTls::new().system_roots(self.system_roots || self.ca.is_none());
            if let Some(roots) = self.ca {
                tls = tls.ca_file(roots);
            }
            if let Some((cert, key)) = identity {
                tls = tls.identity(cert, key);
            }
            if let Some(name) = self.server_name {
                tls = tls.server_name(name);
            }
            session = session.tls(tls);
        }
        Ok(match timeout {
            Some(timeout) => session.connect_timeout(timeout),
            // It is waited for as long as it loads.
            None => session.loading_timeout(Duration::MAX),
        })
    }
}

/// The environment variable with the service's address.
const ADDR: &str = "TARMEM_ADDR";

/// The environment variable with the token.
const TOKEN: &str = "TARMEM_TOKEN";

/// The address of the service, and where it comes from: the option or the variable.
fn address(option: Option<String>) -> Result<(String, &'static str), Failure> {
    match option {
        // Probably an unset variable of the shell. Falling back to TARMEM_ADDR might reach the wrong service.
        Some(address) if address.is_empty() => {
            let message = "--addr is empty; give HOST:PORT or unix:/path, or leave it out to use TARMEM_ADDR";
            return Err(wrong(ErrorKind::InvalidValue, message));
        }
        Some(address) => return Ok((address, "--addr")),
        None => {}
    }
    match variable(ADDR)? {
        Some(address) => Ok((address, ADDR)),
        None => {
            let message = "no service is named; give --addr HOST:PORT, or set TARMEM_ADDR";
            Err(wrong(ErrorKind::MissingRequiredArgument, message))
        }
    }
}

/// The value of an environment variable; `None` if it is not set or empty.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::failed(format!("{name} is not UTF-8"))),
    }
}

/// The token to use instead of one in the address, if any: that of the file; or that of the environment variable,
/// unless an address on the command line has one.
fn token(file: Option<&Path>, address: &str, source: &str) -> Result<Option<String>, Failure> {
    let Some(path) = file else {
        let in_address = address.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
        return if source != ADDR && in_address { Ok(None) } else { variable(TOKEN) };
    };
    let token = read_text_of_any(path)
        .map_err(|error| Failure::failed(format!("the token cannot be read from {}: {error}", path.display())))?;
    let token = token.trim();
    if token.is_empty() {
        return Err(Failure::failed(format!("the token file {} is empty; write the token into it", path.display())));
    }
    Ok(Some(token.to_owned()))
}
