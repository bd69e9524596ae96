//! Which connection carries a session, and how far its calls have come, in all interleavings.

use loom::sync::Arc;
use loom::thread;
use tarmem_test_interleavings::Position;

/// A connection begins calls while another one takes the session over. The new one knows exactly which calls were
/// begun, and the old one begins none after that.
#[test]
fn a_replaced_connection_begins_no_call() {
    loom::model(|| {
        let position = Arc::new(Position::default());
        let first = position.hand_over().expect("it has not ended");
        let begins = {
            let position = Arc::clone(&position);
            thread::spawn(move || (0..2).take_while(|last| position.advance(first, *last, last + 1)).count() as u64)
        };
        let second = position.hand_over().expect("it has not ended");
        let known = position.last();
        assert!(!position.advance(first, known, known + 1), "it was replaced");
        assert!(position.advance(second, known, known + 1), "it carries the session");
        assert_eq!(begins.join().expect("no panic"), known, "none was begun that the other does not know of");
        assert!(position.is_carried_by(second) && !position.is_carried_by(first));
    });
}

/// Of two connections that come at once, one carries the session, and their numbers differ.
#[test]
fn two_connections_that_come_at_once_are_different_carriers() {
    loom::model(|| {
        let position = Arc::new(Position::default());
        let other = {
            let position = Arc::clone(&position);
            thread::spawn(move || position.hand_over().expect("it has not ended"))
        };
        let one = position.hand_over().expect("it has not ended");
        let other = other.join().expect("no panic");
        assert_ne!(one, other);
        assert!(position.is_carried_by(one) != position.is_carried_by(other));
    });
}

/// Once a session has ended, no connection carries it and no call begins, even for a connection that comes at that
/// moment.
#[test]
fn a_session_that_has_ended_stays_so() {
    loom::model(|| {
        let position = Arc::new(Position::default());
        let first = position.hand_over().expect("it has not ended");
        let comes = {
            let position = Arc::clone(&position);
            thread::spawn(move || position.hand_over())
        };
        let begins = {
            let position = Arc::clone(&position);
            thread::spawn(move || position.advance(first, 0, 1))
        };
        position.end();
        let second = comes.join().expect("no panic");
        let begun = begins.join().expect("no panic");
        assert_eq!(position.last(), u64::from(begun));
        assert!(position.is_over() && !position.is_carried_by(first));
        assert!(second.is_none_or(|second| !position.is_carried_by(second) && !position.advance(second, 0, 1)));
        assert_eq!(position.hand_over(), None);
    });
}
