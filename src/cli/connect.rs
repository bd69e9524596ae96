//! How a client command gets to its service.

use super::Cli;
use super::arguments::Timeout;
use super::output::Failure;
use crate::client::{Address, Session};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use tarmem_remote::error::Error;

/// The options of every command but `serve`, before it or after it.
#[derive(Args)]
#[command(next_help_heading = "Options of every command but serve")]
pub(super) struct Connect {
    /// The service: HOST:PORT, or unix:/path
    #[arg(long, global = true, env = "TARMEM_ADDR", hide_env_values = true, value_name = "HOST:PORT")]
    addr: Option<String>,

    /// How long to wait for the connection, and then for each answer; 0 for as long as it takes
    #[arg(long, global = true, default_value = "30", value_name = "SECONDS", allow_negative_numbers = true)]
    timeout: Timeout,

    /// How often to try again if the service cannot be reached
    #[arg(long, global = true, default_value = "4", value_name = "TIMES")]
    retries: usize,

    /// Go on although the service speaks another version of the protocol
    #[arg(long, global = true)]
    ignore_version: bool,
}

impl Connect {
    /// The options, by clap's id and as a user writes them.
    pub(super) const OPTIONS: [(&str, &str); 4] = [
        ("addr", "--addr"),
        ("timeout", "--timeout"),
        ("retries", "--retries"),
        ("ignore_version", "--ignore-version"),
    ];

    /// A session with the service.
    pub(super) async fn session(self) -> Result<Session, Failure> {
        let address = self.addr.filter(|address| !address.is_empty()).ok_or_else(|| {
            let message = "no service is named; give --addr HOST:PORT, or set TARMEM_ADDR";
            Failure::from(Cli::command().error(ErrorKind::MissingRequiredArgument, message))
        })?;
        if let Err(error) = address.parse::<Address>() {
            let message = format!("{error}; it comes from --addr or TARMEM_ADDR");
            return Err(Cli::command().error(ErrorKind::ValueValidation, message).into());
        }
        let Timeout(timeout) = self.timeout;
        let session = Session::builder(&address)
            .call_timeout(timeout)
            .max_retry(self.retries)
            .ignore_version(self.ignore_version)
            .connect();
        let connected = match timeout {
            None => session.await,
            Some(timeout) => tokio::time::timeout(timeout, session).await.unwrap_or_else(|_| {
                Err(Error::DeadlineExceeded { what: format!("connecting to {address}"), after: timeout })
            }),
        };
        Ok(connected?)
    }
}
