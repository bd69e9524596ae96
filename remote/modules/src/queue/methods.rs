//! What queues of all kinds can do. The class has `items`, and is a [`Kind`].

use crate::Exception;
use crate::waiting::Patience;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::value::Value;

/// What differs between the queues of `queue` and those of `multiprocessing`.
pub(crate) trait Kind {
    /// # Errors
    /// `ValueError` if the caller has closed it.
    fn check_open(&self, _ctx: &Context) -> Result<(), Exception> {
        Ok(())
    }

    /// # Errors
    /// For a timeout that makes no sense.
    fn patience(block: Arg<Value>, timeout: Option<f64>) -> Result<Patience, Exception> {
        Patience::to_queue(block, timeout)
    }
}

/// The methods that every queue has.
macro_rules! queue_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Takes an item out and returns it; waits for one if there is none. `Empty` if that takes longer than
            /// `timeout` seconds, or, without `block`, if it takes any time at all.
            ///
            /// Those who wait get items in the order in which they came. An item that does not reach its caller,
            /// because it has gone away, is the next to leave again. The call's own timeout applies as well: give it
            /// none, if the wait may be long.
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

            /// Takes an item out and returns it. `Empty` if there is none.
            #[remote(proxy = "get_nowait_value")]
            pub fn get_nowait(&self, ctx: &Context) -> Result<Value, Exception> {
                self.check_open(ctx)?;
                items::get_nowait(&self.items, ctx)
            }

            /// Takes an item out on trial and returns it with a token. It is to be acknowledged by `ack(token)`; if the
            /// caller's session ends before that, the item is the next to leave again. So each item is worked on at
            /// least once, whoever is killed. Waits, and fails, as `get`.
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

            /// As `get_leased`, and gives a reference to this queue, too. Who leases an item by key acknowledges it by
            /// that: the key may lead to another queue by then.
            pub async fn get_held(
                &self,
                ctx: &Context,
                #[remote(default = true)] block: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<Granted<Lease>, Exception> {
                self.check_open(ctx)?;
                items::get_leased(&self.items, ctx, Self::patience(block, timeout)?).await.map(Granted::here)
            }

            /// Returns the item of this lease is done with; counts as its `task_done`. `ValueError` if the session has
            /// no such lease.
            pub fn ack(&self, ctx: &Context, token: u64) -> Result<(), Exception> {
                self.items.with(|items, woken| items.acknowledge(ctx.session(), token, woken)).map(drop)
            }

            /// Returns the item of this lease is the next to leave again. `ValueError` if the session has no such
            /// lease.
            pub fn nack(&self, ctx: &Context, token: u64) -> Result<(), Exception> {
                self.items.with(|items, woken| items.give_back(ctx.session(), token, woken))
            }

            /// How many items are in it.
            pub fn qsize(&self) -> usize {
                self.items.with(|items, _| items.len())
            }

            /// Returns whether there are no elements.
            pub fn empty(&self) -> bool {
                self.qsize() == 0
            }

            /// How many items are out on trial.
            pub fn leased(&self) -> usize {
                self.items.with(|items, _| items.leased())
            }

            /// How many wait for an item, or for room.
            pub fn waiting(&self) -> usize {
                self.items.with(|items, _| items.waiting())
            }
        }
    };
}

/// The methods of queues that may be full.
macro_rules! bounded_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Puts an item in; waits for room if there is none. `Full` if that takes longer than `timeout` seconds,
            /// or, without `block`, if it takes any time at all.
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

            /// Puts an item in. `Full` if there is no room.
            #[remote(proxy = "put_nowait_value")]
            pub fn put_nowait(&self, ctx: &Context, item: Value) -> Result<(), Exception> {
                self.check_open(ctx)?;
                items::put_nowait(&self.items, item)
            }

            /// Returns whether there is no room.
            pub fn full(&self) -> bool {
                self.items.with(|items, _| items.is_full())
            }
        }
    };
}

/// The methods of queues that know when the work is done.
macro_rules! joinable_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// An item that was taken out is done with. `ValueError` if all that were put are already.
            pub fn task_done(&self) -> Result<(), Exception> {
                self.items.with(Items::task_done)
            }

            /// Waits until all items that were put are done with, and gives true; false if that takes longer than
            /// `timeout` seconds.
            #[remote(proxy = "join_bool")]
            pub async fn join(&self, ctx: &Context, timeout: Option<f64>) -> Result<bool, Exception> {
                items::join(&self.items, ctx, $crate::waiting::Patience::to_wait(timeout)?).await
            }
        }
    };
}

pub(crate) use {bounded_methods, joinable_methods, queue_methods};
