//! `tarmem serve`: the service.

use super::logs;
use super::output::Failure;
use super::reloading::{PATIENCE, Read, Reloading};
use super::settings::{Settings, TokensFrom};
use super::trim;
use clap::Args;
use std::io::{self, Write};
use tarmem_remote::escape::escape;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Host objects until SIGINT or SIGTERM
///
/// Prints a line on standard output for each address, `listening on HOST:PORT` or `listening on unix:/path`, with the
/// port that it has. Logs go to standard error; what is logged is set by TARMEM_LOG or RUST_LOG, such as debug or
/// tarmem=debug (default: info).
///
/// The command line counts more than the file of --config, option by option.
///
/// SIGINT or SIGTERM shuts down gracefully, with status 0: what runs may finish. The second ends the service at once.
///
/// SIGHUP reads the tokens again: sessions whose token is gone end.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,

    /// Print all settings and limits, with their units and defaults, as the file for --config, and do nothing else
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if self.print_config {
            return print(&self.settings.settle()?.to_toml());
        }
        logs::begin()?;
        let mut signals = Signals::new()?;
        let (service, tokens) = self.settings.settle()?.service()?;
        let service = tokio::select! {
            bound = service.bind() => bound?,
            _ = signals.end() => return Ok(()),
        };
        let addresses = service.addresses();
        let service = service.start();
        announce(&addresses);
        if let Err(error) = trim::begin() {
            tracing::warn!("memory that becomes free is kept, for there is no thread to give it back: {error}");
        }
        let mut reloading = Reloading::new(move || tokens.read())
            .map_err(|error| Failure::failed(format!("no thread can be had: {error}")))?;
        loop {
            tokio::select! {
                heard = signals.reload() => match heard {
                    Some(()) => reloading.ask(),
                    None => break,
                },
                read = reloading.next() => match read {
                    Read::Done(tokens) => TokensFrom::take(tokens, &service),
                    Read::Late => tracing::error!(
                        "the tokens stay as they were until their file is read, which has taken {PATIENCE:?} so far"
                    ),
                },
            }
        }
        tokio::select! {
            () = service.shutdown() => Ok(()),
            // As a shell says it: 128 and the signal.
            signal = signals.end() => std::process::exit(128 + signal.as_raw_value()),
        }
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::unwritten(&error))
}

/// A line for each address on standard output, all at once. A service is of use although nobody reads them.
fn announce(addresses: &[String]) {
    let mut out = io::stdout();
    let lines: String = addresses.iter().map(|address| format!("listening on {}\n", escape(address))).collect();
    if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!("listening on {}, which cannot be said on standard output: {error}", addresses.join(", "));
    }
}

/// The signals that a service heeds.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// `None` if it is not to read its tokens again, but to end.
    async fn reload(&mut self) -> Option<()> {
        tokio::select! {
            _ = self.interrupt.recv() => None,
            _ = self.terminate.recv() => None,
            heard = self.hang_up.recv() => heard,
        }
    }

    /// One that ends the service.
    async fn end(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}
