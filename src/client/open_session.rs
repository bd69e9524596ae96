//! Connects and opens a session, and finds out what answers if it is not a tarmem service.

use super::connect::{Endpoint, TlsFailure};
use super::connection::{Connection, HUNG_UP, HUNG_UP_AS_SERVICE, OpenFailure, Opened};
use super::options::SessionOptions;
use super::probe::PeerKind;
use super::service_state::ServiceState;
use crate::byte_stream::ByteStream;
use crate::wire::handshake::Resume;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tarmem_remote::error::Error;

/// After this time without an answer, the client probes the address over another connection.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// After this time without any answer, the attempt fails. (A service that has answered the probe may take longer.)
const SILENCE: Duration = Duration::from_secs(5);

/// The progress of an attempt.
#[derive(Default)]
struct Progress {
    /// Whether the TLS handshake is done.
    secured: AtomicBool,
    /// Whether the peer answered the TLS handshake with what may be another protocol.
    puzzled: AtomicBool,
}

impl SessionOptions {
    /// Makes one attempt to connect, and to open a session or resume one. A new session probes what answers at its
    /// address; one that is resumed is known to have had a service there.
    pub(super) async fn open(&self, resume: Option<Resume>) -> Result<Opened, OpenFailure> {
        self.attempt(resume.is_none(), |stream| Connection::open(stream, self, resume)).await
    }

    /// Makes one attempt to connect, and to ask the service for its state.
    pub(super) async fn probe(&self) -> Result<ServiceState, OpenFailure> {
        self.attempt(true, |stream| Connection::probe(stream, self)).await
    }

    /// Makes one attempt to connect, and does `open` over the connection; if it is the first one, it finds out what
    /// answers if that is no service.
    async fn attempt<T, F>(&self, is_first: bool, open: impl FnOnce(Box<dyn ByteStream>) -> F) -> Result<T, OpenFailure>
    where
        F: Future<Output = Result<T, OpenFailure>>,
    {
        let Some(endpoint) = &self.endpoint else {
            let cause = "it has no address".to_owned();
            return Err(Error::Unreachable { address: self.address.clone(), attempts: 1, cause }.into());
        };
        let stream = endpoint.connect(&self.address).await?;
        let progress = Progress::default();
        let opening = async {
            let stream =
                endpoint.start_tls(stream, &self.address).await.map_err(|TlsFailure { error, is_foreign }| {
                    progress.puzzled.store(is_foreign, Ordering::Relaxed);
                    error
                })?;
            progress.secured.store(true, Ordering::Relaxed);
            open(stream).await
        };
        if is_first { self.open_with_probe(endpoint, opening, &progress).await } else { opening.await }
    }

    /// The error of a peer that hung up, once it is known to be a tarmem service.
    fn hung_up_as_service(error: Error) -> Error {
        match error {
            Error::Closed { address, .. } => Error::Closed { address, cause: HUNG_UP_AS_SERVICE.to_owned() },
            other => other,
        }
    }

    /// Waits for `opening`, and probes the address if it takes long or fails in a way that another protocol would
    /// explain.
    async fn open_with_probe<T>(
        &self,
        endpoint: &Endpoint,
        opening: impl Future<Output = Result<T, OpenFailure>>,
        progress: &Progress,
    ) -> Result<T, OpenFailure> {
        let foreign = |seen: String| OpenFailure::from(Error::NotAService { address: self.address.clone(), seen });
        let probe = || endpoint.probe(endpoint.is_secure() && progress.secured.load(Ordering::Relaxed));
        let mut opening = pin!(opening);
        let opened = match tokio::time::timeout(LOOK_AFTER, &mut opening).await {
            Ok(opened) => opened,
            Err(_) => {
                let mut probing = pin!(probe());
                let mut silence = pin!(tokio::time::sleep(SILENCE - LOOK_AFTER));
                let (mut is_probed, mut is_service) = (false, false);
                loop {
                    tokio::select! {
                        opened = &mut opening => break opened,
                        peer = &mut probing, if !is_probed => {
                            is_probed = true;
                            match peer {
                                Some(PeerKind::Service) => is_service = true,
                                Some(peer) => return Err(foreign(peer.to_string())),
                                None => {}
                            }
                        }
                        () = &mut silence, if !is_service => {
                            return Err(foreign(format!(
                                "it has said nothing for {SILENCE:?} (neither does a service that is stopped or \
                                 overloaded)"
                            )));
                        }
                    }
                }
            }
        };
        let is_puzzling = |error: &Error| match error {
            Error::Closed { cause, .. } => cause == HUNG_UP,
            _ => progress.puzzled.load(Ordering::Relaxed),
        };
        match opened {
            // Services of other protocols explain themselves only to a client that speaks their own.
            Err(OpenFailure { error, is_final }) if is_puzzling(&error) => match probe().await {
                // A tarmem service may have room later.
                Some(PeerKind::Service) => Err(OpenFailure { error: Self::hung_up_as_service(error), is_final }),
                None => Err(OpenFailure { error, is_final }),
                Some(peer) => Err(foreign(peer.to_string())),
            },
            opened => opened,
        }
    }
}
