//! Who may connect, and what they may do: tokens, permissions, TLS, over real sockets.

mod support;

#[path = "security/certificates.rs"]
mod certificates;
#[path = "security/permissions.rs"]
mod permissions;
#[path = "security/strangers.rs"]
mod strangers;
#[path = "security/tls.rs"]
mod tls;
#[path = "security/tokens.rs"]
mod tokens;

use tarmem::{RunningService, Service, Session, Token, Tokens};

/// Long enough not to occur in an error by chance.
const ALICE: &str = "alices-open-sesame";
const BOB: &str = "bobs-open-sesame";

fn tokens(all: impl IntoIterator<Item = Token>) -> Tokens {
    all.into_iter().fold(Tokens::new(), |tokens, token| tokens.with(token).expect("names and secrets differ"))
}

async fn service(all: impl IntoIterator<Item = Token>) -> RunningService {
    Service::new("127.0.0.1", 0).tokens(tokens(all)).start().await.expect("the service starts")
}

async fn session(service: &RunningService, token: &str) -> Session {
    Session::builder(service.address()).token(token).connect().await.expect("the token is good")
}
