//! The everyday methods of a blocking [`Session`], at the top of its page: those of [`crate::Session`], which documents
//! them.

use super::Session;
use tarmem_remote::call::Call;
use tarmem_remote::client_api::{ClientApi, Import, Obtain};
use tarmem_remote::pipeline::PipelinedCall;
use tarmem_remote::proxy::{DynamicProxy, Remote};
use tarmem_remote::results::{KeysPage, ObjectDescription, VersionInfo};
use tarmem_remote::source::Source;

/// Writes methods that pass their arguments on to the [`ClientApi`].
macro_rules! passed_on {
    ($(fn $name:ident$(<$kind:ident: $bound:ident>)?($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        #[doc = concat!("Like [`Session::", stringify!($name), "`](crate::Session::", stringify!($name), ").")]
        pub fn $name$(<$kind: $bound>)?(&self, $($argument: $type),*) -> $result {
            ClientApi::$name(self, $($argument),*)
        }
    )*};
}

/// # Objects and keys
///
/// Each method makes a call, which is sent by [`Wait::wait`](super::Wait::wait).
///
/// ```
/// # use tarmem::blocking::{self, Session, Wait};
/// # use tarmem::Service;
/// # use tarmem::modules::builtins::{List, ListProxy};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
/// # let session = Session::connect(service.address())?;
/// let numbers = session.memoize("numbers", ListProxy::new([1, 2])).wait()?;
/// numbers.append(3).wait()?;
/// assert_eq!(session.get::<List>("numbers").wait()?.len().wait()?, 3);
///
/// let found = session.describe("numbers").wait()?;
/// session.update_if("numbers", found.generation, ListProxy::new([4])).wait()?;
/// assert!(session.update_if("numbers", found.generation, ListProxy::new([5])).wait().is_err());
///
/// assert_eq!(session.keys("num", "", 0).wait()?.keys, ["numbers"]);
/// session.delete("numbers").wait()?;
/// assert!(!session.is_memoized("numbers").wait()?);
/// # blocking::shutdown(service);
/// # Ok(())
/// # }
/// ```
impl Session {
    passed_on! {
        fn memoize<S: Source>(key: &str, source: S) -> Obtain<S::Proxy, S::Failure>;
    }

    /// Like [`Session::get`](crate::Session::get).
    pub fn get<R: Remote + ?Sized>(&self, key: &str) -> Obtain<R::Proxy> {
        ClientApi::get::<R>(self, key)
    }

    passed_on! {
        fn update<S: Source>(key: &str, source: S) -> Obtain<S::Proxy, S::Failure>;
        fn update_if<S: Source>(key: &str, generation: u64, source: S) -> Obtain<S::Proxy, S::Failure>;
        fn create<S: Source>(source: S) -> Obtain<S::Proxy, S::Failure>;
        fn delete(key: &str) -> Call<()>;
        fn is_memoized(key: &str) -> Call<bool>;
        fn keys(prefix: &str, after: &str, limit: u32) -> Call<KeysPage>;
        fn remote_import(module: &str) -> Import;
        fn get_dynamic(key: &str) -> Obtain<DynamicProxy>;
        fn proxy_dynamic(key: &str) -> DynamicProxy;
        fn describe(key: &str) -> Call<ObjectDescription>;
        fn is_poisoned(key: &str) -> Call<bool>;
        fn clear_poison(key: &str) -> Call<()>;
        fn version() -> Call<VersionInfo>;
        fn as_owner(id: u64) -> ClientApi;
    }

    /// Like [`Session::proxy`](crate::Session::proxy).
    pub fn proxy<R: Remote + ?Sized>(&self, key: &str) -> R::Proxy {
        ClientApi::proxy::<R>(self, key)
    }

    /// Like [`Session::pipeline`](crate::Session::pipeline): the results of all calls, in order.
    pub async fn pipeline<C: PipelinedCall>(&self, calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
        ClientApi::pipeline(self, calls).await
    }
}
