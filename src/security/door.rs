//! Asks whoever connects who they are.

use super::attempts::Attempts;
use super::permissions::Permissions;
use super::secret::Secret;
use super::tls::ServerSide;
use super::tokens::Tokens;
use parking_lot::RwLock;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a peer on another host hears of a service that asks nobody.
const PROTECTED: &str = "it has no authentication, so it answers its own host only; give it tokens (--tokens, Service::tokens) \
                         or a client CA (--tls-client-ca), or start it with --unprotected (Service::unprotected) to let \
                         anybody in";

/// What everybody hears who has not the right token: it does not say what is wrong with it.
const WRONG: &str = "it asks for a token, and there was none or a wrong one; give the right one (--token-file, TARMEM_TOKEN, \
                     tarmem://TOKEN@HOST:PORT or SessionBuilder::token)";

/// What is said if even the refusals are too many.
const BUSY: &str = "there have been too many wrong tokens of late; try again in some seconds";

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// Another host, or this one, over TCP.
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

/// The door of a service.
pub(crate) struct Door {
    /// Other hosts are not answered if nobody is asked.
    protected: bool,
    guests: RwLock<Guests>,
    pub(crate) tls: Option<ServerSide>,
    attempts: Attempts,
}

/// Who may come in.
struct Guests {
    /// `None`: nobody is asked.
    tokens: Option<Tokens>,
    /// One for each token; one for all if nobody is asked.
    grants: Vec<Arc<Grant>>,
}

/// Why somebody does not come in.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    /// With the remedy.
    pub(crate) reason: String,
    /// It may be another time.
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

/// What somebody came in by.
pub(crate) struct Grant {
    /// Of the token; empty if none was asked for.
    pub(crate) name: String,
    /// `None` for everything.
    pub(crate) permissions: Option<Permissions>,
    revoked: AtomicBool,
}

impl Grant {
    fn new(name: String, permissions: Option<Permissions>) -> Arc<Self> {
        Arc::new(Grant { name, permissions, revoked: AtomicBool::new(false) })
    }

    fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }
}

impl Guests {
    fn new(tokens: Option<Tokens>, before: &Guests) -> Self {
        let grants = match &tokens {
            None => vec![Grant::new(String::new(), None)],
            Some(tokens) => tokens
                .tokens
                .iter()
                .map(|token| {
                    // Who came in by the same token stays.
                    let known = before.tokens.iter().flat_map(|before| &before.tokens).zip(&before.grants);
                    let same = known.filter(|(known, _)| known.is_as(token)).map(|(_, grant)| grant).next();
                    same.cloned().unwrap_or_else(|| Grant::new(token.name.clone(), token.permissions()))
                })
                .collect(),
        };
        Guests { tokens, grants }
    }
}

impl Door {
    pub(crate) fn new(protected: bool, tokens: Option<Tokens>, tls: Option<ServerSide>) -> Arc<Self> {
        let nobody = Guests { tokens: None, grants: Vec::new() };
        let guests = RwLock::new(Guests::new(tokens, &nobody));
        Arc::new(Door { protected, guests, tls, attempts: Attempts::new() })
    }

    /// From now on these are asked for. Whose token is not among them, or not with the same permissions, has to go; how many
    /// tokens that are.
    pub(crate) fn set_tokens(&self, tokens: Tokens) -> usize {
        let mut guests = self.guests.write();
        let now = Guests::new(Some(tokens), &guests);
        let before = std::mem::replace(&mut *guests, now);
        let stays = |grant: &Arc<Grant>| guests.grants.iter().any(|now| Arc::ptr_eq(now, grant));
        let gone: Vec<_> = before.grants.iter().filter(|grant| !stays(grant)).collect();
        gone.iter().for_each(|grant| grant.revoke());
        gone.len()
    }

    /// Why `peer` is not even asked for a token, if it is not.
    pub(crate) fn bars(&self, peer: &Peer) -> Option<&'static str> {
        let mutual = self.tls.as_ref().is_some_and(ServerSide::is_mutual);
        let open = self.protected && !mutual && self.guests.read().tokens.is_none();
        (open && !peer.is_loopback()).then_some(PROTECTED)
    }

    /// Lets `peer` in, or says why not. Takes its time if there were wrong tokens from there, unless it `comes_back`: then it
    /// knows more than any guess, and others who guess are not to keep it out.
    pub(crate) async fn ask(
        &self,
        peer: &Peer,
        token: Option<&Secret>,
        comes_back: bool,
    ) -> Result<Arc<Grant>, Refusal> {
        if self.guests.read().tokens.is_none() {
            return self.find(None).ok_or_else(|| Refusal::for_good(WRONG));
        }
        let busy = || Refusal::for_now(BUSY);
        let turn = if comes_back { None } else { self.attempts.turn(peer).await.ok_or_else(busy)? };
        let found = self.find(token);
        drop(turn);
        found.ok_or_else(|| {
            self.attempts.failed(peer);
            Refusal::for_good(WRONG)
        })
    }

    fn find(&self, token: Option<&Secret>) -> Option<Arc<Grant>> {
        let guests = self.guests.read();
        let index = match &guests.tokens {
            None => 0,
            Some(tokens) => tokens.find(token?.expose())?,
        };
        guests.grants.get(index).cloned()
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
    async fn who_is_still_on_the_list_stays() {
        let door = Door::new(true, Some(tokens(&[("a", "one"), ("b", "two"), ("c", "three")])), None);
        let ask = |secret: &'static str| {
            let door = Arc::clone(&door);
            async move { door.ask(&Peer::Local, Some(&Secret::new(secret)), false).await }
        };
        let (a, b, c) = (ask("one").await, ask("two").await, ask("three").await);
        let (a, b, c) = (a.expect("known"), b.expect("known"), c.expect("known"));
        // "b" has another secret, "c" another permission, "d" the secret of "b".
        let next = tokens(&[("d", "two"), ("b", "2"), ("a", "one")]).with(Token::new("c", "three").read_only());
        assert_eq!(door.set_tokens(next.expect("new")), 2);
        assert_eq!([&a, &b, &c].map(|grant| grant.is_revoked()), [false, true, true]);
        assert_eq!(ask("two").await.expect("known").name, "d");
        assert!(Arc::ptr_eq(&ask("one").await.expect("known"), &a));
        assert_eq!(door.set_tokens(Tokens::new()), 4);
        assert_eq!(ask("one").await.err(), Some(Refusal::for_good(WRONG)));
    }

    #[tokio::test]
    async fn a_service_that_asks_nobody_may_begin_to() {
        let door = Door::new(true, None, None);
        let other = Peer::Ip([10, 0, 0, 1].into());
        assert_eq!(door.bars(&other), Some(PROTECTED));
        assert_eq!(door.bars(&Peer::Ip([127, 0, 0, 1].into())), None);
        let anybody = door.ask(&Peer::Local, Some(&Secret::new("whatever")), false).await.expect("not asked");
        door.set_tokens(tokens(&[("a", "one")]));
        assert!(anybody.is_revoked());
        assert_eq!(door.bars(&other), None);
        assert_eq!(door.ask(&Peer::Local, None, false).await.err(), Some(Refusal::for_good(WRONG)));
    }
}
