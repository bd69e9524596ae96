//! How a client command gets to its service.

use super::arguments::{Timeout, times};
use super::output::{Failure, wrong};
use crate::client::Session;
use crate::config::read_text_of_any;
use crate::security::ClientTls;
use clap::Args;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};

/// The options of every command but `serve` and `tls`, before it or after it.
#[derive(Args)]
#[command(next_help_heading = "Options of every command but serve and tls")]
pub(super) struct Connect {
    /// The service: HOST:PORT, unix:/path, or a URL such as tarmem://TOKEN@HOST:PORT or tarmems://HOST:PORT [default:
    /// what TARMEM_ADDR says]
    // Not by clap's `env`: it would show the option as one that has to be given, in the usage, when the variable is
    // set.
    #[arg(long, global = true, value_name = "ADDRESS")]
    addr: Option<String>,

    /// The file with the token that the service asks for, and nothing else; TARMEM_TOKEN can have it, too
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Speak TLS, and trust what the certificates in this file (PEM) have signed
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Speak TLS, and trust what this system trusts; so does tarmems:// without --ca
    #[arg(long, global = true)]
    system_roots: bool,

    /// Show the certificate chain in this file (PEM) to a service that asks for one
    #[arg(long = "cert", global = true, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// The private key of --cert (PEM)
    #[arg(long = "key", global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// The name that the service's certificate has to be for [default: its host]
    #[arg(long, global = true, value_name = "NAME")]
    server_name: Option<String>,

    /// How long to wait for the connection, and then for each answer; 0 for as long as it takes
    #[arg(long, global = true, default_value = "30", value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Timeout,

    /// How often to try again if the service cannot be reached, or has no room just now
    #[arg(long, global = true, default_value = "4", value_name = "TIMES", value_parser = times)]
    retries: usize,

    /// Go on although the service speaks another version of the protocol
    #[arg(long, global = true)]
    ignore_version: bool,
}

impl Connect {
    /// A session with the service.
    pub(super) async fn session(self) -> Result<Session, Failure> {
        let (address, source) = address(self.addr)?;
        if let Err(error) = Session::check_address(&address) {
            return Err(wrong(ErrorKind::ValueValidation, format!("{error}; it comes from {source}")));
        }
        let Timeout(timeout) = self.timeout;
        let mut session = Session::builder(&address)
            .call_timeout(timeout)
            .max_retry(self.retries)
            .ignore_version(self.ignore_version);
        if let Some(token) = token(self.token_file.as_deref(), &address, source)? {
            session = session.token(token);
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            let message = "a certificate and its key belong together; give both --cert and --key";
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
        if let Some(timeout) = timeout {
            session = session.connect_timeout(timeout);
        }
        Ok(session.connect().await?)
    }
}

/// The variable that an address may be in.
const ADDR: &str = "TARMEM_ADDR";

/// The variable that a token may be in.
const TOKEN: &str = "TARMEM_TOKEN";

/// The address of the service, and where it comes from: the option, or the variable.
fn address(option: Option<String>) -> Result<(String, &'static str), Failure> {
    match option {
        // As that of a shell's variable which is not set: another service than that is not what was asked for.
        Some(address) if address.is_empty() => {
            let message = "--addr is empty; give HOST:PORT or unix:/path, or leave it out for what TARMEM_ADDR says";
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

/// A variable of the environment. An empty one is as good as none.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::failed(format!("{name} is not UTF-8"))),
    }
}

/// The token to say, if there is one that counts more than what the address may have: that of a file; or that of the
/// variable, unless the command line has an address with one.
fn token(file: Option<&Path>, address: &str, source: &str) -> Result<Option<String>, Failure> {
    let Some(path) = file else {
        let in_address = address.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
        return if source != ADDR && in_address { Ok(None) } else { variable(TOKEN) };
    };
    let token = read_text_of_any(path)
        .map_err(|error| Failure::failed(format!("the token cannot be read from {}: {error}", path.display())))?;
    let token = token.trim();
    if token.is_empty() {
        return Err(Failure::failed(format!("there is no token in {}; write it there", path.display())));
    }
    Ok(Some(token.to_owned()))
}
