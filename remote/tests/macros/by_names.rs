//! A typed call of a method for which the service was built with another signature, given up by its caller while the
//! client asks the service for that signature.

use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms};
use tarmem_remote::operation::{Operation, Reply};
use tarmem_remote::payload::Payload;
use tarmem_remote::signature::Changes;
use tarmem_remote::{ClientApi, Error, Remote, remote};
use uuid::Uuid;

#[remote(module = "by_names")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Lamp {
    lit: bool,
}

#[remote]
impl Lamp {
    pub fn switch(&mut self, on: bool) {
        self.lit = on;
    }
}

/// A service that does not know this program's signatures, and takes its time to answer which ones it knows.
#[derive(Default)]
struct Stranger {
    changes: Changes,
    asked: Mutex<usize>,
    sent: Mutex<Vec<Payload>>,
}

impl Caller for Stranger {
    fn poll_submit(&self, _: &mut Context<'_>, operation: &mut Payload, _: Terms) -> Poll<Submitted> {
        Poll::Ready(match Operation::decode(operation) {
            Ok(Operation::Signature { .. }) => {
                *self.asked.lock().expect("no test panics in here") += 1;
                Submitted::Waiting(1)
            }
            _ => {
                let unknown = Error::SignatureUnknown { class: "by_names.Lamp".to_owned() };
                Submitted::Answered(Reply::failed(unknown))
            }
        })
    }

    fn poll_reply(&self, _: &mut Context<'_>, _: u64, _: &mut Option<Box<Payload>>) -> Poll<Reply> {
        Poll::Pending
    }

    fn settle(&self, _: u64, _: bool) {}

    fn cancel(&self, _: u64) {}

    fn forget(&self, _: u64) {}

    fn release(&self, _: Uuid) {}

    fn send(&self, operation: Payload, _: Option<OwnerId>) {
        self.sent.lock().expect("no test panics in here").push(operation);
    }

    fn changes(&self) -> Option<&Changes> {
        Some(&self.changes)
    }
}

/// The operations that are still sent after a caller asked for a signature and `give_up` was applied to its call.
fn sent_after(give_up: fn(<Lamp as Remote>::Proxy)) -> Vec<Payload> {
    let stranger = Arc::new(Stranger::default());
    give_up(ClientApi::new(stranger.clone()).proxy::<Lamp>("lamp"));
    assert_eq!(*stranger.asked.lock().expect("no test panics in here"), 1, "the service is asked once");
    std::mem::take(&mut *stranger.sent.lock().expect("no test panics in here"))
}

fn poll_once<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "the service has not told yet");
}

fn is_the_call(sent: &[Payload]) -> bool {
    matches!(sent, [operation] if matches!(Operation::decode(operation), Ok(Operation::Call { .. })))
}

#[test]
fn call_detached_while_its_signature_is_asked_for_is_sent() {
    let sent = sent_after(|lamp| {
        let mut call = lamp.switch(true);
        poll_once(&mut pin!(&mut call));
        call.detach();
    });
    assert!(is_the_call(&sent), "{sent:?}");
}

#[test]
fn uncancelled_call_dropped_while_its_signature_is_asked_for_is_sent() {
    let sent = sent_after(|lamp| poll_once(&mut pin!(lamp.switch(true).uncancelled())));
    assert!(is_the_call(&sent), "{sent:?}");
}

#[test]
fn call_dropped_while_its_signature_is_asked_for_is_not_sent() {
    let sent = sent_after(|lamp| poll_once(&mut pin!(lamp.switch(true))));
    assert!(sent.is_empty(), "{sent:?}");
}
