//! `tarmem serve`.

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
/// actual port. Logs go to standard error; TARMEM_LOG or RUST_LOG sets what is logged, for example to debug or
/// tarmem=debug (default: info).
///
/// Options on the command line override those in the file of --config, one by one.
///
/// SIGINT or SIGTERM shuts down gracefully, with status 0: running calls may finish. A second signal ends the service
/// at once.
///
/// SIGHUP reads the tokens again, and ends the sessions whose token has been removed.
#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,

    /// Print all settings and limits, with their units and defaults, in the format of the file for --config, and exit
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
            signal = signals.end() => {
                tracing::warn!(
                    "stopped by signal {} before it was ready: nothing was served, and what is kept is as it was",
                    signal.as_raw_value()
                );
                return Ok(());
            }
        };
        let addresses = service.addresses();
        let ends_when_storage_fails = service.ends_when_storage_fails();
        let service = service.start();
        announce(&addresses);
        if let Err(error) = trim::begin() {
            tracing::warn!("free memory is not returned to the system: its thread cannot start: {error}");
        }
        let mut reloading = Reloading::new(move || tokens.read())
            .map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        loop {
            tokio::select! {
                heard = signals.reload() => match heard {
                    Some(()) => reloading.ask(),
                    None => break,
                },
                read = reloading.next() => match read {
                    Read::Done(tokens) => TokensFrom::take(tokens, &service),
                    Read::Late => tracing::error!(
                        "the tokens stay as they were: reading their file has taken {PATIENCE:?} so far"
                    ),
                },
                error = service.storage_failure(), if ends_when_storage_fails => {
                    return Err(Failure::failed(error.to_string()));
                }
            }
        }
        tokio::select! {
            () = service.shutdown() => Ok(()),
            // The exit status that a shell gives: 128 plus the signal.
            signal = signals.end() => std::process::exit(128 + signal.as_raw_value()),
        }
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::unwritten(&error, "standard output"))
}

/// Prints a line for each address on standard output. If this fails, the service runs all the same.
fn announce(addresses: &[String]) {
    let mut out = io::stdout();
    let lines: String = addresses.iter().map(|address| format!("listening on {}\n", escape(address))).collect();
    if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!("listening on {}; standard output cannot be written: {error}", addresses.join(", "));
    }
}

/// The signals that a service handles.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Heard so that it does not end the process: a write beyond the limit of a file's size (`ulimit -f`) fails, as one
    /// to a full disk does.
    _file_size: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")));
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
            _file_size: listen(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    /// Waits for a signal. Returns `None` if it is one that ends the service, and not SIGHUP.
    async fn reload(&mut self) -> Option<()> {
        tokio::select! {
            _ = self.interrupt.recv() => None,
            _ = self.terminate.recv() => None,
            heard = self.hang_up.recv() => heard,
        }
    }

    /// Waits for a signal that ends the service.
    async fn end(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}
