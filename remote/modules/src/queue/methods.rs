//! The methods of all kinds of queues, for a class that has `items`, and is a [`Kind`].

use crate::Exception;
use crate::waiting::Patience;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::value::Value;

/// What differs between the queues of `queue` and those of `multiprocessing`.
pub(crate) trait Kind {
    /// Checks that the caller has not closed the queue.
    ///
    /// # Errors
    /// `ValueError` if it has.
    fn check_open(&self, _ctx: &Context) -> Result<(), Exception> {
        Ok(())
    }

    /// Converts the arguments `block` and `timeout`.
    ///
    /// # Errors
    /// Those of an invalid timeout.
    fn patience(block: Arg<Value>, timeout: Option<f64>) -> Result<Patience, Exception> {
        Patience::to_queue(block, timeout)
    }
}

/// The methods that every queue has.
macro_rules! queue_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Takes an item and returns it; waits for one if there is none. `Empty` if there is none within `timeout`
            /// seconds, or, if `block` is false, right away.
            ///
            /// Callers that wait get items in the order in which they called. If an item does not reach its caller, for
            /// example because the caller is gone, it becomes the next one to be taken. The call's own timeout applies
            /// as well: disable it if the wait may be long.
            #[remote(proxy = "get_value")]
            pub async fn get(
                &self,
                ctx: &Context,
                #[remote(default = true)] block: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<Value, Exception> {
                self.check_open(ctx)?;
                items::get(&self.items, ctx, Self::patience(block, timeout)?).await
            }

            /// Takes an item and returns it. `Empty` if there is none.
            #[remote(proxy = "get_nowait_value")]
            pub fn get_nowait(&self, ctx: &Context) -> Result<Value, Exception> {
                self.check_open(ctx)?;
                items::get_nowait(&self.items, ctx)
            }

            /// Leases an item: takes it and returns it with a token, by which `ack(token)` acknowledges it. If the
            /// caller's session ends before that, the item becomes the next one to be taken. So each item is worked on
            /// at least once, even if workers are killed. Waits and fails like `get`.
            #[remote(proxy = "get_leased_value")]
            pub async fn get_leased(
                &self,
                ctx: &Context,
                #[remote(default = true)] block: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<Lease, Exception> {
                self.check_open(ctx)?;
                items::get_leased(&self.items, ctx, Self::patience(block, timeout)?).await
            }

            /// As `get_leased`, and returns a reference to this queue as well. A caller that leases an item by key
            /// acknowledges it through the reference, since the key may lead to another queue by then.
            pub async fn get_held(
                &self,
                ctx: &Context,
                #[remote(default = true)] block: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<Granted<Lease>, Exception> {
                self.check_open(ctx)?;
                items::get_leased(&self.items, ctx, Self::patience(block, timeout)?).await.map(Granted::here)
            }

            /// Acknowledges the item of this lease: it is done, which counts as its `task_done`. `ValueError` if the
            /// session has no such lease.
            pub fn ack(&self, ctx: &Context, token: u64) -> Result<(), Exception> {
                self.items.with(|items, woken| items.acknowledge(ctx.session(), token, woken)).map(drop)
            }

            /// Gives up this lease: its item becomes the next one to be taken. `ValueError` if the session has no such
            /// lease.
            pub fn nack(&self, ctx: &Context, token: u64) -> Result<(), Exception> {
                self.items.with(|items, woken| items.give_back(ctx.session(), token, woken))
            }

            /// Returns the number of items, without leased ones.
            pub fn qsize(&self) -> usize {
                self.items.read(|items| items.len())
            }

            /// Returns whether there are no items.
            pub fn empty(&self) -> bool {
                self.qsize() == 0
            }

            /// Returns the number of leased items.
            pub fn leased(&self) -> usize {
                self.items.read(|items| items.leased())
            }

            /// Returns the number of callers that wait for an item, or for room.
            pub fn waiting(&self) -> usize {
                self.items.read(|items| items.waiting())
            }
        }
    };
}

/// The methods of queues that can be full.
macro_rules! bounded_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Puts an item; waits for room if there is none. `Full` if there is none within `timeout` seconds, or, if
            /// `block` is false, right away.
            #[remote(proxy = "put_value")]
            pub async fn put(
                &self,
                ctx: &Context,
                item: Value,
                #[remote(default = true)] block: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<(), Exception> {
                self.check_open(ctx)?;
                items::put(&self.items, ctx, Self::patience(block, timeout)?, item).await
            }

            /// Puts an item. `Full` if there is no room.
            #[remote(proxy = "put_nowait_value")]
            pub fn put_nowait(&self, ctx: &Context, item: Value) -> Result<(), Exception> {
                self.check_open(ctx)?;
                items::put_nowait(&self.items, item)
            }

            /// Returns whether there is no room.
            pub fn full(&self) -> bool {
                self.items.read(|items| items.is_full())
            }
        }
    };
}

/// The methods of queues that can tell when all work is done.
macro_rules! joinable_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Reports that an item that was taken is done. `ValueError` if all items that were put have been reported.
            pub fn task_done(&self) -> Result<(), Exception> {
                self.items.with(Items::task_done)
            }

            /// Waits until all items that were put are done, and returns true; false if that takes longer than
            /// `timeout` seconds.
            #[remote(proxy = "join_bool")]
            pub async fn join(&self, ctx: &Context, timeout: Option<f64>) -> Result<bool, Exception> {
                items::join(&self.items, ctx, $crate::waiting::Patience::to_wait(timeout)?).await
            }
        }
    };
}

pub(crate) use {bounded_methods, joinable_methods, queue_methods};
