//! Delays the answers to wrong tokens, longer with each one that a host sends. A valid token is never delayed.
//!
//! The service compares a token as soon as it arrives, and nothing here is asked about a valid one: guesses, from
//! however many hosts, cannot delay or keep out a client with a valid token. Only the answer to a wrong token waits.
//! What that costs the service is bounded: hosts are counted in a table of fixed size, and the number of delayed
//! answers is limited per host and in all. Beyond the limit an answer is given at once, and its connection ends.

use super::access_control::Peer;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// How many wrong tokens of one host are answered at once.
const FREE: u32 = 3;

/// How much longer the answer to each further wrong token takes.
const STEP: Duration = Duration::from_millis(100);

/// The longest delay of an answer.
const LONGEST: Duration = Duration::from_secs(2);

/// The wrong tokens of a host are forgotten after this time without another one.
const FORGIVEN: Duration = Duration::from_secs(60);

/// How many hosts are counted. Answers to all other hosts take the longest delay.
const HOSTS: usize = 4096;

/// How often a full table is searched for hosts whose wrong tokens can be forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// How many delayed answers one host may have at a time.
const WAITING_OF_ONE: u32 = 256;

/// How many delayed answers there may be in all; fewer if the service permits only few connections.
const WAITING: u32 = 1024;

/// Counts the recent wrong tokens.
pub(super) struct Attempts {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Uses the standard library's keyed hash, since an attacker can choose its IPv6 addresses freely.
    hosts: HashMap<Host, Failed>,
    swept: Option<Instant>,
    /// How many answers are being delayed.
    waiting: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Host {
    /// This host, over a Unix socket or in memory.
    Local,
    V4(Ipv4Addr),
    /// A /48, the size of network that providers assign to a customer, who then has all of its addresses.
    V6([u16; 3]),
}

#[derive(Clone, Copy)]
struct Failed {
    times: u32,
    last: Instant,
    waiting: u32,
}

/// A delayed answer to a wrong token. Dropping it frees its place among the delayed answers.
struct Waiting<'a> {
    attempts: &'a Attempts,
    host: Host,
    time: Duration,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Attempts { counts: Mutex::default() }
    }

    /// Counts a wrong token of `peer`, and waits for as long as its answer is to be delayed. At most half of the
    /// permitted `connections` wait here.
    pub(super) async fn failed(&self, peer: &Peer, connections: usize) {
        if let Some(waiting) = self.failed_at(peer, connections, Instant::now()) {
            tokio::time::sleep(waiting.time).await;
        }
    }

    fn failed_at(&self, peer: &Peer, connections: usize, now: Instant) -> Option<Waiting<'_>> {
        let most = WAITING.min(u32::try_from(connections / 2).unwrap_or(u32::MAX));
        let host = Host::of(peer);
        let mut counts = self.counts.lock();
        let Counts { hosts, swept, waiting } = &mut *counts;
        let is_due = swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP);
        if is_due && hosts.len() >= HOSTS && !hosts.contains_key(&host) {
            *swept = Some(now);
            hosts.retain(|_, failed| now.saturating_duration_since(failed.last) < FORGIVEN);
        }
        let is_known = hosts.len() < HOSTS || hosts.contains_key(&host);
        let time = if is_known {
            let failed = hosts.entry(host).or_insert(Failed { times: 0, last: now, waiting: 0 });
            if now.saturating_duration_since(failed.last) >= FORGIVEN {
                failed.times = 0;
            }
            failed.times = failed.times.saturating_add(1);
            failed.last = now;
            if failed.waiting >= WAITING_OF_ONE {
                return None;
            }
            (STEP * failed.times.saturating_sub(FREE).min(1000)).min(LONGEST)
        } else {
            LONGEST
        };
        if time.is_zero() || *waiting >= most {
            return None;
        }
        *waiting += 1;
        if let Some(failed) = hosts.get_mut(&host) {
            failed.waiting += 1;
        }
        Some(Waiting { attempts: self, host, time })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut counts = self.attempts.counts.lock();
        counts.waiting = counts.waiting.saturating_sub(1);
        // If the host was not in the table when this answer began to wait, it was not counted there. If the host is in
        // the table now, one more of its answers may wait.
        if let Some(failed) = counts.hosts.get_mut(&self.host) {
            failed.waiting = failed.waiting.saturating_sub(1);
        }
    }
}

impl Host {
    fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Local => Host::Local,
            Peer::Ip(ip) => match ip.to_canonical() {
                IpAddr::V4(ip) => Host::V4(ip),
                IpAddr::V6(ip) => {
                    let [a, b, c, ..] = ip.segments();
                    Host::V6([a, b, c])
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit of connections that is high enough not to matter.
    const MANY: usize = 10_000;

    fn peer(n: u32) -> Peer {
        Peer::Ip(Ipv4Addr::from(n).into())
    }

    /// How long the answer to a wrong token is delayed if no other one waits.
    fn time(attempts: &Attempts, peer: &Peer, now: Instant) -> Duration {
        attempts.failed_at(peer, MANY, now).map_or(Duration::ZERO, |waiting| waiting.time)
    }

    #[test]
    fn answers_to_a_host_take_longer_with_each_wrong_token() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        let times: Vec<Duration> = (0..40).map(|_| time(&attempts, &peer(1), now)).collect();
        assert_eq!(times[..5], [0, 0, 0, 1, 2].map(|steps| STEP * steps));
        assert_eq!(times[39], LONGEST);
        assert_eq!(time(&attempts, &peer(2), now), Duration::ZERO);
        assert_eq!(time(&attempts, &peer(1), now + FORGIVEN), Duration::ZERO);
        assert_eq!(time(&attempts, &peer(1), now + FORGIVEN), Duration::ZERO);
    }

    #[test]
    fn an_ipv6_site_counts_as_one_host() {
        let ip = |text: &str| Peer::Ip(text.parse().expect("an address"));
        assert_eq!(Host::of(&ip("2001:db8:1:2::1")), Host::of(&ip("2001:db8:1:ffff:ffff::")));
        assert_ne!(Host::of(&ip("2001:db8:1:2::1")), Host::of(&ip("2001:db8:2:2::1")));
        assert_eq!(Host::of(&ip("::ffff:10.0.0.1")), Host::of(&ip("10.0.0.1")));
        assert_ne!(Host::of(&ip("::ffff:10.0.0.1")), Host::of(&ip("10.0.0.2")));
    }

    #[test]
    fn the_table_of_hosts_is_bounded_and_other_hosts_wait_longest() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        for n in 0..100_000 {
            time(&attempts, &peer(n), now);
        }
        assert_eq!(attempts.counts.lock().hosts.len(), HOSTS);
        // One more host is not counted.
        assert_eq!(time(&attempts, &peer(200_000), now), LONGEST);
        assert_eq!(time(&attempts, &peer(1), now + FORGIVEN), Duration::ZERO);
        assert_eq!(time(&attempts, &peer(200_000), now + FORGIVEN), Duration::ZERO);
        assert_eq!(attempts.counts.lock().hosts.len(), 2);
        assert_eq!(attempts.counts.lock().waiting, 0);
    }

    #[test]
    fn delayed_answers_are_bounded_per_host_and_in_all() {
        let (attempts, now) = (Attempts::new(), Instant::now());
        let of = |host: u32| (0..1_000).filter_map(|_| attempts.failed_at(&peer(host), MANY, now)).collect::<Vec<_>>();
        let first = of(1);
        assert_eq!(first.len(), WAITING_OF_ONE as usize);
        let others: Vec<_> = (2..10).map(of).collect();
        assert_eq!(first.len() + others.iter().map(Vec::len).sum::<usize>(), WAITING as usize);
        assert!(attempts.failed_at(&peer(1), MANY, now).is_none());
        drop(first);
        assert_eq!(of(1).len(), WAITING_OF_ONE as usize);
        drop(others);
        assert_eq!(attempts.counts.lock().waiting, 0);
        assert!(attempts.counts.lock().hosts.values().all(|failed| failed.waiting == 0));
        // Half of the connections stay free for other clients.
        assert_eq!((0..100).filter_map(|_| attempts.failed_at(&peer(1), 20, now)).collect::<Vec<_>>().len(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_longer_awaited_frees_its_place() {
        let attempts = Attempts::new();
        let one = peer(1);
        for _ in 0..FREE {
            attempts.failed(&one, MANY).await;
        }
        let begun = tokio::time::Instant::now();
        attempts.failed(&one, MANY).await;
        assert_eq!(begun.elapsed(), STEP);
        let mut waiting = Box::pin(attempts.failed(&one, MANY));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        assert_eq!(attempts.counts.lock().waiting, 1);
        drop(waiting);
        assert_eq!(attempts.counts.lock().waiting, 0);
    }
}
