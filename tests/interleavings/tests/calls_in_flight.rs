//! The ring of a session's calls, behind the lock of its outbox: callers and the task that pumps their calls, in all
//! interleavings of two threads and most of those of three.

use loom::sync::Arc;
use loom::thread;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tarmem_test_interleavings::{Calls, Sent};

/// The most preemptions in one interleaving: all interleavings take minutes.
fn model(stopped: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(stopped);
    model.check(test);
}

fn echo(what: u8) -> Reply {
    Reply::Done(Payload::from(&[what][..]))
}

/// Callers make one call each, on their own threads; the service, on this thread, answers each with what it sent.
fn each_gets_its_own_reply(callers: u8, in_flight: usize) {
    let calls = Arc::new(Calls::new(in_flight));
    let threads: Vec<_> = (1..=callers)
        .map(|what| {
            let calls = Arc::clone(&calls);
            thread::spawn(move || assert_eq!(loom::future::block_on(calls.call(what)), echo(what)))
        })
        .collect();
    loom::future::block_on(async {
        let mut answered = 0;
        while answered < callers {
            for sent in poll_fn(|cx| calls.poll_batch(cx)).await {
                let Sent::Call { sequence, what } = sent else { panic!("{sent:?}: nobody gave up") };
                calls.answer(sequence, echo(what));
                answered += 1;
            }
        }
    });
    for thread in threads {
        thread.join().expect("it has its reply");
    }
    assert_eq!(calls.take_batch(), [], "and nothing is left to send");
}

#[test]
fn a_caller_gets_its_reply() {
    loom::model(|| each_gets_its_own_reply(1, 8));
}

#[test]
fn two_callers_get_their_own_replies() {
    model(2, || each_gets_its_own_reply(2, 8));
}

/// There is room for one call only: the waiting caller is woken when the reply to the other's call arrives.
#[test]
fn a_caller_that_waits_for_room_is_woken() {
    model(1, || each_gets_its_own_reply(2, 1));
}

/// A caller gives up while a provisional reply is on its way. Whichever comes first, the service hears once what became
/// of the result, unless it never received the call.
#[test]
fn a_provisional_result_is_acknowledged_or_cancelled() {
    loom::model(|| {
        let calls = Arc::new(Calls::new(8));
        let caller = thread::spawn({
            let calls = Arc::clone(&calls);
            move || {
                let mut cx = Context::from_waker(Waker::noop());
                let Poll::Ready(sequence) = calls.poll_submit(&mut cx, 1) else { panic!("there is room") };
                match calls.poll_reply(&mut cx, sequence) {
                    Poll::Ready(_) => calls.acknowledge(sequence),
                    Poll::Pending => calls.cancel(sequence),
                }
                sequence
            }
        });
        let mut sent = calls.take_batch();
        for call in sent.clone() {
            if let Sent::Call { sequence, what } = call {
                calls.answer(sequence, Reply::Provisional(Payload::from(&[what][..])));
            }
        }
        let sequence = caller.join().expect("no panic");
        // A call that was neither sent nor given up would be sent now.
        sent.extend(calls.take_batch());
        match sent.as_slice() {
            [] => {}
            [Sent::Call { sequence: made, .. }, Sent::Acknowledge(settled)] => {
                assert_eq!((*made, *settled), (sequence, sequence));
            }
            // A second time, if the reply came after the call was given up.
            [Sent::Call { sequence: made, .. }, cancelled @ ..] if !cancelled.is_empty() => {
                assert_eq!(*made, sequence);
                assert!(cancelled.iter().all(|sent| *sent == Sent::Cancel(sequence)), "{cancelled:?}");
            }
            other => panic!("the service hears {other:?}"),
        }
        assert_eq!(calls.take_batch(), []);
    });
}
