//! One connection: its peer, the session that it opens, and the requests that it makes to that session.
//!
//! [`traffic`](super::traffic) moves the requests and responses.

use super::connections::Connections;
use super::pending_connections::PendingConnection;
use crate::config::Limits;
use crate::security::{AccessControl, Credential, Peer, Refusal};
use crate::server::exec::engine::Engine;
use crate::server::history::Missing;
use crate::server::session::table::Found;
use crate::server::session::{Carrier, ServerSession};
use crate::server::state::heartbeat::Heartbeat;
use crate::wire::batch::Preamble;
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello, Resume, Resumed, Welcome};
use crate::wire::{Wire, batch};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tarmem_remote::error::Error;
use tarmem_remote::operation::PROTOCOL_VERSION;
use tarpc::context::Context;
use tokio::sync::Notify;

/// What every connection of a service needs.
pub(crate) struct ConnectionEnv {
    pub(crate) engine: Arc<Engine>,
    pub(crate) connections: Arc<Connections>,
    /// The heartbeat of the thread that serves the connection.
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) access: Arc<AccessControl>,
    /// There is no room for the connection: it is told so, and gets no session.
    pub(crate) no_room: Option<NoRoom>,
    /// The connection is told this, and gets no session.
    pub(crate) barred: Option<&'static str>,
    /// The connection's entry among those without a session, until it has one.
    pub(crate) pending: Mutex<Option<PendingConnection>>,
}

/// Why there is no room for a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoRoom {
    /// The service has as many connections as its limit allows.
    Connections,
    /// The process has no file descriptors left.
    Descriptors,
}

impl NoRoom {
    fn reason(self, limit: usize) -> String {
        match self {
            NoRoom::Connections => {
                format!("it has as many connections as its limit of {limit} allows; close some, or raise it")
            }
            NoRoom::Descriptors => {
                "its process has no file descriptors left; close some connections, or raise its limit (ulimit -n)"
                    .to_owned()
            }
        }
    }
}

impl ConnectionEnv {
    /// Completes when the connection has to make room for another, because it has no session yet.
    pub(super) fn dismissed(&self) -> impl Future<Output = ()> + Send + use<> {
        let dismissed = self.pending.lock().as_ref().map(PendingConnection::dismissed);
        async move {
            match dismissed {
                Some(dismissed) => dismissed.await,
                None => std::future::pending().await,
            }
        }
    }
}

/// One connection of a client.
pub(super) struct Connection {
    pub(super) env: ConnectionEnv,
    pub(super) peer: Peer,
    limit: FrameLimit,
    /// The client has asked for a session, which it may do once.
    opening: AtomicBool,
    session: OnceLock<Carried>,
    /// Ends this connection: another one carries its session.
    cut_off: Arc<Notify>,
    /// The peer sent something malformed, or was refused: it gets an answer, and the connection ends.
    lost: AtomicBool,
}

/// The session that a connection carries.
struct Carried {
    session: Arc<ServerSession>,
    carrier: Carrier,
    resumable: bool,
}

/// Answers the requests of a connection.
#[derive(Clone)]
pub(super) struct Handler {
    connection: Arc<Connection>,
}

impl Handler {
    pub(super) fn new(connection: &Arc<Connection>) -> Self {
        Handler { connection: Arc::clone(connection) }
    }
}

impl Connection {
    /// `limit` is set to the size that the peer's frames may have.
    pub(super) fn new(peer: Peer, env: ConnectionEnv, limit: FrameLimit) -> Self {
        Connection {
            env,
            peer,
            limit,
            opening: AtomicBool::new(false),
            session: OnceLock::new(),
            cut_off: Arc::default(),
            lost: AtomicBool::new(false),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.env.engine.state.limits
    }

    pub(super) fn has_session(&self) -> bool {
        self.session.get().is_some()
    }

    /// Whether the peer sent something malformed, or was refused.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Completes when the session has ended, or another connection carries it.
    pub(super) fn let_go(&self) -> impl Future<Output = ()> + Send + use<> {
        let cut_off = Arc::clone(&self.cut_off);
        async move { cut_off.notified().await }
    }

    /// Completes when the connection has to make room for another, because it has no session yet.
    pub(super) fn dismissed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.env.dismissed()
    }

    /// What the client of a connection that has to make room is told.
    pub(super) fn displaced(&self) -> String {
        match self.env.no_room {
            Some(no_room) => no_room.reason(self.env.engine.state.limits.connections),
            None => {
                "others came while it had opened no session, and there is no room for more connections; try again, \
                     close some, or let it have more (the limit connections, ulimit -n)"
                    .to_owned()
            }
        }
    }

    /// Completes when connections have to end.
    pub(super) fn service_ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.env.engine.state.ended()
    }

    /// Adds to the bytes that wait on this connection, and so to what the service holds.
    pub(super) fn hold_more(&self, bytes: usize) {
        self.env.engine.state.held_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts from the bytes that wait on this connection.
    pub(super) fn hold_less(&self, bytes: usize) {
        self.env.engine.state.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether the disk is so far behind that nothing more may come.
    pub(super) fn is_behind(&self) -> bool {
        self.env.engine.state.journal().is_some_and(|journal| journal.room().is_behind())
    }

    /// Completes when the disk has caught up.
    pub(super) fn caught_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let journal = self.env.engine.state.journal().map(Arc::clone);
        async move {
            if let Some(journal) = journal {
                journal.room().caught_up().await;
            }
        }
    }

    /// Whether the session has calls that cannot begin before its client has received the results of others.
    pub(super) fn is_starved(&self) -> bool {
        self.session.get().is_some_and(|carried| carried.session.is_starved())
    }

    /// Notes that the client was heard.
    pub(super) fn hear(&self) {
        if let Some(carried) = self.session.get() {
            carried.session.hear();
        }
    }

    async fn open(&self, hello: &[u8]) -> Result<Answer, Error> {
        if self.opening.swap(true, Ordering::Relaxed) {
            return Err(Error::malformed("open", "this connection has already asked for a session"));
        }
        let hello = Hello::decode(hello, PROTOCOL_VERSION)?;
        if hello.protocol != PROTOCOL_VERSION && !hello.details.ignore_version {
            self.opening.store(false, Ordering::Relaxed);
            return Ok(Answer::Protocol { service: PROTOCOL_VERSION });
        }
        if hello.details.only_asks {
            self.lost.store(true, Ordering::Relaxed);
            return Ok(self.service_state(&hello).await);
        }
        let credential = match self.admit(&hello).await {
            Ok(credential) => credential,
            Err(Refusal { reason, temporary }) => {
                let logs = &self.env.connections.logs;
                logs.refused.log(|| tracing::info!("{} was refused: {reason}", self.peer));
                self.lost.store(true, Ordering::Relaxed);
                return Ok(Answer::Refused { reason, temporary });
            }
        };
        let (state, sessions) = (&self.env.engine.state, &self.env.engine.sessions);
        if let Some(resume) = &hello.details.resume
            && let Err(missing) = self.check_history(resume, &credential)
        {
            tracing::info!("{} cannot go on with session {}: {missing:?}", self.peer, resume.session);
            self.lost.store(true, Ordering::Relaxed);
            return Ok(match missing {
                Missing::OtherDirectory => {
                    Answer::OtherHistory { found: state.history.as_ref().map(|history| history.directory) }
                }
                Missing::Lost { recovered } => Answer::HistoryLost { recovered },
            });
        }
        let limits = &state.limits;
        let (session, carrier, resumed) = self.find_session(hello.details.resume, &credential)?;
        tracing::debug!("{} opened session {} as {:?}", self.peer, session.id(), credential.name);
        let welcome = Welcome {
            session: session.id(),
            secret: session.secret(),
            run: state.run,
            directory: state.history.as_ref().map(|history| history.directory),
            resumed,
            lease_ms: u64::try_from(limits.lease.as_millis()).unwrap_or(u64::MAX),
            max_frame_bytes: limits.frame_bytes as u64,
            max_batch: u32::try_from(limits.batch_operations).unwrap_or(u32::MAX),
            max_in_flight: u32::try_from(limits.calls_in_flight).unwrap_or(u32::MAX),
        };
        session.takes_frames_of(hello.details.max_frame_bytes);
        session.comes_back(hello.details.resumable);
        self.limit.set(limits.frame_bytes);
        let _ = self.session.set(Carried { session, carrier, resumable: hello.details.resumable });
        self.env.pending.lock().take();
        if credential.is_revoked() {
            // The credential was revoked while the session was made. `set_tokens` may have missed it when it ended the
            // others.
            sessions.end_revoked();
        }
        Ok(Answer::Welcome(welcome))
    }

    /// The state of the service, for a client that wants no session. No token is needed to know it; but why the storage
    /// has failed is only told to those who may have a session.
    async fn service_state(&self, hello: &Hello) -> Answer {
        let ConnectionEnv { engine, access, no_room, barred, .. } = &self.env;
        let refused = |reason: String, temporary| Answer::Refused { reason, temporary };
        if let Some(reason) = barred.or_else(|| access.bars(&self.peer)) {
            return refused(reason.to_owned(), false);
        }
        if engine.state.is_closing() {
            return refused(Error::ShuttingDown.to_string(), true);
        }
        let connections = engine.state.limits.connections;
        if let Some(no_room) = no_room {
            return refused(no_room.reason(connections), true);
        }
        let Some(reason) = engine.state.storage_failure() else { return Answer::Ready };
        let token = hello.details.token.as_ref();
        // Who sends no token has not guessed one.
        let may_know = match token {
            None => access.asks_no_token(),
            Some(_) => access.authenticate(&self.peer, token, connections).await.is_ok(),
        };
        Answer::Failed { reason: may_know.then_some(reason) }
    }

    /// Checks that the service has what the client of a session has seen. If it was lost, the session ends here, too.
    fn check_history(&self, resume: &Resume, credential: &Arc<Credential>) -> Result<(), Missing> {
        let (state, sessions) = (&self.env.engine.state, &self.env.engine.sessions);
        let Some(known) = &resume.known else { return Ok(()) };
        let checked = match &state.history {
            Some(history) => history.check(known),
            None => Err(Missing::OtherDirectory),
        };
        if let Err(Missing::Lost { .. }) = checked
            && let Found::Here(session) = sessions.find(resume.session, resume.secret)
            && session.credential().is_some_and(|came_by| Arc::ptr_eq(came_by, credential))
        {
            sessions.end_lost(&session);
        }
        checked
    }

    /// The credential that the client presents; otherwise why it is refused, with the remedy.
    async fn admit(&self, hello: &Hello) -> Result<Arc<Credential>, Refusal> {
        let ConnectionEnv { engine, access, no_room, barred, .. } = &self.env;
        if let Some(reason) = barred.or_else(|| access.bars(&self.peer)) {
            return Err(Refusal::for_good(reason));
        }
        let credential =
            access.authenticate(&self.peer, hello.details.token.as_ref(), engine.state.limits.connections).await?;
        // The connection that broke is counted, too: the service may not have noticed yet.
        let comes_back = self.session_of(hello);
        // A client that returns for results may have them as long as any are still to come.
        if engine.state.is_closing() && comes_back.is_none() {
            return Err(Refusal::for_now(Error::ShuttingDown.to_string()));
        }
        if let Some(no_room) = no_room
            && !comes_back.is_some_and(|session| session.has_connection())
        {
            return Err(Refusal::for_now(no_room.reason(engine.state.limits.connections)));
        }
        Ok(credential)
    }

    /// The session that the client resumes, if it knows its secret.
    fn session_of(&self, hello: &Hello) -> Option<Arc<ServerSession>> {
        let Resume { session, secret, .. } = hello.details.resume?;
        match self.env.engine.sessions.find(session, secret) {
            Found::Here(session) => Some(session),
            Found::Expired(_) | Found::Unknown => None,
        }
    }

    /// The session that the client had, or a new one.
    fn find_session(
        &self,
        resume: Option<Resume>,
        credential: &Arc<Credential>,
    ) -> Result<(Arc<ServerSession>, Carrier, Resumed), Error> {
        let cut_off = || Arc::clone(&self.cut_off);
        let mut resumed = Resumed::New;
        if let Some(resume) = resume {
            resumed = match self.env.engine.sessions.find(resume.session, resume.secret) {
                Found::Here(session) => {
                    if !session.credential().is_some_and(|came_by| Arc::ptr_eq(came_by, credential)) {
                        let reason = "its session was opened with another token; resume it with that one".to_owned();
                        return Err(Error::Refused { reason });
                    }
                    match session.attach(cut_off(), &self.env.heartbeat, resume.received_below) {
                        Some((carrier, begun)) => return Ok((session, carrier, Resumed::Yes { begun })),
                        None => Resumed::Expired { begun: session.begun() },
                    }
                }
                Found::Expired(begun) => Resumed::Expired { begun },
                // A session of this directory of which nothing is kept has done nothing that anybody could know of.
                Found::Unknown if resume.known.is_some() && !self.env.engine.sessions.has_forgotten() => {
                    Resumed::Expired { begun: 0 }
                }
                Found::Unknown => Resumed::Unknown,
            };
        }
        let session = self.env.engine.open_session(Some(Arc::clone(credential)));
        let (carrier, _) = session.attach(cut_off(), &self.env.heartbeat, 0).ok_or(Error::Cancelled)?;
        self.env.engine.sessions.add(&session, self.env.engine.state.limits.sessions)?;
        Ok((session, carrier, resumed))
    }

    /// Leaves the session without a connection, for the time of its lease, if its client may come back for it.
    pub(super) fn leave_session(&self) {
        let Some(Carried { session, carrier, resumable }) = self.session.get() else { return };
        // After the end of the service its sessions go on only if the next one knows them.
        let state = &self.env.engine.state;
        let goes_on = !state.has_ended() || state.journal().is_some();
        let kept = *resumable && session.is_worth_keeping() && goes_on;
        if session.detach(*carrier) && !kept {
            self.env.engine.sessions.forget(session);
            session.end();
        }
    }

    fn session(&self) -> Result<&Carried, Error> {
        self.session.get().ok_or_else(|| Error::malformed("request", "open a session first"))
    }

    /// The bytes of a reply; an error is answered, too.
    fn send(&self, reply: Result<Bytes, Error>) -> Bytes {
        reply.unwrap_or_else(|error| self.lose(&error))
    }

    /// Answers something malformed, and ends the connection.
    fn lose(&self, error: &Error) -> Bytes {
        tracing::debug!("{}: {error}", self.peer);
        self.lost.store(true, Ordering::Relaxed);
        batch::fatal(error)
    }
}

impl Wire for Handler {
    async fn open(self, _: Context, hello: Bytes) -> Bytes {
        let answer = self.connection.open(&hello).await.unwrap_or_else(|error| {
            self.connection.lost.store(true, Ordering::Relaxed);
            match error {
                Error::Refused { reason } => Answer::Refused { reason, temporary: false },
                // Too many sessions, for example.
                Error::LimitExceeded { .. } => Answer::Refused { reason: error.to_string(), temporary: true },
                other => Answer::Refused { reason: other.to_string(), temporary: false },
            }
        });
        answer.encode()
    }

    async fn submit(self, _: Context, batch: Bytes) -> Bytes {
        let submitted = async {
            let Carried { session, carrier, .. } = self.connection.session()?;
            self.connection.env.engine.submit(session, *carrier, &batch).await
        };
        self.connection.send(submitted.await)
    }

    async fn collect(self, _: Context, received: Bytes) -> Bytes {
        let collected = async {
            let Carried { session, carrier, .. } = self.connection.session()?;
            let (preamble, _) = Preamble::take(&received)?;
            session.collect(*carrier, preamble.received_below).await
        };
        self.connection.send(collected.await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::state::Seams;
    use crate::wire::handshake::HelloDetails;
    use tarmem_remote::registry::Registry;

    /// What a service without authentication answers to `peer`, and whether the peer got a session.
    async fn open(peer: Peer, protected: bool) -> (Answer, bool) {
        let limits = Limits::default();
        let limit = FrameLimit::new(limits.handshake_frame_bytes);
        let registry = Registry::linked().expect("no names clash");
        let env = ConnectionEnv {
            engine: Engine::new(registry, limits, tokio::runtime::Handle::current(), Seams::default()),
            connections: Connections::new(&tokio::runtime::Handle::current()),
            heartbeat: Arc::default(),
            access: AccessControl::new(protected, None, None),
            no_room: None,
            barred: None,
            pending: Mutex::default(),
        };
        let connection = Connection::new(peer, env, limit.clone());
        let hello = Hello { protocol: PROTOCOL_VERSION, details: HelloDetails::default() };
        let answer = connection.open(&hello.encode().expect("encodes")).await.expect("it makes sense");
        let opened = connection.session.get().is_some();
        let raised = limit.get() > Limits::default().handshake_frame_bytes;
        assert_eq!(opened, raised, "only connections with a session may send larger frames");
        (answer, opened)
    }

    #[tokio::test]
    async fn a_service_without_authentication_answers_only_this_host() {
        for other in ["192.0.2.1", "10.0.0.1", "0.0.0.0", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1"] {
            let peer = || Peer::Ip(other.parse().expect("an address"));
            let (answer, opened) = open(peer(), true).await;
            let Answer::Refused { reason, temporary: false } = answer else { panic!("{other}: {answer:?}") };
            assert!(reason.contains("--unprotected") && reason.contains("Service::unprotected"), "{reason}");
            assert!(!opened, "{other}");
            let (answer, opened) = open(peer(), false).await;
            assert!(matches!(answer, Answer::Welcome(_)) && opened, "{other}: {answer:?}");
        }
        let here = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"];
        let here = here.map(|address| Peer::Ip(address.parse().expect("an address")));
        for peer in here.into_iter().chain([Peer::Local]) {
            let (answer, opened) = open(peer.clone(), true).await;
            assert!(matches!(answer, Answer::Welcome(_)) && opened, "{peer:?}: {answer:?}");
        }
    }
}
