//! Whoever guesses tokens is slowed, more with each wrong one; nobody who has a session is locked out.

use super::door::Peer;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Wrong tokens of one host that cost it nothing.
const FREE: u32 = 3;

/// What each further one adds to the time that the next takes.
const STEP: Duration = Duration::from_millis(100);

/// The longest that a token takes to be looked at.
const LONGEST: Duration = Duration::from_secs(2);

/// A host that has sent no wrong token for this long has sent none.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Hosts that are told apart; all others count as one.
const HOSTS: usize = 1024;

/// Tokens that wait to be looked at, of all hosts.
const WAITING: usize = 32;

/// The wrong tokens of late.
pub(super) struct Attempts {
    hosts: Mutex<HashMap<Host, Failed>>,
    waiting: Semaphore,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Host {
    /// This one, by other ways than IP.
    Local,
    V4(Ipv4Addr),
    /// A network: one host may have all of its addresses.
    V6([u16; 4]),
    /// Those that there is no room for.
    Others,
}

struct Failed {
    times: u32,
    last: Instant,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Attempts { hosts: Mutex::default(), waiting: Semaphore::new(WAITING) }
    }

    /// Waits until a token of `peer` may be looked at; `None` if too many wait already. What it gives is held meanwhile.
    pub(super) async fn turn(&self, peer: &Peer) -> Option<Option<SemaphorePermit<'_>>> {
        let delay = self.delay(peer, Instant::now());
        if delay.is_zero() {
            return Some(None);
        }
        let place = self.waiting.try_acquire().ok()?;
        tokio::time::sleep(delay).await;
        Some(Some(place))
    }

    fn delay(&self, peer: &Peer, now: Instant) -> Duration {
        let hosts = self.hosts.lock();
        let failed = hosts.get(&Host::of(peer)).or_else(|| hosts.get(&Host::Others));
        match failed {
            Some(failed) if now.duration_since(failed.last) < FORGIVEN => {
                (STEP * failed.times.saturating_sub(FREE - 1).min(1000)).min(LONGEST)
            }
            _ => Duration::ZERO,
        }
    }

    /// A token of `peer` was wrong.
    pub(super) fn failed(&self, peer: &Peer) {
        self.failed_at(peer, Instant::now());
    }

    fn failed_at(&self, peer: &Peer, now: Instant) {
        let mut hosts = self.hosts.lock();
        let mut host = Host::of(peer);
        if hosts.len() >= HOSTS && !hosts.contains_key(&host) {
            hosts.retain(|_, failed| now.duration_since(failed.last) < FORGIVEN);
            if hosts.len() >= HOSTS {
                host = Host::Others;
            }
        }
        let failed = hosts.entry(host).or_insert(Failed { times: 0, last: now });
        if now.duration_since(failed.last) >= FORGIVEN {
            failed.times = 0;
        }
        failed.times = failed.times.saturating_add(1);
        failed.last = now;
    }
}

impl Host {
    fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Local => Host::Local,
            Peer::Ip(ip) => match ip.to_canonical() {
                IpAddr::V4(ip) => Host::V4(ip),
                IpAddr::V6(ip) => {
                    let [a, b, c, d, ..] = ip.segments();
                    Host::V6([a, b, c, d])
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u32) -> Peer {
        Peer::Ip(Ipv4Addr::from(n).into())
    }

    #[test]
    fn each_wrong_token_slows_its_host_alone() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        let delays: Vec<Duration> = (0..40)
            .map(|_| {
                let delay = attempts.delay(&peer(1), now);
                attempts.failed_at(&peer(1), now);
                delay
            })
            .collect();
        assert_eq!(delays[..5], [0, 0, 0, 1, 2].map(|steps| STEP * steps));
        assert_eq!(delays[39], LONGEST);
        assert_eq!(attempts.delay(&peer(2), now), Duration::ZERO);
        assert_eq!(attempts.delay(&peer(1), now + FORGIVEN), Duration::ZERO);
        attempts.failed_at(&peer(1), now + FORGIVEN);
        assert_eq!(attempts.delay(&peer(1), now + FORGIVEN), Duration::ZERO);
    }

    #[test]
    fn a_network_of_version_6_is_one_host() {
        let ip = |text: &str| Peer::Ip(text.parse().expect("an address"));
        assert!(Host::of(&ip("2001:db8:1:2::1")) == Host::of(&ip("2001:db8:1:2:ffff::")));
        assert!(Host::of(&ip("2001:db8:1:2::1")) != Host::of(&ip("2001:db8:1:3::1")));
        assert!(Host::of(&ip("::ffff:10.0.0.1")) == Host::of(&ip("10.0.0.1")));
    }

    #[test]
    fn many_hosts_take_little_memory() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for n in 0..10_000 {
            attempts.failed_at(&peer(n), now);
        }
        assert!(attempts.hosts.lock().len() <= HOSTS + 1);
        // One more that is not told apart from those before it.
        assert_eq!(attempts.delay(&peer(20_000), now), LONGEST);
        attempts.failed_at(&peer(1), now + FORGIVEN);
        attempts.failed_at(&peer(20_000), now + FORGIVEN);
        assert_eq!(attempts.hosts.lock().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn few_wait_at_one_time() {
        let attempts = Attempts::new();
        (0..20).for_each(|_| attempts.failed(&peer(1)));
        let (one, other) = (peer(1), peer(2));
        let mut turns: Vec<_> = (0..WAITING).map(|_| Box::pin(attempts.turn(&one))).collect();
        for turn in &mut turns {
            assert!(futures::poll!(turn.as_mut()).is_pending());
        }
        assert!(attempts.turn(&one).await.is_none());
        assert!(attempts.turn(&other).await.is_some_and(|place| place.is_none()));
        for turn in turns {
            assert!(turn.await.is_some());
        }
        assert!(attempts.turn(&one).await.is_some());
    }
}
