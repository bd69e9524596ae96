//! `tarmem serve`: the service.

use super::logs;
use super::output::Failure;
use crate::server::Service;
use clap::Args;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Host objects until SIGINT or SIGTERM
///
/// Prints one line on standard output, `listening on HOST:PORT`, with the port that it has. Logs go to standard error; what
/// is logged is set by TARMEM_LOG or RUST_LOG, such as debug or tarmem=debug (default: info).
///
/// The first signal shuts down gracefully, with status 0: what runs may finish. The second ends the service at once.
#[derive(Args)]
pub(super) struct Serve {
    /// The host or address to listen on; peers on other hosts need --unprotected too
    #[arg(long, default_value = "0.0.0.0")]
    host: String,

    /// The port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Listen on a Unix socket too
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Answer peers on other hosts too, although nobody is asked who they are
    #[arg(long)]
    unprotected: bool,

    /// Threads that serve connections [default: one per core]
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// Offer only these modules, and those inside them [default: all]
    #[arg(long, value_name = "MODULE,...", value_delimiter = ',')]
    modules: Option<Vec<String>>,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        logs::begin()?;
        let mut signals = Signals::new()?;
        let service = tokio::select! {
            bound = self.service().bind() => bound?,
            _ = signals.next() => return Ok(()),
        };
        let service = service.start();
        if let Some(address) = service.local_addr() {
            announce(address);
        }
        signals.next().await;
        tokio::select! {
            () = service.shutdown() => Ok(()),
            // As a shell says it: 128 and the signal.
            signal = signals.next() => std::process::exit(128 + signal.as_raw_value()),
        }
    }

    fn service(self) -> Service {
        let mut service = Service::new(self.host, self.port);
        if let Some(path) = self.unix {
            service = service.unix(path);
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
        service
    }
}

/// The one line on standard output. A service is of use although nobody reads it.
fn announce(address: SocketAddr) {
    let mut out = io::stdout();
    if let Err(error) = writeln!(out, "listening on {address}").and_then(|()| out.flush()) {
        tracing::warn!("listening on {address}, which cannot be said on standard output: {error}");
    }
}

/// The signals that end a service.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed(format!("cannot wait for signals: {error}")));
        Ok(Signals { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}
