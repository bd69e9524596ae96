//! Decides who may open a session: checks the address and the token of each client that connects.

use super::attempts::Attempts;
use super::permissions::Permissions;
use super::secret::Secret;
use super::tls::ServerSide;
use super::tokens::Tokens;
use parking_lot::RwLock;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The answer to a peer on another host, if the service has no authentication.
const PROTECTED: &str = "it has no authentication, so it answers only 127.0.0.1, ::1 and its Unix sockets; from the \
                         same machine, connect to 127.0.0.1 and not to the machine's address in the network; if the \
                         service runs in a container, where connections to a published port come from outside, give \
                         it tokens (--tokens, Service::tokens) or a client CA (--tls-client-ca), or --unprotected \
                         (Service::unprotected) if the port is published to 127.0.0.1 only; behind a proxy on the \
                         same machine every client seems to come from 127.0.0.1 and is let in, so there, and in all \
                         other cases, give it tokens";

/// The answer to a client without a valid token. It does not say what is wrong with the token.
const WRONG: &str = "it asks for a token, and the client sent none or a wrong one; give the right one (--token-file, \
                     TARMEM_TOKEN, tarmem://TOKEN@HOST:PORT or SessionBuilder::token)";

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// This host or another one, over TCP.
    Ip(IpAddr),
    /// A process on this host, over a Unix socket or in memory.
    Local,
}

impl Peer {
    fn is_loopback(&self) -> bool {
        match self {
            Peer::Ip(ip) => ip.to_canonical().is_loopback(),
            Peer::Local => true,
        }
    }
}

/// As logs show it: `192.0.2.7`, `this host`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(ip) => ip.to_canonical().fmt(f),
            Peer::Local => f.write_str("this host"),
        }
    }
}

/// Decides who may open a session.
pub(crate) struct AccessControl {
    /// Whether other hosts are refused as long as there are no tokens and no client CA.
    protected: bool,
    list: RwLock<AccessList>,
    pub(crate) tls: Option<ServerSide>,
    attempts: Attempts,
}

/// The valid tokens.
struct AccessList {
    /// `None` if no token is needed.
    tokens: Option<Tokens>,
    /// One for each token, in the same order; a single one for all clients if no token is needed.
    credentials: Vec<Arc<Credential>>,
}

/// Why a client is refused.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The reason, with its remedy.
    pub(crate) reason: String,
    /// Whether a later attempt may succeed.
    pub(crate) temporary: bool,
}

impl Refusal {
    pub(crate) fn for_good(reason: impl Into<String>) -> Self {
        Refusal { reason: reason.into(), temporary: false }
    }

    pub(crate) fn for_now(reason: impl Into<String>) -> Self {
        Refusal { reason: reason.into(), temporary: true }
    }
}

/// What a client was admitted with: a token, or nothing where no token is needed.
pub(crate) struct Credential {
    /// The token's name; empty if no token is needed.
    pub(crate) name: String,
    /// `None` permits everything.
    pub(crate) permissions: Option<Permissions>,
    revoked: AtomicBool,
}

impl Credential {
    fn new(name: String, permissions: Option<Permissions>) -> Arc<Self> {
        Arc::new(Credential { name, permissions, revoked: AtomicBool::new(false) })
    }

    fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }
}

impl AccessList {
    fn new(tokens: Option<Tokens>, before: &AccessList) -> Self {
        let credentials = match &tokens {
            None => vec![Credential::new(String::new(), None)],
            Some(tokens) => tokens
                .tokens
                .iter()
                .map(|token| {
                    // The sessions of a token that has not changed go on.
                    let known = before.tokens.iter().flat_map(|before| &before.tokens).zip(&before.credentials);
                    let same = known.filter(|(known, _)| known.is_as(token)).map(|(_, credential)| credential).next();
                    same.cloned().unwrap_or_else(|| Credential::new(token.name.clone(), token.permissions()))
                })
                .collect(),
        };
        AccessList { tokens, credentials }
    }
}

impl AccessControl {
    pub(crate) fn new(protected: bool, tokens: Option<Tokens>, tls: Option<ServerSide>) -> Arc<Self> {
        let nobody = AccessList { tokens: None, credentials: Vec::new() };
        let list = RwLock::new(AccessList::new(tokens, &nobody));
        Arc::new(AccessControl { protected, list, tls, attempts: Attempts::new() })
    }

    /// Makes `tokens` the only valid ones. Every other token is revoked, as is one whose permissions have changed.
    /// Returns how many were revoked.
    pub(crate) fn set_tokens(&self, tokens: Tokens) -> usize {
        let mut list = self.list.write();
        let now = AccessList::new(Some(tokens), &list);
        let before = std::mem::replace(&mut *list, now);
        let stays = |credential: &Arc<Credential>| list.credentials.iter().any(|now| Arc::ptr_eq(now, credential));
        let gone: Vec<_> = before.credentials.iter().filter(|credential| !stays(credential)).collect();
        gone.iter().for_each(|credential| credential.revoke());
        gone.len()
    }

    /// Why `peer` is refused before it is asked for a token; `None` if it is not.
    pub(crate) fn bars(&self, peer: &Peer) -> Option<&'static str> {
        let mutual = self.tls.as_ref().is_some_and(ServerSide::is_mutual);
        let open = self.protected && !mutual && self.list.read().tokens.is_none();
        (open && !peer.is_loopback()).then_some(PROTECTED)
    }

    /// Whether clients need no token.
    pub(crate) fn asks_no_token(&self) -> bool {
        self.list.read().tokens.is_none()
    }

    /// Admits `peer`, or says why it is refused. A valid token is accepted at once, whatever other clients do. The
    /// answer to a wrong one is delayed if its host has sent several. At most half of the permitted `connections` wait
    /// for such an answer.
    pub(crate) async fn authenticate(
        &self,
        peer: &Peer,
        token: Option<&Secret>,
        connections: usize,
    ) -> Result<Arc<Credential>, Refusal> {
        if let Some(credential) = self.find(token) {
            return Ok(credential);
        }
        self.attempts.failed(peer, connections).await;
        Err(Refusal::for_good(WRONG))
    }

    /// The credential of the token with this name; empty if no token is needed. `None` if there is none.
    pub(crate) fn credential(&self, name: &str) -> Option<Arc<Credential>> {
        self.list.read().credentials.iter().find(|credential| credential.name == name).cloned()
    }

    fn find(&self, token: Option<&Secret>) -> Option<Arc<Credential>> {
        let list = self.list.read();
        let index = match &list.tokens {
            None => 0,
            Some(tokens) => tokens.find(token?.expose())?,
        };
        list.credentials.get(index).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::Token;

    fn tokens(pairs: &[(&str, &str)]) -> Tokens {
        let add = |tokens: Tokens, (name, secret): &(&str, &str)| tokens.with(Token::new(*name, secret)).expect("new");
        pairs.iter().fold(Tokens::new(), add)
    }

    #[tokio::test]
    async fn setting_tokens_revokes_only_those_that_changed() {
        let access = AccessControl::new(
            true,
            Some(tokens(&[("a", "the-first"), ("b", "the-second"), ("c", "the-third")])),
            None,
        );
        let ask = |secret: &'static str| {
            let access = Arc::clone(&access);
            async move { access.authenticate(&Peer::Local, Some(&Secret::new(secret)), 100).await }
        };
        let (a, b, c) = (ask("the-first").await, ask("the-second").await, ask("the-third").await);
        let (a, b, c) = (a.expect("known"), b.expect("known"), c.expect("known"));
        // "b" has another secret, "c" another permission, "d" the secret of "b".
        let next = tokens(&[("d", "the-second"), ("b", "another-one"), ("a", "the-first")])
            .with(Token::new("c", "the-third").read_only());
        assert_eq!(access.set_tokens(next.expect("new")), 2);
        assert_eq!([&a, &b, &c].map(|credential| credential.is_revoked()), [false, true, true]);
        assert_eq!(ask("the-second").await.expect("known").name, "d");
        assert!(Arc::ptr_eq(&ask("the-first").await.expect("known"), &a));
        assert_eq!(access.set_tokens(Tokens::new()), 4);
        assert_eq!(ask("the-first").await.err(), Some(Refusal::for_good(WRONG)));
    }

    #[tokio::test]
    async fn a_service_without_tokens_can_be_given_some() {
        let access = AccessControl::new(true, None, None);
        let other = Peer::Ip([10, 0, 0, 1].into());
        assert_eq!(access.bars(&other), Some(PROTECTED));
        assert_eq!(access.bars(&Peer::Ip([127, 0, 0, 1].into())), None);
        let anybody = access.authenticate(&Peer::Local, Some(&Secret::new("whatever")), 100).await.expect("not asked");
        access.set_tokens(tokens(&[("a", "the-first")]));
        assert!(anybody.is_revoked());
        assert_eq!(access.bars(&other), None);
        assert_eq!(access.authenticate(&Peer::Local, None, 100).await.err(), Some(Refusal::for_good(WRONG)));
    }

    /// More hosts than are counted have sent wrong tokens, and the limit of delayed answers is reached. The right token
    /// is accepted at once all the same.
    #[tokio::test(start_paused = true)]
    async fn the_right_token_is_never_delayed() {
        let access = AccessControl::new(true, Some(tokens(&[("a", "the-right-one")])), None);
        let ask = |host: u32, secret: &'static str| {
            let access = Arc::clone(&access);
            let peer = Peer::Ip(std::net::Ipv4Addr::from(host).into());
            async move { access.authenticate(&peer, Some(&Secret::new(secret)), 10_000).await }
        };
        let mut guesses = Vec::new();
        for host in (0..20_000).chain([1; 2_000]) {
            let mut guess = Box::pin(ask(host, "a-wrong-guess"));
            if futures::poll!(guess.as_mut()).is_pending() {
                guesses.push(guess);
            }
        }
        assert!(guesses.len() >= 1_000, "{} wait", guesses.len());
        // A new host, the one with the most wrong guesses, and one that has guessed once.
        for host in [30_000, 1, 19_999] {
            let mut right = Box::pin(ask(host, "the-right-one"));
            let std::task::Poll::Ready(answer) = futures::poll!(right.as_mut()) else { panic!("{host} has to wait") };
            assert_eq!(answer.expect("it is right").name, "a");
        }
        for guess in guesses {
            assert_eq!(guess.await.err(), Some(Refusal::for_good(WRONG)));
        }
    }
}
