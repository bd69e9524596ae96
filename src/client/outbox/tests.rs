//! The outbox's totals stay correct, whatever happens to a session and in whichever order.

use super::timeout::in_ms;
use super::*;
use futures::task::noop_waker;
use proptest::prelude::*;

const LIMITS: SendLimits = SendLimits { frame_bytes: 4096, batch: 8, in_flight: 6 };

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Event {
    Call { bytes: usize, idempotent: bool, timeout_ms: Option<u64> },
    Detached { bytes: usize },
    Cancel(prop::sample::Index),
    Forget(prop::sample::Index),
    Take(prop::sample::Index),
    Answer(prop::sample::Index, Kind),
    Send,
    Expire { after_ms: u64 },
    Pause,
    Resume(prop::sample::Index),
    Restart,
    BeginAnew,
    Expired(prop::sample::Index),
    End { goodbye: bool },
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Done,
    Provisional,
    Failed,
    ShuttingDown,
}

fn event() -> impl Strategy<Value = Event> {
    let index = any::<prop::sample::Index>;
    let kind = prop::sample::select(vec![Kind::Done, Kind::Provisional, Kind::Failed, Kind::ShuttingDown]);
    prop_oneof![
        8 => (0_usize..3000, any::<bool>(), prop::option::of(0_u64..50)).prop_map(|(bytes, idempotent, timeout_ms)| {
            Event::Call { bytes, idempotent, timeout_ms }
        }),
        3 => (0_usize..3000).prop_map(|bytes| Event::Detached { bytes }),
        3 => index().prop_map(Event::Cancel),
        2 => index().prop_map(Event::Forget),
        3 => index().prop_map(Event::Take),
        6 => (index(), kind).prop_map(|(call, kind)| Event::Answer(call, kind)),
        6 => Just(Event::Send),
        1 => (0_u64..60).prop_map(|after_ms| Event::Expire { after_ms }),
        1 => Just(Event::Pause),
        2 => index().prop_map(Event::Resume),
        2 => Just(Event::Restart),
        1 => Just(Event::BeginAnew),
        1 => index().prop_map(Event::Expired),
        1 => any::<bool>().prop_map(|goodbye| Event::End { goodbye }),
        2 => Just(Event::Reopen),
    ]
}

fn unknown() -> Error {
    Error::OutcomeUnknown { address: String::new(), cause: String::new() }
}

fn reply(kind: Kind) -> Reply {
    match kind {
        Kind::Done => Reply::Done(b"done"[..].into()),
        Kind::Provisional => Reply::Provisional(b"done"[..].into()),
        Kind::Failed => Reply::failed(Error::NoSuchKey { key: "k".to_owned() }),
        Kind::ShuttingDown => Reply::failed(Error::ShuttingDown),
    }
}

/// A session's outbox, and the calls whose callers still wait.
struct Session {
    outbox: Outbox,
    calls: Vec<u64>,
}

impl Session {
    fn pick(&mut self, index: &prop::sample::Index) -> Option<u64> {
        (!self.calls.is_empty()).then(|| self.calls.swap_remove(index.index(self.calls.len())))
    }

    fn happens(&mut self, event: Event) {
        let waker = noop_waker();
        let last = self.outbox.in_flight.next() - 1;
        let upto = |index: &prop::sample::Index| index.index(usize::try_from(last + 1).expect("few")) as u64;
        match event {
            Event::Call { bytes, idempotent, timeout_ms } => {
                let mut operation = Payload::from(&vec![0; bytes][..]);
                let terms = Terms { idempotent, ..Terms::default() };
                let timeout = timeout_ms.map(Duration::from_millis);
                if let Pushed::Queued { sequence, .. } = self.outbox.push(&mut operation, timeout, terms, &waker) {
                    self.calls.push(sequence);
                }
            }
            Event::Detached { bytes } => self.outbox.send(Payload::from(&vec![0; bytes][..]), 0),
            Event::Cancel(call) => {
                if let Some(call) = self.pick(&call) {
                    self.outbox.cancel(call);
                }
            }
            Event::Forget(call) => {
                if let Some(call) = self.pick(&call) {
                    self.outbox.forget(call);
                }
            }
            Event::Take(call) => {
                if let Some(call) = self.pick(&call) {
                    let taken = self.outbox.poll_reply(&mut Context::from_waker(&waker), call, &mut None);
                    if taken.is_pending() {
                        self.calls.push(call);
                    }
                }
            }
            Event::Answer(call, kind) => drop(self.outbox.answered(upto(&call), reply(kind))),
            Event::Send => {
                if self.outbox.ended.is_none() && self.outbox.has_batch().expect("it is plain data") {
                    let mut batch = Vec::new();
                    self.outbox.put_batch(&mut batch);
                    assert!(batch.len() <= LIMITS.frame_bytes, "{}", batch.len());
                }
            }
            Event::Expire { after_ms } => {
                drop(self.outbox.expire(Instant::now() + Duration::from_millis(after_ms)));
            }
            Event::Pause => self.outbox.pause(),
            // The events below happen only to a session that has not ended.
            _ if self.outbox.ended.is_some() => {
                if matches!(event, Event::Reopen) {
                    self.outbox.reopen(LIMITS);
                }
            }
            Event::Resume(begun) => self.outbox.resume(upto(&begun)),
            Event::Restart => drop(self.outbox.restart(LIMITS, &unknown())),
            Event::BeginAnew => drop(self.outbox.begin_anew(LIMITS)),
            Event::Expired(begun) => {
                drop(self.outbox.expired(upto(&begun), &Error::Cancelled, &unknown()));
                drop(self.outbox.end(Error::Cancelled, &unknown(), false));
            }
            Event::End { goodbye } => drop(self.outbox.end(Error::Cancelled, &unknown(), goodbye)),
            Event::Reopen => {}
        }
    }

    /// Checks that once all calls are over, there is room, and a new call gets its reply.
    fn goes_on(&mut self) {
        if self.outbox.ended.is_some() {
            self.outbox.reopen(LIMITS);
        }
        drop(self.outbox.restart(LIMITS, &unknown()));
        for sequence in std::mem::take(&mut self.calls) {
            self.outbox.cancel(sequence);
        }
        assert_eq!(self.outbox.in_flight.totals().in_flight, 0);
        while self.outbox.has_batch().expect("it is plain data") {
            self.outbox.put_batch(&mut Vec::new());
        }
        assert_eq!(self.outbox.in_flight.totals(), self.outbox.in_flight.count_totals());
        assert_eq!(self.outbox.in_flight.totals().unsent_bytes, 0);
        let waker = noop_waker();
        let pushed = self.outbox.push(&mut Payload::from(&b"one"[..]), None, Terms::default(), &waker);
        let Pushed::Queued { sequence, .. } = pushed else { panic!("there is no room") };
        assert!(self.outbox.has_batch().expect("it is plain data"));
        self.outbox.put_batch(&mut Vec::new());
        assert!(self.outbox.answered(sequence, reply(Kind::Done)).is_some(), "its caller waits for it");
        let taken = self.outbox.poll_reply(&mut Context::from_waker(&waker), sequence, &mut None);
        assert!(matches!(taken, Poll::Ready(Reply::Done(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn totals_are_correct_after_any_events(events in prop::collection::vec(event(), 1..60)) {
        let mut session = Session { outbox: Outbox::new(LIMITS), calls: Vec::new() };
        for event in events {
            session.happens(event);
            prop_assert_eq!(session.outbox.in_flight.totals(), session.outbox.in_flight.count_totals());
            prop_assert!(session.outbox.in_flight.totals().in_flight <= LIMITS.in_flight);
        }
        session.goes_on();
    }
}

/// A detached call that was sent is lost with its service; one that was not sent goes to the next service.
#[test]
fn after_a_restart_only_unsent_detached_calls_are_sent() {
    let mut session = Session { outbox: Outbox::new(LIMITS), calls: Vec::new() };
    session.outbox.send(b"sent"[..].into(), 0);
    assert!(session.outbox.has_batch().expect("it is plain data"));
    session.outbox.put_batch(&mut Vec::new());
    session.outbox.send(b"not sent"[..].into(), 0);
    drop(session.outbox.restart(LIMITS, &unknown()));
    let mut batch = Vec::new();
    assert!(session.outbox.has_batch().expect("it is plain data"));
    session.outbox.put_batch(&mut batch);
    assert!(batch.ends_with(b"not sent"));
    assert_eq!(batch.windows(4).filter(|word| word == b"sent").count(), 1);
    session.goes_on();
}

#[test]
fn a_call_without_time_is_not_sent() {
    let (mut outbox, waker) = (Outbox::new(LIMITS), noop_waker());
    let mut operation = Payload::from(&b"one"[..]);
    let pushed = outbox.push(&mut operation, Some(Duration::ZERO), Terms::default(), &waker);
    let Pushed::Refused(ReplyError::Late { after: Duration::ZERO }) = pushed else { panic!("it is taken") };
    assert!(!outbox.has_work() && operation.len() == 3);
}

#[test]
fn a_late_reply_is_a_timeout_and_its_result_is_undone() {
    for timeout in [Duration::from_nanos(1), Duration::from_micros(20), Duration::from_micros(1500)] {
        let (mut outbox, waker) = (Outbox::new(LIMITS), noop_waker());
        let pushed = outbox.push(&mut Payload::from(&b"one"[..]), Some(timeout), Terms::default(), &waker);
        let Pushed::Queued { sequence, .. } = pushed else { panic!("there is room") };
        outbox.put_batch(&mut Vec::new());
        std::thread::sleep(timeout);
        assert!(outbox.answered(sequence, reply(Kind::Provisional)).is_some());
        let taken = outbox.poll_reply(&mut Context::from_waker(&waker), sequence, &mut None);
        let Poll::Ready(Reply::Failed(error)) = taken else { panic!("it is late") };
        assert_eq!(*error, ReplyError::Late { after: timeout });
        assert!(outbox.has_work(), "what it brought is given back");
    }
}

#[test]
fn a_timeout_is_rounded_up_for_the_service() {
    for (micros, ms) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (1500, 2), (30_000_000, 30_000)] {
        assert_eq!(in_ms(Duration::from_micros(micros)), ms, "{micros}");
    }
    assert_eq!(in_ms(Duration::MAX), u64::MAX);
}

/// The shared clock does not shorten the timeout of calls that are made later.
#[test]
fn each_call_has_its_whole_timeout() {
    let (mut outbox, waker) = (Outbox::new(LIMITS), noop_waker());
    for timeout in [Duration::from_secs(30), Duration::from_secs(5), Duration::from_millis(40)] {
        let begun = Instant::now();
        let pushed = outbox.push(&mut Payload::from(&b"one"[..]), Some(timeout), Terms::default(), &waker);
        let Pushed::Queued { sequence, .. } = pushed else { panic!("there is room") };
        let slot = outbox.in_flight.get_mut(sequence);
        let Some(Slot::Unanswered(UnansweredCall { deadline: Some(at), .. })) = slot.as_deref() else {
            panic!("it waits")
        };
        // A tick takes at most a hundredth of a second.
        let least = if timeout < SHORT { timeout } else { timeout - Duration::from_millis(20) };
        assert!(at.duration_since(begun) >= least, "{timeout:?}");
        std::thread::sleep(Duration::from_millis(60));
    }
}
