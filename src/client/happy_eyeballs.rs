//! Races the addresses of a host (RFC 8305, "Happy Eyeballs"), so that an address which never answers costs a quarter
//! of a second and not the whole attempt.

use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// After this time the next address is tried, too, while the earlier ones are still being tried.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long an attempt to connect to one address may take.
const ADDRESS_TIME: Duration = Duration::from_secs(10);

/// How many addresses of a host are tried.
const ADDRESSES: usize = 32;

/// Returns the first connection that `connect` makes to one of the addresses. The other attempts are dropped.
///
/// # Errors
/// If all attempts fail: a text with the error of each.
pub(super) async fn race<S, F>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<S, String>
where
    F: Future<Output = io::Result<S>>,
{
    let mut waiting = in_turns(addresses);
    let is_one = waiting.len() == 1;
    let mut failures = Vec::new();
    let mut running = FuturesUnordered::new();
    loop {
        if let Some(address) = waiting.pop_front() {
            let attempt = connect(address);
            running.push(async move {
                let connected = tokio::time::timeout(ADDRESS_TIME, attempt).await;
                (address, connected.unwrap_or_else(|_| Err(late())))
            });
        } else if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((address, connected)) = running.next() => match connected {
                Ok(stream) => return Ok(stream),
                // After an error the next address is tried at once.
                Err(error) if is_one => failures.push(error.to_string()),
                Err(error) => failures.push(format!("{address}: {error}")),
            },
            () = tokio::time::sleep(HEAD_START), if !waiting.is_empty() => {}
        }
    }
    if failures.is_empty() {
        failures.push("its name has no address".to_owned());
    }
    Err(failures.join("; "))
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {ADDRESS_TIME:?}"))
}

/// The addresses without duplicates, alternating between the address families, beginning with that of the first.
fn in_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let (mut one, mut other) = (VecDeque::new(), VecDeque::new());
    for address in addresses.into_iter().take(ADDRESSES) {
        let is_first = one.front().is_none_or(|first: &SocketAddr| first.is_ipv6() == address.is_ipv6());
        let family = if is_first { &mut one } else { &mut other };
        if !family.contains(&address) {
            family.push_back(address);
        }
    }
    let mut turns = VecDeque::with_capacity(one.len() + other.len());
    while !one.is_empty() || !other.is_empty() {
        turns.extend(one.pop_front());
        turns.extend(other.pop_front());
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_take_turns() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::1]:1", "1.1.1.1:1", "[::3]:1", "2.2.2.2:1"]);
        let turns = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(in_turns(given), turns);
        assert!(in_turns(addresses(&["1.1.1.1:1"; 99])).len() == 1);
        assert!(in_turns((0..99).map(|port| SocketAddr::from(([1, 1, 1, 1], port)))).len() == ADDRESSES);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_address_is_tried_after_a_pause_and_the_fastest_wins() {
        let begun = tokio::time::Instant::now();
        let started = RefCell::new(Vec::new());
        let given = addresses(&["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
        let won = race(given, |address| {
            started.borrow_mut().push(begun.elapsed());
            async move {
                if address.to_string() != "2.2.2.2:1" {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(address)
            }
        });
        assert_eq!(won.await.map(|won| won.to_string()), Ok("2.2.2.2:1".to_owned()));
        let millis: Vec<_> = started.borrow().iter().map(Duration::as_millis).collect();
        assert!(matches!(millis[..], [0, 250..300]), "{millis:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_address_is_tried_at_once_after_an_error_and_all_errors_are_reported() {
        let begun = tokio::time::Instant::now();
        let given = addresses(&["1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
        let lost = race(given, |address| async move {
            if address.to_string() == "2.2.2.2:1" {
                std::future::pending::<()>().await;
            }
            Err::<(), _>(io::ErrorKind::ConnectionRefused.into())
        });
        let error = lost.await.expect_err("none of them answers");
        for part in ["1.1.1.1:1: connection refused", "2.2.2.2:1: no connection within 10s", "3.3.3.3:1: "] {
            assert!(error.contains(part), "{error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    }

    /// A listener that accepts no connection, and whose queue is full, so that attempts to connect get no answer.
    async fn black_hole() -> (Vec<TcpStream>, tokio::net::TcpListener) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 2], 0).into()).expect("free");
        let listener = socket.listen(1).expect("listens");
        let address = listener.local_addr().expect("bound");
        let mut filled = Vec::new();
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            filled.push(stream.expect("there is room"));
            assert!(filled.len() < 64, "its queue has no end");
        }
        (filled, listener)
    }

    #[tokio::test]
    async fn an_address_that_never_answers_does_not_hide_a_good_one() {
        let (_filled, hole) = black_hole().await;
        let good = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let given = [hole.local_addr().expect("bound"), good.local_addr().expect("bound")];
        let race = race(given, TcpStream::connect);
        let won = tokio::time::timeout(Duration::from_secs(5), race).await.expect("soon").expect("one answers");
        assert_eq!(won.peer_addr().expect("connected"), given[1]);
    }
}
