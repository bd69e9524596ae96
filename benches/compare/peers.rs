//! The peers that tarmem can be compared with.

use super::bulk_peer;
use super::durable::Syncs;
use super::python::Python;
use super::redis::Redis;
use super::remoc_peer;
use super::sessions;
use super::support::peer::Peer;
use super::support::process::PeerProcess;
use std::path::Path;

/// What this executable can serve.
#[derive(Clone, Copy)]
pub(crate) enum Served {
    /// One of the peers that `calls` compares, too.
    Calls(Peer),
    /// remoc's remote trait.
    Remoc,
    /// Raw TCP: large answers to small requests.
    Bulk,
    /// tarmem, with room for many connections.
    ManySessions,
    /// tarmem, with a data directory.
    Kept(Syncs),
}

impl Served {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Served::Calls(peer) => peer.name(),
            Served::Remoc => "remoc",
            Served::Bulk => "TCP, bulk",
            Served::ManySessions => "tarmem, many sessions",
            Served::Kept(syncs) => syncs.peer(),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let own = [Served::Remoc, Served::Bulk, Served::ManySessions].into_iter().chain(Syncs::ALL.map(Served::Kept));
        let own = own.into_iter().find(|peer| peer.name() == name);
        own.or_else(|| Peer::named(name).map(Served::Calls))
    }

    /// Serves for ever on a free port of this host, which it passes to `ready`.
    pub(crate) async fn serve(self, ready: impl FnOnce(u16)) {
        match self {
            Served::Calls(peer) => peer.serve(ready).await,
            Served::Remoc => remoc_peer::serve(ready).await,
            Served::Bulk => bulk_peer::serve(ready).await,
            Served::ManySessions => sessions::serve(ready).await,
            Served::Kept(syncs) => syncs.serve(ready).await,
        }
    }

    pub(crate) fn start(self) -> PeerProcess {
        PeerProcess::start(self.name(), None)
    }

    /// Starts one that has a data directory.
    pub(crate) fn start_with(self, directory: &Path) -> PeerProcess {
        PeerProcess::start(self.name(), Some(directory))
    }
}

/// Every peer that is available, each serving in its own process.
pub(crate) struct Peers {
    pub(crate) tarmem: PeerProcess,
    pub(crate) tarpc_inline: PeerProcess,
    pub(crate) tarpc_spawned: PeerProcess,
    pub(crate) echo: PeerProcess,
    pub(crate) bulk: PeerProcess,
    pub(crate) remoc: PeerProcess,
    pub(crate) redis: Option<Redis>,
    pub(crate) rpyc: Option<Python>,
    pub(crate) managers: Option<Python>,
    versions: Vec<String>,
    skipped: Vec<String>,
}

impl Peers {
    pub(crate) fn start() -> Self {
        let (mut versions, mut skipped) = (Vec::new(), Vec::new());
        let mut keep = |name: &str, version: Option<String>, remedy: &str| match version {
            Some(version) => versions.push(version),
            None => skipped.push(format!("{name} ({remedy})")),
        };
        let redis = Redis::start();
        keep(
            "Redis",
            redis.as_ref().map(Redis::version),
            "redis-server and redis-benchmark were not found, or do not start",
        );
        let rpyc = Python::start("rpyc");
        keep("RPyC", rpyc.as_ref().map(Python::version), "python3 with `pip install 'rpyc<6'` was not found");
        let managers = Python::start("managers");
        keep("multiprocessing.managers", managers.as_ref().map(Python::version), "python3 was not found");
        Peers {
            tarmem: Served::Calls(Peer::Tarmem).start(),
            tarpc_inline: Served::Calls(Peer::TarpcInline).start(),
            tarpc_spawned: Served::Calls(Peer::TarpcSpawned).start(),
            echo: Served::Calls(Peer::Echo).start(),
            bulk: Served::Bulk.start(),
            remoc: Served::Remoc.start(),
            redis,
            rpyc,
            managers,
            versions,
            skipped,
        }
    }

    /// The peers that are not built in.
    pub(crate) fn versions(&self) -> Vec<String> {
        let built_in = ["TCP echo", "tarpc", "remoc", "ractor"].map(str::to_owned);
        built_in.into_iter().chain(self.versions.iter().cloned()).collect()
    }

    /// The peers that are missing, and why.
    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }
}
