//! ractor: a counter that answers messages, in this process.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::time::{Duration, Instant};

struct Counter;

enum Message {
    Add(i64, RpcReplyPort<i64>),
}

impl Actor for Counter {
    type Msg = Message;
    type State = i64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, (): ()) -> Result<i64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Message>, message: Message, state: &mut i64) -> Result<(), ActorProcessingErr> {
        let Message::Add(by, reply) = message;
        *state += by;
        reply.send(*state).map_err(ActorProcessingErr::from)
    }
}

/// The counter's address.
pub(crate) struct Asked(ActorRef<Message>);

impl Asked {
    pub(crate) async fn start() -> Self {
        let (counter, _) = Actor::spawn(None, Counter, ()).await.expect("it starts");
        Asked(counter)
    }

    /// How long this many calls take, one after another.
    pub(crate) async fn ask(&self, calls: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            assert!(ractor::call!(self.0, Message::Add, 1).expect("a value") > 0);
        }
        start.elapsed()
    }
}
