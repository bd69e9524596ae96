//! When a client that could not connect tries again, and when it gives up.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::time::Instant;

/// How often to try again, unless the user has said it.
const MAX_RETRY: usize = 4;

/// The longest pause between two attempts, without jitter, unless the user has said it.
const RETRY_DELAY: Duration = Duration::from_secs(3);

/// How long to wait for a service that is loading, unless the user has said it.
const LOADING_TIMEOUT: Duration = Duration::from_secs(600);

/// For how long at least a session is resumed with a service that keeps it in a directory, unless the user has said how
/// often to try.
const KEPT: Duration = Duration::from_secs(30);

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);

/// The longest pause while a service is loading.
const LOADING_PAUSE: Duration = Duration::from_secs(1);

/// What the user has said about further attempts.
#[derive(Clone, Debug)]
pub(super) struct RetryOptions {
    /// `None` if the user has not said it.
    pub(super) max_retry: Option<usize>,
    pub(super) retry_delay: Duration,
    pub(super) loading_timeout: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        RetryOptions { max_retry: None, retry_delay: RETRY_DELAY, loading_timeout: LOADING_TIMEOUT }
    }
}

/// For how long a service has been away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    begun: Instant,
    /// Since when the service is known to be loading.
    loading: Option<Instant>,
}

impl Outage {
    /// One that begins now.
    pub(super) fn now() -> Self {
        Outage { begun: Instant::now(), loading: None }
    }
}

/// The pauses between attempts to connect, until one of them succeeds.
pub(super) struct Retries<'a> {
    address: &'a str,
    outage: &'a mut Outage,
    options: &'a RetryOptions,
    backoff: ExponentialBuilder,
    /// The pauses after failed attempts, without end.
    pauses: ExponentialBackoff,
    /// The pauses while the service is loading, without end.
    loading_pauses: ExponentialBackoff,
    /// How many attempts have failed since the service was last heard of.
    failed: usize,
    /// For how long to try at least, however many attempts fail.
    at_least: Duration,
}

impl<'a> Retries<'a> {
    /// For a new session.
    pub(super) fn to_connect(address: &'a str, options: &'a RetryOptions, outage: &'a mut Outage) -> Self {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST.min(options.retry_delay))
            .with_max_delay(options.retry_delay)
            .without_max_times()
            .with_jitter();
        let loading = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LOADING_PAUSE)
            .without_max_times()
            .with_jitter();
        Retries {
            address,
            outage,
            options,
            backoff,
            pauses: backoff.build(),
            loading_pauses: loading.build(),
            failed: 0,
            at_least: Duration::ZERO,
        }
    }

    /// For a session that had a service before. The pauses grow faster, so that with the defaults the service may be
    /// away for five seconds. The last connections were of no use, as many as `fruitless` says: these count as failed
    /// attempts. If the service keeps the session in a directory, for the time `kept` after it has started again, the
    /// session waits at least as long.
    pub(super) fn to_reconnect(
        address: &'a str,
        options: &'a RetryOptions,
        outage: &'a mut Outage,
        fruitless: usize,
        kept: Option<Duration>,
    ) -> Self {
        let mut retries = Retries::to_connect(address, options, outage);
        retries.backoff = retries.backoff.with_factor(4.0);
        retries.pauses = retries.backoff.build();
        for _ in 1..fruitless.min(MANY) {
            retries.pauses.next();
        }
        retries.failed = fruitless;
        if let Some(kept) = kept
            && options.max_retry.is_none()
        {
            retries.at_least = kept.max(KEPT);
        }
        retries
    }

    /// The pause before the first attempt; `None` if there is to be none.
    pub(super) fn first(&mut self) -> Option<Duration> {
        // After a useful connection, the first attempt is made at once.
        if self.failed == 0 { Some(Duration::ZERO) } else { self.next() }
    }

    /// The pause after an attempt that has failed with this error; `None` to give up.
    pub(super) fn after(&mut self, error: &Error) -> Option<Duration> {
        let Error::StillLoading { progress, .. } = error else {
            self.failed += 1;
            return self.next();
        };
        let timeout = self.options.loading_timeout;
        let since = *self.outage.loading.get_or_insert_with(|| {
            tracing::info!(
                "the service at {} is loading what it keeps ({progress}); waiting for it, {timeout:?} at most",
                self.address
            );
            Instant::now()
        });
        // It is there: if it goes away, that is another failure.
        self.failed = 0;
        self.pauses = self.backoff.build();
        if since.elapsed() < timeout { self.loading_pauses.next() } else { None }
    }

    fn next(&mut self) -> Option<Duration> {
        let is_over = self.failed > self.options.max_retry.unwrap_or(MAX_RETRY);
        if is_over && self.outage.begun.elapsed() >= self.at_least {
            return None;
        }
        self.pauses.next()
    }
}

/// After as many attempts the pauses do not grow any more.
const MANY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use tarmem_remote::results::LoadingProgress;

    fn gone() -> Error {
        Error::Unreachable { address: "there".to_owned(), attempts: 1, cause: "refused".to_owned() }
    }

    fn loading() -> Error {
        let progress = LoadingProgress::new(1, (0, 0), Duration::from_secs(1));
        Error::StillLoading { address: "there".to_owned(), progress }
    }

    /// For how long attempts go on that all fail with this error, and how many there are.
    async fn tries(mut retries: Retries<'_>, error: impl Fn() -> Error) -> (Duration, usize) {
        let (begun, mut attempts) = (Instant::now(), 0);
        let mut pause = retries.first();
        while let Some(time) = pause {
            tokio::time::sleep(time).await;
            attempts += 1;
            pause = retries.after(&error());
        }
        (begun.elapsed(), attempts)
    }

    const LEASE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_of_a_service_in_memory_gives_up_after_its_retries() {
        let options = RetryOptions::default();
        let (time, attempts) = tries(Retries::to_connect("there", &options, &mut Outage::now()), gone).await;
        assert_eq!(attempts, 5);
        // 0.1, 0.2, 0.4 and 0.8 s, with jitter.
        assert!(time >= Duration::from_millis(1500) && time <= Duration::from_millis(3000), "{time:?}");
        let mut outage = Outage::now();
        let retries = Retries::to_reconnect("there", &options, &mut outage, 0, None);
        let (time, attempts) = tries(retries, gone).await;
        assert_eq!(attempts, 5);
        // 0.1, 0.4, 1.6 and 3 s, with jitter.
        assert!(time >= Duration::from_millis(5100) && time <= Duration::from_millis(10_200), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_of_a_durable_service_tries_for_as_long_as_its_session_is_kept() {
        let options = RetryOptions::default();
        for (lease, least) in [(LEASE, KEPT), (KEPT * 3, KEPT * 3)] {
            let mut outage = Outage::now();
            let (time, _) = tries(Retries::to_reconnect("there", &options, &mut outage, 0, Some(lease)), gone).await;
            assert!(time >= least && time <= least + 2 * RETRY_DELAY, "{time:?}");
        }
        // What is sent may be what kills the service.
        let mut outage = Outage::now();
        tokio::time::sleep(KEPT).await;
        assert_eq!(Retries::to_reconnect("there", &options, &mut outage, 5, Some(LEASE)).first(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_explicit_number_of_retries_holds_for_a_durable_service_too() {
        for max_retry in [0, 2, 4] {
            let options = RetryOptions { max_retry: Some(max_retry), ..RetryOptions::default() };
            let mut outage = Outage::now();
            let (_, attempts) =
                tries(Retries::to_reconnect("there", &options, &mut outage, 0, Some(LEASE)), gone).await;
            assert_eq!(attempts, max_retry + 1);
            let retries = Retries::to_reconnect("there", &options, &mut outage, max_retry, Some(LEASE));
            let (_, attempts) = tries(retries, gone).await;
            assert_eq!(attempts, 1, "connections of no use count");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_that_find_a_loading_service_do_not_count_and_end_after_a_time() {
        let timeout = Duration::from_secs(20);
        let options = RetryOptions { max_retry: Some(0), loading_timeout: timeout, ..RetryOptions::default() };
        let (time, attempts) = tries(Retries::to_connect("there", &options, &mut Outage::now()), loading).await;
        assert!(time >= timeout && time <= timeout + 2 * LOADING_PAUSE, "{time:?}");
        assert!((10..50).contains(&attempts), "{attempts}");
        // A service that begins to load again and again is waited for no longer than that.
        let mut outage = Outage::now();
        assert!(Retries::to_connect("there", &options, &mut outage).after(&loading()).is_some());
        tokio::time::sleep(timeout).await;
        assert_eq!(Retries::to_connect("there", &options, &mut outage).after(&loading()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_goes_away_while_it_loads_is_tried_as_often_as_any_other() {
        let options = RetryOptions { max_retry: Some(2), ..RetryOptions::default() };
        let mut outage = Outage::now();
        let mut retries = Retries::to_connect("there", &options, &mut outage);
        for _ in 0..3 {
            assert!(retries.after(&gone()).is_some() && retries.after(&gone()).is_some());
            assert!(retries.after(&loading()).is_some());
        }
        assert!(retries.after(&gone()).is_some() && retries.after(&gone()).is_some());
        assert_eq!(retries.after(&gone()), None);
    }
}
