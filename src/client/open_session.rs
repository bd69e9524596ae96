//! The way from an address to an open session: over TLS or not, and with an eye on what answers there.

use super::connect::{Endpoint, TlsFailure};
use super::connection::{Connection, HUNG_UP, HUNG_UP_AS_SERVICE, OpenFailure, Opened};
use super::options::SessionOptions;
use super::probe::PeerKind;
use crate::wire::handshake::Resume;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tarmem_remote::error::Error;

/// After so long without an answer it is asked, over another connection, what is there.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// After so long without an answer of any kind there is no service. (One that has answered, and is slow, is waited
/// for.)
const SILENCE: Duration = Duration::from_secs(5);

/// How far an attempt has come.
#[derive(Default)]
struct Progress {
    /// TLS is spoken.
    secured: AtomicBool,
    /// What came instead of TLS may be something else.
    puzzled: AtomicBool,
}

impl SessionOptions {
    /// One attempt to connect, and to open a session or resume one. What answers is looked at more closely unless there
    /// was a session: then there was a service.
    pub(super) async fn open(&self, resume: Option<Resume>) -> Result<Opened, OpenFailure> {
        let Some(endpoint) = &self.endpoint else {
            let cause = "it has no address".to_owned();
            return Err(Error::Unreachable { address: self.address.clone(), attempts: 1, cause }.into());
        };
        let stream = endpoint.connect(&self.address).await?;
        let (progress, is_first) = (Progress::default(), resume.is_none());
        let opening = async {
            let stream =
                endpoint.start_tls(stream, &self.address).await.map_err(|TlsFailure { error, is_foreign }| {
                    progress.puzzled.store(is_foreign, Ordering::Relaxed);
                    error
                })?;
            progress.secured.store(true, Ordering::Relaxed);
            Connection::open(stream, self, resume).await
        };
        if is_first { self.open_with_probe(endpoint, opening, &progress).await } else { opening.await }
    }

    /// The same error, by what is known now.
    fn hung_up_as_service(error: Error) -> Error {
        match error {
            Error::Closed { address, .. } => Error::Closed { address, cause: HUNG_UP_AS_SERVICE.to_owned() },
            other => other,
        }
    }

    /// Awaits `opening`, and finds out what is there if that is no service.
    async fn open_with_probe(
        &self,
        endpoint: &Endpoint,
        opening: impl Future<Output = Result<Opened, OpenFailure>>,
        progress: &Progress,
    ) -> Result<Opened, OpenFailure> {
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
                                "it has said nothing for {SILENCE:?} (nor does a service that is stopped, or \
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
            // Some say why only to those who speak as they do.
            Err(OpenFailure { error, is_final }) if is_puzzling(&error) => match probe().await {
                // That may be another time.
                Some(PeerKind::Service) => Err(OpenFailure { error: Self::hung_up_as_service(error), is_final }),
                None => Err(OpenFailure { error, is_final }),
                Some(peer) => Err(foreign(peer.to_string())),
            },
            opened => opened,
        }
    }
}
