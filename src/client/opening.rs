//! The way from an address to an open session: over TLS or not, and with an eye on what answers there.

use super::SessionBuilder;
use super::answerer::Answerer;
use super::dial::{NoTls, Target};
use super::link::{HUNG_UP, HUNG_UP_AS_SERVICE, Link, NoEntry, Opened};
use crate::wire::handshake::Resume;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tarmem_remote::error::Error;

/// After so long without an answer it is asked, over another connection, what is there.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// After so long without an answer of any kind there is no service. (One that has answered, and is slow, is waited for.)
const SILENCE: Duration = Duration::from_secs(5);

/// How far an attempt has come.
#[derive(Default)]
struct Progress {
    /// TLS is spoken.
    secured: AtomicBool,
    /// What came instead of TLS may be something else.
    puzzled: AtomicBool,
}

impl SessionBuilder {
    /// One attempt to connect, and to open a session or resume one. What answers is looked at more closely unless there was a
    /// session: then there was a service.
    pub(super) async fn open(&self, resume: Option<Resume>) -> Result<Opened, NoEntry> {
        let Some(target) = &self.target else {
            let cause = "it has no address".to_owned();
            return Err(Error::Unreachable { address: self.address.clone(), attempts: 1, cause }.into());
        };
        let stream = target.reach(&self.address).await?;
        let (progress, is_first) = (Progress::default(), resume.is_none());
        let opening = async {
            let stream = target.secure(stream, &self.address).await.map_err(|NoTls { error, is_foreign }| {
                progress.puzzled.store(is_foreign, Ordering::Relaxed);
                error
            })?;
            progress.secured.store(true, Ordering::Relaxed);
            Link::open(stream, self, resume).await
        };
        if is_first { self.look(target, opening, &progress).await } else { opening.await }
    }

    /// The same error, by what is known now.
    fn hung_up_as_service(error: Error) -> Error {
        match error {
            Error::Closed { address, .. } => Error::Closed { address, cause: HUNG_UP_AS_SERVICE.to_owned() },
            other => other,
        }
    }

    /// Awaits `opening`, and finds out what is there if that is no service.
    async fn look(
        &self,
        target: &Target,
        opening: impl Future<Output = Result<Opened, NoEntry>>,
        progress: &Progress,
    ) -> Result<Opened, NoEntry> {
        let foreign = |seen: String| NoEntry::from(Error::NotAService { address: self.address.clone(), seen });
        let ask = || target.ask(target.is_secure() && progress.secured.load(Ordering::Relaxed));
        let mut opening = pin!(opening);
        let opened = match tokio::time::timeout(LOOK_AFTER, &mut opening).await {
            Ok(opened) => opened,
            Err(_) => {
                let mut asking = pin!(ask());
                let mut silence = pin!(tokio::time::sleep(SILENCE - LOOK_AFTER));
                let (mut is_asked, mut is_service) = (false, false);
                loop {
                    tokio::select! {
                        opened = &mut opening => break opened,
                        answerer = &mut asking, if !is_asked => {
                            is_asked = true;
                            match answerer {
                                Some(Answerer::Service) => is_service = true,
                                Some(answerer) => return Err(foreign(answerer.to_string())),
                                None => {}
                            }
                        }
                        () = &mut silence, if !is_service => {
                            return Err(foreign(format!(
                                "it has said nothing for {SILENCE:?} (nor does a service that is stopped, or overloaded)"
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
            Err(NoEntry { error, is_final }) if is_puzzling(&error) => match ask().await {
                // That may be another time.
                Some(Answerer::Service) => Err(NoEntry { error: Self::hung_up_as_service(error), is_final }),
                None => Err(NoEntry { error, is_final }),
                Some(answerer) => Err(foreign(answerer.to_string())),
            },
            opened => opened,
        }
    }
}
