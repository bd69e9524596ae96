//! What both builds have in common: a service, and how a client reports the outcomes of its calls.

use std::fmt::{Debug, Display};
use tarmem::{CallError, Error, Service, Session};

/// The outcome of a call: `= value`, `! the method's own error`, or `x name of the error: the words that identify the
/// kind`.
pub(crate) trait Outcome {
    fn outcome(self) -> String;
}

fn error(error: &Error) -> String {
    match error {
        Error::SignatureChanged { reason, differences, client, service } => {
            assert!(!client.is_empty() && !service.is_empty(), "{error:?}");
            let made = if reason.starts_with("the call was made") { "made" } else { "not made" };
            format!("x SignatureChanged, {made}: {}", differences.join("; "))
        }
        other => {
            let name = format!("{other:?}");
            format!("x {}", name.split([' ', '{', '(']).next().unwrap_or_default())
        }
    }
}

impl<T: Debug> Outcome for Result<T, Error> {
    fn outcome(self) -> String {
        match self {
            Ok(value) => format!("= {value:?}"),
            Err(failed) => error(&failed),
        }
    }
}

impl<T: Debug, E: Debug + Display> Outcome for Result<T, CallError<E>> {
    fn outcome(self) -> String {
        match self {
            Ok(value) => format!("= {value:?}"),
            Err(CallError::Method(error)) => format!("! {error:?}"),
            Err(CallError::Failed(failed)) => error(&failed),
        }
    }
}

/// Reports to the test.
pub(crate) fn tell(case: &str, outcome: impl Outcome) {
    println!("{case} {}", outcome.outcome());
}

/// Runs `serve ADDRESS`, `call ADDRESS`, or `call-twice ADDRESS`, which calls the second time after it has read a line.
pub(crate) async fn run<F: Future<Output = Result<(), Error>>>(calls: impl Fn(Session) -> F) {
    let args: Vec<String> = std::env::args().collect();
    let [_, role, address] = args.as_slice() else { panic!("a role and an address, not {args:?}") };
    match role.as_str() {
        "serve" => {
            let (host, port) = address.rsplit_once(':').expect("an address");
            let service = Service::new(host, port.parse().expect("a port")).start().await.expect("it starts");
            println!("{}", service.local_addr().expect("a TCP listener"));
            // Until the test has seen enough.
            let _ = tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut [0]).await;
        }
        "call" => {
            let session = Session::connect(address.as_str()).await.expect("it connects");
            calls(session).await.expect("every call has an outcome");
        }
        "call-twice" => {
            let session = Session::connect(address.as_str()).await.expect("it connects");
            calls(session.clone()).await.expect("every call has an outcome");
            println!("and again");
            let _ = tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut [0]).await;
            calls(session).await.expect("every call has an outcome");
        }
        other => panic!("there is no role {other}"),
    }
}
